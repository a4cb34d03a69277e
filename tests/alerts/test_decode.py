"""What is applied, what is held aside, and what is dead."""

from typing import Any

import msgspec
import pytest

from schemas import topics
from schemas.joins import DeviceBias, Join, TemperatureRead
from services.alerts.engine.decode import (
    Ahead,
    Hit,
    Other,
    PersonSeen,
    Refused,
    Scan,
    Tick,
    sort_out,
)
from tests.alerts.build import check, clock, events, hit, scan

TIME = "2020-02-03T01:00:00.000Z"


def record(kind: str, time: str = TIME, recorded: str = TIME, **data: Any) -> bytes:
    """A record as a topic carries it."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": "e1",
            "source": "camera",
            "type": kind,
            "time": time,
            "recordedtime": recorded,
            "data": data,
        }
    )


def a_hit(time: str = TIME, recorded: str = TIME, **data: Any) -> bytes:
    """A plate hit."""
    data = {"site": "inner", "direction": "in", "plate": "浙F12345", "confidence": 0.9, **data}
    return record("cordon.plate-hit.v1", time, recorded, **data)


def refusals(topic: str, *values: bytes | None) -> list[tuple[int, bool]]:
    """Which records are refused, and whether they are held; the others are events."""
    found, refused = sort_out(topic, list(values))
    assert len(found) == len(values)
    dead = [n for n, event in enumerate(found) if event is None]
    held = [n for n, event in enumerate(found) if isinstance(event, Ahead)]
    assert sorted([*dead, *held]) == [one.index for one in refused]
    assert held == [one.index for one in refused if one.held]
    assert all(one.reason for one in refused)
    return [(one.index, one.held) for one in refused]


def test_each_kind_of_event_is_read() -> None:
    (_, read), (_, seen) = events(
        hit("浙F12345", "inner", "02-03 09:00"), scan("exit", "02-03 09:00")
    )
    ((_, person),) = events(check("wang", "inner", "02-03 09:00", pass_="p1"))
    ((_, tick),) = events(clock("02-03 09:00"))
    assert isinstance(read, Hit)
    assert (read.data.plate, read.data.confidence, read.data.is_preview) == (
        "浙F12345",
        0.97,
        False,
    )
    assert isinstance(seen, Scan)
    assert (seen.data.plate, seen.data.plate_confidence) == (None, 1.0)
    assert isinstance(person, PersonSeen)
    assert (person.data.person.verified_by, person.data.person.pass_) == ("document", "p1")
    assert isinstance(tick, Tick)
    assert tick.recordedtime == tick.time == TIME


def test_the_clock_topic_carries_ticks() -> None:
    value = msgspec.json.encode({"type": "cordon.clock.v1", "time": TIME})
    assert sort_out(topics.CLOCK, [value]) == ([Tick(TIME)], [])
    assert refusals(topics.CLOCK, value, b'{"time":"now"}', b'{"time":7}') == [
        (1, False),
        (2, False),
    ]


def test_a_batch_of_good_records_is_read_whole() -> None:
    found, refused = sort_out(topics.PLATE_HITS, [a_hit(), a_hit(plate=None)])
    assert refused == []
    assert [event.data.plate for event in found if isinstance(event, Hit)] == ["浙F12345", None]
    assert sort_out(topics.PLATE_HITS, []) == ([], [])


@pytest.mark.parametrize(
    "bad",
    [
        None,
        b"",
        b"nonsense",
        b"\xff\xfe",
        b'{"id": "\xff"}',
        b"[]",
        b"[" * 100_000,
        record("cordon.plate-hit.v1"),
        a_hit(confidence="high"),
        a_hit(time="2020-02-03T09:00:00+08:00"),
        a_hit(time="2020-02-03T01:00:00Z"),
        a_hit(time="2020-02-03T01:00:00.000"),
        a_hit(time="2020-02-03T01:00:00.0000"),
        a_hit(time="2020-02-03T09:00:00+0800"),
        a_hit(time="2020-02-30T01:00:00.000Z"),
        a_hit(recorded="2020-02-03T01:00:00.0000"),
        a_hit(recorded=""),
        a_hit(recorded="9999-99-99T99:99:99.999Z"),
        a_hit(recorded="2020-02-03T01:00:60.000Z"),
        a_hit(recorded="2020-02-03T01:00:00,000Z"),
        a_hit(recorded="2020-02-03T01:00:01.0٠0Z"),
        a_hit(time="2020-01-32T01:00:00.000Z"),
        a_hit(time="2020-02-03 01:00:00.000Z"),
        a_hit(time="2020-02-03T00:59:59.9 9Z"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_record_is_dead_and_the_others_are_applied(bad: bytes | None) -> None:
    assert refusals(topics.PLATE_HITS, bad) == [(0, False)]
    assert refusals(topics.PLATE_HITS, a_hit(), bad, a_hit()) == [(1, False)]


@pytest.mark.parametrize(
    ("time", "held"),
    [("2020-02-03T01:05:00.000Z", False), ("2020-02-03T01:05:00.001Z", True)],
)
def test_more_than_five_minutes_in_the_future_is_held(time: str, held: bool) -> None:
    assert refusals(topics.PLATE_HITS, a_hit(), a_hit(time=time)) == ([(1, True)] if held else [])


def test_an_unknown_kind_on_a_topic_moves_only_the_clock() -> None:
    unheard = record("cordon.unheard-of.v1", person="person:0:aa")
    found, refused = sort_out(topics.HEALTH_CHECKS, [unheard])
    assert refused == []
    assert found == [Other("e1", "camera", "cordon.unheard-of.v1", TIME, TIME)]
    ahead = record("cordon.unheard-of.v1", time="2020-02-03T02:00:00.000Z")
    assert refusals(topics.HEALTH_CHECKS, ahead) == [(0, True)]


def test_a_topic_without_a_rule_yet_is_read_for_its_time() -> None:
    assert refusals(topics.FIELD_REPORTS, record("cordon.tip.v1"), b"nonsense") == [(1, False)]


BIAS = DeviceBias(source="desk", since_ms=5, spans=[(7, 9)])
READ = TemperatureRead(
    source="desk",
    id="e1",
    of="cordon.health-check.v1",
    time_ms=1,
    recorded_ms=2,
    site="north",
    temperature=36.5,
)


@pytest.mark.parametrize("join", [BIAS, READ])
def test_a_join_is_read_as_it_was_written(join: Join) -> None:
    assert sort_out(topics.JOINS, [msgspec.json.encode(join)] * 2) == ([join, join], [])
    assert join.recordedtime == ""


@pytest.mark.parametrize("bad", [None, b"nonsense", b"{}", record("cordon.tip.v1")])
def test_a_bad_join_is_dead_and_the_others_are_taken_up(bad: bytes | None) -> None:
    good = msgspec.json.encode(READ)
    assert refusals(topics.JOINS, good, bad, good) == [(1, False)]


def test_unknown_fields_and_values_are_tolerated() -> None:
    assert refusals(topics.PLATE_HITS, a_hit(direction="sideways", mood="good")) == []


def test_a_refusal_says_why() -> None:
    _, (refused,) = sort_out(topics.PLATE_HITS, [a_hit(time="yesterday")])
    assert refused == Refused(0, False, refused.reason)
    assert "yesterday" in refused.reason
