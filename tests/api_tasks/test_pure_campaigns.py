"""Beds, manifests, checklists, forms and summaries: pure."""

from collections import Counter
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alerts import Reason
from schemas.problems import Rejected
from services.api.campaigns.beds import Guest, Room, Sex, plan
from services.api.campaigns.checklist import READINESS, lacking
from services.api.campaigns.forms import Form, FormField, checked
from services.api.campaigns.kinds import KINDS
from services.api.campaigns.manifests import arrivals, manifest
from services.api.tasks.kinds import KINDS_OF
from services.api.tasks.task import Task
from tests.api_tasks.test_machine import task

ROOMS = [Room("hotel", "101", ("1a", "1b")), Room("hotel", "102", ("2a", "2b", "2c"))]


def beds_of(guests: list[Guest], rooms: list[Room] = ROOMS, **more: Any) -> dict[str, str]:
    found = plan(guests, rooms, more.get("taken", {}), more.get("capacity", {}))
    return {task: bed.bed for task, bed in found.beds.items()} | dict.fromkeys(found.without, "-")


# Beds.


def test_a_household_stays_together_in_the_room_that_fits() -> None:
    family = [Guest("m", "female", "h"), Guest("f", "male", "h"), Guest("c", "male", "h")]
    couple = [Guest("x", "female", "k"), Guest("y", "male", "k")]
    assert beds_of([*couple, *family]) == {
        "m": "2a", "f": "2b", "c": "2c", "x": "1a", "y": "1b",
    }  # fmt: skip


def test_strangers_of_different_sex_are_apart() -> None:
    guests = [Guest("a", "female"), Guest("b", "male"), Guest("c", "female")]
    assert beds_of(guests) == {"a": "1a", "b": "2a", "c": "1b"}
    guests = [Guest(str(n), "female" if n < 4 else "male") for n in range(5)]
    assert list(beds_of(guests).values()).count("-") == 1


@pytest.mark.parametrize("sexes", sorted({"".join(each) for each in permutations("ffmmm")}))
def test_who_comes_first_costs_nobody_a_bed(sexes: str) -> None:
    named: dict[str, Sex] = {"f": "female", "m": "male"}
    guests = [Guest(str(n), named[sex]) for n, sex in enumerate(sexes)]
    assert "-" not in beds_of(guests).values()
    assert list(beds_of(guests, capacity={"hotel": 4}).values()).count("-") == 1


def test_a_household_that_no_room_takes_is_split_by_sex() -> None:
    big = [Guest(f"w{n}", "female", "h") for n in range(2)]
    big += [Guest(f"m{n}", "male", "h") for n in range(3)]
    assert beds_of(big) == {"w0": "1a", "w1": "1b", "m0": "2a", "m1": "2b", "m2": "2c"}


def test_nobody_is_put_to_people_who_lie_there() -> None:
    found = beds_of([Guest("a", "female"), Guest("b", "female")], taken={"hotel": ["1a"]})
    assert found == {"a": "2a", "b": "2b"}


def test_no_facility_holds_more_than_its_capacity() -> None:
    guests = [Guest(str(n), "male") for n in range(4)]
    assert list(beds_of(guests, capacity={"hotel": 3}).values()).count("-") == 1
    full = beds_of(guests, capacity={"hotel": 3}, taken={"hotel": ["9x", "9y", "9z"]})
    assert set(full.values()) == {"-"}


_GUESTS = st.lists(
    st.tuples(st.sampled_from(["female", "male"]), st.sampled_from([None, "h", "k", "l"])),
    max_size=12,
)
_SIZES = st.lists(st.integers(1, 4), max_size=6)


@given(_GUESTS, _SIZES, st.integers(0, 12), st.integers(0, 5))
def test_laws_of_beds(
    people: list[tuple[Any, str | None]], sizes: list[int], capacity: int, occupied: int
) -> None:
    guests = [Guest(str(n), sex, household) for n, (sex, household) in enumerate(people)]
    rooms = [
        Room("hotel", str(n), tuple(f"{n}-{bed}" for bed in range(size)))
        for n, size in enumerate(sizes)
    ]
    taken = [bed for room in rooms for bed in room.beds][:occupied]
    found = plan(guests, rooms, {"hotel": taken}, {"hotel": capacity})
    # Everybody has one bed or none, no bed is given twice, and none that somebody has.
    assert {*found.beds, *found.without} == {guest.task for guest in guests}
    assert not set(found.beds) & set(found.without)
    given_away = [bed.bed for bed in found.beds.values()]
    assert len(set(given_away)) == len(given_away)
    assert not set(given_away) & set(taken)
    assert len(given_away) + len(taken) <= max(capacity, len(taken))
    # Who shares a room is of one household, or of one sex.
    for room in rooms:
        inside = [guest for guest in guests if guest.task in found.beds]
        inside = [guest for guest in inside if found.beds[guest.task].room == room.room]
        one_home = len({guest.household for guest in inside}) <= 1 and inside[:1] != []
        at_home = one_home and inside[0].household is not None
        assert at_home or len({guest.sex for guest in inside}) <= 1


