"""The feed benchmark in its short form: that it runs, and measures what it says."""

from deploy.bench import command, feed


async def test_the_feed_and_its_floor() -> None:
    figures = await feed.run(events=40, readers=8)
    for prefix in ("", "single_"):
        assert figures[f"{prefix}deliveries_per_s"] > 0
        assert figures[f"{prefix}floor_deliveries_per_s"] > 0
        assert figures[f"{prefix}cpu_us_per_delivery"] > 0
    assert command.BENCHMARKS["feed"] is feed.run
