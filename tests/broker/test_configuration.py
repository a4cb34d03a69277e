"""What Kafka is told: loopback only, no topics by accident, one replica of everything."""

from pathlib import Path

import pytest

from deploy.broker.configuration import log4j2_properties, server_properties
from deploy.broker.java import JavaRun, java_command, java_environment


def _properties() -> dict[str, str]:
    text = server_properties(port=9001, controller_port=9002, log_dir=Path("/somewhere/data"))
    return dict(line.split("=", 1) for line in text.splitlines())


def test_every_listener_is_on_the_loopback_interface() -> None:
    properties = _properties()
    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:9001,CONTROLLER://127.0.0.1:9002"
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9001"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:9002"


def test_topics_are_never_created_by_accident() -> None:
    assert _properties()["auto.create.topics.enable"] == "false"


def test_the_log_rolls() -> None:
    text = log4j2_properties(Path("/somewhere/logs"))
    assert "appender.file.fileName = /somewhere/logs/broker.log" in text
    assert "SizeBasedTriggeringPolicy" in text


def test_java_sees_nothing_of_a_persons_java_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLASSPATH", "JAVA_TOOL_OPTIONS", "KAFKA_OPTS", "JAVA_HOME"):
        monkeypatch.setenv(name, "/elsewhere")
    assert not any("/elsewhere" in value for value in java_environment().values())


def test_a_tool_runs_small_and_records_nothing() -> None:
    run = JavaRun(
        class_path=[Path("/a.jar"), Path("/b.jar")],
        log4j2=Path("/log4j2.properties"),
        temporary_dir=Path("/tmp"),
        heap_mb=512,
        record_archive=Path("/classes.aot"),
    )
    broker = java_command(run, "kafka.Kafka", ["server.properties"])
    assert {"-Xmx512m", "-XX:AOTCacheOutput=/classes.aot", "/a.jar:/b.jar"} <= set(broker)
    assert broker[-2:] == ["kafka.Kafka", "server.properties"]
    tool = java_command(run.for_tool(), "kafka.tools.StorageTool", ["format"])
    assert "-Xmx128m" in tool
    assert not any("AOT" in flag for flag in tool)
