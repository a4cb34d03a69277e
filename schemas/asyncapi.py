"""The AsyncAPI 3.0.0 document of the topics: channels, messages, and who sends and receives.

Payloads are references into the JSON Schema files beside it, so that a form is said once.
"""

from typing import Any, Final

from schemas.events import CLOCK_TYPE, EVENT_KINDS
from schemas.jsonschema import ALERT, DELETION, DIALECT, FINDING
from schemas.registers import REGISTERS, register_topic, register_type
from schemas.suppressions import SUPPRESSED_TYPE
from schemas.topics import (
    ALERT_STATE,
    ALERTS,
    CLOCK,
    DEFAULT_PARTITIONS,
    FINDINGS,
    HELD,
    TOPICS,
    Topic,
)
from schemas.topics import HEADERS as RECORD_HEADERS

Document = dict[str, Any]

# The version of the contracts, not of the software: a field more is a minor one.
CONTRACTS_VERSION: Final = "1.0.0"
# Channel and message bindings of Kafka; since 0.5.0 a topic's configuration may name any setting.
_BINDING_VERSION: Final = "0.5.0"
_CONTENT_TYPE: Final = RECORD_HEADERS[0][1].decode()


def document() -> Document:
    """Return the whole document."""
    channels = {topic.name: _channel(topic) for topic in TOPICS}
    names = sorted({name for topic in TOPICS for name in messages_of(topic)})
    return {
        "asyncapi": "3.0.0",
        "id": "urn:cordon:kafka",
        "info": {
            "title": "Cordon",
            "version": CONTRACTS_VERSION,
            "description": (
                "Checkpoint scans, plate hits, health checks and field reports become live alerts. "
                "Fields may be added; none is renamed or dropped inside a major version, and "
                "readers tolerate fields and values that they do not know. What the workers write "
                "is transactional: read it with isolation.level=read_committed. Subscribers from "
                "outside may read the alerts and the alert state; only ingest writes event topics."
            ),
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": _CONTENT_TYPE,
        "servers": {
            "kafka": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "The embedded broker's default; CORDON_KAFKA names another.",
            }
        },
        "channels": channels,
        "operations": {
            f"{service}.{action}.{topic.name}": _operation(topic, service, action)
            for topic in TOPICS
            for action, services in (("send", topic.written_by), ("receive", topic.read_by))
            for service in services
        },
        "components": {"messages": {name: _message(name) for name in names}},
    }


def messages_of(topic: Topic) -> list[str]:
    """Return the names of the JSON Schemas of what a topic carries.

    Empty where the form is Cordon's own affair (joins, worker state) and where the bytes are
    whatever came (dead letters).
    """
    carried = {
        CLOCK: [CLOCK_TYPE],
        FINDINGS: [FINDING, SUPPRESSED_TYPE],
        ALERTS: [ALERT],
        ALERT_STATE: [ALERT],
        HELD: [kind.type for kind in EVENT_KINDS],
    }
    carried |= {register_topic(name): [register_type(name, "put"), DELETION] for name in REGISTERS}
    for kind in EVENT_KINDS:
        carried.setdefault(kind.topic, []).append(kind.type)
    return carried.get(topic.name, [])


def _channel(topic: Topic) -> Document:
    configuration: Document = {"cleanup.policy": [topic.cleanup]}
    for key, value in topic.config().items():
        if key != "cleanup.policy":
            configuration[key] = int(value) if value.isdigit() else value
    channel: Document = {
        "address": topic.name,
        "title": topic.name,
        "description": f"{topic.about} Key: {topic.key}.",
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions or DEFAULT_PARTITIONS,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }
    messages = messages_of(topic)
    if messages:
        channel["messages"] = {name: {"$ref": f"#/components/messages/{name}"} for name in messages}
    if topic.partitions is None:
        channel["description"] += (
            " It has as many partitions as CORDON_PARTITIONS says, fixed for a deployment's life."
        )
    return channel


def _operation(topic: Topic, service: str, action: str) -> Document:
    verb = {"send": "writes", "receive": "reads"}[action]
    operation: Document = {
        "action": action,
        "title": f"{service} {verb} {topic.name}",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "tags": [{"name": service}],
    }
    messages = messages_of(topic)
    if messages:
        operation["messages"] = [
            {"$ref": f"#/channels/{topic.name}/messages/{name}"} for name in messages
        ]
    return operation


def _message(name: str) -> Document:
    return {
        "name": name,
        "title": name,
        "contentType": _CONTENT_TYPE,
        "payload": {
            "schemaFormat": f"application/schema+json;version={DIALECT.split('/')[-2]}",
            "schema": {"$ref": f"./json/{name}.schema.json"},
        },
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": _BINDING_VERSION}},
    }
