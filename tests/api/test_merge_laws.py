"""Laws of the merge, over every history that hypothesis can think of."""

import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.alerts import FindingEvent, Outcome
from schemas.times import format_ms, parse_ms
from services.api.acts import (
    STANCES,
    Act,
    Acts,
    Last,
    Refused,
    Said,
    Stance,
    joined,
    standing,
)
from services.api.merge import AlertBook
from tests.api.examples import AT, finding

IDS = ("a", "b", "c")
OUTCOMES: tuple[Outcome, ...] = ("transit", "cleared", "expired")

live_findings = st.builds(
    lambda verb, count, later_ms: (verb, {"count": count, "last_seen": format_ms(AT + later_ms)}),
    st.sampled_from(("opened", "matched")),
    st.integers(1, 3),
    st.integers(0, 30),
)
ended_findings = st.builds(
    lambda verb, outcome, later_ms: (
        verb,
        {"outcome": outcome, "last_seen": format_ms(AT + later_ms)},
    ),
    st.sampled_from(("cleared", "withdrawn")),
    st.sampled_from(OUTCOMES),
    st.integers(0, 30),
)
deeds = st.one_of(
    st.sampled_from([Act(name="ack"), Act(name="dispatch"), Act(name="note"), Act(name="undo")]),
    st.builds(lambda who: Act(name="assign", assignee=who), st.sampled_from(["li", "wang"])),
    st.builds(
        lambda out: Act(name="resolve", outcome=out), st.sampled_from(["false", "confirmed"])
    ),
)


@given(st.lists(st.one_of(live_findings, ended_findings, deeds), max_size=20))
def test_a_finding_never_lowers_what_a_person_did(steps: Sequence[Any]) -> None:
    book = AlertBook()
    book.apply(finding())
    revision = 1
    for at_ms, step in enumerate(steps, AT):
        before = book.records["a"]
        if isinstance(step, Act):
            with contextlib.suppress(Refused):
                events = book.act("a", step, "li", f"note {at_ms}", at_ms)
                assert len(events) == 1
        else:
            verb, changes = step
            events = book.apply(finding("a", verb, **changes))
            after = book.records["a"]
            # It may only say that newer evidence has brought the alert back.
            came_back_ms = after.acts.reopened_ms
            assert after.acts == joined(before.acts, Acts(reopened_ms=came_back_ms))
            assert (after.alert.note, after.alert.assignee) == (
                before.alert.note,
                before.alert.assignee,
            )
            stance = standing(after.acts, parse_ms(changes["last_seen"]))
            if after.alert.state in STANCES[:3]:
                assert after.alert.state == STANCES[stance.rank]
            if verb != "withdrawn" and STANCES[stance.rank] == "resolved":
                assert after.alert.state == "resolved"
                assert after.alert.outcome == stance.outcome
        assert book.records["a"].alert.revision - revision in (0, 1)
        revision = book.records["a"].alert.revision


@given(st.lists(st.one_of(live_findings, ended_findings), min_size=1, max_size=10))
def test_a_repeat_of_the_last_finding_changes_nothing(steps: Sequence[Any]) -> None:
    book = AlertBook()
    for verb, changes in steps:
        book.apply(finding("a", verb, **changes))
        assert book.apply(finding("a", verb, **changes)) == []


def merged(left: list[FindingEvent], right: list[FindingEvent], picks: list[bool]) -> AlertBook:
    """A book after two partitions were read, interleaved as `picks` says."""
    book = AlertBook()
    book.apply(finding("old"))
    book.act("old", Act(name="ack"), "li", "on it", AT)
    queues = ([*left], [*right])
    for pick in [*picks, *([True] * len(left)), *([False] * len(right))]:
        if queue := queues[0 if pick else 1]:
            book.apply(queue.pop(0))
    assert queues == ([], [])
    return book


old_ends = st.lists(live_findings, max_size=3).map(
    lambda steps: [
        *(finding("old", verb, **changes) for verb, changes in steps),
        finding("old", "withdrawn", outcome="duplicate", related=["new"]),
    ]
)
new_lives = st.lists(st.one_of(live_findings, ended_findings), min_size=1, max_size=4).map(
    lambda steps: [finding("new", verb, **changes) for verb, changes in steps]
)


@given(old_ends, new_lives, st.lists(st.booleans(), max_size=8))
def test_a_survivor_is_the_same_whichever_partition_is_read_first(
    left: list[FindingEvent], right: list[FindingEvent], picks: list[bool]
) -> None:
    one, other = merged(left, right, picks), merged(left, right, [])
    for alert_id in ("old", "new"):
        mine, theirs = one.records[alert_id], other.records[alert_id]
        # How many steps it took may differ: a clearing can hide an ack that arrives after it.
        assert msgspec.structs.replace(mine.alert, revision=0) == msgspec.structs.replace(
            theirs.alert, revision=0
        )
        assert mine.acts == theirs.acts


said = st.builds(Said, st.integers(0, 3), st.sampled_from("xy"), st.sampled_from("mn"))
times_ms = st.integers(0, 3)
stances = st.builds(Stance, times_ms, times_ms, times_ms, times_ms, st.sampled_from("xy"))
acts = st.builds(
    Acts,
    stance=stances,
    assignee=said,
    notes=st.frozensets(said, max_size=3).map(lambda notes: tuple(sorted(notes))),
    last=st.builds(Last, times_ms, st.sampled_from("xy"), st.just("ack"), stances, st.just("")),
    reopened_ms=times_ms,
)


@given(acts, acts, acts)
def test_acts_join_in_any_order(one: Acts, two: Acts, three: Acts) -> None:
    assert joined(one, two) == joined(two, one)
    assert joined(joined(one, two), three) == joined(one, joined(two, three))
    assert joined(one, one) == one
