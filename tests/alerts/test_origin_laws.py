"""Where a plate or an identifier is from decides nothing (domain: lines not to cross).

Every rule's histories, and every verdict at the barrier, are the same when all plates are from
another province and all identifiers were first registered in another region: what differs are the
names of subjects, and the ids that are made of them.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.alerts import Alert
from schemas.events import CHECKPOINT_SCAN
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from services.ingest.judgement import Judge
from tests.alerts.build import NUMBERS, Line, id_number, recorded_ms, scan, world
from tests.alerts.histories import FAMILIES
from tests.alerts.histories.family import Family, moments
from tests.alerts.histories.roads import PLATES
from tests.alerts.test_catalogue_laws import families, law, ran

# None of them is easily taken for another one.
PROVINCES = "京浙鄂藏"
REGIONS = ("330421", "420106", "110105", "540102")
_HOME = "浙皖"
_INTAKE = Intake(PseudonymKey.fixed_for_tests())


def moved(lines: Sequence[Line], province: str, region: str) -> list[Line]:
    """The same lines with all plates and identifiers from elsewhere."""
    text = json.dumps(list(lines), ensure_ascii=False)
    for home in _HOME:
        text = text.replace(home, province)
    for who in NUMBERS:
        text = text.replace(id_number(who), id_number(who, region))
    found: list[Line] = json.loads(text)
    return found


def nameless(alerts: Sequence[Alert]) -> list[str]:
    """What was told, without the names of subjects and what is made of them."""
    return sorted(
        repr(
            (
                alert.rule,
                alert.severity,
                alert.evidence_class,
                alert.state,
                alert.outcome,
                alert.count,
                alert.historical,
                alert.subject.kind,
                alert.order,
                alert.site,
                alert.grid,
                alert.first_seen,
                alert.last_seen,
                alert.policy_version,
                alert.evidence,
                *_without_names(alert),
            )
        )
        for alert in alerts
    )


def _without_names(alert: Alert) -> tuple[str, str]:
    label = alert.subject.label
    reasons = (alert.reason.en, alert.reason.zh)
    en, zh = (text.replace(label, "?") if label else text for text in reasons)
    # Other vehicles are named by their masked plates.
    table = str.maketrans(dict.fromkeys(PROVINCES + _HOME, "?"))
    return en.translate(table), zh.translate(table)


@families
@law
@given(st.data())
def test_no_rule_reads_where_somebody_is_from(family: Family, data: st.DataObject) -> None:
    history = data.draw(family.histories())
    # Two provinces must not become one, or two vehicles would.
    plates = {text for text in _HOME if text in json.dumps(history.lines, ensure_ascii=False)}
    assume(len(plates) < 2)
    province, region = data.draw(st.sampled_from(PROVINCES)), data.draw(st.sampled_from(REGIONS))
    here = ran(history.lines)
    there = ran(moved(history.lines, province, region))
    assert nameless(there.final) == nameless(here.final)


@st.composite
def scans(draw: st.DrawFn) -> Line:
    """A vehicle and its people at the barrier."""
    when = draw(moments)
    people = draw(st.sampled_from(((), ("wang",), ("wang", "li"))))
    plate = draw(st.sampled_from((None, *PLATES, "浙F12345")))
    line = scan(
        draw(st.sampled_from(("exit", "bound", "nowhere"))), when, plate=plate, people=people,
        by=draw(st.sampled_from(("document", "code"))), recorded=when,
    )  # fmt: skip
    for person in line["data"]["persons"]:
        person["temperature"] = draw(st.sampled_from((36.5, 37.5, 38.4)))
    return line


def decided(registers: Sequence[Line], line: Line) -> Any:
    """What the barrier answers."""
    accepted = _INTAKE.accept(CHECKPOINT_SCAN, msgspec.json.encode(line), recorded_ms(line))
    return Judge(world(*registers), accepted).decide((), stored=True)


@law
@given(st.data())
def test_no_verdict_at_the_barrier_rests_on_where_somebody_is_from(data: st.DataObject) -> None:
    family = data.draw(st.sampled_from(FAMILIES))
    registers, line = data.draw(family.histories()).registers, data.draw(scans())
    here = decided(registers, line)
    for province in PROVINCES:
        for region in REGIONS:
            (there,) = moved([line], province, region)
            assert decided(moved(registers, province, region), there) == here
