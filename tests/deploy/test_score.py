"""The score: what counts as found, as explained, as broken; and that origin changes nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.county.people import settle
from deploy.county.planted.case import Expected, Silence
from deploy.county.timeline import write
from deploy.county.truth import Planted
from deploy.score import command
from deploy.score.compare import Compared, Tally, compare
from deploy.score.judged import Judged, Judgement, judge
from deploy.score.origin import Elsewhere
from deploy.score.report import URGENT_RULES, Run, Score
from schemas.alerts import Alert, Reason, Subject
from schemas.persons import PseudonymKey, check_identifier
from schemas.plates import PlateProblem, normalise
from schemas.times import parse_ms
from tests.deploy.test_county import START_MS

PERSON = "330421195702160002"
TIMES = ("2026-03-02T01:00:00Z", "2026-03-02T01:02:00Z")
CASE = Planted("breach", *TIMES, (Expected("quarantine-breach", order="order-1"),))
LEAVE = Silence(("quarantine-breach",), "a permit covers it", order="order-1")
QUIET = Planted("leave", *TIMES, silence=LEAVE)


def alert(**fields: Any) -> Judged:
    """An alert of a breach at one o'clock, raised two seconds later, unless told otherwise."""
    raised = fields.pop("raised", "2026-03-02T01:00:02Z")
    standard: dict[str, Any] = {
        "id": "a", "revision": 1, "rule": "quarantine-breach", "rule_version": "1.0",
        "policy_version": "default@1", "severity": "critical", "evidence_class": "person",
        "state": "open", "subject": Subject("person", "person:0:1", "person 1"),
        "order": "order-1", "first_seen": "2026-03-02T01:00:00Z",
        "last_seen": "2026-03-02T01:00:00Z", "count": 1, "historical": False, "evidence": [],
        "reason": Reason("en", "zh"),
    }  # fmt: skip
    return Judged(Alert(**{**standard, **fields}), parse_ms(raised))


def tally(*alerts: Judged, truth: tuple[Planted, ...] = (CASE,)) -> Tally:
    """The figures of D09."""
    return compare(truth, alerts).tallies["quarantine-breach"]


def test_an_alert_of_the_order_in_the_time_of_the_case_finds_it() -> None:
    found = tally(alert())
    assert (found.recall, found.precision, found.delay_s) == (1.0, 1.0, 2.0)


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "fever"},
        {"order": "order-2"},
        {"first_seen": "2026-03-02T02:00:00Z", "last_seen": "2026-03-02T02:00:00Z"},
        {"raised": "2026-03-02T01:30:00Z"},
        {"state": "retracted", "outcome": "authorised"},
        {"outcome": "transit", "state": "resolved"},
    ],
)
def test_another_alert_does_not(other: dict[str, Any]) -> None:
    compared = compare([CASE], [alert(**other)])
    assert compared.tallies["quarantine-breach"].found == 0
    assert len(compared.missed) == 1


def test_one_that_comes_too_late_is_still_explained() -> None:
    late = tally(alert(raised="2026-03-02T01:30:00Z"))
    assert (late.found, late.precision) == (0, 1.0)


def test_an_alert_without_a_case_costs_precision_and_a_withdrawn_one_does_not() -> None:
    found = tally(
        alert(),
        alert(id="b", order="order-9"),
        alert(id="c", order="order-8", state="retracted", outcome="authorised"),
    )
    assert (found.alerts, found.precision, found.withdrawn) == (2, 0.5, 1)


def test_a_person_is_known_by_the_pseudonym() -> None:
    key = PseudonymKey.fixed_for_tests().person("resident_id", PERSON)
    expected = (Expected("quarantine-breach", person=PERSON),)
    case = msgspec.structs.replace(CASE, expected=expected)
    about = Subject("person", key, "person")
    assert tally(alert(subject=about), truth=(case,)).found == 1
    assert tally(alert(), truth=(case,)).found == 0


