"""D18, visit by visit."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from rules import first_seen_vehicle
from rules.facts import Read
from rules.first_seen_vehicle import Visit, assess, passages
from rules.match import Match
from schemas.alerts import Subject
from schemas.times import DAY_MS
from tests.alerts.build import FOREVER_MS, exempt, match, ms, read, world

RULE = first_seen_vehicle.RULE
CAR, LIKE_IT, LIKE_THAT = "浙F12345", "浙F72345", "浙F1234S"
OTHER = "苏E55566"


class Known:
    """What is known of vehicles: when each was last read, which are at home, since when."""

    def __init__(
        self,
        seen: Mapping[str, str] | None = None,
        residents: Sequence[str] = (),
        since_ms: int = FOREVER_MS,
    ) -> None:
        self._seen = {plate: ms(when) for plate, when in (seen or {}).items()}
        self._residents = residents
        self._since_ms = since_ms

    def exempt(self, read: Read) -> bool:
        return False

    def known(self, region: str, plate: str, before_ms: int, look_back_d: int) -> bool:
        seen_ms = self._seen.get(plate)
        return seen_ms is not None and before_ms - look_back_d * DAY_MS <= seen_ms < before_ms

    def resident(self, plate: str, at_ms: int, known_ms: int) -> bool:
        return plate in self._residents

    def warm(self, at_ms: int, look_back_d: int) -> bool:
        return at_ms - look_back_d * DAY_MS >= self._since_ms


def visits(
    *reads: Read, known: Known | None = None, clock: str = "02-10 11:00", **parameters: Any
) -> list[Visit]:
    """The visits among reads, at an instant."""
    return assess(reads, known or Known(), {**RULE.defaults, **parameters}, "default@1", ms(clock))


def matches(
    *reads: Read, known: Known | None = None, clock: str = "02-10 11:00", **parameters: Any
) -> list[Match]:
    """The matches of all visits."""
    found = visits(*reads, known=known, clock=clock, **parameters)
    return [match for visit in found for match in visit.matches]


IN = read(CAR, "bound", "02-10 10:00", "in")
INNER = read(CAR, "inner", "02-10 10:40")
OUT = read(CAR, "bound-2", "02-10 10:55", "out")


def test_a_second_passage_at_another_site_opens() -> None:
    (visit,) = visits(IN, INNER)
    (match,) = visit.matches
    assert (visit.region, visit.plate, visit.due_ms) == ("county", CAR, ms("02-10 12:00"))
    assert (match.first_ms, match.site, match.detail) == (ms("02-10 10:40"), "inner", "bound")
    assert (match.severity, match.evidence_class, match.outcome) == ("low", "vehicle", None)


def test_an_entrance_alone_raises_nothing() -> None:
    (visit,) = visits(IN, clock="02-10 18:00")
    assert (visit.matches, visit.due_ms) == ([], None)


def test_in_and_out_raises_nothing() -> None:
    assert matches(IN, OUT) == []
    assert matches(IN, read(CAR, "bound", "02-10 18:00", "out"), clock="02-10 19:00") == []


def test_the_same_site_again_does_not_open_but_counts_once_it_is_open() -> None:
    again = read(CAR, "bound", "02-10 10:20", "in")
    assert matches(IN, again) == []
    later = read(CAR, "bound", "02-10 10:50", "in")
    assert [match.site for match in matches(IN, again, INNER, later)] == ["inner", "bound"]


def test_another_boundary_site_inward_opens() -> None:
    assert [match.site for match in matches(IN, read(CAR, "bound-2", "02-10 10:30", "in"))] == [
        "bound-2"
    ]


def test_outward_inside_the_region_opens() -> None:
    assert matches(IN, read(CAR, "inner", "02-10 10:40", "out"))


@pytest.mark.parametrize("role", ["inner", "checkpoint", "community"])
def test_only_a_boundary_site_is_an_entrance(role: str) -> None:
    assert visits(read(CAR, "bound", "02-10 10:00", "in", role=role), INNER) == []


@pytest.mark.parametrize("direction", ["out", "internal", "unknown"])
def test_only_inward_is_an_entrance(direction: str) -> None:
    assert visits(read(CAR, "bound", "02-10 10:00", direction), INNER) == []


@pytest.mark.parametrize(("confidence", "enough"), [(0.89, False), (0.9, True)])
def test_an_entrance_is_read_with_confidence(confidence: float, enough: bool) -> None:
    came = read(CAR, "bound", "02-10 10:00", "in", confidence=confidence)
    assert bool(matches(came, INNER)) is enough


@pytest.mark.parametrize(("confidence", "enough"), [(0.89, False), (0.9, True)])
def test_so_is_the_second_passage(confidence: float, enough: bool) -> None:
    seen = read(CAR, "inner", "02-10 10:40", confidence=confidence)
    assert bool(matches(IN, seen)) is enough


def test_a_confusable_plate_is_no_second_passage() -> None:
    assert matches(IN, read(LIKE_IT, "inner", "02-10 10:40")) == []


# Medium, and transit.


@pytest.mark.parametrize(
    ("clock", "severity", "due"),
    [
        ("02-10 11:59:59.999", "low", "02-10 12:00"),
        ("02-10 12:00", "medium", None),
        ("02-12 00:00", "medium", None),
    ],
)
def test_the_clock_lifts_it_two_hours_after_the_entrance(
    clock: str, severity: str, due: str | None
) -> None:
    (visit,) = visits(IN, INNER, clock=clock)
    assert visit.matches[0].severity == severity
    assert visit.due_ms == (ms(due) if due else None)
    assert len(visit.matches) == 1


@pytest.mark.parametrize("clock", ["02-10 11:00", "02-10 15:00"])
@pytest.mark.parametrize("left", ["02-10 10:55", "02-10 12:00"])
def test_leaving_within_two_hours_is_transit(left: str, clock: str) -> None:
    (visit,) = visits(IN, INNER, read(CAR, "bound-2", left, "out"), clock=clock)
    (match,) = visit.matches
    assert (match.outcome, match.severity, visit.due_ms) == ("transit", "low", None)


def test_leaving_later_stays_medium() -> None:
    late = read(CAR, "bound-2", "02-10 12:00:01", "out")
    (match,) = matches(IN, INNER, late, clock="02-10 13:00")
    assert (match.outcome, match.severity) == (None, "medium")


def test_a_doubtful_or_confusable_exit_is_an_exit() -> None:
    doubtful = read(LIKE_IT, "bound-2", "02-10 10:55", "out", confidence=0.5)
    assert matches(IN, INNER, doubtful)[0].outcome == "transit"
    stranger = read("浙F77777", "bound-2", "02-10 10:55", "out")
    assert matches(IN, INNER, stranger)[0].outcome is None


def test_what_comes_after_the_exit_is_no_part_of_the_visit() -> None:
    back = read(CAR, "inner-2", "02-10 11:30")
    assert [match.site for match in matches(IN, INNER, OUT, back)] == ["inner"]


def test_a_visit_lasts_seventy_two_hours() -> None:
    last = read(CAR, "inner", "02-13 10:00")
    after = read(CAR, "inner-2", "02-13 10:00:01")
    assert [match.site for match in matches(IN, last, after, clock="02-14 00:00")] == ["inner"]


def test_historical_is_one_lower() -> None:
    late = read(CAR, "inner", "02-10 10:40", recorded="02-10 13:00")
    (match,) = matches(IN, late, clock="02-10 13:00")
    assert (match.severity, match.historical) == ("low", True)
    (match,) = matches(IN, late, OUT, clock="02-10 13:00")
    assert match.severity == "info"


# Who is known.


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        ("01-11 09:59:59", False),
        ("01-11 10:00", True),
        ("02-10 09:00", True),
        ("01-10 10:00", False),
    ],
)
def test_a_vehicle_read_in_the_look_back_is_known(seen: str, known: bool) -> None:
    assert bool(visits(IN, INNER, known=Known({CAR: seen}))) is not known


@pytest.mark.parametrize("neighbour", [LIKE_IT, LIKE_THAT])
def test_a_confusable_neighbour_that_is_known_makes_it_a_misread(neighbour: str) -> None:
    assert visits(IN, INNER, known=Known({neighbour: "02-09 10:00"})) == []
    assert visits(IN, INNER, known=Known(residents=[neighbour])) == []


def test_two_characters_away_is_another_vehicle() -> None:
    assert visits(IN, INNER, known=Known({"浙F7234S": "02-09 10:00"}))


@pytest.mark.parametrize(
    ("came", "later", "opens"),
    [("", "", True), ("", "county", True), ("county", "", False), ("county", "other", False)],
)
def test_the_deployment_contains_every_region_and_no_region_what_has_none(
    came: str, later: str, opens: bool
) -> None:
    entrance = read(CAR, "bound", "02-10 10:00", "in", region=came)
    assert bool(matches(entrance, read(CAR, "inner", "02-10 10:40", region=later))) is opens
    out = read(CAR, "bound-2", "02-10 10:55", "out", region=later)
    inside = read(CAR, "inner", "02-10 10:40", region=came)
    (match,) = matches(entrance, inside, out)
    assert (match.outcome == "transit") is opens


def test_a_vehicle_at_home_here_is_known() -> None:
    assert visits(IN, INNER, known=Known(residents=[CAR])) == []


def test_before_history_is_complete_nothing_opens() -> None:
    assert visits(IN, INNER, known=Known(since_ms=ms("01-11 10:00:01"))) == []
    assert visits(IN, INNER, known=Known(since_ms=ms("01-11 10:00")))


def test_a_site_that_is_warming_is_no_entrance() -> None:
    new = read(CAR, "bound", "02-10 10:00", "in", warming=True)
    assert visits(new, INNER) == []


def test_one_visit_at_a_time() -> None:
    again = read(CAR, "bound-2", "02-10 10:20", "in")
    (visit,) = visits(IN, again, INNER)
    assert [match.site for match in visit.matches] == ["bound-2", "inner"]


def test_regions_are_separate() -> None:
    elsewhere = read(CAR, "inner-2", "02-10 10:40", region="other")
    assert matches(IN, elsewhere) == []
    gone = read(CAR, "bound-2", "02-10 10:30", "out", region="other")
    assert matches(IN, gone, INNER)[0].outcome is None
    there = read(CAR, "bound", "02-10 10:01", "in", region="other", source="camera-there")
    found = visits(IN, there, INNER, elsewhere)
    assert [visit.region for visit in found] == ["county", "other"]
    assert [len(visit.matches) for visit in found] == [1, 1]


# Passages.


def test_frames_within_fifteen_seconds_are_one_passage_of_the_best() -> None:
    frames = [
        read(CAR, "inner", "02-10 10:40:00", confidence=0.91),
        read(LIKE_IT, "inner", "02-10 10:40:15", confidence=0.98),
        read(CAR, "inner", "02-10 10:40:30", confidence=0.98),
    ]
    (one,) = passages(frames[::-1], 15_000)
    assert (one.first_ms, one.last_ms) == (ms("02-10 10:40:00"), ms("02-10 10:40:30"))
    # The most confident, then the earliest.
    assert one.best == frames[1]
    assert one.plates == {CAR, LIKE_IT}


def test_later_frames_and_other_cameras_are_other_passages() -> None:
    frames = [
        read(CAR, "inner", "02-10 10:40:00"),
        read(CAR, "inner", "02-10 10:40:15.001"),
        read(CAR, "inner", "02-10 10:40:01", source="the other camera"),
    ]
    assert [one.first_ms - ms("02-10 10:40") for one in passages(frames, 15_000)] == [
        0, 1_000, 15_001,
    ]  # fmt: skip


def test_ocr_variants_of_the_entrance_do_not_hide_it() -> None:
    """Scenario 24: two readings of one plate within a passage are one vehicle."""
    variant = read(LIKE_IT, "bound", "02-10 09:59:58", "in", confidence=0.93)
    (visit,) = visits(variant, IN, INNER)
    assert (visit.plate, len(visit.matches)) == (CAR, 1)
    frames = [INNER, read(CAR, "inner", "02-10 10:40:10"), read(LIKE_IT, "inner", "02-10 10:40:12")]
    (match,) = matches(variant, IN, *frames)
    assert (match.first_ms, match.last_ms) == (ms("02-10 10:40"), ms("02-10 10:40:12"))


def test_the_order_of_reads_does_not_matter_and_nothing_is_changed() -> None:
    reads = [OUT, INNER, IN]
    before = list(reads)
    assert visits(*reads) == visits(IN, INNER, OUT)
    assert reads == before


def test_the_thresholds_are_policy() -> None:
    assert visits(IN, INNER, look_back_d=3, known=Known({CAR: "02-05 10:00"}))
    assert matches(IN, INNER, dwell_s=60)[0].severity == "medium"
    assert matches(IN, INNER, visit_h=0.5) == []
    assert matches(IN, INNER, min_confidence=0.98) == []


def test_the_reason_says_where_it_came_in_and_whether_it_left() -> None:
    subject = Subject("vehicle", f"vehicle:{CAR}", "浙F1**45")
    here = first_seen_vehicle.describe(matches(IN, INNER)[0], subject)
    gone = first_seen_vehicle.describe(matches(IN, INNER, OUT)[0], subject)
    for text in (here.en, here.zh, gone.en, gone.zh):
        assert "浙F1**45" in text
        assert "bound" in text
    assert "transit" in gone.en
    assert "过境" in gone.zh
    assert "inner" in here.en


# What explains a vehicle.


@pytest.mark.parametrize(
    ("kind", "why"),
    [("green-channel", "green-channel:e1"), ("fleet", "fleet:e1"), ("whitelist", None)],
)
def test_an_exemption_filed_later_takes_the_ground_away(kind: str, why: str | None) -> None:
    found = match("02-10 12:00", order=None)
    assert (
        first_seen_vehicle.excuse(found, "浙F12345", world(exempt("e1", "浙F12345", kind))) == why
    )
    assert (
        first_seen_vehicle.excuse(found, "浙F54321", world(exempt("e1", "浙F12345", kind))) is None
    )
    elsewhere = exempt("e1", "浙F12345", kind, corridor=["facility"])
    assert first_seen_vehicle.excuse(found, "浙F12345", world(elsewhere)) is None
    nowhere = match("02-10 12:00", site="nowhere")
    assert first_seen_vehicle.excuse(nowhere, "浙F12345", world(exempt("e1", "浙F12345"))) is None
