"""Dead letters: shown as they are, and sent back to where they came from."""

from types import SimpleNamespace

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.dead_letters import (
    Letter,
    LetterProblem,
    letter_of,
    line_of,
    read_letters,
    replay_letters,
)
from deploy.topics import apply
from schemas.topics import HEADERS, Topic

LETTER = Letter("1:7", "not JSON", "cordon.plate-hits.v1", 2, 41, b"vehicle:x", b"{nope \xff")


def record(value: bytes, headers: list[tuple[str, bytes]]) -> SimpleNamespace:
    """A record of the dead-letter topic."""
    return SimpleNamespace(partition=1, offset=7, key=b"vehicle:x", value=value, headers=headers)


def test_a_letter_is_the_original_bytes() -> None:
    headers = [
        ("reason", b"not JSON"),
        ("source-topic", b"cordon.plate-hits.v1"),
        ("source-partition", b"2"),
        ("source-offset", b"41"),
    ]
    assert letter_of(record(b"{nope \xff", headers)) == LETTER


def test_something_else_is_told_by_its_place() -> None:
    with pytest.raises(LetterProblem, match="1:7"):
        letter_of(record(b"{}", []))


def test_a_line_shows_bytes_that_are_no_text() -> None:
    shown = msgspec.json.decode(line_of(LETTER))
    assert shown["value"] == "{nope \\xff"
    assert shown["source"] == "cordon.plate-hits.v1:2:41"


async def test_a_replayed_letter_is_the_original_record(kafka: str, namespace: str) -> None:
    letters = Topic(f"{namespace}.dead", "", "", 1, "delete")
    source = Topic(f"{namespace}.source", "", "", 4, "delete")
    await apply(kafka, 4, topics=[letters, source])
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    await producer.send_and_wait(
        letters.name,
        LETTER.value,
        key=LETTER.key,
        headers=[
            ("reason", b"r"),
            ("source-topic", source.name.encode()),
            ("source-partition", b"3"),
            ("source-offset", b"0"),
        ],
    )
    await producer.send_and_wait(letters.name, b"no letter at all")
    await producer.stop()
    found = [each async for each in read_letters(kafka, letters.name)]
    assert [type(each) for each in found] == [Letter, LetterProblem]
    await replay_letters(kafka, [each for each in found if isinstance(each, Letter)])
    consumer = AIOKafkaConsumer(source.name, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    back = await consumer.getone()
    await consumer.stop()
    assert (back.partition, back.key, back.value) == (3, LETTER.key, LETTER.value)
    assert list(back.headers) == HEADERS


async def test_no_letters_end_at_once(kafka: str, namespace: str) -> None:
    letters = Topic(f"{namespace}.dead", "", "", 2, "delete")
    await apply(kafka, 4, topics=[letters])
    assert [each async for each in read_letters(kafka, letters.name)] == []
