"""The merge, case by case."""

import pytest

from schemas.alerts import FindingEvent
from services.api.acts import Act, Refused
from services.api.merge import AlertBook, act, merge
from tests.api.examples import AT, duplicate, finding

ACK = Act(name="ack")


def told(book: AlertBook, *findings: FindingEvent) -> list[str]:
    """The events that findings make, as `alert/revision verb state`."""
    events = [event for one in findings for event in book.apply(one)]
    return [
        f"{event.id} {event.type.removeprefix('cordon.alert.').removesuffix('.v1')} "
        f"{event.data.state}"
        for event in events
    ]


@pytest.mark.parametrize(
    ("findings", "events"),
    [
        ([finding()], ["a/1 raised open"]),
        ([finding(), finding()], ["a/1 raised open"]),
        ([finding(), finding(verb="matched")], ["a/1 raised open"]),
        (
            [finding(), finding(verb="matched", count=2)],
            ["a/1 raised open", "a/2 updated open"],
        ),
        (
            [finding(), finding(verb="cleared", outcome="transit")],
            ["a/1 raised open", "a/2 resolved resolved"],
        ),
        (
            [finding(verb="cleared", outcome="transit")],
            ["a/1 raised open", "a/2 resolved resolved"],
        ),
        (
            [finding(verb="withdrawn")],
            ["a/1 raised open", "a/2 retracted retracted"],
        ),
        (
            [finding(), finding(verb="cleared"), finding(verb="matched", count=2)],
            ["a/1 raised open", "a/2 resolved resolved", "a/3 reopened open"],
        ),
        (
            [finding(), finding(verb="withdrawn"), finding(verb="matched")],
            ["a/1 raised open", "a/2 retracted retracted", "a/3 reopened open"],
        ),
        (
            [finding(), finding(verb="cleared"), finding(verb="cleared", count=2)],
            ["a/1 raised open", "a/2 resolved resolved", "a/3 updated resolved"],
        ),
    ],
)
def test_findings_make_events(findings: list[FindingEvent], events: list[str]) -> None:
    assert told(AlertBook(), *findings) == events


def test_an_alert_shows_the_newest_finding() -> None:
    book = AlertBook()
    told(book, finding(), finding(verb="matched", severity="high", site="exit", historical=True))
    alert = book.records["a"].alert
    assert (alert.severity, alert.site, alert.historical) == ("high", "exit", True)


def test_an_event_carries_the_findings_times() -> None:
    change = merge(None, finding(), None)
    assert change is not None
    (event,) = change.events
    assert (event.id, event.source) == ("a/1", "cordon/api")
    assert event.time == event.recordedtime == "2021-12-20T11:33:20.000Z"


def test_an_ack_stays_through_findings() -> None:
    book = AlertBook()
    told(book, finding())
    (event,) = book.act("a", ACK, "li", "on it", AT + 1000)
    assert (event.id, event.type, event.actor) == ("a/2", "cordon.alert.acked.v1", "li")
    assert event.time == "2021-12-20T11:33:21.000Z"
    assert told(book, finding(verb="matched", count=2)) == ["a/3 updated acked"]
    assert told(book, finding(verb="cleared")) == ["a/4 resolved resolved"]
    assert told(book, finding(verb="matched", count=3)) == ["a/5 reopened acked"]
    assert book.records["a"].alert.note == "on it"


def test_a_persons_resolution_stays() -> None:
    book = AlertBook()
    told(book, finding())
    book.act("a", Act(name="resolve", outcome="false"), "li", None, AT)
    assert told(book, finding(verb="cleared", outcome="transit")) == []
    assert told(book, finding(verb="matched", count=2)) == ["a/3 updated resolved"]
    assert book.records["a"].alert.outcome == "false"


@pytest.mark.parametrize(
    ("before", "deed", "why"),
    [
        ([finding()], Act(name="note"), "changes nothing"),
        ([finding(verb="withdrawn")], ACK, "retracted"),
        ([finding(verb="cleared")], ACK, "resolved"),
    ],
)
def test_an_act_that_does_not_fit_is_refused(
    before: list[FindingEvent], deed: Act, why: str
) -> None:
    book = AlertBook()
    told(book, *before)
    with pytest.raises(Refused, match=why):
        book.act("a", deed, "li", None, AT)


def test_an_alert_is_acked_once() -> None:
    book = AlertBook()
    told(book, finding())
    change = act(book.records["a"], ACK, "li", None, AT)
    with pytest.raises(Refused, match="acked already"):
        act(change.record, ACK, "wang", None, AT)


def test_acts_lead_forward_and_are_named() -> None:
    book = AlertBook()
    told(book, finding())
    deeds = [
        Act(name="assign", assignee="wang"),
        Act(name="note"),
        Act(name="dispatch"),
        Act(name="resolve", outcome="confirmed"),
    ]
    types = [book.act("a", deed, "li", f"n{i}", AT + i)[0].type for i, deed in enumerate(deeds)]
    assert types == [
        "cordon.alert.assigned.v1",
        "cordon.alert.noted.v1",
        "cordon.alert.dispatched.v1",
        "cordon.alert.resolved.v1",
    ]
    alert = book.records["a"].alert
    assert (alert.assignee, alert.note, alert.outcome) == ("wang", "n3", "confirmed")


def test_acts_move_to_a_survivor_that_is_there() -> None:
    book = AlertBook()
    told(book, finding("old"), finding("new"))
    book.act("old", ACK, "li", "on it", AT)
    assert told(book, duplicate("old", "new")) == ["old/3 retracted retracted", "new/2 acked acked"]
    assert book.records["new"].alert.note == "on it"


def test_acts_wait_for_a_survivor_that_comes_later() -> None:
    book = AlertBook()
    told(book, finding("old"))
    book.act("old", ACK, "li", "on it", AT)
    assert told(book, duplicate("old", "new")) == ["old/3 retracted retracted"]
    assert told(book, finding("new")) == ["new/1 raised open", "new/2 acked acked"]


def test_acts_move_on_along_a_chain() -> None:
    book = AlertBook()
    told(book, finding("a"), finding("c"), duplicate("b", "c"))
    book.act("a", Act(name="note"), "li", "seen at the bridge", AT)
    events = told(book, duplicate("a", "b"))
    assert events == ["a/3 retracted retracted", "b/3 noted retracted", "c/2 noted open"]


def test_a_ring_of_duplicates_ends() -> None:
    book = AlertBook()
    told(book, finding("a"), finding("b"))
    book.act("a", ACK, "li", None, AT)
    told(book, duplicate("a", "b"))
    assert told(book, duplicate("b", "a")) == ["b/3 retracted retracted"]


def test_a_moved_act_stays_when_the_duplicate_comes_back() -> None:
    book = AlertBook()
    told(book, finding("old"), finding("new"))
    book.act("old", ACK, "li", None, AT)
    told(book, duplicate("old", "new"))
    assert told(book, finding("old", "matched")) == ["old/4 reopened acked"]
    assert told(book, duplicate("old", "new")) == ["old/5 retracted retracted"]
    assert book.records["new"].alert.state == "acked"


def test_of_two_notes_the_newer_shows() -> None:
    book = AlertBook()
    told(book, finding("old"), finding("new"))
    book.act("new", Act(name="note"), "wang", "newer", AT + 1)
    book.act("old", Act(name="note"), "li", "older", AT)
    told(book, duplicate("old", "new"))
    assert book.records["new"].alert.note == "newer"
