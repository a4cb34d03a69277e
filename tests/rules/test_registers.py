"""What the rules read of the registers, with two times."""

from typing import Any

import msgspec
import pytest

from rules.catalogue import CATALOGUE
from rules.facts import NEWEST, Cover
from rules.registers import UNREADABLE, Change, Registers
from schemas.times import HOUR_MS
from tests.alerts.build import (
    Line,
    deletion,
    exempt,
    filed,
    link,
    ms,
    order,
    permit,
    person,
    policy,
    put,
    resident,
    site,
    site_facts,
    text,
    transfer,
    watch,
    world,
    zone,
)

NOON = ms("02-10 12:00")
CAR = "浙F12345"


def changes(*lines: Line) -> list[Change]:
    """What an inbox is told of lines filed on top of the county."""
    registers = world()
    inbox = registers.inbox()
    for line in lines:
        registers.apply(filed(line))
    return inbox


# Sites.


def test_a_site_with_its_zones_and_its_region() -> None:
    facts = world().site("gate-1", NOON, NOON)
    assert facts is not None
    assert (facts.role, facts.region) == ("community", "county")
    assert facts.zones == {"county", "home-1"}
    assert (facts.grid, facts.warm_until_ms) == (None, 0)


def test_a_site_in_no_region_is_in_the_whole_deployments() -> None:
    registers = world(site("far", "boundary", ()), site("odd", "inner", ("home-1", "nowhere")))
    for site_id in ("far", "odd"):
        facts = registers.site(site_id, NOON, NOON)
        assert facts is not None
        assert facts.region == ""


def test_a_region_filed_later_is_no_region_yet() -> None:
    registers = world(zone("later", "region", filed=NOON + 1), site("far", zones=("later",)))
    before, after = (registers.site("far", NOON, known) for known in (NOON, NOON + 1))
    assert before is not None
    assert after is not None
    assert (before.region, after.region) == ("", "later")


def test_a_site_warms_until_an_instant() -> None:
    facts = world(site("new", warm_until="02-20 00:00")).site("new", NOON, NOON)
    assert facts is not None
    assert facts.warm_until_ms == ms("02-20 00:00")


@pytest.mark.parametrize(
    ("since", "late_ms", "good"),
    [
        ("01-01 00:00", 1, True),
        ("01-01 00:00", 72 * HOUR_MS, True),
        ("01-01 00:00", 72 * HOUR_MS + 1, False),
        ("02-10 13:00", HOUR_MS, False),
    ],
)
def test_a_site_filed_within_72_hours_is_good_for_what_waited(
    since: str, late_ms: int, good: bool
) -> None:
    registers = world(site("late", filed=NOON + late_ms, since=since))
    assert (registers.site("late", NOON, NOON) is not None) is good


def test_a_site_that_is_not_filed_or_no_more() -> None:
    registers = world(deletion("site", "inner", NOON))
    assert registers.site("nowhere", NOON, NOON) is None
    assert registers.site("inner", NOON - 1, NOON) is not None
    assert registers.site("inner", NOON, NOON) is None


# Orders and links.


def test_an_order_is_somebodys_while_it_is_active() -> None:
    registers = world(order("o1", until="02-15 00:00"))
    (facts,) = registers.orders_of(person("wang"), NOON, NOON)
    assert (facts.id, facts.class_, facts.zone) == ("o1", "home-isolation", "home-1")
    assert facts.start_ms == ms("02-01 10:00")
    assert registers.orders_of(person("li"), NOON, NOON) == []
    assert registers.orders_of(person("wang"), ms("02-15 00:00"), NEWEST) == []
    assert registers.order("o1", ms("02-01 09:59"), NEWEST) is None
    assert registers.order("nothing", NOON, NOON) is None


def test_an_order_filed_again_for_somebody_else_is_no_longer_his() -> None:
    registers = world(order("o1"), order("o1", "li", filed="02-05 00:00", since="02-01 10:00"))
    assert registers.orders_of(person("wang"), NOON, NOON) == []
    assert len(registers.orders_of(person("li"), NOON, NOON)) == 1
    assert len(registers.orders_of(person("wang"), NOON, ms("02-04 00:00"))) == 1


def test_links_come_from_orders_and_from_the_register() -> None:
    registers = world(
        order("o1", vehicles=[CAR]),
        link("l1", "li", CAR, "owner", 0.4),
        link("l2", "li", "浙F54321"),
    )
    assert [
        (each.person, each.role, each.strength) for each in registers.links_of(CAR, NOON, NOON)
    ] == [
        (person("wang"), "order", 1.0),
        (person("li"), "owner", 0.4),
    ]
    assert {CAR, "浙F54321"} <= registers.named_plates()
    assert registers.links_of("浙F00001", NOON, NOON) == []


