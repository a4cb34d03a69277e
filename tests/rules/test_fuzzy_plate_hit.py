"""D02: a doubtful reading that may be of a plate on the watch list."""

from typing import Any

import pytest

from schemas.alerts import Alert
from services.alerts.engine import passages
from tests.alerts.build import Line, hit, put, resident, watch
from tests.alerts.running import Deployment, after, steps

LISTED = "浙F8A123"
READ = "浙FBA123"
ENTRY = watch("w1", LISTED, "quarantined")


def seen(plate: str = READ, when: str = "10:00", confidence: float = 0.8, **more: Any) -> Line:
    """A plate is read."""
    return hit(plate, "inner", f"02-10 {when}", confidence=confidence, **more)


def fuzzy(deployment: Deployment) -> list[Alert]:
    """The alerts of the rule that stand."""
    return [
        alert
        for alert in deployment.final
        if alert.rule == "fuzzy-plate-hit" and alert.state != "retracted"
    ]


def test_one_confusable_character_from_a_listed_plate() -> None:
    (alert,) = fuzzy(after(ENTRY, seen(), seen(when="10:20")))
    assert (alert.severity, alert.evidence_class, alert.count) == ("low", "vehicle", 2)
    assert (alert.subject.key, alert.site, alert.grid) == (f"vehicle:{READ}", "inner", "g1")
    assert "浙F8**23" in alert.reason.en
    assert LISTED not in alert.reason.en
    assert "quarantined, entry w1" in alert.reason.en
    assert "0.80" in alert.reason.zh


@pytest.mark.parametrize(
    "line",
    [
        seen(LISTED),
        seen("浙FBA12Z"),
        seen("浙FCA123"),
        seen("浙FBA123", confidence=0.95),
        seen("浙FD12345"),
        hit(READ, "inner-2", "02-10 10:00", confidence=0.8),
        hit(READ, "inner", "02-10 10:00", "out", confidence=0.8),
        hit(READ, "inner", "01-31 10:00", confidence=0.8),
    ],
    ids=["exact", "two", "no group", "sure", "length", "site", "direction", "before"],
)
def test_what_is_no_fuzzy_hit(line: Line) -> None:
    entry = watch("w1", LISTED, sites=["inner"], direction="internal", since="02-01 00:00")
    short = watch("w2", "浙F12345")
    assert fuzzy(after(entry, short, line)) == []


def test_colour_and_type_of_the_registered_vehicle_make_it_medium() -> None:
    attributes = {"type": "car", "colour": "white", "brand": "any"}
    registered = put(
        "resident-vehicle", "r", "02-01 00:00", "02-01 00:00", plate=LISTED, attributes=attributes
    )
    (alike,) = fuzzy(after(ENTRY, registered, seen(vehicle={"type": "car", "colour": "white"})))
    assert alike.severity == "medium"
    assert "colour and type" in alike.reason.en
    for vehicle in ({"type": "car", "colour": "black"}, {"type": "car"}):
        (unlike,) = fuzzy(after(ENTRY, registered, seen(vehicle=vehicle)))
        assert unlike.severity == "low"


def test_a_plate_that_is_at_home_here_is_no_misreading() -> None:
    deployment = after(ENTRY, resident(READ), seen())
    assert fuzzy(deployment) == []
    assert deployment.counts["suppressed:fuzzy-plate-hit:resident-vehicle"] == 1
    assert fuzzy(after(ENTRY, seen(), resident(READ, filed="02-11 00:00"))) == []


def test_an_established_plate_is_no_misreading() -> None:
    lines = [hit(READ, "inner", f"02-{day:02d} 10:00", confidence=0.97) for day in (1, 9)]
    assert fuzzy(after(*lines, ENTRY, seen())) == []
    assert len(fuzzy(after(lines[1], ENTRY, seen(when="12:00")))) == 1


def test_a_plate_that_is_listed_itself_is_told_by_the_exact_rule() -> None:
    deployment = after(ENTRY, watch("w2", READ), seen(confidence=0.9))
    assert [alert.rule for alert in deployment.final] == ["watch-list-hit"]


def test_of_several_entries_the_first_is_told() -> None:
    (alert,) = fuzzy(after(watch("w2", "浙FBA1Z3"), ENTRY, seen()))
    assert "entry w1" in alert.reason.en


def test_an_entry_that_is_filed_later_or_ended_accuses_nobody() -> None:
    assert fuzzy(after(seen(), watch("w1", LISTED, filed="02-10 12:00"))) == []
    ended = watch("w1", LISTED, filed="02-11 00:00", until="02-09 00:00")
    assert fuzzy(after(ENTRY, seen(), ended)) == []


def test_a_long_list_has_too_many_look_alikes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "MOST_WATCHED", 1)
    assert len(fuzzy(after(ENTRY, seen()))) == 1
    assert fuzzy(after(ENTRY, watch("w2", "浙F99999"), seen())) == []


def test_partitions_and_crashes_change_nothing() -> None:
    lines = steps([ENTRY, seen(), seen(when="10:20")])
    wanted = fuzzy(Deployment().run(lines))
    assert fuzzy(Deployment(partitions=4).run(lines)) == wanted
    for number in range(3):
        assert fuzzy(Deployment().run(lines, crashes={number})) == wanted


def test_two_look_alikes_of_one_entry_at_one_site_are_two_vehicles() -> None:
    lines = [watch("w9", "浙F6M178"), hit("浙F6M1L8", "inner", "02-10 07:00", confidence=0.9)]
    lines.append(hit("浙F6M118", "inner", "02-11 02:00", confidence=0.9))
    found = [each.subject.key for each in after(*lines).final if each.rule == "fuzzy-plate-hit"]
    assert sorted(found) == ["vehicle:浙F6M118", "vehicle:浙F6M1L8"]
