"""A simulated county's day in the running system ends with the alerts of backtest."""

import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from deploy.county.people import settle
from deploy.county.size import SIZES
from deploy.county.timeline import write
from schemas.persons import PseudonymKey
from schemas.times import parse_ms
from tests.fault.conftest import Begin
from tests.fault.judged import backtest, differences
from tests.fault.outcome import alerts, verdicts, wait_until_settled
from tests.fault.sending import send

pytestmark = [pytest.mark.load, pytest.mark.broker]
SEED = 11
START_MS = parse_ms("2026-03-02T08:00:00+08:00")
SETTLED_S = 1_800.0


def county_day(path: Path, hours: float, rate: float) -> int:
    """Write a whole county's hours with so many events a second; return how many lines there are.

    The hours are those of the timeline; it is sent as fast as the system takes it.
    """
    people = settle(SEED, SIZES["full"])
    count = 0
    with path.open("wb") as out:
        for line in write(people, SEED, START_MS, hours, rate, []):
            out.write(line)
            count += 1
    return count


def assert_same_as_backtest(begin: Begin, path: Path) -> Counter[str]:
    """Replay a timeline and judge it; return how many alerts each rule raised."""
    system = begin(history_since="forever")
    began_s = time.monotonic()
    with path.open("rb") as lines:
        counted, summary = send(system.ready, lines)
    sent_s = time.monotonic() - began_s
    wait_until_settled(system, SETTLED_S)
    settled_s = time.monotonic() - began_s
    listed = alerts(system)
    key = PseudonymKey.load_or_create(system.data_dir / "pseudonym.key")
    with path.open("rb") as lines:
        expected = backtest(lines, key, from_warm=True)
    assert summary.rejected == 0
    assert differences(verdicts(listed), expected) == []
    # Shown with `-s`: what is measured here is no matter of passing.
    sys.stdout.write(
        f"{counted.accepted} events accepted in {sent_s:.0f} s, settled after {settled_s:.0f} s, "
        f"{len(listed)} alerts\n"
    )
    return Counter(alert["rule"] for alert in listed)


def test_an_evening_short(begin: Begin, tmp_path: Path) -> None:
    """Part of a day: enough for more than ten rules."""
    path = tmp_path / "evening.ndjson"
    assert county_day(path, 2.0, SIZES["full"].rate) > 30_000
    assert len(assert_same_as_backtest(begin, path)) > 10


def test_a_day_of_two_million(begin: Begin, tmp_path: Path) -> None:
    """A whole day with four times a county's traffic."""
    path = tmp_path / "day.ndjson"
    assert county_day(path, 24.0, 23.6) > 2_000_000
    assert len(assert_same_as_backtest(begin, path)) > 20
