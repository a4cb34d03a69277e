"""Stock Faust doing the gate's job: parse, the rules' look-ups, a table with a changelog.

One event at a time, as its documentation shows it; what everybody writes first.
"""

import os
import signal
import tempfile
import time

import faust
import msgspec

from deploy.bench import traffic
from schemas.registers import Order
from schemas.settings import Settings
from schemas.topics import PLATE_HITS

COUNT = int(os.environ.get("CORDON_BENCH_STOCK_EVENTS", "20000"))
app = faust.App(
    "bench-stock",
    broker=f"aiokafka://{Settings().kafka}",
    datadir=tempfile.mkdtemp(prefix="cordon-stock-"),
    web_enabled=False,
    topic_disable_leader=True,
    topic_partitions=Settings().partitions,
    store="memory://",
    consumer_auto_offset_reset="earliest",
)
last_seen = app.Table("last-seen", default=str, key_type=str, value_type=str)
linked: dict[str, Order] = {}
sites: set[str] = set()
progress = {"seen": 0, "matches": 0, "began": 0.0, "cpu": 0.0}


def _load() -> None:
    for topic, key, value in traffic.registers():
        if topic.endswith(".site.v1"):
            sites.add(key.decode())
        elif topic.endswith(".order.v1"):
            entry = msgspec.convert(msgspec.json.decode(value)["data"], Order)
            for plate in entry.vehicles or ():
                linked[plate] = entry


@app.agent(app.topic(PLATE_HITS, value_serializer="json", key_serializer="raw"))
async def judge(events):  # type: ignore[no-untyped-def]
    """Look the vehicle up, note that it was seen, and count what would be an alert."""
    async for event in events:
        if not progress["seen"]:
            progress["began"], progress["cpu"] = time.perf_counter(), time.process_time()
        data = event["data"]
        if data["site"] in sites and data["confidence"] >= 0.9:
            if data["plate"] in linked:
                progress["matches"] += 1
            last_seen[data["plate"]] = event["time"]
        progress["seen"] += 1
        if progress["seen"] == COUNT:
            report = {
                "seconds": time.perf_counter() - progress["began"],
                "cpu_seconds": time.process_time() - progress["cpu"],
                "events": COUNT,
            }
            # Faust has put a logger in the place of standard output.
            os.write(1, msgspec.json.encode(report) + b"\n")
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _load()
    app.main()
