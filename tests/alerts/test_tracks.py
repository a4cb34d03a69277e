"""Tracks: where each vehicle was read lately, packed small, and the same again from its records."""

from collections.abc import Callable, Sequence

import pytest

from schemas.times import HOUR_MS, MINUTE_MS
from services.alerts.engine import tracks
from services.alerts.engine.decode import Body, Hit, SeenPlate
from services.alerts.engine.tracks import Trace, Tracks, chunk_key
from tests.alerts.build import ms, text

CAR = "浙F12345"
DAWN = ms("02-10 06:00")
REACH_MS = HOUR_MS
Found = tuple[Trace, list[Trace]] | None


def nearer(minutes: float) -> Callable[[int], int]:
    """The same limit for every pair of cameras."""
    return lambda pair: int(minutes * MINUTE_MS)


def add(
    track: Tracks,
    minute: float,
    where: str = "a",
    *,
    plate: str = CAR,
    late_min: float = 0,
    weak: bool = False,
    seen: SeenPlate | None = None,
    event_id: str | None = None,
    limit_min: float = 0,
) -> Found:
    """Add a reading, so many minutes after dawn."""
    time_ms = int(DAWN + minute * MINUTE_MS)
    camera = track.camera(f"camera-{where}", where, "hit")
    assert camera is not None
    event = Hit(
        event_id or f"{where}{minute}",
        f"camera-{where}",
        "hit",
        text(time_ms),
        text(int(time_ms + late_min * MINUTE_MS)),
        seen or SeenPlate(where, "in", 0.97),
    )
    return track.add(event, plate, camera, weak, REACH_MS, {}, nearer(limit_min))


def ids(traces: Sequence[Trace]) -> list[str]:
    """The ids of readings."""
    return [trace.id for trace in traces]


def restored(track: Tracks) -> Tracks:
    """The tracks as their chunks give them back."""
    chunk = track.close_batch(DAWN)
    assert chunk is not None
    again = Tracks()
    again.camera("another", "camera", "hit")
    again.load(*chunk)
    again.loaded()
    return again


def test_a_reading_is_kept_with_all_that_a_fact_needs() -> None:
    track = Tracks()
    seen = SeenPlate("a", "in", 0.97, plate_colour="blue", vehicle=Body("car", "white"))
    assert add(track, 0.5, seen=seen, late_min=31.2, weak=True, event_id="é") is None
    for each in (track, restored(track)):
        (trace,) = each.of(CAR)
        assert trace.time_ms == DAWN + 30_000
        assert (trace.camera.source, trace.camera.site, trace.camera.type) == (
            "camera-a", "a", "hit",
        )  # fmt: skip
        assert (trace.looks, trace.id, trace.weak) == (("blue", "car", "white"), "é", True)
        assert trace.recorded_ms == trace.time_ms + 32 * MINUTE_MS
    assert track.of("浙F54321") == []
    assert len(track) == 1


def test_lateness_is_rounded_up_to_the_minute() -> None:
    for late_min, wanted in ((-1, 0), (0, 0), (0.1, 1), (1.0, 1), (1.9, 2), (30.0, 30)):
        track = Tracks()
        add(track, 0.25, late_min=late_min)
        assert track.of(CAR)[0].late_min == wanted


def test_the_usual_reading_is_not_looked_at() -> None:
    track = Tracks()
    assert add(track, 0) is None
    assert add(track, 10, limit_min=30) is None
    assert add(track, 20, "b", limit_min=10) is None
    assert add(track, 90, "c", limit_min=90) is None
    assert ids(track.of(CAR)) == ["a0", "a10", "b20", "c90"]


def test_one_nearer_than_its_limit_is_shown_with_those_around_it() -> None:
    track = Tracks()
    for minute in (0, 30, 50):
        add(track, minute)
    found = add(track, 55, "b", limit_min=30)
    assert found is not None
    assert found[0].id == "b55"
    assert ids(found[1]) == ["a0", "a30", "a50"]


def test_a_late_one_is_shown_with_those_on_both_sides() -> None:
    track = Tracks()
    for minute in (0, 30, 90, 200):
        add(track, minute)
    found = add(track, 60, "b", late_min=140)
    assert found is not None
    assert ids(found[1]) == ["a30", "a90"]
    assert ids(track.of(CAR)) == ["a0", "a30", "b60", "a90", "a200"]