def test_a_severity_is_asked_for_unless_the_alert_is_historical() -> None:
    expected = Expected("quarantine-breach", order="order-1", severity="medium")
    case = msgspec.structs.replace(CASE, expected=(expected,))
    assert tally(alert(), truth=(case,)).found == 0
    assert tally(alert(severity="low", historical=True), truth=(case,)).found == 1


def test_one_that_may_be_over_is_found_however_it_ended() -> None:
    expected = Expected("quarantine-breach", order="order-1", ends=True)
    case = msgspec.structs.replace(CASE, expected=(expected,))
    assert tally(alert(state="resolved", outcome="cleared"), truth=(case,)).found == 1
    assert tally(alert(), truth=(case,)).found == 1


def test_what_is_allowed_explains_and_is_not_asked_for() -> None:
    allowed = (Expected("quarantine-breach", order="order-1"),)
    case = msgspec.structs.replace(CASE, expected=(), allowed=allowed)
    assert tally(alert(), truth=(case,)).precision == 1.0
    assert compare([case], []).tallies == {}


def test_what_nothing_explains_is_told_with_its_reason() -> None:
    (told,) = compare([CASE], [alert(order="order-9")]).unexplained
    assert "quarantine-breach critical open" in told
    assert told.endswith("order-9: en")


def test_alerts_are_counted_by_what_they_ask_for() -> None:
    found = tally(
        alert(),
        alert(id="b", order="order-9", severity="high"),
        alert(id="c", order="order-8", severity="medium"),
        alert(id="d", order="order-7", severity="medium", historical=True),
        alert(id="e", order="order-6", severity="low"),
        alert(id="f", order="order-5", severity="high", state="retracted", outcome="false"),
    )
    assert (found.urgent, found.urgent_explained, found.medium, found.medium_explained) == (
        2, 1, 2, 0,
    )  # fmt: skip
    # What was taken back had to be looked at; what is historical has time.
    assert found.actionable == 4


def test_alerts_that_fall_due_after_the_end_are_left_out() -> None:
    judgement = Judgement([alert(), alert(id="b", first_seen="2026-03-02T01:05:00Z")], 10)
    assert len(judgement.until(parse_ms("2026-03-02T01:05:00Z"))) == 1


def test_an_alert_where_none_may_be_is_told() -> None:
    assert compare([QUIET], []).broken == []
    (told,) = compare([QUIET], [alert()]).broken
    assert "although a permit covers it" in told


def small(seed: int = 1, hours: float = 1.0) -> Iterator[bytes]:
    """A small county for an hour."""
    return write(settle(seed), seed, START_MS, hours, 1.0, [])


def test_everybody_is_moved_elsewhere_and_stays_who_they_are() -> None:
    elsewhere = Elsewhere()
    before = list(small())
    after = list(elsewhere.lines(iter(before)))
    # Some lines are of zones and sites, which have no origin.
    assert len(before) == len(after)
    assert elsewhere.moved > 5000
    plates = {decoded: moved for line, other in zip(before, after, strict=True)
              for decoded, moved in zip(_plates(line), _plates(other), strict=True)}  # fmt: skip
    assert all(plate[0] != moved[0] and plate[1:] == moved[1:] for plate, moved in plates.items())
    assert len(set(plates.values())) == len(plates)
    assert all(legal(plate) == legal(moved) for plate, moved in plates.items())
    for line in after:
        for number in _numbers(json.loads(line)):
            assert check_identifier("resident_id", number) == number


def test_a_passport_has_no_province() -> None:
    elsewhere = Elsewhere()
    line = b'{"data":{"person":{"id_type":"passport","id_number":"E12345678"},"plate":null}}\n'
    assert list(elsewhere.lines(iter([line]))) == [line]
    assert elsewhere.moved == 0


def legal(plate: str) -> bool:
    """Whether a text is a plate; some misreads of new-energy plates are none."""
    try:
        normalise(plate, "prc")
    except PlateProblem:
        return False
    return True


