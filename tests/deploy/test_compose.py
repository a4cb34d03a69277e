"""docker-compose.yml and the Dockerfile, checked without Docker."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.broker.lockfile import read_lock
from deploy.cli import app
from schemas.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
SETTINGS = {f"CORDON_{name.upper()}" for name in Settings.model_fields}
PINNED = re.compile(r"[^\s:@]+(/[^\s:@]+)*:v?\d+\.\d+[\w.-]*")


def test_every_image_is_pinned_by_version() -> None:
    images = {service["image"] for service in SERVICES.values()}
    images |= {image for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)}
    images |= set(re.findall(r"--from=(\S+/\S+:\S+)", DOCKERFILE))
    assert len(images) == 4
    assert all(PINNED.fullmatch(image) for image in images), images


def test_the_broker_is_the_version_that_is_embedded() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{read_lock().kafka}"


def test_the_installer_is_the_one_that_is_locked() -> None:
    pinned = re.search(r'"uv==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert pinned
    assert f"/uv:{pinned[1]} " in DOCKERFILE


def test_the_services_are_one_image_run_as_the_commands_of_the_command_line() -> None:
    ours = {name: each for name, each in SERVICES.items() if name != "kafka"}
    assert len({each["image"] for each in ours.values()}) == 1
    commands = {command.callback.__name__ for command in app.registered_commands
                if command.callback}  # fmt: skip
    run = {each["command"][0] for name, each in ours.items() if name != "setup"}
    assert run == {"ingest", "worker", "api"}
    assert run <= commands


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"CORDON_[A-Z_]+", (ROOT / "docker-compose.yml").read_text()))
    named |= set(re.findall(r"CORDON_[A-Z_]+", DOCKERFILE))
    assert named
    assert named <= SETTINGS


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"setup"}))
def test_every_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_services_wait_for_topics_and_tokens_and_those_for_the_broker() -> None:
    for name in ("ingest", "worker", "api"):
        assert SERVICES[name]["depends_on"] == {
            "setup": {"condition": "service_completed_successfully"}
        }
    assert SERVICES["setup"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert "cordon topics apply" in SERVICES["setup"]["entrypoint"][-1]


def test_there_are_no_secrets_in_it() -> None:
    text = (ROOT / "docker-compose.yml").read_text() + DOCKERFILE
    assert not re.search(r"(?i)(token|password|secret|key)\s*[:=]\s*[\"']?[\w-]{8,}", text)
    assert not {name for name in re.findall(r"CORDON_[A-Z_]+", text) if "TOKEN" in name}


def test_nobody_else_makes_topics_and_ports_are_for_this_machine() -> None:
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_image_does_not_run_as_root() -> None:
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)