def test_a_link_that_was_given_another_plate_is_not_this_ones() -> None:
    registers = world(link("l1", "li", CAR), link("l1", "li", "浙F54321", filed="02-05 00:00"))
    assert registers.links_of(CAR, NOON, NOON) == []
    assert len(registers.links_of("浙F54321", NOON, NOON)) == 1


# Covers, residents, policy.


def test_covers_are_found_by_order_and_by_person() -> None:
    times = ("02-10 11:00", "02-10 13:00")
    registers = world(
        order("o1"),
        permit("p1", "o1", *times, filed="02-09 00:00"),
        transfer("t1", *times, "02-10 12:30", filed="02-09 00:00", people=["li"]),
        order("o2", "li"),
        order("o3", "zhao"),
    )
    inner = registers.site("inner", NOON, NOON)
    assert inner is not None
    covers = {}
    for order_id in ("o1", "o2", "o3"):
        facts = registers.order(order_id, NOON, NOON)
        assert facts is not None
        covers[order_id] = registers.cover(facts, inner, NOON, NOON)
    assert covers == {"o1": Cover("permit", "p1"), "o2": Cover("transfer", "t1"), "o3": None}


def test_a_permit_given_to_another_order_covers_only_that() -> None:
    times = ("02-10 11:00", "02-10 13:00")
    registers = world(
        order("o1"),
        permit("p1", "o1", *times, filed="02-09 00:00"),
        permit("p1", "o2", *times, filed="02-09 01:00"),
    )
    inner, facts = registers.site("inner", NOON, NOON), registers.order("o1", NOON, NOON)
    assert inner is not None
    assert facts is not None
    assert registers.cover(facts, inner, NOON, NOON) is None


def test_a_resident_vehicle() -> None:
    registers = world(resident(CAR, since="02-05 00:00", filed="02-06 00:00"))
    assert registers.resident(CAR, NOON, NOON)
    assert not registers.resident(CAR, ms("02-04 00:00"), NEWEST)
    assert not registers.resident(CAR, NOON, ms("02-05 00:00"))
    assert not registers.resident("浙F54321", NOON, NOON)


def test_a_policy_changes_what_it_names_from_when_it_holds() -> None:
    rule = "first-seen-vehicle"
    defaults = next(each.defaults for each in CATALOGUE if each.name == rule)
    assert world().policy(rule, NOON, NOON) == (defaults, "default@1")
    registers = world(policy(rule, filed="02-05 00:00", look_back_d=5))
    assert registers.policy(rule, NOON, NOON) == (
        {**defaults, "look_back_d": 5},
        f"p@{text('02-05 00:00')}",
    )
    assert registers.policy(rule, ms("02-04 00:00"), NOON) == (defaults, "default@1")
    assert registers.policy("quarantine-breach", NOON, NOON)[0] == {"grace_s": 7200}


def test_of_several_policies_the_last_filed_wins() -> None:
    rule = "quarantine-breach"
    registers = world(
        policy(rule, filed="02-05 00:00", name="b", grace_s=1),
        policy(rule, filed="02-06 00:00", name="a", grace_s=2),
        policy(rule, filed="02-06 00:00", name="0", grace_s=3),
    )
    assert registers.policy(rule, NOON, NOON)[0]["grace_s"] == 2
    assert registers.policy(rule, NOON, ms("02-05 12:00"))[0]["grace_s"] == 1


def test_the_defaults_of_every_rule_lie_within_the_bounds_of_policy() -> None:
    for rule in CATALOGUE:
        registers = world(policy(rule.name, filed="02-05 00:00", **rule.defaults))
        assert registers.policy(rule.name, NOON, NOON)[0] == rule.defaults


# Changes.


def test_every_change_is_told_with_the_orders_it_may_concern() -> None:
    told = changes(
        order("o1"),
        order("o2", "li"),
        permit("p1", "o1", "02-10 11:00", "02-10 13:00", filed="02-09 00:00"),
        transfer(
            "t1", "02-10 11:00", "02-10 13:00", "02-10 12:00", filed="02-09 00:00",
            orders=["o1"], people=["li"],
        ),
        link("l1", "li", CAR),
        deletion("vehicle-link", "l1", "02-12 00:00"),
        site("new"),
    )  # fmt: skip
    assert [(each.register, each.id, each.orders) for each in told] == [
        ("order", "o1", ("o1",)),
        ("order", "o2", ("o2",)),
        ("permit", "p1", ("o1",)),
        ("transfer", "t1", ("o1", "o2")),
        ("vehicle-link", "l1", ("o2",)),
        ("vehicle-link", "l1", ("o2",)),
        ("site", "new", ()),
    ]
    assert told[0].recorded_ms == ms("02-01 10:00")


