"""The kinds of tasks, the results that each may have, and what an alert makes of either.

Three literals: KINDS_OF (kind → its names and results), CREATED_BY (rule and severity → kinds), and
SETTLES (rule, kind and result → outcome of the alert). A result that has no row leaves the alert to
the desk: an officer who finds somebody at home does not undo what a document has proved.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from schemas.alerts import SEVERITIES, Alert, Outcome, Reason, Severity
from services.api.routing.route import Side
from services.api.tasks.task import TaskKind

MINUTE_S: Final = 60.0
HOUR_S: Final = 3_600.0


class Sort(Struct, frozen=True):
    """A kind of task: what it is called, and the results that it may have."""

    name: Reason
    results: tuple[str, ...]


KINDS_OF: Final[Mapping[TaskKind, Sort]] = {
    "verify": Sort(Reason("Verify", "核实"), ("at-home", "absent", "unclear")),
    "visit": Sort(
        Reason("Visit", "上门走访"), ("met", "at-home", "absent", "ordered", "registered")
    ),
    "place-in-facility": Sort(
        Reason("Place in a facility", "集中隔离安置"), ("placed", "arrived", "refused")
    ),
    "trace": Sort(Reason("Trace", "追踪排查"), ("found", "not-found")),
    "remedy": Sort(Reason("Put right", "整改"), ("remedied", "not-remedied")),
    "errand": Sort(Reason("Errand", "代办服务"), ("delivered", "not-available")),
    "inspect": Sort(Reason("Inspect", "现场检查"), ("confirmed", "nothing-found", "authorised")),
    "canvass-visit": Sort(
        Reason("Canvass visit", "入户排查"), ("visited", "nobody-home", "moved-away")
    ),
    "approve": Sort(Reason("Decide an application", "审批"), ("approved", "refused")),
    "notify": Sort(Reason("Notify", "通知告知"), ("notified", "unreachable")),
    "instruct": Sort(Reason("Instruction", "上级指令"), ("carried-out", "partly")),
    "answer": Sort(Reason("Answer a call", "来电处置"), ("answered", "passed-on", "unfounded")),
    "report": Sort(Reason("Report", "填报"), ("reported", "absent")),
    "transfer": Sort(Reason("Take to a place", "转运"), ("arrived", "missing", "extra")),
}


class Creation(Struct, frozen=True):
    """A task that an alert of some severity, or a higher one, creates on one side.

    `within_s` None = what the policy says for the severity (overdue.DEFAULTS). `late` = also where
    the alert is historical.
    """

    kind: TaskKind
    side: Side
    least: Severity = "medium"
    within_s: float | None = None
    late: bool = False


# By rule (domain, section 3, column "acts"). A breach that a document has proved is verified
# however late it comes to light; a tip within 30 minutes (D16); whoever came from a risk area is
# visited by the household's officer (D17); a forced gate is for the patrol on duty (D07).
CREATED_BY: Final[Mapping[str, Sequence[Creation]]] = {
    "quarantine-breach": (
        Creation("verify", "territory", "low", late=True),
        Creation("trace", "gate", "high"),
    ),
    "zone-crossing": (Creation("verify", "territory", "high"),),
    "quarantined-vehicle-moving": (Creation("verify", "territory", "medium"),),
    "breach-tip": (Creation("verify", "territory", "low", within_s=30 * MINUTE_S),),
    "missed-check-in": (Creation("verify", "territory", "medium"),),
    "watch-gap": (Creation("verify", "territory", "medium"),),
    "risk-area-arrival": (Creation("visit", "territory", "low"),),
    "arrival-not-followed-up": (Creation("visit", "territory", "low"),),
    "unregistered-resident": (Creation("visit", "territory", "medium"),),
    "foreign-resident-unregistered": (Creation("visit", "territory", "medium"),),
    "risk-round-trip": (Creation("visit", "territory", "medium"),),
    "transfer-not-arrived": (Creation("trace", "territory", "high"),),
    "forced-gate": (Creation("inspect", "gate", "medium"),),
    "check-incomplete": (Creation("inspect", "gate", "medium"),),
    "fever": (Creation("place-in-facility", "gate", "medium"),),
    "watch-list-hit": (Creation("inspect", "gate", "high"),),
    "no-plate": (Creation("inspect", "gate", "medium"),),
    "checkpoint-bypass": (Creation("trace", "gate", "medium"),),
    "opened-without-approval": (Creation("inspect", "territory", "medium"),),
    "worker-non-compliant": (Creation("inspect", "territory", "medium"),),
    "duty-no-show": (Creation("remedy", "gate", "medium"),),
    "nil-report-missing": (Creation("remedy", "territory", "medium"),),
}
# What the dispatch of an alert creates whose rule has no row above.
DISPATCHED: Final = (Creation("verify", "territory", "info", late=True),)

# What is not of this rule but of every rule stands under "".
SETTLES: Final[Mapping[tuple[str, TaskKind, str], Outcome]] = {
    # A tip is only what somebody says they saw: who is found at home did not go out.
    ("breach-tip", "verify", "at-home"): "false",
    ("missed-check-in", "verify", "at-home"): "false",
    ("zone-crossing", "verify", "at-home"): "false",
    ("quarantined-vehicle-moving", "verify", "at-home"): "false",
    ("", "verify", "absent"): "confirmed",
    ("risk-area-arrival", "visit", "ordered"): "confirmed",
    ("risk-area-arrival", "visit", "registered"): "authorised",
    ("arrival-not-followed-up", "visit", "met"): "confirmed",
    ("arrival-not-followed-up", "visit", "registered"): "authorised",
    ("unregistered-resident", "visit", "registered"): "authorised",
    ("foreign-resident-unregistered", "visit", "registered"): "authorised",
    ("", "inspect", "confirmed"): "confirmed",
    ("", "inspect", "nothing-found"): "false",
    ("", "inspect", "authorised"): "authorised",
    ("fever", "place-in-facility", "placed"): "confirmed",
    ("transfer-not-arrived", "trace", "found"): "confirmed",
    ("duty-no-show", "remedy", "remedied"): "confirmed",
    ("nil-report-missing", "remedy", "remedied"): "confirmed",
}


def created_by(alert: Alert, *, dispatched: bool = False) -> list[Creation]:
    """Return the tasks that an alert creates when it is raised or rises, or is dispatched.

    What a summary of the rate cap stands for creates none by itself; the summary does.
    """
    rows = CREATED_BY.get(alert.rule, ())
    if dispatched:
        # A person wants it done, whatever its severity and however late it is.
        return list(rows[:1] or DISPATCHED)
    if alert.capped_by is not None:
        return []
    rank = SEVERITIES.index(alert.severity)
    return [
        row
        for row in rows
        if rank >= SEVERITIES.index(row.least)
        and (not alert.historical or (row.late and alert.evidence_class == "person"))
    ]


def outcome_of(rule: str, kind: TaskKind, result: str) -> Outcome | None:
    """Return what a result makes of an alert, None = nothing: the desk decides."""
    return SETTLES.get((rule, kind, result)) or SETTLES.get(("", kind, result))
