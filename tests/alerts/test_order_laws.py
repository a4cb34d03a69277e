"""A green code never beats an active order (domain: suppression matrix)."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import MINUTE_MS
from tests.alerts.build import NUMBERS, Line, check, code_change, is_register, recorded_ms
from tests.alerts.histories import checkpoints, orders, workers
from tests.alerts.histories.family import LONG_AGO, Family, moments
from tests.alerts.running import Deployment
from tests.alerts.test_catalogue_laws import law, ran

BY_ORDER = ("quarantine-breach", "quarantined-vehicle-moving", "worker-non-compliant")


def without_codes(lines: Sequence[Line]) -> list[Line]:
    """The same, as if nobody had ever had a code."""
    kept: list[Line] = []
    for line in copy.deepcopy(lines):
        if line["type"] == "cordon.code-change.v1":
            continue
        for person in people(line):
            person.pop("code", None)
        kept.append(line)
    return kept


def people(line: Line) -> list[Line]:
    """The persons of an event, as they were checked."""
    data = line.get("data", {})
    one = [data["person"]] if line["type"] == "cordon.health-check.v1" else []
    return [*one, *(data.get("persons", []) if not is_register(line) else [])]


def with_greens(draw: st.DrawFn, lines: Sequence[Line]) -> list[Line]:
    """The same, with a green code at every check, and green codes from the authority."""
    kept = copy.deepcopy(list(lines))
    green = check("wang", "inner", LONG_AGO, code="green", issued=LONG_AGO)
    for line in kept:
        for person in people(line):
            if line["type"] != "cordon.transfer-arrival.v1":
                person["code"] = green["data"]["person"]["code"]
    given = [
        {**code_change(who, when, "green"), "id": f"green-{who}-{when}"}
        for who in NUMBERS
        for when in {LONG_AGO + MINUTE_MS, *draw(st.sets(moments, max_size=2))}
    ]
    return sorted((*kept, *given), key=recorded_ms)


def accused(deployment: Deployment) -> list[Any]:
    """What stands against somebody for their order."""
    return [
        (alert.id, alert.severity, alert.count, alert.order, alert.state, alert.evidence)
        for alert in deployment.final
        if alert.rule in BY_ORDER and alert.order is not None and alert.state != "retracted"
    ]


@pytest.mark.parametrize(
    "family", [orders.FAMILY, workers.FAMILY, checkpoints.FAMILY], ids=lambda family: family.name
)
@law
@given(st.data())
def test_green_codes_change_nothing_about_an_order(family: Family, data: st.DataObject) -> None:
    bare = without_codes(data.draw(family.histories()).lines)
    bare.sort(key=recorded_ms)
    greens = data.draw(st.composite(with_greens)(bare))
    assert accused(ran(greens)) == accused(ran(bare))
