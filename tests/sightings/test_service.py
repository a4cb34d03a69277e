"""The process on a real broker: what it keeps, what it looks back on, what it shows."""

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from deploy.bench import stage
from deploy.cli import app
from deploy.readiness import is_ready
from schemas.intake import Record
from schemas.registers import register_topic
from schemas.settings import Settings
from schemas.times import HOUR_MS, format_ms
from schemas.topics import HEADERS, JOINS
from services.alerts.sightings import manifest as manifests
from tests.fault.until import until
from tests.sightings.records import PERSON, PLATE, VEHICLE, check, hit, ordered, scan, watched
from tests.sightings.system import PARTITIONS, first_of, produce

pytestmark = pytest.mark.broker


async def write(broker: str, records: list[Record], filings: dict[str, list[bytes]]) -> None:
    """Write events, then filings, where ingest and the API write them."""
    async with AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer:
        await produce(producer, records)
        for name, values in filings.items():
            for value in values:
                topic = register_topic(name)
                await producer.send_and_wait(topic, value, b"id", partition=0, headers=HEADERS)


def noted(folder: Path) -> list[int]:
    """Return up to which offsets of the register topics was looked back."""
    return sorted(manifests.load(folder).filings.values())


async def test_a_filing_is_answered_once_with_what_was_seen_before(
    broker: str, tmp_path: Path, now_ms: int
) -> None:
    settings = Settings(kafka=broker, data_dir=tmp_path, partitions=PARTITIONS)
    env, folder = stage.environment(settings), settings.sightings_path
    seen_ms, filed_ms = now_ms - HOUR_MS, now_ms
    end = format_ms(now_ms + HOUR_MS)
    async with stage.service("sightings", env) as store:
        assert await is_ready("127.0.0.1", store.port)
        await write(
            broker,
            [*hit("h1", seen_ms), *scan("s1", seen_ms + 1), *check("c1", seen_ms + 2)],
            {
                "watch-entry": [watched("w1", filed_ms, valid_to=end), b"{"],
                "order": [ordered("o1", filed_ms, seen_ms)],
            },
        )
        found = dict(await first_of(broker, JOINS, 2))
        assert found.keys() == {VEHICLE, PERSON}
        assert [each["id"] for each in found[VEHICLE]["sightings"]] == ["h1", "s1"]
        assert [each["id"] for each in found[PERSON]["sightings"]] == ["s1#1", "c1"]
        # Both filings and the record that is none are done with.
        await asyncio.to_thread(until, lambda: noted(folder) == [1, 2], "filings noted", 30)
        done = await store.values("cordon_sightings_look_backs_total")
        assert done == {("true", "watch-entry"): 1, ("true", "order"): 1}
        assert sum((await store.values("cordon_sightings_register_errors_total")).values()) == 1
        assert (await store.values("cordon_sightings_rows_written_total"))[()] == 4
        assert set((await store.values("cordon_sightings_lag_events")).values()) == {0}
    # What was answered stays answered; what is new is not.
    async with stage.service("sightings", env) as store:
        await write(broker, [], {"watch-entry": [watched("w2", filed_ms + 1, valid_to=end)]})
        found_again = await first_of(broker, JOINS, 3)
        assert [each["entry"] for key, each in found_again if key == VEHICLE] == ["w1", "w2"]
        assert (await store.values("cordon_sightings_rows_written_total")).get((), 0) == 0
    show_on_the_command_line(tmp_path, seen_ms)


def show_on_the_command_line(data_dir: Path, seen_ms: int) -> None:
    """Look for the same sightings as a person on the machine does."""
    command = ["sightings", "query", PLATE, "--data-dir", str(data_dir)]
    runner = CliRunner()
    lines = runner.invoke(app, [*command, "--json"]).stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["h1", "s1"]
    assert json.loads(lines[0])["time"] == format_ms(seen_ms)
    assert "2 sightings" in runner.invoke(app, command).stdout
    assert runner.invoke(app, [*command, "--since", format_ms(seen_ms + 3), "--json"]).stdout == ""


async def test_a_second_process_on_the_folder_ends(broker: str, tmp_path: Path) -> None:
    settings = Settings(kafka=broker, data_dir=tmp_path, partitions=PARTITIONS)
    env = stage.environment(settings)
    async with stage.service("sightings", env):
        with pytest.raises(stage.Failed, match="another process writes sightings"):
            async with stage.service("sightings", env):
                raise AssertionError("it started")


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    runner = CliRunner()
    folder = ["--data-dir", str(tmp_path)]
    for words, told in (
        (["person:1:short"], "SUBJECT"),
        (["not a plate"], "SUBJECT"),
        ([PLATE, "--since", "yesterday"], "neither 14d"),
        ([PLATE, "--until", "2020-02-30"], "neither 14d"),
    ):
        answer = runner.invoke(app, ["sightings", "query", *words, *folder])
        assert answer.exit_code == 2
        assert told in answer.stderr
    answer = runner.invoke(app, ["sightings", "query", PLATE, "--since", "2020-02-10", *folder])
    assert (answer.exit_code, "there are none" in answer.stderr) == (1, True)
