"""Topics: the table of the contracts, said again by hand."""

import pytest

from schemas import topics
from schemas.events import EVENT_KINDS
from schemas.registers import REGISTERS
from schemas.topics import EVENT_TOPICS, HEADERS, TOPICS, UNIT_TOPICS, Topic

DAY_MS = 86_400_000
BY_NAME = {topic.name: topic for topic in TOPICS}


@pytest.mark.parametrize(
    ("name", "key", "days"),
    [
        ("cordon.checkpoint-scans.v1", "subject", 30),
        ("cordon.plate-hits.v1", "subject", 30),
        ("cordon.health-checks.v1", "subject", 30),
        ("cordon.field-reports.v1", "subject", 30),
        ("cordon.joins.v1", "join key", 3),
        ("cordon.clock.v1", "clock", 1),
        ("cordon.findings.v1", "alert id", 90),
        ("cordon.alerts.v1", "alert id", 90),
        ("cordon.dead-letters.v1", "as source", 30),
        ("cordon.held.v1", "as source", 30),
    ],
)
def test_logs(name: str, key: str, days: int) -> None:
    topic = BY_NAME[name]
    assert (topic.key, topic.cleanup, topic.retention_ms) == (key, "delete", days * DAY_MS)
    assert topic.config() == {
        "cleanup.policy": "delete",
        "compression.type": "producer",
        "retention.ms": str(days * DAY_MS),
    }


@pytest.mark.parametrize("name", ["cordon.alert-state.v1", "cordon.worker-state.v1"])
def test_states_are_compacted(name: str) -> None:
    assert BY_NAME[name].config() == {
        "cleanup.policy": "compact",
        "compression.type": "producer",
    }


@pytest.mark.parametrize("register", REGISTERS)
def test_registers_keep_thirty_days_of_versions_in_filing_order(register: str) -> None:
    topic = BY_NAME[f"cordon.registers.{register}.v1"]
    assert (topic.key, topic.partitions) == ("id", 1)
    assert topic.config() == {
        "cleanup.policy": "compact",
        "compression.type": "producer",
        "min.compaction.lag.ms": str(30 * DAY_MS),
    }


def test_there_is_no_other_topic() -> None:
    assert len(TOPICS) == len(BY_NAME) == 14 + len(REGISTERS)


def test_the_unit_topics_have_one_number_of_partitions() -> None:
    assert {BY_NAME[name].partitions for name in UNIT_TOPICS} == {None}
    assert UNIT_TOPICS == (*EVENT_TOPICS, "cordon.joins.v1", "cordon.clock.v1")
    assert topics.DEFAULT_PARTITIONS == 4


def test_every_event_has_its_topic() -> None:
    assert {kind.topic for kind in EVENT_KINDS} <= set(EVENT_TOPICS)


def test_only_ingest_writes_events() -> None:
    assert {BY_NAME[name].written_by for name in EVENT_TOPICS} == {("ingest",)}


def test_subscribers_read_alerts_and_their_state_only() -> None:
    open_to_all = {topic.name for topic in TOPICS if "subscribers" in topic.read_by}
    assert open_to_all == {"cordon.alerts.v1", "cordon.alert-state.v1"}


def test_everybody_named_is_a_room() -> None:
    named = {service for topic in TOPICS for service in (*topic.written_by, *topic.read_by)}
    assert named == {"ingest", "alerts", "api", "subscribers"}
    assert all(topic.written_by for topic in TOPICS)


def test_records_say_what_they_are() -> None:
    assert HEADERS == [("content-type", b"application/cloudevents+json")]


def test_a_topic_without_limits_has_none_in_its_configuration() -> None:
    topic = Topic("t", "k", "about", None, "delete")
    assert topic.config() == {"cleanup.policy": "delete", "compression.type": "producer"}
