"""The same timeline gives the same alerts, on any number of partitions and workers."""

import pytest

from schemas.persons import PseudonymKey
from tests.fault import accepted
from tests.fault.conftest import Begin
from tests.fault.judged import backtest, differences
from tests.fault.outcome import alerts, verdicts, wait_until_settled
from tests.fault.sending import send
from tests.fault.traffic import county_timeline
from tests.system import RunningSystem

pytestmark = [pytest.mark.fault, pytest.mark.broker]
SETTLED_S = 60.0


def assert_same_as_backtest(system: RunningSystem, lines: list[bytes], *, from_warm: bool) -> None:
    """Send a timeline, and find what backtest finds."""
    send(system.ready, lines)
    wait_until_settled(system, SETTLED_S)
    key = PseudonymKey.load_or_create(system.data_dir / "pseudonym.key")
    expected = backtest(lines, key, from_warm=from_warm)
    assert differences(verdicts(alerts(system)), expected) == []
    system.stop()


def test_timelines_do_not_meet_when_they_are_merged_short() -> None:
    """The merged timeline raises what its parts raise alone; only its clock goes on longer, until
    the orders end."""
    key = PseudonymKey.fixed_for_tests()
    alone = [backtest(lines, key, from_warm=True) for lines in accepted.each_alone()]
    together = backtest(accepted.merged(), key, from_warm=True)
    apart = {ident for found in alone for ident in found}
    assert apart <= set(together)
    assert {together[each].rule for each in set(together) - apart} <= {"release-due"}
    if accepted.FOLDER.exists():
        assert len({together[ident].rule for ident in apart}) == 4


@pytest.mark.parametrize(("partitions", "workers"), [(4, 2), (12, 3)])
def test_same_alerts_short(begin: Begin, partitions: int, workers: int) -> None:
    """The timelines and a short county day."""
    lines = accepted.merged() + county_timeline(3_000)
    crew = {"partitions": str(partitions), "workers": str(workers)}
    assert_same_as_backtest(begin(**crew, history_since="forever"), lines, from_warm=True)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_same_alerts(begin: Begin, partitions: int, workers: int) -> None:
    """The timelines and a county day, and the one that begins without a history."""
    lines = accepted.merged() + county_timeline(10_000)
    crew = {"partitions": str(partitions), "workers": str(workers)}
    assert_same_as_backtest(begin(**crew, history_since="forever"), lines, from_warm=True)
    if cold := accepted.timeline(accepted.COLD):
        assert_same_as_backtest(begin(**crew), cold, from_warm=False)
