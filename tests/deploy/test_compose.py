"""docker-compose.yml, the Dockerfile and the proxy, checked without Docker."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from deploy.broker.lockfile import read_lock
from deploy.cli import app
from schemas.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
PROXY = (ROOT / "deploy" / "proxy" / "haproxy.cfg").read_text()
SETTINGS = {f"CORDON_{name.upper()}" for name in Settings.model_fields}
OURS = {"setup", "ingest", "worker", "sightings", "api"}
REPLICATED = {"ingest", "worker", "api"}
PINNED = re.compile(r"[^\s:@]+(/[^\s:@]+)*:v?\d+\.\d+\.?\d*[\w.-]*")
# Read by libraries: uvicorn's trust in the proxy, and libpq's password.
BESIDE_SETTINGS = {"FORWARDED_ALLOW_IPS", "PGPASSWORD"}


def each(key: str) -> Iterator[tuple[str, Any]]:
    """Yield what the services have under a key."""
    for name, service in SERVICES.items():
        if key in service:
            yield name, service[key]


def test_it_is_as_the_compose_specification_says() -> None:
    # It refuses keys, durations, ports and networks that are none.
    PyCompose.from_json(json.dumps(COMPOSE)).validate()


def test_what_services_name_is_there() -> None:
    for name, waits in each("depends_on"):
        for other, how in waits.items():
            assert other in SERVICES, name
            if how["condition"] == "service_healthy":
                assert not SERVICES[other].get("healthcheck", {}).get("disable"), (name, other)
    for name, mounts in each("volumes"):
        for source in (mount.split(":")[0] for mount in mounts):
            if source.startswith("./"):
                assert (ROOT / source).exists(), (name, source)
            elif not source.startswith("/"):
                assert source in COMPOSE["volumes"], (name, source)


def test_every_image_is_pinned_by_version() -> None:
    images = {service["image"] for service in SERVICES.values()}
    images |= set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    images |= set(re.findall(r"--from=(\S+/\S+:\S+)", DOCKERFILE))
    assert len(images) == 9
    assert all(PINNED.fullmatch(image) for image in images), images


def test_the_broker_is_the_version_that_is_embedded() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{read_lock().kafka}"


def test_the_installer_is_the_one_that_is_locked() -> None:
    pinned = re.search(r'"uv==([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert pinned
    assert f"/uv:{pinned[1]} " in DOCKERFILE


def test_the_services_are_one_image_run_as_the_commands_of_the_command_line() -> None:
    assert len({SERVICES[name]["image"] for name in OURS}) == 1
    assert {SERVICES[name]["build"]["dockerfile"] for name in OURS} == {"deploy/Dockerfile"}
    commands = {
        command.callback.__name__ for command in app.registered_commands if command.callback
    }
    for name in REPLICATED:
        assert SERVICES[name]["command"] == [name]
        assert name in commands


def test_the_image_holds_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = set(re.findall(r"^COPY (\w+) (\w+)$", DOCKERFILE, re.MULTILINE))
    assert copied == {(package, package) for package in packages}
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not set(packages) & set(ignored)


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"CORDON_[A-Z_]+", TEXT + DOCKERFILE))
    assert named
    assert named <= SETTINGS
    for name in OURS:
        assert set(SERVICES[name]["environment"]) <= SETTINGS | BESIDE_SETTINGS, name


def test_the_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    image = dict(re.findall(r"(CORDON_[A-Z_]+)=(\S+)", DOCKERFILE))
    for name in OURS:
        for key in SETTINGS:
            monkeypatch.delenv(key, raising=False)
        for key, value in {**image, **SERVICES[name]["environment"]}.items():
            monkeypatch.setenv(key, value)
        settings = Settings()
        assert settings.model_fields_set, name
        assert str(settings.ingest_path) == str(settings.worker_path) == "/state"


def test_replicas_share_the_deployment_and_nothing_else() -> None:
    for name in REPLICATED:
        service = SERVICES[name]
        assert service["deploy"]["replicas"] >= 2, name
        # Read-only, but for the folder that each container has for itself.
        shared = ["deployment:/data:ro", "/state"]
        if name == "api":
            # Trails are read from the sighting store's files.
            shared.append("sightings-data:/sightings:ro")
        assert service["volumes"] == shared, name
        assert service["read_only"] is True
        assert "container_name" not in service
        assert "ports" not in service
    assert SERVICES["setup"]["volumes"] == ["deployment:/data"]
    assert SERVICES["api"]["environment"]["CORDON_DATABASE_URL"].startswith("postgresql://")


def test_there_is_one_sighting_store_with_a_volume_of_its_own() -> None:
    service = SERVICES["sightings"]
    assert service["command"] == ["sightings"]
    assert service["deploy"]["replicas"] == 1
    folder = service["environment"]["CORDON_SIGHTINGS_DIR"]
    assert service["volumes"] == ["deployment:/data:ro", "sightings-data:/state"]
    assert folder.startswith("/state/")
    assert "sightings-data:/watched/sightings:ro" in SERVICES["disk"]["volumes"]


def test_everything_has_a_health_check_and_the_image_has_one() -> None:
    port_of = dict(re.findall(r"CORDON_(\w+)_PORT=(\d+)", DOCKERFILE))
    (check,) = re.findall(r"HEALTHCHECK [^\n]*\\\n\s+CMD (\[.*\])", DOCKERFILE)
    command, *ports = json.loads(check)[2:]
    assert command == "deploy.readiness"
    assert set(ports) == set(port_of.values())
    for name in set(SERVICES) - OURS:
        assert SERVICES[name]["healthcheck"]["test"], name
    for name in REPLICATED:
        assert "healthcheck" not in SERVICES[name]
    assert SERVICES["setup"]["healthcheck"] == {"disable": True}


def test_everything_is_bounded_and_comes_back() -> None:
    for name, service in SERVICES.items():
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert service["restart"] == ("no" if name == "setup" else "unless-stopped"), name
        assert service["logging"]["options"]["max-size"], name
        assert service["networks"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name


def test_services_wait_for_topics_and_tokens_and_those_for_the_broker() -> None:
    after = {"condition": "service_completed_successfully"}
    for name in REPLICATED:
        assert SERVICES[name]["depends_on"]["setup"] == after
    assert SERVICES["api"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert SERVICES["setup"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["setup"]["entrypoint"][-1] == "cordon tokens init && cordon topics apply"


def test_there_are_no_secrets_in_it() -> None:
    shipped = [ROOT / "docker-compose.yml", ROOT / ".env.example"]
    for folder in ("prometheus", "grafana", "proxy"):
        shipped += [path for path in (ROOT / "deploy" / folder).rglob("*") if path.is_file()]
    text = DOCKERFILE + "".join(path.read_text() for path in shipped)
    assert not re.search(r"(?i)(token|password|secret|key)\w*\s*[:=]\s*[\"']?[\w-]{8,}", text)
    wanted = set(re.findall(r"\$\{(\w+)", TEXT))
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == wanted
    # Without a value nothing starts.
    assert all(f"${{{name}:?" in TEXT for name in wanted)
    assert "/.env" in (ROOT / ".gitignore").read_text().split()
    assert ".env" in (ROOT / ".dockerignore").read_text().split()


def test_nobody_else_makes_topics_and_ports_are_for_this_machine() -> None:
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    published = [port for _, ports in each("ports") for port in ports]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert len({port.split(":")[1] for port in published}) == len(published)
    # What has a way out or is reached from outside does not hold data of persons in clear.
    assert {name for name, networks in each("networks") if "front" in networks} == {
        "proxy",
        "prometheus",
        "grafana",
    }
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_the_image_does_not_run_as_root() -> None:
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)


# The proxy.


def test_the_proxy_sends_to_the_ports_of_the_services() -> None:
    port_of = dict(re.findall(r"CORDON_(\w+)_PORT=(\d+)", DOCKERFILE))
    templates = re.findall(r"server-template (\w+)- (\d+) (\w+):(\d+) check .*resolvers", PROXY)
    assert {(prefix, host) for prefix, _, host, _ in templates} == {
        ("api", "api"),
        ("ingest", "ingest"),
    }
    for _, slots, host, port in templates:
        assert port == port_of[host.upper()]
        assert int(slots) >= SERVICES[host]["deploy"]["replicas"]
    bound = set(re.findall(r"^ +bind :(\d+)$", PROXY, re.MULTILINE))
    assert {port.split(":")[2] for port in SERVICES["proxy"]["ports"]} < bound
    assert "8404/healthz" in SERVICES["proxy"]["healthcheck"]["test"][-1]


def test_the_proxy_may_open_as_many_files_as_its_connections_need() -> None:
    (most,) = re.findall(r"^ +maxconn (\d+)$", PROXY, re.MULTILINE)
    # It refuses to start with less.
    assert SERVICES["proxy"]["ulimits"]["nofile"] > 2 * int(most) + 1000


def test_the_proxy_leaves_streams_alone() -> None:
    assert "http-buffer-request" not in PROXY
    timeouts = dict(re.findall(r"^ +timeout ([\w-]+) (\d+)m$", PROXY, re.MULTILINE))
    # Far above the feed's keepalive of 15 s.
    assert {"client", "server", "tunnel"} <= set(timeouts)
    assert PROXY.count("option httpchk GET /readyz") == 2