def test_a_reading_on_record_is_not_added_again() -> None:
    track = Tracks()
    add(track, 0)
    assert add(track, 0) is None
    add(track, 10)
    assert add(track, 0) is None
    assert ids(track.of(CAR)) == ["a0", "a10"]


def test_what_is_too_late_or_before_all_times_is_no_part_of_a_track() -> None:
    track = Tracks()
    add(track, 0, late_min=72 * 60 + 1)
    add(track, -DAWN / MINUTE_MS - 1)
    assert len(track) == 0
    add(track, 0, late_min=72 * 60)
    assert len(track) == 1


def test_a_track_is_bounded() -> None:
    track = Tracks()
    name = "x" * 60
    for minute in range(200):
        add(track, minute * 61, event_id=f"{name}{minute:03d}")
    assert ids(track.of(CAR))[-1].endswith("199")
    assert len(track.of(CAR)) <= tracks.MOST_READS
    add(track, 100 * 61 + 1)
    assert len(track.of(CAR)) <= tracks.MOST_READS


def test_chunks_give_back_what_was_there_in_any_order() -> None:
    track = Tracks()
    assert track.close_batch(DAWN) is None
    chunks = []
    for minute in (0, 70, 140):
        add(track, minute)
        add(track, minute, plate="浙F54321")
        chunk = track.close_batch(DAWN + minute * MINUTE_MS)
        assert chunk is not None
        chunks.append(chunk)
    again = Tracks()
    for number, value in (chunks[2], chunks[0], chunks[1]):
        again.load(number, value)
    again.loaded()
    assert again.of(CAR) == track.of(CAR)
    assert again.of("浙F54321") == track.of("浙F54321")
    add(again, 300)
    later = again.close_batch(DAWN)
    assert later is not None
    assert later[0] == 3
    assert chunk_key(3) == b"y00000000000000000003"


def test_what_was_corrected_is_shown_no_more_and_stays_so() -> None:
    track = Tracks()
    add(track, 0)
    add(track, 10)
    track.take_out("camera-a", "a0", DAWN)
    assert ids(track.of(CAR)) == ["a10"]
    found = add(track, 5, late_min=60)
    assert found is not None
    assert ids(found[1]) == ["a10"]
    again = restored(track)
    assert ids(again.of(CAR)) == ["a5", "a10"]
    again.take_out("camera-a", "a5", DAWN)
    assert again.unsaved
    again.expire(DAWN + tracks.KEEP_MS + 1, REACH_MS)
    add(again, 0, event_id="a0", plate="浙F54321")
    assert ids(again.of("浙F54321")) == ["a0"]


def test_what_is_too_old_is_forgotten_within_a_day() -> None:
    track = Tracks()
    for minute in (0, 70, 24 * 60):
        add(track, minute)
    add(track, 0, plate="浙F54321")
    chunk = track.close_batch(DAWN + 24 * HOUR_MS)
    assert chunk is not None
    gone: list[int] = []
    for hour in range(24):
        gone += track.expire(DAWN + tracks.LATE_MS + REACH_MS + hour * HOUR_MS + 1, REACH_MS)
    assert ids(track.of(CAR))[-1] == f"a{24 * 60}"
    assert "a0" not in ids(track.of(CAR))
    assert track.of("浙F54321") == []
    assert gone == []
    assert track.expire(DAWN + tracks.KEEP_MS + 24 * HOUR_MS + 1, REACH_MS) == [0]


def test_there_is_an_end_to_how_many_cameras_and_looks_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracks, "MOST_NAMES", 2)
    track = Tracks()
    assert track.camera("one", "a", "hit") == 0
    assert track.camera("two", "a", "hit") == 1
    assert track.camera("three", "a", "hit") is None
    assert track.camera("two", "a", "hit") == 1
    for minute, colour in enumerate(("white", "black")):
        seen = SeenPlate("a", "in", 0.97, plate_colour=colour)
        event = Hit(colour, "one", "hit", text(DAWN + minute), text(DAWN + minute), seen)
        track.add(event, CAR, 0, False, REACH_MS, {}, nearer(0))
    assert [trace.looks[0] for trace in track.of(CAR)] == ["white", None]
    chunk = track.close_batch(DAWN)
    assert chunk is not None
    monkeypatch.setattr(tracks, "MOST_NAMES", 0)
    empty = Tracks()
    empty.load(*chunk)
    empty.loaded()
    assert len(empty) == 0