def _plates(line: bytes) -> list[str]:
    data = json.loads(line).get("data", {})
    return [plate for plate in (data.get("plate"), *data.get("vehicles", [])) if plate]


def _numbers(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "id_number":
                yield each
            else:
                yield from _numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each)


def test_the_question_about_origin_notices_a_difference() -> None:
    """Were the list of plates to be watched left as it is, its hits would be gone elsewhere."""
    here = judge(small())

    def half_moved() -> Iterator[bytes]:
        elsewhere = Elsewhere()
        for line in small():
            yield line if b'"cordon.watch-entry' in line else next(elsewhere.lines(iter([line])))

    there = judge(half_moved())
    assert here.shapes() != there.shapes()
    assert any(each.alert.rule == "watch-list-hit" for each in here.alerts)


def test_the_goals_are_asked_for_one_by_one() -> None:
    good = {
        rule: Tally(100, 99, 99, 99, urgent=90, urgent_explained=90, medium=9, medium_explained=9)
        for rule in URGENT_RULES
    }
    run = Run(1, 10, 10, Compared(good, [], []), 0, 10)
    assert Score([run], "small", 24.0).shortfalls() == []
    bad = {
        **good,
        "fever": Tally(100, 97, 97, 97),
        "forced-gate": Tally(100, 100, 100, 94, urgent=100, urgent_explained=94),
        "no-show": Tally(0, 0, 100, 84, medium=100, medium_explained=84, actionable=2_400),
        "first-seen-vehicle": Tally(100, 100, 120, 100),
    }
    bad.pop("watch-list-hit")
    worse = Run(2, 10, 39_999, Compared(bad, [], []), 3, 0)
    short = Score([worse], "small", 24.0).shortfalls()
    assert [text.split(" is ")[0] for text in short] == [
        "recall of watch-list-hit",
        "recall of fever",
        "precision of forced-gate, critical and high,",
        "precision of no-show, medium,",
        "20 false first-seen vehicles in 39,999 readings, the goal one in 2,000",
        "25.0 actionable alerts an operator-hour, the goal 12",
        "seed 2: 3 alerts depend on origin",
        "seed 2: nobody was moved, so origin was not tried",
    ]


def test_a_short_run_need_not_have_what_has_its_time_of_day() -> None:
    good = {rule: Tally(10, 10, 10, 10) for rule in URGENT_RULES if rule != "missed-check-in"}
    run = Run(1, 10, 10, Compared(good, [], []), 0, 10)
    assert Score([run], "small", 6.0).shortfalls() == []
    assert len(Score([run], "small", 24.0).shortfalls()) == 1


def test_figures_of_seeds_are_added() -> None:
    runs = [Run(n, 10, 20, Compared({"fever": Tally(2, 1, 4, 3, 1, [1000 * n])}, [], []), 0, 1)
            for n in (1, 2)]  # fmt: skip
    figures = Score(runs, "full", 12.0).figures()
    assert figures["rules"]["fever"] == {
        "planted": 4, "found": 2, "recall": 0.5, "alerts": 8, "explained": 6, "precision": 0.75,
        "urgent": 0, "urgent_explained": 0, "medium": 0, "medium_explained": 0, "actionable": 0,
        "withdrawn": 2, "median_delay_s": 1.5,
    }  # fmt: skip
    # Ten alerts in one day altogether, on four desks.
    assert (figures["alerts_per_day"], figures["operators"]) == (10.0, 4)
    assert figures["alerts_per_operator_hour"] == 0.1


def test_a_small_county_is_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every goal, with a county of six hours."""
    out = tmp_path / "score.json"
    code = command.main(seeds=1, scale="small", hours=6.0, out=out)
    figures = json.loads(out.read_text())
    assert (code, figures["shortfalls"]) == (0, []), figures["missed"]
    assert figures["broken"] == []
    assert figures["alerts_by_origin"] == 0
    assert "alerts caused by origin" in capsys.readouterr().out
