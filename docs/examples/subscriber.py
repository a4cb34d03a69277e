#!/usr/bin/env python3
"""A subscriber of Cordon's alerts: the state first, then the log.

    subscriber.py HOST:PORT     follow a running system's Kafka (needs aiokafka)
    subscriber.py --stdin       follow events on standard input, one in each line, and print the
                                state at the end (what docs/subscriber-kit/check.py asks for)

Replace `told` by what you want to do with an alert.
"""

import asyncio
import json
import sys
import time
from typing import Any

STATE, LOG = "cordon.alert-state.v1", "cordon.alerts.v1"
# An alert's event may be in the log a moment before it is in the state. So the log is read from a
# little before now: what comes twice changes nothing.
OVERLAP_MS = 10 * 60 * 1000


class Alerts:
    """The newest revision of every alert. Taking an event twice, or late, changes nothing."""

    def __init__(self) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}
        self.reread: list[str] = []
        self.cursor: str | None = None

    def take(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Return the alert if the event tells something new, else None."""
        self.cursor = event.get("cursor", self.cursor)
        kind = event["type"]
        if kind == "cordon.feed.gap.v1":
            # Events are missing: GET /v1/alerts tells how every alert stands now.
            self.reread.append(event["data"]["to"])
        if not kind.startswith("cordon.alert."):
            # The feed's own events, and those that a later version may add.
            return None
        alert: dict[str, Any] = event["data"]
        known = self.alerts.get(alert["id"])
        # The revision decides, not the type: a later version may know acts that this one does not.
        if known is not None and known["revision"] >= alert["revision"]:
            return None
        self.alerts[alert["id"]] = alert
        return alert

    def summary(self) -> dict[str, Any]:
        """Return what stands, what was retracted (and what took its place), and where we are."""
        standing, retracted = {}, {}
        for ident, alert in sorted(self.alerts.items()):
            if alert["state"] == "retracted":
                merged = alert.get("outcome") == "duplicate"
                retracted[ident] = alert["related"][0] if merged else None
            else:
                standing[ident] = {name: alert[name] for name in ("revision", "state", "severity")}
        return {
            "alerts": standing,
            "retracted": retracted,
            "reread": self.reread,
            "cursor": self.cursor,
        }


def told(alert: dict[str, Any]) -> None:
    """Do something with an alert that is new or has changed: here, print it."""
    say({name: alert.get(name) for name in ("id", "revision", "rule", "severity", "state")})


def say(what: object) -> None:
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def from_stdin() -> None:
    alerts = Alerts()
    for line in sys.stdin:
        if line.strip():
            alerts.take(json.loads(line))
    say(alerts.summary())


async def from_kafka(bootstrap: str) -> None:
    from aiokafka import AIOKafkaConsumer

    alerts = Alerts()
    consumer = AIOKafkaConsumer(
        STATE,
        LOG,
        bootstrap_servers=bootstrap,
        # Never show what a transaction took back.
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        since_ms = int(time.time() * 1000) - OVERLAP_MS
        # Without a group this one consumer has all partitions.
        state = [part for part in consumer.assignment() if part.topic == STATE]
        log = [part for part in consumer.assignment() if part.topic == LOG]
        consumer.unsubscribe()
        ends = await consumer.end_offsets(state + log)
        began = await consumer.offsets_for_times(dict.fromkeys(log, since_ms))

        # How every alert stands: the whole topic of states, which keeps the newest of each.
        consumer.assign(state)
        await consumer.seek_to_beginning(*state)
        while any([await consumer.position(part) < ends[part] for part in state]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    alerts.take(json.loads(record.value))
        for alert in alerts.alerts.values():
            told(alert)

        # What happens to them: the log.
        consumer.assign(log)
        for part in log:
            place = began[part]
            consumer.seek(part, ends[part] if place is None else place.offset)
        async for record in consumer:
            alert = alerts.take(json.loads(record.value))
            if alert is not None:
                told(alert)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--stdin":
        from_stdin()
    else:
        asyncio.run(from_kafka(sys.argv[1]))