def test_putting_the_same_again_is_no_change() -> None:
    again = order("o1", filed="02-05 00:00", since="02-01 10:00")
    assert len(changes(order("o1"), again)) == 1
    gone = deletion("order", "o1", "02-06 00:00")
    assert len(changes(order("o1"), gone, deletion("order", "o1", "02-07 00:00"))) == 2


def test_an_inbox_that_was_given_back_is_told_nothing() -> None:
    registers = world()
    inbox, other = registers.inbox(), registers.inbox()
    registers.give_back(inbox)
    change = registers.apply(filed(order("o1")))
    assert (inbox, other) == ([], [change])
    assert registers.newest_ms == ms("02-01 10:00")
    assert list(registers.versions("order")) == ["o1"]


def test_records_of_other_registers_change_nothing() -> None:
    line = {**order("o1"), "type": "cordon.unheard-of.put.v1"}
    registers = Registers()
    assert registers.apply(msgspec.json.encode(line)) is None


@pytest.mark.parametrize(
    "value",
    [
        b"nonsense",
        b"{}",
        msgspec.json.encode(order("o1")).replace(b"test", b"\xff"),
        msgspec.json.encode(order("o1")).replace(b'"data":{', b'"data":{"x":' + b"[" * 9_000),
        msgspec.json.encode({**order("o1"), "data": {}}),
        msgspec.json.encode({**deletion("order", "o1", "02-05 00:00"), "data": {}}),
        msgspec.json.encode({**order("o1"), "time": "today"}),
        msgspec.json.encode(policy("quarantine-breach", filed="02-05 00:00", grace_s="long")),
    ],
)
def test_a_record_that_is_none_is_refused(value: bytes) -> None:
    with pytest.raises(UNREADABLE):
        Registers().apply(value)


# The watch list, exemptions, devices.


def test_watch_entries_are_told_with_whom_they_concern() -> None:
    told = changes(
        watch("w1", CAR, filed="02-01 00:00"),
        watch("w1", "li", filed="02-02 00:00"),
        deletion("watch-entry", "w1", "02-03 00:00"),
        exempt("e1", "浙F54321", filed="02-04 00:00"),
        order("o1"),
    )
    both = tuple(sorted((CAR, person("li"))))
    ordered = tuple(sorted(("home-1", person("wang"))))
    assert [change.subjects for change in told] == [(CAR,), both, both, ("浙F54321",), ordered]


def test_named_plates_are_those_of_orders_links_and_the_watch_list() -> None:
    registers = world(
        order("o1", vehicles=[CAR]), watch("w1", "浙F54321"), exempt("e1", "浙F99999")
    )
    assert {CAR, "浙F54321"} <= registers.named_plates()
    assert "浙F99999" not in registers.named_plates()


@pytest.mark.parametrize(
    ("more", "inner", "gate"),
    [
        ({}, ["e1"], ["e1"]),
        ({"corridor": ["home-1"]}, [], ["e1"]),
        ({"corridor": ["facility"], "stops": ["inner"]}, ["e1"], []),
        ({"stops": ["inner"]}, ["e1"], ["e1"]),
        ({"since": "02-10 12:01"}, [], []),
        ({"until": "02-10 12:00"}, [], []),
        ({"filed": "02-10 12:01"}, [], []),
    ],
)
def test_an_exemption_holds_everywhere_or_in_its_corridor(
    more: dict[str, Any], inner: list[str], gate: list[str]
) -> None:
    registers = world(exempt("e1", CAR, "fleet", **more))
    for where, expected in (("inner", inner), ("gate-1", gate)):
        found = registers.exemptions(CAR, site_facts(where), NOON, NOON)
        assert [(each.kind, each.id) for each in found] == [("fleet", each) for each in expected]
    assert registers.may_be_exempt(CAR)
    assert registers.exemptions("浙F54321", site_facts("inner"), NOON, NOON) == []
    assert not registers.may_be_exempt("浙F54321")


def test_an_exemption_that_is_somebody_elses_by_now_exempts_nobody_else() -> None:
    registers = world(exempt("e1", CAR), exempt("e1", "wang", filed="02-02 00:00"))
    assert registers.exemptions(CAR, site_facts("inner"), NOON, NOON) == []
    assert len(registers.exemptions(person("wang"), site_facts("inner"), NOON, NOON)) == 1


def test_a_device_is_filed_under_its_source() -> None:
    line = put(
        "device", "cam-1", "01-01 00:00", "01-01 00:00", site="inner", key="0123456789abcdef"
    )
    registers = world(line)
    device = registers.device("cam-1", NOON, NOON)
    assert device is not None
    assert device.site == "inner"
    assert registers.device("cam-2", NOON, NOON) is None
