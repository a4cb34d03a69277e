"""The order in which events of several topics are applied."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.engine.decode import Event, Other, Tick
from services.alerts.engine.ordering import Lanes


def at(second: int, name: str = "") -> Other:
    """An event accepted at a second."""
    time = f"2020-02-03T09:00:{second:02d}.000Z"
    return Other(name or str(second), "source", "cordon.some-event.v1", time, time)


def names(events: list[Event]) -> list[str]:
    """Which events."""
    return [event.id for event in events if isinstance(event, Other)]


def lanes(**brought: Sequence[Other | None]) -> Lanes:
    """Lanes that were fetched from their beginning."""
    made = Lanes(dict.fromkeys(brought, 0))
    for topic, events in brought.items():
        if events:
            made.by_topic[topic].offer(events, range(len(events)))
    return made


def ends(made: Lanes, **more: int) -> dict[str, int]:
    """Where topics end: where they were fetched to, and so much further."""
    return {
        topic: lane.fetched_offset + more.get(topic, 0) for topic, lane in made.by_topic.items()
    }


def test_events_come_in_the_order_of_acceptance_then_topic_then_offset() -> None:
    made = lanes(b=[at(1, "b1"), at(3, "b3")], a=[at(1, "a1"), at(1, "a1'"), at(4, "a4")])
    assert made.waiting == 5
    assert names(made.take(100, ends(made))) == ["a1", "a1'", "b1", "b3", "a4"]
    assert (made.waiting, made.next_offsets) == (0, {"a": 3, "b": 2})


def test_a_lane_that_is_behind_holds_the_others_back() -> None:
    made = lanes(a=[at(1), at(2)], b=[at(3), at(4)])
    assert names(made.take(100, ends(made, a=1))) == ["1", "2"]
    assert made.next_offsets == {"a": 2, "b": 0}
    assert made.take(100, ends(made, a=1)) == []
    made.by_topic["a"].offer([at(5)], [2])
    assert names(made.take(100, ends(made))) == ["3", "4", "5"]


def test_a_lane_that_brought_nothing_yet_holds_all_back() -> None:
    made = lanes(a=[at(1)], b=[])
    assert made.take(100, ends(made, b=7)) == []
    assert names(made.take(100, ends(made))) == ["1"]


def test_one_lane_alone_waits_for_nobody() -> None:
    made = lanes(a=[at(1), at(2)], b=[])
    assert names(made.take(100, ends(made, a=10))) == ["1", "2"]


def test_at_most_so_many_of_a_lane_are_taken() -> None:
    made = lanes(a=[at(1), at(2), at(3)], b=[])
    assert names(made.take(2, ends(made))) == ["1", "2"]
    assert names(made.take(2, ends(made))) == ["3"]
    made = lanes(a=[at(1), at(2), at(3), at(6)], b=[at(4), at(5), at(7)])
    taken = [names(made.take(2, ends(made))) for _ in range(4)]
    assert taken == [["1", "2"], ["3", "4", "5"], ["6", "7"], []]


def test_refused_records_only_move_the_offset() -> None:
    made = lanes(a=[None, at(2), None], b=[at(1), None])
    assert names(made.take(100, ends(made))) == ["1", "2"]
    assert made.next_offsets == {"a": 3, "b": 2}
    alone = lanes(a=[None, None], b=[])
    assert alone.take(100, ends(alone)) == []
    assert alone.next_offsets == {"a": 2, "b": 0}


def test_offsets_may_jump_and_ticks_are_events() -> None:
    made = Lanes({"a": 5, "clock": 0})
    made.by_topic["a"].offer([at(2)], [9])
    tick = Tick("2020-02-03T09:00:01.000Z")
    made.by_topic["clock"].offer([tick], [100])
    first, second = made.take(100, {"a": 10, "clock": 101})
    assert first is tick
    assert names([second]) == ["2"]
    assert made.next_offsets == {"a": 10, "clock": 101}


def test_events_of_a_lane_stay_in_order_when_an_acceptance_clock_was_ahead() -> None:
    made = lanes(a=[at(9, "ahead"), at(2)], b=[at(3)])
    assert names(made.take(100, ends(made))) == ["3", "ahead", "2"]


def test_a_lane_that_is_behind_does_not_hold_itself_back() -> None:
    """Else a first event from a clock that was ahead would stop the lane for good."""
    made = lanes(a=[at(9, "ahead"), at(2)], b=[at(3)])
    assert names(made.take(100, ends(made, a=1))) == ["3", "ahead", "2"]


@st.composite
def histories(draw: st.DrawFn) -> dict[str, list[int]]:
    """Seconds of acceptance by topic, rising with the offset."""
    seconds = st.lists(st.integers(0, 20), max_size=8).map(sorted)
    return {
        topic: draw(seconds) for topic in draw(st.sampled_from((["a"], ["a", "b"], list("abc"))))
    }


@given(histories(), st.data())
def test_any_way_of_fetching_applies_all_in_one_order(
    history: dict[str, list[int]], data: st.DataObject
) -> None:
    full = {topic: len(seconds) for topic, seconds in history.items()}
    made = Lanes(dict.fromkeys(history, 0))
    taken: list[str] = []
    while True:
        behind = [
            topic for topic, lane in made.by_topic.items() if lane.fetched_offset < full[topic]
        ]
        if not behind:
            break
        topic = data.draw(st.sampled_from(behind))
        start = made.by_topic[topic].fetched_offset
        stop = data.draw(st.integers(start + 1, full[topic]))
        events = [at(history[topic][n], f"{topic}{n}") for n in range(start, stop)]
        made.by_topic[topic].offer(events, range(start, stop))
        taken += names(made.take(data.draw(st.integers(1, 4)), full))
    while events_left := made.take(data.draw(st.integers(1, 4)), full):
        taken += names(events_left)
    expected = sorted(
        (second, topic, n) for topic, seconds in history.items() for n, second in enumerate(seconds)
    )
    assert taken == [f"{topic}{n}" for _, topic, n in expected]
    assert made.next_offsets == full


@given(st.data())
def test_whatever_the_clocks_of_acceptance_each_event_comes_once_and_in_its_lane(
    data: st.DataObject,
) -> None:
    history = {topic: data.draw(st.lists(st.integers(0, 9), max_size=6)) for topic in "ab"}
    made = lanes(**{
        topic: [at(second, f"{topic}{n}") for n, second in enumerate(seconds)]
        for topic, seconds in history.items()
    })  # fmt: skip
    taken: list[str] = []
    while made.waiting:
        taken += names(made.take(data.draw(st.integers(1, 4)), ends(made)))
    for topic, seconds in history.items():
        assert [name for name in taken if name[0] == topic] == [
            f"{topic}{n}" for n in range(len(seconds))
        ]
