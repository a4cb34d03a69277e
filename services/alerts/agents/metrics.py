"""Every metric of a worker: what it means, and what to do about it."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)

EVENTS = Counter(
    "cordon_worker_events_total",
    "What became of events: applied, duplicates, archived, site-not-filed, waiting-overflow, …; "
    "joins-and-ticks are what partitions tell one another, the clock, and events held aside. "
    "Many site-not-filed: file the sites that devices name.",
    ["what"],
)
FINDINGS = Counter(
    "cordon_worker_findings_total", "Findings that left, by rule and verb.", ["rule", "verb"]
)
SUPPRESSED = Counter(
    "cordon_worker_suppressed_total",
    "Matches that a permit, transfer, exemption or biased device prevented, by rule and cover.",
    ["rule", "cover"],
)
DEAD_LETTERS = Counter(
    "cordon_worker_dead_letters_total",
    "Records set aside, by topic and kind (dead, held, failed). Look at them with "
    "`cordon dead-letters list`.",
    ["topic", "kind"],
)
BATCH_SIZE = Histogram(
    "cordon_worker_batch_events",
    "Events applied in one go. Near the upper bound: the worker is behind.",
    buckets=(1, 10, 100, 500, 1000, 2000, 5000, 10000, 20000),
)
ENGINE_SECONDS = Histogram(
    "cordon_worker_engine_seconds", "Time to apply one batch.", buckets=SECONDS
)
COMMIT_SECONDS = Histogram(
    "cordon_worker_commit_seconds",
    "Time of one transaction. Long: the broker or its disk is slow.",
    buckets=SECONDS,
)
END_TO_END_SECONDS = Histogram(
    "cordon_worker_end_to_end_seconds",
    "From acceptance of a batch's newest event to its commit, for batches with findings.",
    buckets=SECONDS,
)
LAG = Gauge(
    "cordon_worker_lag_events",
    "Events between the applied offset and the end, by partition. Rising: add workers.",
    ["partition"],
)
CLOCK = Gauge(
    "cordon_worker_clock_seconds",
    "Where a partition's clock of event time stands as committed, in Unix seconds. Far behind the "
    "time of day: the worker catches up, or ticks do not come.",
    ["partition"],
)
HOLES = Counter(
    "cordon_worker_holes_repaired_total",
    "Times a fetch began beyond the next offset and the gap was read first. A few around a "
    "rebalance are fetches that were dropped; any other: report it, records were skipped.",
    ["topic"],
)
REPLAYED = Counter(
    "cordon_worker_replayed_records_total",
    "Records below the next offset, skipped. Some after a restart are normal.",
    ["topic"],
)
UNITS = Gauge("cordon_worker_units", "Partitions that this worker owns.")
RESTORED = Gauge(
    "cordon_worker_restore_seconds", "How long the last restore took, by partition.", ["partition"]
)
RETRIES = Counter(
    "cordon_worker_commit_retries_total",
    "Transactions tried again because the broker did not answer.",
)
LOCAL_STORE_ERRORS = Counter(
    "cordon_worker_local_store_errors_total",
    "Failures of the local cache of the state; the state topic holds everything. Check the disk.",
)
REGISTER_ERRORS = Counter(
    "cordon_worker_register_errors_total", "Register records that could not be read.", ["topic"]
)
FENCED = Counter(
    "cordon_worker_fenced_total", "Units given up because another worker took the partition."
)
