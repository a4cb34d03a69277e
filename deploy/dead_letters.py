"""`cordon dead-letters`: what could not be read, and a way to have it read again.

A letter is replayed after the cause is gone: the original bytes go back to their topic, with their
key and partition, so that they meet the records that they belong to. What was processed already
is dropped by its identity, so replaying twice does no harm.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from msgspec import Struct

from schemas.topics import DEAD_LETTERS, HEADERS, HELD


class Letter(Struct, frozen=True):
    """A dead letter: its own place (`partition:offset`), why it is dead, and where it came from."""

    place: str
    reason: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class LetterProblem(ValueError):
    """A record of the dead-letter topic that does not say where it came from."""


async def read_letters(
    bootstrap: str, topic: str = DEAD_LETTERS
) -> AsyncIterator[Letter | LetterProblem]:
    """Yield every letter that is there now, in the order of each partition."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    try:
        await consumer.start()
        ends = await consumer.end_offsets(consumer.assignment())
        while await _behind(consumer, ends):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    try:
                        yield letter_of(record)
                    except LetterProblem as problem:
                        yield problem
    finally:
        await consumer.stop()


async def _behind(consumer: AIOKafkaConsumer, ends: dict[Any, int]) -> bool:
    return any([await consumer.position(place) < end for place, end in ends.items()])


def letter_of(record: Any) -> Letter:
    """Return the letter in a record: the original bytes; its headers tell the rest.

    Raises LetterProblem for a record whose headers do not.
    """
    place = f"{record.partition}:{record.offset}"
    headers = {name: value.decode(errors="replace") for name, value in record.headers}
    if "source-topic" not in headers:
        raise LetterProblem(f"{place} is no dead letter: it does not say where it came from")
    return Letter(
        place,
        headers.get("reason", ""),
        headers["source-topic"],
        int(headers["source-partition"]),
        int(headers["source-offset"]),
        record.key,
        record.value,
    )


async def replay_letters(bootstrap: str, letters: Sequence[Letter]) -> None:
    """Write the original records to where they came from; returns when all are acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    try:
        await producer.start()
        sent = [
            await producer.send(
                letter.topic,
                letter.value,
                key=letter.key,
                partition=letter.partition,
                headers=HEADERS,
            )
            for letter in letters
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def line_of(letter: Letter) -> bytes:
    """Return a letter as a line for people and for jq: bytes as text where they are text."""
    return msgspec.json.encode(
        {
            "place": letter.place,
            "reason": letter.reason,
            "source": f"{letter.topic}:{letter.partition}:{letter.offset}",
            "key": _text(letter.key),
            "value": _text(letter.value),
        }
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


async def list_command(bootstrap: str, *, held: bool = False) -> int:
    """Write every letter to standard output, one JSON object a line."""
    async for letter in read_letters(bootstrap, HELD if held else DEAD_LETTERS):
        if isinstance(letter, Letter):
            sys.stdout.buffer.write(line_of(letter) + b"\n")
        else:
            sys.stderr.write(f"{letter}\n")
    sys.stdout.flush()
    return 0


async def replay_command(
    bootstrap: str, places: Sequence[str], topic: str | None, *, held: bool = False
) -> int:
    """Replay the letters at the given places (all where none is given) that came from `topic`
    (any where it is None); exits 1 when a place is not found."""
    chosen = [
        letter
        async for letter in read_letters(bootstrap, HELD if held else DEAD_LETTERS)
        if isinstance(letter, Letter)
        and (not places or letter.place in places)
        and (topic is None or letter.topic == topic)
    ]
    missing = sorted(set(places) - {letter.place for letter in chosen})
    if missing:
        sys.stderr.write(f"no such dead letter: {', '.join(missing)}; nothing was replayed\n")
        return 1
    await replay_letters(bootstrap, chosen)
    sys.stdout.write(f"{len(chosen)} replayed\n")
    return 0
