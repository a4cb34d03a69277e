"""What cannot be read goes aside whole, with why and from where, and the rest goes on."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas.persons import PseudonymKey
from schemas.times import MINUTE_MS, format_ms
from schemas.topics import CLOCK, DEAD_LETTERS, EVENT_TOPICS, HELD, PLATE_HITS
from tests.fault import records
from tests.fault.conftest import Begin
from tests.fault.judged import backtest, differences
from tests.fault.outcome import alerts, verdicts, wait_until_settled
from tests.fault.sending import send
from tests.fault.traffic import BEFORE_MS, county_timeline

pytestmark = [pytest.mark.fault, pytest.mark.broker]
SETTLED_S = 60.0
PARTITION = 1
SOURCE = "camera/poison"


def hit(**fields: Any) -> bytes:
    """A plate hit as ingest writes it, but for some fields."""
    event = {
        "specversion": "1.0",
        "id": "poison",
        "source": SOURCE,
        "type": "cordon.plate-hit.v1",
        "time": format_ms(BEFORE_MS),
        "recordedtime": format_ms(BEFORE_MS),
        "data": {"site": "gate-north", "direction": "in", "plate": "浙F10001", "confidence": 0.9},
    }
    return msgspec.json.encode({**event, **fields})


# Of no use on any topic.
GARBAGE = (
    b"",
    b"\xff\xfe\x00",
    b"{",
    b"[]",
    b"null",
    b'{"id": 1}',
    b"[" * 100_000,
)
# Of no use as plate hits. An event of a type that is not known here is none of them: it may come
# from a newer version, and is passed over.
POISON = (
    hit(data={"site": 7, "direction": [], "confidence": "high"}),
    hit(data=None),
    hit(time="yesterday"),
    hit(recordedtime="2026-13-32T25:61:61.000Z"),
    hit(recordedtime="9999-99-99T99:99:99.999Z"),
)
AHEAD = hit(time=format_ms(BEFORE_MS + 10 * MINUTE_MS))


def test_poison_is_set_aside_short(begin: Begin) -> None:
    """Poison on every event topic and the clock's, then a timeline, then poison again."""
    system = begin(history_since="forever", partitions="2")
    kafka = system.ready.kafka
    lines = county_timeline(2_000)
    bad = [(topic, value) for topic in (*EVENT_TOPICS, CLOCK) for value in (*GARBAGE, None)]
    bad += [(PLATE_HITS, value) for value in POISON]
    written = produce(kafka, bad)
    ahead = produce(kafka, [(PLATE_HITS, AHEAD)])
    send(system.ready, lines)
    written |= produce(kafka, bad)
    wait_until_settled(system, SETTLED_S)
    for value in POISON:
        # Nothing else of the fetch gives it away.
        written |= produce(kafka, [(PLATE_HITS, value)])
        wait_until_settled(system, SETTLED_S)

    assert letters(kafka, DEAD_LETTERS) == written
    assert letters(kafka, HELD) == ahead
    key = PseudonymKey.load_or_create(system.data_dir / "pseudonym.key")
    expected = backtest(lines, key, from_warm=True)
    # Whose clock is so far ahead is told; the timeline has nothing of it.
    found = [alert for alert in alerts(system) if alert["subject"]["key"] != f"source:{SOURCE}"]
    (ahead_of_time,) = [alert for alert in alerts(system) if alert not in found]
    assert ahead_of_time["rule"] == "clock-skew"
    assert differences(verdicts(found), expected) == []
    system.stop()


def produce(kafka: str, values: Sequence[tuple[str, bytes | None]]) -> dict[tuple[str, int], bytes]:
    """Write values to one partition of topics, past ingest; return them by topic and offset."""

    async def write() -> dict[tuple[str, int], bytes]:
        producer = AIOKafkaProducer(bootstrap_servers=kafka)
        await producer.start()
        try:
            return {
                (
                    topic,
                    (await producer.send_and_wait(topic, value, b"poison", PARTITION)).offset,
                ): (value or b"")
                for topic, value in values
            }
        finally:
            await producer.stop()

    return asyncio.run(write())


def letters(kafka: str, topic: str) -> dict[tuple[str, int], bytes]:
    """What was set aside, by the topic and offset from which it came; each once, with a reason."""
    found: dict[tuple[str, int], bytes] = {}
    for record in records.read(kafka, topic):
        headers = dict(record.headers)
        assert headers["reason"]
        assert int(headers["source-partition"]) == PARTITION
        place = headers["source-topic"].decode(), int(headers["source-offset"])
        assert place not in found
        found[place] = record.value
    return found
