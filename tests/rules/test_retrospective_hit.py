"""D01r: what was seen before an entry was filed is told once, as information."""

from typing import Any

import msgspec
import pytest

from schemas.joins import LookBack, SeenBefore
from tests.alerts.build import (
    Line,
    Moment,
    check,
    clock,
    hit,
    ms,
    order,
    person,
    policy,
    recorded_ms,
    watch,
)
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


def hits(deployment: Deployment) -> dict[str, int]:
    """The rules whose alerts stand, with their counts."""
    return {each.rule: each.count for each in deployment.final if each.state == "open"}


def test_what_was_on_its_way_when_the_entry_was_filed_is_told() -> None:
    late = hit(CAR, "inner", "02-10 11:00", recorded="02-10 12:30")
    for partitions in (1, 4):
        found = run(LISTED, late, late, partitions=partitions)
        assert hits(found) == {"retrospective-hit": 1}
        (alert,) = found.final
        assert (alert.subject.key, alert.severity) == (f"vehicle:{CAR}", "info")
    # Together with what the store had.
    both = run(LISTED, told(LISTED, f"vehicle:{CAR}", *SEEN), late)
    assert hits(both) == {"retrospective-hit": 3}


def test_so_is_what_came_in_time_where_the_entry_holds_from_its_filing() -> None:
    near = hit(CAR, "inner", "02-10 11:59:30", recorded="02-10 12:00:20")
    assert hits(run(LISTED, near)) == {"retrospective-hit": 1}
    before = watch("w1", CAR, "confirmed", filed="02-10 12:00", since="02-10 11:00")
    accused = hits(run(before, near))
    assert "retrospective-hit" not in accused
    assert accused["watch-list-hit"] == 1


def test_a_person_who_was_checked_on_paper_is_told_too() -> None:
    listed = watch("w2", "wang", "confirmed", filed="02-10 12:00", since="02-10 12:00")
    late = check("wang", "inner", "02-10 11:00", recorded="02-10 12:30")
    (alert,) = run(listed, late).final
    assert (alert.rule, alert.subject.key, alert.evidence_class) == (
        "retrospective-hit", person("wang"), "person",
    )  # fmt: skip


@pytest.mark.parametrize(
    "entry",
    [
        watch("w1", CAR, filed="02-10 12:00", since="02-10 12:00", sites=["bound"]),
        watch("w1", CAR, filed="02-10 12:00", since="02-10 12:00", direction="in"),
        watch("w1", CAR, filed="02-10 12:40", since="02-10 12:40"),
        watch("w1", CAR, filed="02-10 12:00", since="02-01 12:00", until="02-10 11:30"),
    ],
)
def test_what_no_look_back_would_have_found_is_not_told(entry: Line) -> None:
    late = hit(CAR, "inner", "02-10 11:00", recorded="02-10 12:30")
    assert hits(run(late, entry) if "12:40" in str(entry) else run(entry, late)) == {}


def test_an_entry_that_is_filed_again_as_it_was_tells_nothing_twice() -> None:
    again = watch("w1", CAR, "confirmed", filed="02-10 12:10", since="02-10 12:10")
    late = hit(CAR, "inner", "02-10 11:00", recorded="02-10 12:30")
    assert len(run(LISTED, again, late).final) == 1


def test_what_was_on_its_way_and_is_corrected_is_told_no_more() -> None:
    late = hit(CAR, "inner", "02-10 11:00", recorded="02-10 12:30", event_id="h1")
    right = hit("浙F99999", "inner", "02-10 11:00", recorded="02-10 12:40", event_id="h2")
    assert hits(run(LISTED, late, {**right, "corrects": "h1"})) == {}


def test_a_doubtful_reading_is_not_told() -> None:
    doubtful = msgspec.structs.replace(sighting("02-07 12:00"), confidence=0.84)
    sure = msgspec.structs.replace(sighting("02-08 18:00", "bound"), confidence=0.85)
    found = run(LISTED, told(LISTED, f"vehicle:{CAR}", doubtful, sure))
    (alert,) = found.final
    assert (alert.count, alert.site) == (1, "bound")
    assert found.counts["suppressed:retrospective-hit:doubtful"] == 1
    strict = policy("watch-list-hit", filed="02-01 00:00", min_confidence=0.8)
    assert run(strict, LISTED, told(LISTED, f"vehicle:{CAR}", doubtful, sure)).final[0].count == 2
    dated = order("o1", start="02-05 00:00", filed="02-10 12:00", vehicles=[CAR])
    (trail,) = run(dated, told(dated, person("wang"), doubtful, sure)).final
    assert trail.count == 1
