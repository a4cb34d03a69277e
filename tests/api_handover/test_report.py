"""The report as a function of what happened: literal shifts, and totals that always add up."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alerts import Alert, AlertEvent, AlertVerb, Severity, State, alert_type
from schemas.times import HOUR_MS, format_ms
from services.api.handover.report import Coverage, Handover, Happened, Kept, percentile, report_of
from services.api.merge import AlertBook
from tests.api.examples import AT, finding

BOOK = AlertBook()
(RAISED,) = BOOK.apply(finding("model"))


def alert(alert_id: str, **changes: Any) -> Alert:
    return msgspec.structs.replace(RAISED.data, id=alert_id, **changes)


def happened(
    alert_id: str, verb: AlertVerb, at_s: float, revision: int, actor: str | None = None, **c: Any
) -> Happened:
    event = AlertEvent(
        specversion="1.0",
        id=f"{alert_id}/{revision}",
        source="cordon/api",
        type=alert_type(verb),
        time=format_ms(AT),
        recordedtime=format_ms(AT),
        actor=actor,
        data=alert(alert_id, revision=revision, **c),
    )
    return Happened(AT + int(at_s * 1000), event)


def kept(**changes: Any) -> Kept:
    nothing = Kept(before={}, after={}, begun_ms={}, suppressed={}, coverage=[])
    return msgspec.structs.replace(nothing, **changes)


def report(events: list[Happened], **changes: Any) -> Handover:
    return report_of(events, kept(**changes), AT, AT + 8 * HOUR_MS)


def test_a_quiet_shift() -> None:
    found = report([])
    assert (found.raised.total, found.open.total, found.people) == (0, 0, [])
    assert found.load.per_operator_hour is None
    assert found.since == format_ms(AT)


def test_a_shift() -> None:
    events = [
        happened("a", "raised", 10, 1),
        happened("b", "raised", 20, 1, severity="high"),
        happened("a", "acked", 70, 2, "li", state="acked"),
        happened("c", "resolved", 80, 5, "wang", state="resolved", outcome="false"),
        happened("a", "dispatched", 130, 3, "li", state="dispatched"),
        happened("b", "escalated", 320, 2, severity="high", escalation=1),
        happened("d", "dispatched", 400, 2, "wang", state="dispatched"),
    ]
    found = report(
        events,
        before={"c": alert("c"), "d": alert("d")},
        after={
            "a": alert("a", state="dispatched"),
            "b": alert("b", severity="high", escalation=1),
            "d": alert("d", state="dispatched"),
        },
        begun_ms={"c": AT - 5_000, "d": AT - 600_000},
        suppressed={("fever", "device-bias"): 3, ("pass-invalid", "clock-tolerance"): 1},
        coverage=[Coverage("sources-heard", 25, 26)],
    )
    assert (found.open_before, found.raised.total, found.ended.total, found.open.total) == (
        2, 2, 1, 3,
    )  # fmt: skip
    assert found.raised.by_severity == {"critical": 1, "high": 1}
    assert found.ended.by_outcome == {"false": 1}
    assert [one.id for one in found.open.items] == ["a", "d", "b"]
    assert [(one.actor, one.acts) for one in found.people] == [
        ("li", {"acked": 1, "dispatched": 1}),
        ("wang", {"dispatched": 1, "resolved": 1}),
    ]
    acked = found.waiting.ack["critical"]
    assert (acked.count, acked.median_s, acked.p95_s) == (2, 60.0, 1000.0)
    assert found.waiting.dispatch["critical"].median_s == 120.0
    assert (found.waiting.overdue, found.waiting.overdue_total) == ({"1": 1}, 1)
    assert (found.suppressed.total, found.suppressed.by_rule["fever"]) == (4, 3)
    assert found.load.asked == 2
    assert found.load.per_operator_hour == pytest.approx(0.12)


def test_what_is_reopened_waits_anew() -> None:
    events = [
        happened("a", "raised", 0, 1),
        happened("a", "acked", 10, 2, "li", state="acked"),
        happened("a", "reopened", 100, 3),
        happened("a", "acked", 130, 4, "li", state="acked"),
    ]
    found = report(events, after={"a": alert("a", state="acked")})
    assert found.waiting.ack["critical"].count == 2
    assert found.waiting.ack["critical"].p95_s == 30.0
    events = [happened("z", "reopened", 5, 7)]
    found = report(events, after={"z": alert("z")})
    assert (found.reopened, found.raised.total, found.open.total) == (1, 0, 1)


def test_only_some_open_items_are_listed_but_all_are_counted() -> None:
    after = {f"a{n}": alert(f"a{n}") for n in range(150)}
    found = report_of([], kept(before=after, after=after), AT, AT + HOUR_MS, most_items=100)
    assert (found.open.total, len(found.open.items)) == (150, 100)


def test_percentiles_are_values_that_were_there() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert percentile(list(map(float, range(1, 101))), 0.95) == 95.0
    assert percentile([7.0], 0.95) == 7.0


SEVERITY = st.sampled_from(get_args(Severity))
VERBS: tuple[AlertVerb, ...] = get_args(AlertVerb)[1:]
LIVE: tuple[State, ...] = ("open", "acked", "dispatched")


@st.composite
def shifts(draw: st.DrawFn) -> tuple[list[Happened], Kept]:
    """Lives of alerts before, in and after a span, with what a store would keep of them."""
    events: list[Happened] = []
    before: dict[str, Alert] = {}
    after: dict[str, Alert] = {}
    begun: dict[str, int] = {}
    for n in range(draw(st.integers(0, 6))):
        name, revision = f"a{n}", draw(st.integers(0, 3))
        state: State = "open"
        fields: dict[str, Any] = {
            "severity": draw(SEVERITY),
            "historical": draw(st.booleans()),
            "capped_by": draw(st.sampled_from([None, "s"])),
        }
        if revision:
            state = draw(st.sampled_from((*LIVE, "resolved", "retracted")))
            begun[name] = AT - 1_000
            if state in LIVE:
                before[name] = alert(name, state=state, **fields)
        for _ in range(draw(st.integers(0 if revision else 1, 4))):
            revision += 1
            verb: AlertVerb = "raised"
            if revision > 1:
                verb = draw(st.sampled_from(VERBS))
                moved: dict[str, State] = {
                    "acked": "acked", "dispatched": "dispatched", "resolved": "resolved",
                    "retracted": "retracted", "reopened": "open",
                }  # fmt: skip
                state = moved.get(verb, state)
            actor = draw(st.sampled_from([None, "li", "wang"]))
            more = {"escalation": 1} if verb == "escalated" else {}
            outcome = "false" if state == "resolved" else None
            events.append(
                happened(name, verb, draw(st.integers(0, 100)), revision, actor,
                         state=state, outcome=outcome, **fields, **more)
            )  # fmt: skip
        if state in LIVE:
            after[name] = alert(name, state=state, **fields)
    counts = st.dictionaries(
        st.tuples(st.sampled_from(["fever", "x"]), st.sampled_from(["p", "q"])), st.integers(1, 9)
    )
    return events, kept(before=before, after=after, begun_ms=begun, suppressed=draw(counts))


@given(shifts())
def test_totals_add_up(shift: tuple[list[Happened], Kept]) -> None:
    events, outside = shift
    found = report_of(events, outside, AT, AT + HOUR_MS)
    assert (
        found.open_before + found.raised.total + found.reopened - found.ended.total
        == found.open.total
        == len(found.open.items)
    )
    for total, parts in (
        (found.raised.total, found.raised.by_rule),
        (found.raised.total, found.raised.by_severity),
        (found.ended.total, found.ended.by_outcome),
        (found.open.total, found.open.by_severity),
        (found.open.total, found.open.by_state),
        (found.suppressed.total, found.suppressed.by_rule),
        (found.suppressed.total, found.suppressed.by_reason),
        (found.waiting.overdue_total, found.waiting.overdue),
        *((one.total, one.acts) for one in found.people),
    ):
        assert sum(parts.values()) == total
    assert found.raised.capped <= found.raised.total
    assert found.load.asked <= found.raised.total
    assert found.load.operators == len(found.people)
