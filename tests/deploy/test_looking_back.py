"""Backtest looks back as the system does, and keeps sightings only where somebody may ask."""

import json

import pytest

from deploy.backtest import FOREVER_MS, Backtest
from deploy.looking_back import is_needed
from schemas.alerts import Alert
from schemas.persons import PseudonymKey
from tests.alerts.build import COUNTY, Line, check, clock, hit, order, scan, watch

CAR = "浙F12345"
LISTED = watch("w1", CAR, "confirmed", filed="02-10 12:00", since="02-10 12:00")
ENTERED = hit(CAR, "inner", "02-07 12:00")
SCANNED = scan("exit", "02-08 12:00", plate=CAR)
DATED_BACK = order("o1", start="02-05 00:00", filed="02-10 12:00")


def final(*lines: Line, looks_back: bool = True) -> list[Alert]:
    """The alerts that stand after a timeline."""
    backtest = Backtest(
        PseudonymKey.fixed_for_tests(), history_since_ms=FOREVER_MS, looks_back=looks_back
    )
    for line in (*COUNTY, *lines, clock("02-11 12:00")):
        backtest.feed(json.dumps(line).encode())
    backtest.flush()
    return [record.alert for record in backtest.alerts.records.values()]


def hits(*lines: Line, looks_back: bool = True) -> list[Alert]:
    """The retrospective hits among them."""
    found = final(*lines, looks_back=looks_back)
    return [alert for alert in found if alert.rule == "retrospective-hit"]


def test_a_listed_plate_was_seen_before() -> None:
    (alert,) = hits(ENTERED, SCANNED, LISTED)
    assert (alert.severity, alert.count) == ("info", 2)
    assert [each.site for each in alert.evidence] == ["inner", "exit"]


def test_an_order_that_is_dated_back_has_an_exposure_trail_and_no_breach() -> None:
    (alert,) = final(check("wang", "inner", "02-07 12:00"), DATED_BACK)
    assert (alert.rule, alert.order, alert.severity) == ("retrospective-hit", "o1", "info")


def test_what_is_seen_after_the_filing_is_no_retrospective_hit() -> None:
    (alert,) = hits(ENTERED, LISTED, hit(CAR, "inner-2", "02-10 13:00"))
    assert alert.count == 1


def test_whoever_is_not_asked_for_is_not_kept() -> None:
    assert hits(ENTERED, LISTED, looks_back=False) == []


@pytest.mark.parametrize(
    ("lines", "needed"),
    [
        ([LISTED, ENTERED], False),
        ([ENTERED, LISTED], True),
        ([SCANNED, DATED_BACK], True),
        ([ENTERED, SCANNED], False),
    ],
)
def test_a_timeline_tells_whether_it_looks_back(lines: list[Line], needed: bool) -> None:
    assert is_needed(json.dumps(line).encode() for line in lines) is needed
