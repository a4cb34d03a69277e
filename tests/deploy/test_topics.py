"""Topics: made once, altered where they differ, never with another number of partitions."""

import asyncio
import dataclasses
import itertools

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from deploy.topics import apply, standing, wait_for_leaders
from deploy.topics_errors import PartitionMismatch, TopicsError
from schemas.topics import TOPICS, Topic


def mine(namespace: str, **changes: object) -> list[Topic]:
    """Two topics of this test: one as wide as the deployment, one of one partition."""
    events = Topic(f"{namespace}.events", "subject", "", None, "delete", 3_600_000)
    register = Topic(f"{namespace}.register", "id", "", 1, "compact")
    return [dataclasses.replace(events, **changes), register]  # type: ignore[arg-type]


async def config(kafka: str, topic: str) -> dict[str, str]:
    """The settings of a topic on the broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    return {entry[0]: entry[1] for entry in answers[0].resources[0][4]}


async def until_configured(kafka: str, topic: str, wanted: dict[str, str]) -> None:
    """Wait until the broker shows settings: it acknowledges a change before it does."""
    async with asyncio.timeout(20):
        for poll in itertools.count():
            await asyncio.sleep(0 if poll == 0 else 0.02)
            if wanted.items() <= (await config(kafka, topic)).items():
                return


async def test_a_second_apply_changes_nothing(kafka: str, namespace: str) -> None:
    topics = mine(namespace)
    first = await apply(kafka, 3, topics=topics)
    second = await apply(kafka, 3, topics=topics)
    names = [topic.name for topic in topics]
    assert (first.created, first.altered, first.unchanged) == (names, [], [])
    assert (second.created, second.altered, second.unchanged) == ([], [], names)


async def test_topics_have_the_settings_that_they_declare(kafka: str, namespace: str) -> None:
    topics = mine(namespace)
    await apply(kafka, 3, topics=topics)
    for topic in topics:
        await until_configured(kafka, topic.name, topic.config())


async def test_a_changed_setting_is_altered(kafka: str, namespace: str) -> None:
    first = mine(namespace)
    await apply(kafka, 3, topics=first)
    await until_configured(kafka, first[0].name, first[0].config())
    changed = mine(namespace, retention_ms=7_200_000)
    applied = await apply(kafka, 3, topics=changed)
    assert applied.altered == [changed[0].name]
    await until_configured(kafka, changed[0].name, {"retention.ms": "7200000"})


async def test_what_an_operator_set_besides_stays(kafka: str, namespace: str) -> None:
    topics = mine(namespace)
    await apply(kafka, 3, topics=topics)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    theirs = {**topics[0].config(), "max.message.bytes": "2000000"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics[0].name, theirs)])
    await admin.close()
    await until_configured(kafka, topics[0].name, theirs)
    changed = mine(namespace, retention_ms=7_200_000)
    await apply(kafka, 3, topics=changed)
    both = {"retention.ms": "7200000", "max.message.bytes": "2000000"}
    await until_configured(kafka, topics[0].name, both)


async def test_another_number_of_partitions_is_refused_before_anything_is_made(
    kafka: str, namespace: str
) -> None:
    events, register = mine(namespace)
    await apply(kafka, 3, topics=[events])
    with pytest.raises(PartitionMismatch, match="fixed for the life of a deployment"):
        await apply(kafka, 5, topics=[events, register])
    applied = await apply(kafka, 3, topics=[events, register])
    assert applied.created == [register.name]


async def test_everything_of_schemas_is_made_and_has_leaders(kafka: str) -> None:
    await apply(kafka, 4)
    await wait_for_leaders(kafka)
    on_broker = await standing(kafka, 4)
    assert [each.topic for each in on_broker] == list(TOPICS)
    assert all(each.partitions == each.wanted_partitions for each in on_broker)


async def test_a_broker_that_is_not_there_is_said_in_one_line() -> None:
    with pytest.raises(TopicsError, match=r"no broker answers at 127\.0\.0\.1:1\b"):
        await apply("127.0.0.1:1", 4)
