"""Whole timelines through backtest's engine and merge, and the alerts that must stand at the end.

An expectation {"rule": R, "n": N, field: value, …} holds when exactly N alerts (one, where no n is
given) match all its fields in their newest revision; "absent" lists rules that raise nothing. The
acceptance timelines beside the checkout have the same form; those whose rules exist run here too.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.backtest import FOREVER_MS, Backtest
from rules.catalogue import BY_NAME
from schemas.alerts import AlertEvent
from schemas.persons import PseudonymKey
from services.alerts.engine.decode import AHEAD

OURS = Path(__file__).parent / "timelines"
GIVEN = Path(__file__).parents[3] / "shared" / "accept" / "timelines"


def timelines() -> list[Path]:
    """Every timeline whose expected rules are in the catalogue."""
    found = sorted(OURS.glob("*.expect.json")) + sorted(GIVEN.glob("*.expect.json"))
    return [
        path
        for path in found
        if {want["rule"] for want in json.loads(path.read_text("utf-8"))["expect"]} <= set(BY_NAME)
    ]


def log(path: Path, from_warm: bool) -> list[AlertEvent]:
    """The alert log of a timeline."""
    key = PseudonymKey.fixed_for_tests()
    backtest = Backtest(key, history_since_ms=FOREVER_MS if from_warm else None)
    written: list[AlertEvent] = []
    for line in path.read_bytes().splitlines():
        written += backtest.feed(line)
    written += backtest.flush()
    assert {reason for _, reason in backtest.refused} <= {AHEAD}
    return written


def field(alert: Any, name: str) -> Any:
    """A field of an alert; dots lead inwards."""
    for part in name.split("."):
        alert = alert.get(part) if isinstance(alert, dict) else None
    return alert


@pytest.mark.parametrize(
    "path", timelines(), ids=lambda path: f"{path.parts[-3]}-{path.name.split('.')[0]}"
)
def test_a_timeline_ends_as_expected(path: Path) -> None:
    expected = json.loads(path.read_text("utf-8"))
    events = log(
        path.with_name(path.name.replace(".expect.json", ".ndjson")), expected["from_warm"]
    )
    newest = {event.data.id: msgspec.to_builtins(event.data) for event in events}
    alerts = list(newest.values())
    for want in expected["expect"]:
        fields = {name: value for name, value in want.items() if name != "n"}
        hits = [
            alert
            for alert in alerts
            if all(field(alert, name) == value for name, value in fields.items())
        ]
        assert len(hits) == want.get("n", 1), (want, alerts)
    for rule in expected["absent"]:
        assert [alert for alert in alerts if alert["rule"] == rule] == []
    revisions: dict[str, int] = {}
    for event in events:
        assert event.data.revision == revisions.get(event.data.id, 0) + 1
        revisions[event.data.id] = event.data.revision


def test_the_scenarios_are_there() -> None:
    names = {path.name.split(".")[0] for path in OURS.glob("*.ndjson")}
    assert names == {path.name.split(".")[0] for path in OURS.glob("*.expect.json")}
    assert {name[:2] for name in names} >= {
        *("04", "05", "13", "16", "17", "19", "21", "24", "28", "29", "32", "46"),
    }
