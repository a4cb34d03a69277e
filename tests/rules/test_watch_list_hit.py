"""D01: exact hits within the time, the sites and the direction of an entry."""

from collections.abc import Sequence

import pytest

from rules.facts import Check, Read
from rules.match import Match
from rules.watch_list_hit import RULE, describe, detect, excuse
from schemas.alerts import Subject
from tests.alerts.build import (
    Line,
    deletion,
    exempt,
    ms,
    person,
    read,
    seen,
    site_facts,
    watch,
    world,
)

CAR = "浙F12345"
SEEN = read(CAR, "inner", "02-03 09:00")
MET = seen("wang", "inner", "02-03 09:00")
LISTED = watch("w1", CAR, "risk-return", filed="02-01 00:00")


def found(what: Check | Read, *lines: Line) -> list[tuple[str, Match]]:
    """What the rule finds when these lines are filed."""
    where = what.site if isinstance(what, Read) else what.site.id
    return list(detect(what, site_facts(where), world(*lines), RULE.defaults, "default@1"))


def test_an_exact_hit_of_a_plate() -> None:
    ((dedupe, match),) = found(SEEN, LISTED)
    assert dedupe == "w1/inner"
    assert (match.severity, match.evidence_class, match.site) == ("medium", "vehicle", "inner")
    assert found(read("浙F12346", "inner", "02-03 09:00"), LISTED) == []
    # A new-energy plate has one character more: it is another plate (scenario 22).
    assert found(read("浙FD12345", "inner", "02-03 09:00"), LISTED) == []


@pytest.mark.parametrize(
    ("category", "by_document", "by_nothing"),
    [
        ("quarantined", "high", "medium"),
        ("confirmed", "high", "medium"),
        ("suspected", "high", "medium"),
        ("close-contact", "medium", "medium"),
        ("risk-return", "medium", "medium"),
        ("cloned-plate", "medium", "medium"),
    ],
)
def test_the_category_decides_and_the_evidence_bounds(
    category: str, by_document: str, by_nothing: str
) -> None:
    entries = (watch("w1", "wang", category), watch("w2", CAR, category))
    severities = [
        match.severity
        for what in (MET, seen("wang", "inner", "02-03 09:00", by="none"), SEEN)
        for _, match in found(what, *entries)
    ]
    assert severities == [by_document, by_nothing, "medium"]


@pytest.mark.parametrize(("recorded", "hits"), [("02-03 09:02", 1), ("02-03 11:00", 0)])
def test_an_entry_filed_meanwhile_accuses_only_what_came_in_time(recorded: str, hits: int) -> None:
    meanwhile = watch("w1", CAR, filed="02-03 09:01")
    assert len(found(read(CAR, "inner", "02-03 09:00", recorded=recorded), meanwhile)) == hits
    assert found(read(CAR, "inner", "02-03 09:00", recorded="02-03 11:00"), LISTED)


def test_every_entry_hits_for_itself() -> None:
    both = found(SEEN, LISTED, watch("w2", CAR))
    assert [dedupe for dedupe, _ in both] == ["w1/inner", "w2/inner"]


@pytest.mark.parametrize(
    ("entry", "hits"),
    [
        (watch("w1", CAR, filed="02-03 09:00"), True),
        (watch("w1", CAR, filed="02-03 09:01"), False),
        (watch("w1", CAR, since="02-03 09:01"), False),
        (watch("w1", CAR, until="02-03 09:00"), False),
        (watch("w1", CAR, until="02-03 09:01"), True),
        (watch("w1", CAR, sites=["inner", "exit"]), True),
        (watch("w1", CAR, sites=["exit"]), False),
        (watch("w1", CAR, direction="internal"), True),
        (watch("w1", CAR, direction="in"), False),
    ],
)
def test_the_scope_of_an_entry(entry: Line, hits: bool) -> None:
    assert bool(found(SEEN, entry)) is hits


def test_an_unknown_direction_is_not_that_of_the_entry() -> None:
    assert found(MET, watch("w1", "wang", direction="in")) == []
    coming = seen("wang", "inner", "02-03 09:00", direction="in")
    assert len(found(coming, watch("w1", "wang", direction="in"))) == 1


@pytest.mark.parametrize(("confidence", "hits"), [(0.84, False), (0.85, True)])
def test_a_doubtful_read_is_none(confidence: float, hits: bool) -> None:
    assert bool(found(read(CAR, "inner", "02-03 09:00", confidence=confidence), LISTED)) is hits


@pytest.mark.parametrize("kind", ["whitelist", "green-channel", "fleet"])
def test_no_exemption_speaks_against_it(kind: str) -> None:
    assert len(found(SEEN, LISTED, exempt("e1", CAR, kind))) == 1


def test_an_entry_that_is_somebody_elses_by_now_does_not_hit() -> None:
    assert found(SEEN, LISTED, watch("w1", "浙F54321", filed="02-02 00:00")) == []


def test_late_it_is_historical() -> None:
    ((_, match),) = found(read(CAR, "inner", "02-03 09:00", recorded="02-03 10:00"), LISTED)
    assert (match.severity, match.historical) == ("low", True)


@pytest.mark.parametrize(
    ("later", "why"),
    [
        ([], None),
        ([watch("w1", CAR, filed="02-04 00:00", until="02-03 08:00")], "entry-ended"),
        ([watch("w1", "浙F54321", filed="02-04 00:00")], "entry-ended"),
        ([watch("w1", CAR, filed="02-04 00:00", sites=["exit"])], "entry-ended"),
        ([watch("w1", CAR, filed="02-04 00:00", sites=["inner"])], None),
        # A deletion ends validity when it is filed, which is after the hit.
        ([deletion("watch-entry", "w1", "02-04 00:00")], None),
    ],
)
def test_what_is_filed_later(later: Sequence[Line], why: str | None) -> None:
    ((_, match),) = found(SEEN, LISTED)
    assert excuse(match, CAR, world(LISTED, *later)) == why


def test_a_reason_shows_the_age_of_the_entry_and_asks_to_verify() -> None:
    ((_, match),) = found(SEEN, LISTED)
    reason = describe(match, Subject("vehicle", f"vehicle:{CAR}", "浙F1**45"))
    assert "Vehicle 浙F1**45 on the watch list (risk-return, entry w1, filed 2 days" in reason.en
    assert "Verify" in reason.en
    assert "重点地区返回" in reason.zh
    assert "核实" in reason.zh
    ((_, match),) = found(MET, watch("w2", "wang", filed="02-02 00:00"))
    reason = describe(match, Subject("person", person("wang"), "person aa…"))
    assert "A person on the watch list (confirmed, entry w2, filed 1 day before)" in reason.en
    assert "布控名单中的人员" in reason.zh


def test_the_time_of_filing_is_that_of_the_version_in_force() -> None:
    again = watch("w1", CAR, "confirmed", filed="02-02 00:00")
    (entry,) = world(LISTED, again).watched(CAR, SEEN.time_ms, SEEN.recorded_ms)
    assert (entry.category, entry.filed_ms) == ("confirmed", ms("02-02 00:00"))


def test_a_check_is_asked_about_where_it_was() -> None:
    assert RULE.on_check is not None
    registers = world(watch("w1", "wang", sites=["inner"]))
    ((dedupe, _),) = RULE.on_check(MET, registers, RULE.defaults, "default@1")  # type: ignore[misc]
    assert dedupe == "w1/inner"
