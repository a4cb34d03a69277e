"""The benchmark of backtest in its short form."""

from deploy.bench import backtest


async def test_backtest_and_its_floor() -> None:
    figures = await backtest.run(hours=0.05)
    assert figures["events"] > 500
    assert figures["cpu_us_per_event"] > figures["floor_cpu_us_per_event"] > 0
    assert 0 < figures["ratio_to_floor"] < 1
