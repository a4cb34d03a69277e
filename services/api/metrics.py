"""Every metric of the API, with its meaning and what to do about it."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)

FINDINGS_APPLIED = Counter(
    "cordon_api_findings_applied_total",
    "Findings merged into alerts.",
    registry=REGISTRY,
)
SUPPRESSIONS_TAKEN = Counter(
    "cordon_api_suppressions_taken_total",
    "Reports of workers that something kept events from being alerts: one for each rule, reason, "
    "site and batch. `GET /v1/suppressions` adds them up.",
    registry=REGISTRY,
)
FINDINGS_REPEATED = Counter(
    "cordon_api_findings_repeated_total",
    "Findings read a second time and left out; a few after a restart are normal.",
    registry=REGISTRY,
)
FINDINGS_DEAD = Counter(
    "cordon_api_findings_dead_total",
    "Findings that could not be decoded. Look at them with `cordon dead-letters list`: a worker of "
    "another version is likely.",
    registry=REGISTRY,
)
FINDINGS_LOST = Counter(
    "cordon_api_findings_lost_total",
    "Offsets that the broker had forgotten before they were read. Alerts may be missing: check the "
    "retention of cordon.findings.v1 and rebuild by replay.",
    registry=REGISTRY,
)
FINDINGS_LAG = Gauge(
    "cordon_api_findings_lag",
    "Findings in the topic that are not merged yet. If it grows, the store is too slow: see "
    "cordon_api_store_seconds.",
    registry=REGISTRY,
)
FINDINGS_FAILURES = Counter(
    "cordon_api_findings_failures_total",
    "Failures of the consumer of findings, by kind. `broker` is retried for ever; `store` for 30 s "
    "and then the process ends; `topic`: it was made anew and is read from its start.",
    ["kind"],
    registry=REGISTRY,
)
ALERTS_RAISED = Counter(
    "cordon_api_alerts_raised_total",
    "Alerts raised, by rule and severity. A sudden rise of one rule: look at its sources first.",
    ["rule", "severity"],
    registry=REGISTRY,
)
ALERTS_CAPPED = Counter(
    "cordon_api_alerts_capped_total",
    "Alerts beyond CORDON_ALERT_CAP, by rule; one summary alert stands for those of a place. Look "
    "at that place: a broken device raises hundreds, and so does an outbreak.",
    ["rule"],
    registry=REGISTRY,
)
ESCALATIONS = Counter(
    "cordon_api_escalations_total",
    "Levels that alerts have reached because nobody took them on, or dispatched them, in time, by "
    "rule, severity and level. Many: too few people at the desk, or a rule that nobody believes.",
    ["rule", "severity", "level"],
    registry=REGISTRY,
)
ESCALATION_FAILURES = Counter(
    "cordon_api_escalation_failures_total",
    "Failures to look for overdue alerts, by kind. `store` is retried for ever, and no level is "
    "left out; `policy`: the limits that are filed cannot be used, so the defaults hold.",
    ["kind"],
    registry=REGISTRY,
)
OVERDUE = Gauge(
    "cordon_api_overdue",
    "Alerts that are overdue now, by severity; told by the process that leads. If it grows, the "
    "desk does not keep up.",
    ["severity"],
    registry=REGISTRY,
)
END_TO_END_SECONDS = Histogram(
    "cordon_api_end_to_end_seconds",
    "From the engine's clock when it found an alert (the newest event that was accepted in the "
    "worker's batch, which may be later than the event that raised it) to the store's commit, for "
    "new alerts that are not historical. Above 0.15 s: see the workers' lag and "
    "cordon_api_store_seconds.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
STORE_SECONDS = Histogram(
    "cordon_api_store_seconds",
    "Duration of a transaction that merges a batch of findings. Above 0.05 s: the disk is slow.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
ACTS = Counter(
    "cordon_api_acts_total",
    "People's acts on alerts, by act and result; `stale` means that two people met.",
    ["act", "result"],
    registry=REGISTRY,
)
SILENCE_FAILURES = Counter(
    "cordon_api_silence_failures_total",
    "Times that alerts could not be marked for silences that begin or end; it is retried for ever. "
    "Steady: the store does not answer.",
    registry=REGISTRY,
)
FEED_CLIENTS = Gauge(
    "cordon_api_feed_clients",
    "Readers of the live feed that are connected now.",
    registry=REGISTRY,
)
CUT_OFF = Counter(
    "cordon_api_feed_cut_off_total",
    "Readers cut off because they fell behind; they resume by their cursor. Often: a slow network "
    "or CORDON_FEED_QUEUE too small for the bursts.",
    registry=REGISTRY,
)
FEED_SENT_AWAY = Counter(
    "cordon_api_feed_sent_away_total",
    "Readers whose stream was ended because what let them in is over (`ended`: signed out, "
    "disabled, revoked, expired) or has another role or other areas (`changed`).",
    ["why"],
    registry=REGISTRY,
)
ADMISSION_FAILURES = Counter(
    "cordon_api_admission_failures_total",
    "Failures to look whether readers of the feed may stay, by kind: `store`, retried for ever; "
    "`tokens`: the changed file of tokens cannot be read, and the former ones still hold.",
    ["kind"],
    registry=REGISTRY,
)
OUTBOX_LAG = Gauge(
    "cordon_api_outbox_lag",
    "Events of alerts that are committed and not yet published to Kafka. If it grows, the broker "
    "does not acknowledge.",
    registry=REGISTRY,
)
OUTBOX_FAILURES = Counter(
    "cordon_api_outbox_failures_total",
    "Failed attempts to publish events of alerts; they are retried for ever, in order.",
    registry=REGISTRY,
)
BROKER_UP = Gauge(
    "cordon_api_broker_up",
    "1 while the broker answers. At 0 alerts still can be read and acknowledged.",
    registry=REGISTRY,
)
LEADS = Gauge(
    "cordon_api_leads",
    "1 on the process that reads findings and publishes alerts; of those that share a database one "
    "has 1. If none has for a minute: look at the log's replica_link_failed.",
    registry=REGISTRY,
)
REPLICA_FAILURES = Counter(
    "cordon_api_replica_link_failures_total",
    "Times the connection broke on which a process leads, or hears of others' commits. Steady: "
    "look at PostgreSQL.",
    registry=REGISTRY,
)
TASK_ACTS = Counter(
    "cordon_api_task_acts_total",
    "What was done with tasks, by act and result; `stale` means that two people met, `forbidden` "
    "that somebody else has the task.",
    ["act", "result"],
    registry=REGISTRY,
)
TASKS_CREATED = Counter(
    "cordon_api_tasks_created_total",
    "Tasks created, by kind and by what: an alert, a campaign, or a person's hand.",
    ["kind", "by"],
    registry=REGISTRY,
)
TASK_ESCALATIONS = Counter(
    "cordon_api_task_escalations_total",
    "Levels that tasks have reached because they were not done in time, by kind and level. Many: "
    "too few officers, or units that nobody leads.",
    ["kind", "level"],
    registry=REGISTRY,
)
TASKS_OVERDUE = Gauge(
    "cordon_api_tasks_overdue",
    "Tasks that are overdue now, by severity; told by the process that leads.",
    ["severity"],
    registry=REGISTRY,
)
TASK_FAILURES = Counter(
    "cordon_api_task_failures_total",
    "Failures around tasks, by kind. `store`: retried for ever; `settle`: an alert did not take a "
    "task's result, and the task says so; `file`: what was approved could not be filed, and is "
    "tried again; `gap`: events of alerts were forgotten before tasks were "
    "made of them; `register`: an entry that routing cannot read.",
    ["kind"],
    registry=REGISTRY,
)
READS_RECORDED = Counter(
    "cordon_api_reads_recorded_total",
    "Reads of persons that went into the audit log, by action; what the same caller repeats within "
    "ten minutes is one.",
    ["action"],
    registry=REGISTRY,
)
AUDIT_FAILURES = Counter(
    "cordon_api_audit_failures_total",
    "Entries or anchors of the audit log that could not be written. Reads are answered 503 then: "
    "look at the disk or at PostgreSQL.",
    registry=REGISTRY,
)
SIGN_INS = Counter(
    "cordon_api_sign_ins_total",
    "Attempts to sign in, by way (token, link, password, oidc) and result. Many `refused` or "
    "`locked`: somebody tries passwords out.",
    ["how", "result"],
    registry=REGISTRY,
)
IDENTITIES_OPENED = Counter(
    "cordon_api_identities_opened_total",
    "Times that the vault was opened for an alert, by purpose. A rise without as many alerts: look "
    "at who it is in the audit log, action identity.open.",
    ["purpose"],
    registry=REGISTRY,
)
ERRORS = Counter(
    "cordon_api_errors_total",
    "Requests that failed by a fault of the service: look at the log.",
    registry=REGISTRY,
)
WEBHOOK_ATTEMPTS = Counter(
    "cordon_api_webhook_attempts_total",
    "Messages to receivers of webhooks, by result: `taken`; `failed`, `refused`: tried again; "
    "`gone` (410) ends the webhook; `given-up` events lie among its dead letters.",
    ["result"],
    registry=REGISTRY,
)
WEBHOOK_FAILURES = Counter(
    "cordon_api_webhook_failures_total",
    "Failures of the delivery itself, by kind. `store` is retried for ever; `disabled`: a webhook "
    "was ended, because its receiver is gone or its secret was sealed under another key; `fault`: "
    "look at the log.",
    ["kind"],
    registry=REGISTRY,
)
WEBHOOK_BEHIND = Gauge(
    "cordon_api_webhook_behind",
    "Events of the feed that a webhook has not got past, 200 = that many or more; told by the "
    "process that leads. If it stays high: look at the webhook's last_result.",
    ["webhook"],
    registry=REGISTRY,
)
NOTIFICATIONS = Counter(
    "cordon_api_notifications_total",
    "Messages to contacts, by kind of channel and result. `failed`: the gateway did not take it, "
    "and the next channel or the next in line is tried.",
    ["channel", "result"],
    registry=REGISTRY,
)
NOTIFICATION_FAILURES = Counter(
    "cordon_api_notification_failures_total",
    "Failures to reach people, by kind. `unanswered`: an alert's chain came to its end and nobody "
    "answered: call them; `nobody`: a step had no contact; `sealed`: the channels of a contact "
    "cannot be opened with this key; `store` is retried for ever.",
    ["kind"],
    registry=REGISTRY,
)
SELF_REGISTRATIONS = Counter(
    "cordon_api_self_registrations_total",
    "Registrations before arrival, by what became of them: `taken`, `confirmed`, `refused`, "
    "`rejected`, `bad-code`, `too-many`. Many of the last two: somebody plays with a site's code; "
    "make a new one.",
    ["outcome"],
    registry=REGISTRY,
)
REPORTS = Counter(
    "cordon_api_reports_total",
    "Reports that people sent through the API, by result. `away`: ingest did not take them, and "
    "handhelds will send them again; look at ingest, at CORDON_INGEST_URL, and whether both have "
    "the same pseudonym key.",
    ["result"],
    registry=REGISTRY,
)
