"""D14 release-due, 期满待解除: the last day of an order is over, and nobody has decided.

The last day is the order's `last_day`, else `observation_d` days after its `exposure_date`. At the
following midnight the order is **due** if it is still active, and `overdue_h` later overdue.
Nothing is released or extended by itself.

- Severity: info when due, medium when overdue.
- An order that is filed anew with a later exposure or last day starts anew; filed when it was due,
  that is a decision and resolves the alert, as does the end or the deletion of the order.
- An order that is filed when its last day is over is due from its filing on.
- One alert each time it becomes due; quiet gap 7 days. The subject is the order.
- What retracts it: an end before it was due, filed later.

Thresholds:

- `observation_d`: days from the exposure to the last day
- `overdue_h`: hours after which it is overdue
"""

from collections.abc import Iterator
from datetime import date

import msgspec

from rules.dossier import Dossier, Dossiers, Raised, of_entry
from rules.entries import Ordered
from rules.match import Match
from rules.rule import Rule
from rules.under_order import ORDER_ENDED, grid_of, has_ended
from schemas.alerts import Reason, Severity, Subject
from schemas.times import DAY_MS, HOUR_MS
from schemas.versions import FOREVER, Version, in_force

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    last_day, hours = match.detail.split("/")
    if hours:
        return Reason(
            f"The last day of order {match.order} was {last_day}. For {hours} hours nobody has "
            "ended or extended the order. It goes on until somebody decides.",
            f"隔离令 {match.order} 的最后一天为 {last_day}，已逾期 {hours} 小时"
            "仍未解除或延长；未作决定前继续有效。",
        )
    return Reason(
        f"The last day of order {match.order} was {last_day}: its release is to be decided. "
        "It goes on until somebody decides.",
        f"隔离令 {match.order} 的最后一天为 {last_day}，待决定是否解除；未作决定前继续有效。",
    )


def opens(ordered: Ordered) -> Iterator[str]:
    """Every order has a dossier."""
    yield f"order:{ordered.facts.id}"


def last_day(dossier: Dossier, version: Version[Ordered], ordered: Ordered) -> int:
    """Return the number of the last day: as filed, else so many days after the exposure."""
    if ordered.entry.last_day is not None:
        return date.fromisoformat(ordered.entry.last_day).toordinal() - _EPOCH_ORDINAL
    parameters, _ = dossier.policy(ordered.facts.start_ms, version.recorded_ms)
    exposed = date.fromisoformat(ordered.entry.exposure_date).toordinal() - _EPOCH_ORDINAL
    return exposed + int(parameters["observation_d"])


def assess(dossier: Dossier) -> Iterator[Raised]:
    """Raise each time from the end of an order's last day until somebody decides (domain: D14).

    At every instant the version counts that was filed by then: an order that is filed again with
    a new exposure or last day starts anew, and is a decision about the old one. One that is filed
    when its last day is over already is due from its filing on.
    """
    versions: list[Version[Ordered]] = list(dossier.versions("order", dossier.name))
    turns_ms: set[int] = set()
    for version in versions:
        turns_ms |= {version.recorded_ms, version.to_ms}
        turns_ms.add(max(version.from_ms, version.recorded_ms))
        turns_ms.add(max(_over_ms(dossier, version), version.recorded_ms))
    since: tuple[int, Version[Ordered]] | None = None
    for turn_ms in sorted(turns_ms):
        if not dossier.due(turn_ms):
            break
        standing = in_force(versions, turn_ms, turn_ms)
        is_due = standing is not None and turn_ms >= _over_ms(dossier, standing)
        if is_due and since is None:
            assert standing is not None
            since = (turn_ms, standing)
        elif not is_due and since is not None:
            yield from _raised(dossier, *since, turn_ms)
            since = None
    if since is not None:
        yield from _raised(dossier, *since, None)


def _over_ms(dossier: Dossier, version: Version[Ordered]) -> int:
    if version.facts is None:
        return FOREVER
    return dossier.calendar.start_ms(last_day(dossier, version, version.facts) + 1)


def _raised(
    dossier: Dossier, due_ms: int, version: Version[Ordered], decided_ms: int | None
) -> Iterator[Raised]:
    ordered = version.facts
    assert ordered is not None
    day = last_day(dossier, version, ordered)
    told = date.fromordinal(day + _EPOCH_ORDINAL).isoformat()
    grid = grid_of(dossier, ordered, due_ms)
    found: list[Match] = []
    parameters, policy = dossier.policy(due_ms, due_ms)
    overdue_ms = due_ms + int(parameters["overdue_h"] * HOUR_MS)
    steps: tuple[tuple[int, Severity, str], ...] = (
        (due_ms, "info", ""),
        (overdue_ms, "medium", f"{parameters['overdue_h']:g}"),
    )
    for at_ms, severity, hours in steps:
        if decided_ms is not None and decided_ms <= at_ms or not dossier.due(at_ms):
            break
        match = of_entry(
            "order", dossier.name, at_ms, severity, policy,
            grid=grid, order=dossier.name, detail=f"{told}/{hours}",
        )  # fmt: skip
        withdrawn = ORDER_ENDED if has_ended(dossier, dossier.name, at_ms) else None
        found.append(msgspec.structs.replace(match, withdrawn=withdrawn))
    if decided_ms is not None:
        found[-1] = msgspec.structs.replace(found[-1], last_ms=decided_ms, outcome="cleared")
    for match in found:
        yield Raised(dossier.name, "order", dossier.name, match)


RULE = Rule(
    code="D14",
    name="release-due",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"observation_d": 14, "overdue_h": 24},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=0, opens={"order": opens}),
    until=True,
)
