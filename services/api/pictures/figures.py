"""Figures over time from the events of alerts: pure, one pass, in the order of commits."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from schemas.alerts import Severity
from schemas.times import HOUR_MS, format_ms, parse_ms
from services.api.overdue import WAITING

# What counts as work for an operator: the severities that wait for somebody.
ACTIONABLE: Final = frozenset(severity for state, severity in WAITING if state == "open")
# Verbs in which somebody takes an alert on, or is done with it without that.
_TAKEN: Final = frozenset({"acked", "assigned", "dispatched", "resolved"})
_PREFIX: Final = "cordon.alert."


class Told(Struct):
    """What is read of an alert in an event."""

    id: str
    rule: str
    severity: Severity
    state: str
    historical: bool
    outcome: str | None = None
    site: str | None = None
    grid: str | None = None
    order: str | None = None
    capped_by: str | None = None
    silenced_by: list[str] | None = None


class Happening(Struct):
    """One event of the feed; `time` is the engine's clock, or the wall's for a person's act."""

    type: str
    time: str
    data: Told
    actor: str | None = None
    committed_ms: int = 0


class Step(Struct, frozen=True, kw_only=True):
    """One step of the pictures, which began at `at`.

    `rules` counts the alerts that were raised, `grids` too; `acked_s` are the median and the ninth
    decile of how long those that wait for somebody waited, `in_time` how many of how many
    `waited` were taken on within their limit. `delay_ms` is the ninth decile from the engine's
    clock to the store. `actors` are people who acted.
    """

    at: str
    raised: int
    actionable: int
    rules: dict[str, int]
    grids: dict[str, int]
    waited: int
    in_time: int
    acked_s: list[float] | None
    delay_ms: int | None
    actors: int


class Precision(Struct, frozen=True):
    """What people found out about alerts of a rule that were resolved, by outcome."""

    rule: str
    outcomes: dict[str, int]


class Figures(Struct, frozen=True):
    """All steps, the oldest first; the outcomes by rule; and the hours of all operators.

    An operator's hour is an hour of the clock in which that person acted at least once.
    """

    steps: list[Step]
    precision: list[Precision]
    actionable: int
    operator_hours: int


class _Bucket:
    def __init__(self) -> None:
        self.raised = 0
        self.actionable = 0
        self.rules: Counter[str] = Counter()
        self.grids: Counter[str] = Counter()
        self.waits_s: list[float] = []
        self.waited = 0
        self.in_time = 0
        self.delays_ms: list[int] = []
        self.actors: set[str] = set()


class _Open(Struct):
    bucket: int
    since_ms: int
    limit_ms: float


def figures_of(
    happened: Iterable[Happening],
    since_ms: int,
    until_ms: int,
    step_ms: int,
    limits: Mapping[str, float],
) -> Figures:
    """Return the figures of events that were committed in [since, until), which are in order.

    `limits` are those of escalation, in seconds (services.api.overdue). What still waits at the end
    counts as late once its limit is over, and not at all before.
    """
    buckets = [_Bucket() for _ in range(-(-(until_ms - since_ms) // step_ms))]
    waiting: dict[str, _Open] = {}
    hours: set[tuple[int, str]] = set()
    outcomes: dict[str, dict[str, str]] = {}
    actionable = 0
    for one in happened:
        place = (one.committed_ms - since_ms) // step_ms
        bucket = buckets[place]
        verb = one.type.removeprefix(_PREFIX).partition(".")[0]
        alert = one.data
        if one.actor is not None:
            bucket.actors.add(one.actor)
            hours.add((one.committed_ms // HOUR_MS, one.actor))
        if verb == "raised":
            bucket.raised += 1
            bucket.rules[alert.rule] += 1
            if alert.grid is not None:
                bucket.grids[alert.grid] += 1
            if not alert.historical:
                bucket.delays_ms.append(one.committed_ms - parse_ms(one.time))
            if _waits(alert):
                actionable += 1
                bucket.actionable += 1
                limit_ms = 1000 * limits[WAITING["open", alert.severity]]
                waiting[alert.id] = _Open(place, one.committed_ms, limit_ms)
        elif verb in _TAKEN:
            _take_on(buckets, waiting.pop(alert.id, None), one.committed_ms)
        elif verb == "retracted":
            waiting.pop(alert.id, None)
        if verb == "resolved" and one.actor is not None and alert.outcome is not None:
            outcomes.setdefault(alert.rule, {})[alert.id] = alert.outcome
        elif verb == "reopened":
            outcomes.get(alert.rule, {}).pop(alert.id, None)
    for left in waiting.values():
        if until_ms - left.since_ms > left.limit_ms:
            buckets[left.bucket].waited += 1
    return Figures(
        steps=[_step(bucket, since_ms + n * step_ms) for n, bucket in enumerate(buckets)],
        precision=[
            Precision(rule, dict(Counter(found.values()).most_common()))
            for rule, found in sorted(outcomes.items())
            if found
        ],
        actionable=actionable,
        operator_hours=len(hours),
    )


def _waits(alert: Told) -> bool:
    return (
        alert.severity in ACTIONABLE
        and not alert.historical
        and alert.capped_by is None
        and not alert.silenced_by
    )


def _take_on(buckets: Sequence[_Bucket], waited: _Open | None, at_ms: int) -> None:
    if waited is None:
        return
    bucket = buckets[waited.bucket]
    waited_ms = at_ms - waited.since_ms
    bucket.waits_s.append(waited_ms / 1000)
    bucket.waited += 1
    bucket.in_time += waited_ms <= waited.limit_ms


def _step(bucket: _Bucket, at_ms: int) -> Step:
    waits = sorted(bucket.waits_s)
    delays = sorted(bucket.delays_ms)
    return Step(
        at=format_ms(at_ms),
        raised=bucket.raised,
        actionable=bucket.actionable,
        rules=dict(bucket.rules.most_common()),
        grids=dict(bucket.grids.most_common()),
        waited=bucket.waited,
        in_time=bucket.in_time,
        acked_s=[rank(waits, 0.5), rank(waits, 0.9)] if waits else None,
        delay_ms=round(rank(delays, 0.9)) if delays else None,
        actors=len(bucket.actors),
    )


def rank(ordered: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies, by the nearest rank."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
