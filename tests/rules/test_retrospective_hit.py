"""D01r: what was seen before an entry was filed is told once, as information."""

from typing import Any

from schemas.joins import LookBack, SeenBefore
from tests.alerts.build import Line, Moment, clock, ms, order, person, recorded_ms, watch
from tests.alerts.running import Deployment, Step, steps

CAR = "浙F12345"


def sighting(when: Moment, where: str = "inner", proof: Any = "vehicle") -> SeenBefore:
    """A sighting of the store."""
    return SeenBefore(
        source=f"camera-{where}",
        id=f"{where}@{when}",
        type="cordon.plate-hit.v1",
        time_ms=ms(when),
        recorded_ms=ms(when) + 1000,
        site=where,
        direction="internal",
        evidence_class=proof,
    )


def told(line: Line, subject: str, *seen: SeenBefore, count: int | None = None) -> Step:
    """What the sighting store tells of an entry that was filed."""
    register = line["type"].split(".")[1]
    filed_ms = recorded_ms(line)
    entry = line["data"]["id"]
    found = LookBack(
        id=f"{register}/{entry}/{filed_ms}",
        register=register,
        entry=entry,
        filed_ms=filed_ms,
        subject=subject,
        from_ms=seen[0].time_ms,
        count=count or len(seen),
        first_ms=seen[0].time_ms,
        last_ms=seen[-1].time_ms,
        sightings=list(seen),
    )
    return Step(filed_ms, subject=subject, event=found)


def run(*lines: Line | Step, partitions: int = 1) -> Deployment:
    """A deployment after lines and what the store told, and a clock."""
    arriving = [
        step for line in lines for step in ([line] if isinstance(line, Step) else steps([line]))
    ]
    arriving += steps([clock("02-11 12:00")])
    return Deployment(partitions=partitions).run(arriving)


LISTED = watch("w1", CAR, "confirmed", filed="02-10 12:00", since="02-10 12:00")
SEEN = (sighting("02-07 12:00"), sighting("02-08 18:00", "bound"))


def test_a_listed_plate_is_one_grouped_informational_alert() -> None:
    (alert,) = run(LISTED, told(LISTED, f"vehicle:{CAR}", *SEEN)).final
    assert (alert.rule, alert.severity, alert.count) == ("retrospective-hit", "info", 2)
    assert (alert.subject.key, alert.site) == (f"vehicle:{CAR}", "bound")
    assert [each.id for each in alert.evidence] == ["inner@02-07 12:00", "bound@02-08 18:00"]
    assert "w1" in alert.reason.en
    assert "w1" in alert.reason.zh


def test_sightings_beyond_those_told_are_counted() -> None:
    (alert,) = run(LISTED, told(LISTED, f"vehicle:{CAR}", *SEEN, count=250)).final
    assert alert.count == 250


def test_the_same_look_back_told_twice_has_no_second_effect() -> None:
    step = told(LISTED, f"vehicle:{CAR}", *SEEN)
    for partitions in (1, 4, 12):
        (alert,) = run(LISTED, step, step, partitions=partitions).final
        assert alert.count == 2


def test_a_back_dated_order_tells_its_exposure_trail() -> None:
    dated = order("o1", start="02-05 00:00", filed="02-10 12:00")
    (alert,) = run(dated, told(dated, person("wang"), *SEEN)).final
    assert (alert.order, alert.severity, alert.subject.kind) == ("o1", "info", "person")
    assert "no breach" in alert.reason.en
    assert "o1" in alert.reason.zh


def test_what_an_earlier_filing_accuses_is_left_to_its_own_rule() -> None:
    again = watch("w1", CAR, "suspected", filed="02-10 12:00", since="02-06 12:00")
    before = watch("w1", CAR, "confirmed", filed="02-08 12:00", since="02-06 12:00")
    quiet = run(before, again, told(again, f"vehicle:{CAR}", *SEEN))
    (alert,) = quiet.final
    assert [each.id for each in alert.evidence] == ["inner@02-07 12:00"]
    assert quiet.counts["suppressed:retrospective-hit:accused-already"] == 1
