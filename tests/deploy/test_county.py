"""The simulated county: the same bytes from the same seed, what makes streams hard, the truth."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.backtest import Backtest
from deploy.county.delivery import SKEW_MS
from deploy.county.devices import Sent
from deploy.county.heartbeats import beats, outages
from deploy.county.numbers import home_plate, resident_id, settled_plate, visitor_plate
from deploy.county.people import People, settle
from deploy.county.places import travel_s
from deploy.county.planted.case import Case, Expected, Plant, Silence
from deploy.county.planted.daily import of_day
from deploy.county.planted.plants import PLANTS
from deploy.county.registers import entries
from deploy.county.size import FULL, SMALL, Size
from deploy.county.stream import LIVE, stream
from deploy.county.timeline import main, write
from deploy.county.truth import Planted
from schemas.confusion import fold
from schemas.filing import Filing
from schemas.intake import Intake
from schemas.persons import PseudonymKey, check_identifier
from schemas.plates import normalise
from schemas.times import SECOND_MS, parse_ms

START = "2026-03-02T08:00:00+08:00"  # The rush hour.
START_MS = parse_ms(START)


@pytest.fixture(scope="module")
def people() -> People:
    """The people of the small county."""
    return settle(1)


def county(seed: int, hours: float, rate: float) -> tuple[list[bytes], list[Planted]]:
    """A timeline and its truth."""
    truth: list[Planted] = []
    return list(write(settle(seed), seed, START_MS, hours, rate, truth)), truth


def simulate(out: Path, seed: int, hours: float, start: str = START) -> int:
    """What the command does, for a small county."""
    return main(out, seed=seed, hours=hours, rate=1.0, start=start, scale="small")


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert simulate(tmp_path / name, 3, 0.1) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    truth = (tmp_path / "a.truth.json").read_bytes()
    assert truth == (tmp_path / "b.truth.json").read_bytes()
    assert json.loads(truth)["seed"] == 3


def test_another_seed_gives_another_county() -> None:
    assert county(1, 0.05, 1.0)[0] != county(2, 0.05, 1.0)[0]


def test_a_bad_start_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(tmp_path / "x", 1, 1, "2026-03-02T08:00:00") == 2
    assert "offset" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("size", "roles", "filed"),
    [
        (
            SMALL,
            {"boundary": 6, "checkpoint": 6, "inner": 6, "community": 8},
            {"site": 26, "order": 50, "resident-vehicle": 5_000, "watch-entry": 40,
             "exemption": 240},
        ),
        (
            FULL,
            {"boundary": 12, "checkpoint": 10, "inner": 20, "community": 28},
            {"site": 70, "order": 200, "resident-vehicle": 20_000, "watch-entry": 200,
             "exemption": 2_960},
        ),
    ],
)  # fmt: skip
def test_the_county_has_its_size(size: Size, roles: dict[str, int], filed: dict[str, int]) -> None:
    all_ = settle(1, size)
    assert Counter(site.role for site in all_.places.sites) == roles
    found = Counter(name for name, _ in entries(all_, START_MS))
    assert {name: found[name] for name in filed} == filed
    assert found["vehicle-link"] > 0
    persons = {number for each in all_.households for number in each.members}
    assert len(persons) + len(all_.ordered) == size.persons
    assert all_.settled


def test_nobody_is_two(people: People) -> None:
    drivers = [each.members[0] for each in (*people.residents, *people.parked)]
    ordered = [each.id_number for each in people.ordered]
    listed = [each.id_number for each in people.listed if each.id_number]
    assert len({*drivers, *ordered, *listed}) == len(drivers) + len(ordered) + len(listed)


def test_every_entry_can_be_filed(people: People) -> None:
    filing = Filing(Intake(PseudonymKey.fixed_for_tests()))
    last: dict[str, dict[str, Any]] = {}
    for name, entry in entries(people, START_MS):
        if name != "resident-vehicle" or name not in last:
            filing.entry(name, entry)
        last[name] = entry
    assert set(last) >= {"zone", "site", "order", "watch-entry", "exemption"}


def test_no_two_plates_are_the_same() -> None:
    plates = [home_plate(n) for n in range(25_000)]
    settled = [settled_plate(n) for n in range(25_000)]
    visitors = [visitor_plate(n) for n in range(1_772_409_600, 1_772_409_600 + 100_000)]
    assert len({*plates, *settled, *visitors}) == 150_000
    # As in life some are look-alikes, and some have green plates.
    assert len({fold(plate) for plate in plates}) < len(plates)
    assert {len(plate) for plate in plates} == {7, 8}
    for plate in (*plates[:2000], *settled[:2000], *visitors[:2000]):
        assert normalise(plate, "prc").text == plate


def test_resident_ids_are_valid_and_all_different() -> None:
    numbers = [resident_id(n) for n in (*range(61_000), *range(17_724_000, 17_725_000))]
    assert len(set(numbers)) == len(numbers)
    assert all(check_identifier("resident_id", number) == number for number in numbers)


def test_ways_take_their_time(people: People) -> None:
    north, south = people.places.boundary[0], people.places.boundary[2]
    assert travel_s(north, south) == travel_s(south, north)
    # Two and a half kilometres and a detour, at 54 km/h.
    assert 200 < travel_s(north, south) < 215
    assert travel_s(north, north) == 40


def events(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """What happens, without what is filed."""
    return (event for line in lines if ".put." not in (event := json.loads(line))["type"])


def test_a_timeline_is_in_order_of_arrival_and_some_of_it_comes_twice() -> None:
    happened = list(events(county(1, 1.5, 2.0)[0]))
    arrived = [event["recordedtime"] for event in happened]
    identities = Counter((event["source"], event["id"]) for event in happened)
    assert arrived == sorted(arrived)
    assert 0.005 < sum(1 for times in identities.values() if times > 1) / len(happened) < 0.02
    assert max(identities.values()) == 2


def test_the_rate_is_about_what_was_asked_for() -> None:
    rate = 1.0
    # Over a whole day, since there is more traffic at some hours than at others; what is planted
    # comes on top.
    count = sum(1 for _ in events(county(1, 24, rate)[0]))
    assert 0.9 < count / (24 * 3600 * rate) < 1.5


def test_about_a_tenth_of_the_frames_is_misread(people: People) -> None:
    known = {each.plate for each in (*people.residents, *people.parked)}
    known |= {*people.taxis, *people.coaches, *people.trucks}
    hits = [event["data"] for event in events(county(1, 0.5, 5.0)[0])
            if event["type"] == "cordon.plate-hit.v1"]  # fmt: skip
    reads = [hit["plate"].replace("·", "") for hit in hits if hit["site"].startswith("community")]
    misread = [plate for plate in reads if plate not in known]
    assert 0.07 < len(misread) / len(reads) < 0.12
    alike = {fold(plate) for plate in known if plate}
    assert all(fold(plate) in alike for plate in misread)
    assert any(hit.get("is_preview") for hit in hits)
    assert any(0.5 < hit["confidence"] < 0.85 for hit in hits if not hit.get("is_preview"))


def test_a_gate_without_a_connection_uploads_afterwards(people: People) -> None:
    late = [
        event
        for event in events(county(1, 2.0, 2.0)[0])
        if event["data"].get("capture_mode") == "buffered"
        and event["data"]["site"] != people.places.quiet[-1].id
    ]
    assert {event["data"]["site"] for event in late} == {people.places.offline.id}
    # From half past until a quarter past, as the docs say.
    assert min(event["recordedtime"] for event in late) >= "2026-03-02T01:15:00.000Z"
    assert min(event["time"] for event in late) < "2026-03-02T00:40:00.000Z"


def test_one_camera_has_a_fast_clock(people: People) -> None:
    ahead = [
        parse_ms(event["time"]) - parse_ms(event["recordedtime"])
        for event in events(county(1, 0.5, 2.0)[0])
        if event["data"].get("site") == people.places.skewed.id
    ]
    assert ahead
    assert max(ahead) > SKEW_MS - 10 * SECOND_MS


def test_no_car_is_in_two_places_at_once(people: People) -> None:
    last: dict[str, tuple[int, str]] = {}
    strange = (people.places.offline.id, people.places.skewed.id)
    alike = Counter(fold(each.plate) for each in people.residents if each.plate)
    for each in islice(stream(people, 1, START_MS, LIVE), 15_000):
        if isinstance(each, Case) or not {"plate", "site"} <= (data := each.event["data"]).keys():
            continue
        if data["plate"] is None:
            continue
        site = data["site"]
        plate, at_ms = data["plate"].replace("·", ""), parse_ms(each.event["time"])
        # What looks like two cars may be either of them.
        if site in strange or alike[fold(plate)] > 1:
            continue
        before_ms, before = last.get(plate, (0, site))
        assert before == site or abs(at_ms - before_ms) > 20_000, (plate, before, site)
        last[plate] = (at_ms, site)


def test_a_demo_shows_a_case_every_three_seconds_at_first(people: People) -> None:
    seen: list[Case] = []
    for each in stream(people, 1, START_MS, LIVE):
        if isinstance(each, Case):
            seen.append(each)
        elif each.recorded_ms > START_MS + 70_000:
            break
    planted = [case for case in seen if case.at_ms > START_MS and case.sent]
    assert len({case.name for case in planted}) >= 23
    assert planted[0].at_ms - START_MS <= 1000


def test_no_two_kinds_of_case_have_one_name(people: People) -> None:
    rng = random.Random(1)
    cases = [plant(people, 0, START_MS + 1000, rng) for plant in PLANTS]
    assert len({case.name for case in cases}) == len(PLANTS)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_every_kind_of_case_is_sound(people: People, plant: Plant) -> None:
    """What it files and sends is taken, and it tells of somebody."""
    case = plant(people, 3, START_MS + 9000, random.Random(2))
    whom: list[Expected | Silence] = [*case.expected, *case.allowed]
    whom += [case.silence] if case.silence else []
    assert whom
    assert all(each.order or each.subject or each.person for each in whom)
    assert bool(case.expected) != bool(case.silence)
    backtest = Backtest(PseudonymKey.fixed_for_tests())
    for sent in sorted(case.sent, key=lambda sent: sent.recorded_ms):
        backtest.feed(msgspec.json.encode(sent.event))
    assert not backtest.passed_over


def test_what_has_its_time_of_day_is_told_too(people: People) -> None:
    day_ms = parse_ms("2026-03-02T00:00:00+08:00")
    kinds = Counter(case.name for case in of_day(people, day_ms, random.Random(1)))
    size = people.size
    assert kinds["missed-once"] == 3 * size.missing
    assert kinds["missed-and-driven"] == size.missing
    assert kinds["checked-in"] == 2 * size.followed
    assert kinds["nil-report-missing"] == 1
    assert kinds["overnight"] == kinds["late-visit"] == size.overnight


def test_nobody_is_heard_of_in_an_outage(people: People) -> None:
    watched, rng = people.places.quiet[-1], random.Random(1)
    minutes = range(START_MS, START_MS + 4 * 3_600_000, 60_000)
    begun = [case for ms in minutes for case in outages(people, ms, rng) if case.name == "outage"]
    assert {case.expected[0].subject for case in begun} == {
        f"site:{site.id}" for site in people.places.heard
    }
    at = next(case.at_ms for case in begun if case.expected[0].subject == f"site:{watched.id}")
    heard = [
        {sent.event["data"].get("site") for sent in beats(people, ms, 1)}
        for ms in (at + 120_000, START_MS)
    ]
    assert watched.id not in heard[0]
    assert heard[1] >= {site.id for site in people.places.heard}


def test_a_case_that_the_end_cuts_off_is_not_in_the_timeline(people: People) -> None:
    lines, truth = county(1, 0.02, 1.0)
    # The linked car, planted at 61 s, is read a second time after the end.
    assert {planted.case for planted in truth if planted.expected} == {"breach-document"}
    cars = {each.car or each.shared_car for each in people.ordered} - {None}
    reads = {event["data"].get("plate") for event in events(lines)}
    assert not cars & reads


def test_the_truth_is_what_the_file_says(tmp_path: Path) -> None:
    assert simulate(tmp_path / "t", 1, 0.5) == 0
    truth = json.loads((tmp_path / "t.truth.json").read_text())
    assert (truth["from_warm"], truth["scale"]) == (True, "small")
    first = next(each for each in truth["cases"] if each["case"] == "breach-document")
    assert (first["case"], first["time"]) == ("breach-document", "2026-03-02T00:00:01.000Z")
    assert "2026-03-02T00:01:01" < first["until"] < "2026-03-02T00:01:03"
    (expected,) = first["expected"]
    assert expected == {"rule": "quarantine-breach", "order": expected["order"]}
    leave = next(each for each in truth["cases"] if each["case"] == "permitted-trip")
    assert leave["silence"]["why"] == "a permit covers it"


def test_what_is_sent_can_be_encoded(people: People) -> None:
    for each in islice(stream(people, 1, START_MS, LIVE), 200):
        if isinstance(each, Sent):
            assert msgspec.json.decode(msgspec.json.encode(each.event)) == each.event
