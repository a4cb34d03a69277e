"""The sighting store as a process, what is written for it, and what lies in its folder."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.intake import Record
from schemas.partition import partition_of
from schemas.topics import HEADERS
from services.alerts.sightings import manifest as manifests
from services.alerts.sightings.manifest import Manifest
from tests.fault.until import until

PARTITIONS = 2
_START_S = 60.0
_STOP_S = 30.0


class StoreProcess:
    """`cordon sightings` on a folder. Use it as a context: nothing of it is left afterwards."""

    def __init__(self, bootstrap: str, folder: Path, **settings: str) -> None:
        """`settings` are named without their prefix."""
        self.folder = folder
        foreign = {name: text for name, text in os.environ.items() if "CORDON_" not in name}
        self._environment = {
            **foreign,
            "CORDON_KAFKA": bootstrap,
            "CORDON_PARTITIONS": str(PARTITIONS),
            "CORDON_DATA_DIR": str(folder.parent),
            "CORDON_SIGHTINGS_DIR": str(folder),
            **{f"CORDON_{name.upper()}": text for name, text in settings.items()},
        }
        self._log = folder.parent / "sightings.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def manifest(self) -> Manifest:
        """What the store says of itself now."""
        return manifests.load(self.folder)

    def start(self) -> None:
        """Start the process; it need not be ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", "sightings", "--log-form", "json"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_S)

    def stop(self) -> int:
        """Ask the process to stop; return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(_STOP_S)

    def until_flushed(self, more: int) -> None:
        """Wait until the store has replaced its manifest so many times from now on."""
        goal = self.manifest.sequence + more
        until(
            lambda: self.alive() and self.manifest.sequence >= goal,
            f"{more} more flushes",
            _START_S,
            poll_s=0.002,
            explain=self.log,
        )

    def until_stored(self, ends: dict[TopicPartition, int]) -> None:
        """Wait until everything before these offsets is on the disk."""

        def reached() -> bool:
            positions = self.manifest.positions
            return self.alive() and all(
                positions.get(place.topic, {}).get(place.partition, 0) >= end
                for place, end in ends.items()
            )

        until(reached, "all of it stored", _START_S, explain=self.log)

    def alive(self) -> bool:
        """Return True; raises AssertionError with the log when the process has ended."""
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        return True

    def log(self) -> str:
        """Return the end of what the process said."""
        return self._log.read_text(errors="replace")[-2000:]


async def produce(producer: AIOKafkaProducer, records: Iterable[Record]) -> None:
    """Write records where ingest writes them; return when all are acknowledged."""
    sent = [
        await producer.send(
            record.topic,
            record.value,
            key=record.subject.encode(),
            partition=partition_of(record.subject, PARTITIONS),
            headers=HEADERS,
        )
        for record in records
    ]
    for each in sent:
        await each


async def ends_of(bootstrap: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """Return where topics end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        places = [TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)]
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        return ends
    finally:
        await consumer.stop()


async def first_of(bootstrap: str, topic: str, count: int) -> list[tuple[str, Any]]:
    """Return the keys and the parsed values of a topic's first records; waits for so many."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        found: list[tuple[str, Any]] = []
        async with asyncio.timeout(_START_S):
            while len(found) < count:
                record = await consumer.getone()
                found.append((record.key.decode(), json.loads(record.value)))
        return found
    finally:
        await consumer.stop()


def rows(folder: Path) -> Counter[tuple[str, str, str]]:
    """Return how often the live files hold each (source, id, subject): no repeat is left out."""
    paths = [str(folder / file.path) for file in manifests.load(folder).files]
    found = duckdb.execute("SELECT source, id, subject FROM read_parquet(?)", [paths]).fetchall()
    return Counter((source, id_, subject) for source, id_, subject in found)