# Manifests.


def seat(person: str, **changes: Any) -> Task:
    return task(kind="transfer", item=person, **changes)


def test_who_is_missing() -> None:
    items = [
        seat("p1", state="done", result="arrived"),
        seat("p2", state="in-progress"),
        seat("p3"),
        seat("p4", state="done", result="missing"),
        seat("p5", state="done", result="extra"),
        seat("p6", state="cancelled"),
    ]
    found = manifest(items)
    assert (found.listed, found.on_board, found.arrived) == (4, 1, 1)
    assert (found.missing, found.extra) == (["p2", "p3", "p4"], ["p5"])
    came, extra, repeats = arrivals(items, ["p1", "p2", "p9", "p2"])
    assert ([one.item for one in came], extra, repeats) == (["p2"], ["p9"], 1)


# Checklists.


def test_what_is_lacking() -> None:
    names = [point.name for point in READINESS]
    assert lacking({}) == names
    assert lacking(dict.fromkeys(names, True) | {"masks": False}) == ["masks"]
    assert lacking(dict.fromkeys(names, True)) == []


# Forms.

ASKS = Reason("?", "?")
FORM: Form = (
    FormField("text", "text", ASKS, required=False),
    FormField("choice", "choice", ASKS, False, ("a", "b")),
    FormField("whole", "integer", ASKS, False, (), 0, 9),
    FormField("real", "number", ASKS, False, (), 0, 9),
    FormField("sure", "yes-no", ASKS, required=False),
    FormField("day", "day", ASKS, required=False),
    FormField("at", "instant", ASKS, required=False),
    FormField("who", "person", ASKS, required=False),
)


def person_of(given_: Any, where: str) -> str:
    return f"person of {given_['person']}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("text", "ok", "ok"),
        ("choice", "b", "b"),
        ("whole", 9, 9),
        ("real", 0.5, 0.5),
        ("sure", False, False),
        ("day", "2020-02-29", "2020-02-29"),
        ("at", "2020-02-01T08:00:00+08:00", "2020-02-01T00:00:00.000Z"),
        ("who", {"person": "x"}, "person of x"),
    ],
)
def test_what_a_form_takes(name: str, value: Any, expected: Any) -> None:
    assert checked(FORM, {name: value}, "answers", person_of) == {name: expected}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", ""),
        ("text", 1),
        ("text", "x" * 2_001),
        ("text", "a\x00"),
        ("text", "13800138000"),
        ("text", "\ud800"),
        ("choice", "c"),
        ("choice", ["a"]),
        ("whole", 1.0),
        ("whole", True),
        ("whole", 10),
        ("whole", 10**400),
        ("real", float("nan")),
        ("real", 10**400),
        ("real", "1"),
        ("real", -0.1),
        ("sure", 1),
        ("day", "2020-02-30"),
        ("day", 20200201),
        ("at", "2020-02-01"),
        ("who", "x"),
        ("other", 1),
    ],
)
def test_what_a_form_refuses(name: str, value: Any) -> None:
    with pytest.raises(Rejected) as caught:
        checked(FORM, {name: value}, "answers", person_of)
    assert caught.value.problem.field == f"answers.{name}"


def test_a_name_that_no_text_can_hold() -> None:
    with pytest.raises(Rejected) as caught:
        checked(FORM, {"\ud800": 1}, "answers", person_of)
    assert caught.value.problem.field == "answers.?"


def test_what_is_needed() -> None:
    form = (FormField("text", "text", ASKS),)
    for given_ in ({}, {"text": None}):
        with pytest.raises(Rejected) as caught:
            checked(form, given_, "facts", person_of)
        assert (caught.value.problem.field, caught.value.problem.detail) == (
            "facts.text",
            "is needed",
        )


def test_every_kind_is_whole() -> None:
    for kind in KINDS.values():
        assert kind.task in KINDS_OF
        names = Counter(field.name for field in (*kind.facts, *kind.answers))
        assert set(names.values()) <= {1}, kind.name
        assert all(msgspec.structs.asdict(field)["asks"].zh for field in kind.facts)
        assert all((field.type == "choice") == bool(field.options) for field in kind.answers)
        if kind.files == "pass":
            assert {"zone", "medium"} <= {field.name for field in kind.facts}
