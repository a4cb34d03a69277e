"""From what happened in a shift to its report. Pure: no clock and no database in here.

Totals add up: who was open before, was raised and came back, less who ended, is who is open now;
and every breakdown has the sum that stands beside it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil

from msgspec import Struct

from schemas.alerts import SEVERITIES, Alert, AlertEvent, Reason
from schemas.times import HOUR_MS, SECOND_MS, format_ms

# What an operator has to look at (domain, D42: nobody is waited for where an alert is low or info).
_ASKS = ("critical", "high", "medium")
_ACTS = ("acked", "assigned", "dispatched", "noted", "resolved", "reopened")


class Happened(Struct, frozen=True):
    """An event of an alert, and when it was committed (ms UTC)."""

    committed_ms: int
    event: AlertEvent


class Kept(Struct, frozen=True, kw_only=True):
    """What lies outside the events: `begun_ms` is when alerts of the span were raised, if that was
    before it; `suppressed` counts by (rule, reason)."""

    before: Mapping[str, Alert]
    after: Mapping[str, Alert]
    begun_ms: Mapping[str, int]
    suppressed: Mapping[tuple[str, str], int]
    coverage: Sequence["Coverage"]


class Coverage(Struct, frozen=True):
    """A share of what was to be done: `good` of `of`, whose denominator is shown (D41)."""

    name: str
    good: int
    of: int


class Raised(Struct, frozen=True):
    """The alerts that were raised in the span, by the severity that they had at last."""

    total: int
    by_rule: dict[str, int]
    by_severity: dict[str, int]
    historical: int
    capped: int


class Ended(Struct, frozen=True):
    """The alerts that were open before or raised, and are not open at the end, by outcome."""

    total: int
    by_outcome: dict[str, int]


class Item(Struct, frozen=True, omit_defaults=True):
    """An alert that is open at the end."""

    id: str
    rule: str
    severity: str
    state: str
    label: str
    reason: Reason
    first_seen: str
    site: str | None = None
    assignee: str | None = None
    escalation: int | None = None


class Open(Struct, frozen=True):
    """The alerts that are open at the end; `items` are the first of them, the worst first."""

    total: int
    by_severity: dict[str, int]
    by_state: dict[str, int]
    items: list[Item]


class Person(Struct, frozen=True):
    """How often somebody acted, by what they did."""

    actor: str
    total: int
    acts: dict[str, int]


class Span(Struct, frozen=True):
    """How long alerts waited, in seconds; null where none did."""

    count: int
    median_s: float | None
    p95_s: float | None


class Waiting(Struct, frozen=True):
    """How long alerts that were acknowledged, or dispatched, in the span had waited for that, by
    severity; and how many reached a level of escalation, by level."""

    ack: dict[str, Span]
    dispatch: dict[str, Span]
    overdue: dict[str, int]
    overdue_total: int


class Suppressed(Struct, frozen=True):
    """What kept events from being alerts."""

    total: int
    by_rule: dict[str, int]
    by_reason: dict[str, int]


class Load(Struct, frozen=True):
    """How many alerts asked for somebody, for each hour of each who acted; null = nobody did."""

    asked: int
    operators: int
    operator_hours: float
    per_operator_hour: float | None


class Handover(Struct, frozen=True):
    """The report of a shift, [since, until)."""

    since: str
    until: str
    open_before: int
    raised: Raised
    reopened: int
    ended: Ended
    open: Open
    people: list[Person]
    waiting: Waiting
    suppressed: Suppressed
    coverage: list[Coverage]
    load: Load


def report_of(
    happened: Sequence[Happened], kept: Kept, since_ms: int, until_ms: int, most_items: int = 100
) -> Handover:
    """Return the report; `happened` are all events of the span in the order of their commits."""
    last: dict[str, Alert] = {}
    raised: set[str] = set()
    for one in happened:
        alert = one.event.data
        last[alert.id] = alert
        if alert.revision == 1:
            raised.add(alert.id)
    before, after = set(kept.before), set(kept.after)
    ended = (before | raised) - after
    new = [last[key] for key in raised]
    acts = _acts(happened)
    hours = (until_ms - since_ms) / HOUR_MS
    asked = sum(_asks(alert) for alert in new)
    return Handover(
        since=format_ms(since_ms),
        until=format_ms(until_ms),
        open_before=len(before),
        raised=Raised(
            total=len(new),
            by_rule=_counted(alert.rule for alert in new),
            by_severity=_by_severity(new),
            historical=sum(alert.historical for alert in new),
            capped=sum(alert.capped_by is not None for alert in new),
        ),
        reopened=len(after - before - raised),
        ended=Ended(len(ended), _counted(_outcome(last.get(key)) for key in ended)),
        open=_open(kept.after, most_items),
        people=acts,
        waiting=_waiting(happened, kept.begun_ms),
        suppressed=_suppressed(kept.suppressed),
        coverage=list(kept.coverage),
        load=Load(
            asked=asked,
            operators=len(acts),
            operator_hours=round(hours * len(acts), 2),
            per_operator_hour=round(asked / (hours * len(acts)), 2) if acts else None,
        ),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the least value that at least this share of the values does not exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)), 1) - 1]


def _asks(alert: Alert) -> bool:
    return alert.severity in _ASKS and not alert.historical and alert.capped_by is None


def _outcome(alert: Alert | None) -> str:
    if alert is None:
        return "none"
    return alert.outcome or ("retracted" if alert.state == "retracted" else "none")


def _acts(happened: Iterable[Happened]) -> list[Person]:
    found: dict[str, Counter[str]] = {}
    for one in happened:
        verb = verb_of(one.event)
        if one.event.actor is not None and verb in _ACTS:
            found.setdefault(one.event.actor, Counter())[verb] += 1
    people = [
        Person(actor, acts.total(), dict(sorted(acts.items()))) for actor, acts in found.items()
    ]
    return sorted(people, key=lambda one: (-one.total, one.actor))


def _waiting(happened: Iterable[Happened], begun_ms: Mapping[str, int]) -> Waiting:
    begun = dict(begun_ms)
    waits: dict[str, dict[str, list[float]]] = {"ack": {}, "dispatch": {}}
    met: dict[str, set[str]] = {"ack": set(), "dispatch": set()}
    levels: Counter[str] = Counter()
    for one in happened:
        alert, verb = one.event.data, verb_of(one.event)
        if alert.revision == 1:
            begun[alert.id] = one.committed_ms
        elif verb == "reopened":
            # It waits anew.
            begun[alert.id] = one.committed_ms
            for done in met.values():
                done.discard(alert.id)
        elif verb == "escalated":
            levels[str(alert.escalation)] += 1
        for name, verbs in (("ack", ("acked", "dispatched")), ("dispatch", ("dispatched",))):
            if verb in verbs and alert.id in begun and alert.id not in met[name]:
                met[name].add(alert.id)
                waited_s = (one.committed_ms - begun[alert.id]) / SECOND_MS
                waits[name].setdefault(alert.severity, []).append(waited_s)
    return Waiting(
        ack=_spans(waits["ack"]),
        dispatch=_spans(waits["dispatch"]),
        overdue=dict(sorted(levels.items())),
        overdue_total=levels.total(),
    )


def verb_of(event: AlertEvent) -> str:
    """Return what happened, as in the event's type."""
    return event.type.split(".")[2]


