"""`cordon topics`: the one place where topics are made (contracts: Topics)."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.protocol.offset import OffsetRequest
from msgspec import Struct

from deploy.topics_errors import PartitionMismatch, TopicsError
from schemas.topics import TOPICS, Topic

_REQUEST_TIMEOUT_MS: Final = 20_000
# Where a setting comes from, in the words of the protocol: DYNAMIC_TOPIC_CONFIG.
_SET_ON_TOPIC: Final = 1
# Where a partition ends, likewise.
_LATEST: Final = -1


class Applied(Struct):
    """What `apply` did, by topic name."""

    created: list[str]
    altered: list[str]
    unchanged: list[str]


class Standing(Struct, frozen=True):
    """A topic as it is: `partitions` None = it is not there."""

    topic: Topic
    partitions: int | None
    wanted_partitions: int


def partitions_of(topic: Topic, partitions: int) -> int:
    """Return how many partitions a topic has in a deployment with so many."""
    return partitions if topic.partitions is None else topic.partitions


async def apply(
    bootstrap: str, partitions: int, *, replicas: int = 1, topics: Iterable[Topic] = TOPICS
) -> Applied:
    """Create what is missing and alter the settings that differ; raises TopicsError.

    `partitions` is the deployment's number and fixed for its life: an existing topic with another
    one raises PartitionMismatch before anything is changed.
    """
    topics = tuple(topics)
    admin = await _connected(bootstrap)
    try:
        found = await _found(admin, topics)
        for topic in topics:
            _check(topic, found.get(topic.name), partitions)
        missing = [topic for topic in topics if topic.name not in found]
        await _create(admin, missing, partitions, replicas)
        altered = await _alter(admin, [topic for topic in topics if topic.name in found])
    finally:
        await admin.close()
    created = [topic.name for topic in missing]
    touched = {*created, *altered}
    return Applied(created, altered, [t.name for t in topics if t.name not in touched])


async def standing(bootstrap: str, partitions: int) -> list[Standing]:
    """Return every topic of Cordon as it is on the broker."""
    admin = await _connected(bootstrap)
    try:
        found = await _found(admin, TOPICS)
    finally:
        await admin.close()
    return [
        Standing(topic, found.get(topic.name), partitions_of(topic, partitions)) for topic in TOPICS
    ]


async def _connected(bootstrap: str) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        await admin.start()
    except Exception as error:
        await admin.close()
        raise TopicsError(f"no broker answers at {bootstrap}: {error}") from error
    return admin


async def _found(admin: AIOKafkaAdminClient, topics: Iterable[Topic]) -> dict[str, int]:
    """Return the number of partitions of each topic that is there."""
    names = await admin.list_topics()
    wanted = [topic.name for topic in topics if topic.name in names]
    described = await admin.describe_topics(wanted) if wanted else []
    return {each["topic"]: len(each["partitions"]) for each in described}


def _check(topic: Topic, has: int | None, partitions: int) -> None:
    wants = partitions_of(topic, partitions)
    if has is not None and has != wants:
        raise PartitionMismatch(
            f"{topic.name} has {has} partitions and this deployment has {wants}: their number is "
            "fixed for the life of a deployment. Set CORDON_PARTITIONS to what the broker has, or "
            "start on an empty one."
        )


async def _create(
    admin: AIOKafkaAdminClient, topics: list[Topic], partitions: int, replicas: int
) -> None:
    if not topics:
        return
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.name,
                partitions_of(topic, partitions),
                replicas,
                topic_configs=topic.config(),
            )
            for topic in topics
        ]
    )
    for name, code, *rest in answer.topic_errors:
        # Somebody else may have applied at the same time; then it is as it must be, or the next
        # apply says that it is not.
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise TopicsError(f"{name} was not created: {rest[0] if rest else for_code(code)}")


async def _alter(admin: AIOKafkaAdminClient, topics: list[Topic]) -> list[str]:
    """Set what differs; return the names of the topics concerned."""
    if not topics:
        return []
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    described = await admin.describe_configs(resources)
    current = {name: {entry[0]: entry[1] for entry in each} for name, each in _configs(described)}
    own = {
        name: {entry[0]: entry[1] for entry in each if entry[3] == _SET_ON_TOPIC}
        for name, each in _configs(described)
    }
    differing = [
        topic
        for topic in topics
        if any(current[topic.name].get(key) != value for key, value in topic.config().items())
    ]
    if differing:
        # The request replaces all settings of a topic: what an operator has set besides ours,
        # such as min.insync.replicas, is sent along.
        answers = await admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC, topic.name, {**own[topic.name], **topic.config()}
                )
                for topic in differing
            ]
        )
        for answer in _listed(answers):
            for code, message, _, name in answer.resources:
                if code:
                    raise TopicsError(f"{name} was not altered: {message or for_code(code)}")
    return [topic.name for topic in differing]


def _configs(answers: Any) -> Iterable[tuple[str, list[Any]]]:
    """Yield each topic with its settings as (name, value, read only, where it is set, …)."""
    for answer in _listed(answers):
        for code, message, _, name, entries in answer.resources:
            if code:
                raise TopicsError(f"{name} cannot be described: {message or for_code(code)}")
            yield name, entries


def _listed(answers: Any) -> list[Any]:
    return answers if isinstance(answers, list) else [answers]


async def wait_for_leaders(bootstrap: str, timeout_s: float = 60.0) -> None:
    """Return when every partition is served by its leader; raises TimeoutError after `timeout_s`.

    A fresh topic has no leader for some milliseconds, and after a start leaders are named before
    they serve: until then they refuse whatever is sent.
    """
    admin = await _connected(bootstrap)
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=_REQUEST_TIMEOUT_MS)
    try:
        async with asyncio.timeout(timeout_s):
            await client.bootstrap()
            while True:
                if await _is_served(admin, client):
                    return
                await asyncio.sleep(0.02)
    finally:
        await client.close()
        await admin.close()


async def _is_served(admin: AIOKafkaAdminClient, client: AIOKafkaClient) -> bool:
    """Tell whether each partition's leader says where the partition ends: only one that serves it
    does."""
    asked: dict[int, dict[str, list[tuple[int, int]]]] = {}
    for topic in await admin.describe_topics([topic.name for topic in TOPICS]):
        if not topic["partitions"]:
            return False
        for each in topic["partitions"]:
            if each["leader"] < 0:
                return False
            of_leader = asked.setdefault(each["leader"], {})
            of_leader.setdefault(topic["topic"], []).append((each["partition"], _LATEST))
    for leader, topics in asked.items():
        answer = await client.send(leader, OffsetRequest(-1, 0, list(topics.items())))
        if any(code for _, partitions in answer.topics for _, code, *_ in partitions):
            return False
    return True