def _spans(waits: Mapping[str, Sequence[float]]) -> dict[str, Span]:
    return {
        severity: Span(
            len(waits[severity]),
            percentile(waits[severity], 0.5),
            percentile(waits[severity], 0.95),
        )
        for severity in reversed(SEVERITIES)
        if severity in waits
    }


def _open(after: Mapping[str, Alert], most: int) -> Open:
    alerts = sorted(
        after.values(), key=lambda one: (-SEVERITIES.index(one.severity), one.first_seen, one.id)
    )
    items = [
        Item(
            id=one.id,
            rule=one.rule,
            severity=one.severity,
            state=one.state,
            label=one.subject.label,
            reason=one.reason,
            first_seen=one.first_seen,
            site=one.site,
            assignee=one.assignee,
            escalation=one.escalation,
        )
        for one in alerts[:most]
    ]
    return Open(len(alerts), _by_severity(alerts), _counted(one.state for one in alerts), items)


def _suppressed(counts: Mapping[tuple[str, str], int]) -> Suppressed:
    rules: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for (rule, reason), count in counts.items():
        rules[rule] += count
        reasons[reason] += count
    return Suppressed(rules.total(), dict(rules.most_common()), dict(reasons.most_common()))


def _by_severity(alerts: Iterable[Alert]) -> dict[str, int]:
    counts = Counter(alert.severity for alert in alerts)
    return {name: counts[name] for name in reversed(SEVERITIES) if name in counts}


def _counted(values: Iterable[str]) -> dict[str, int]:
    counts = Counter(values)
    return {name: counts[name] for name in sorted(counts, key=lambda name: (-counts[name], name))}
