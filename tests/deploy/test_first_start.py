"""What the first start makes and every later one finds again."""

import json
import stat
from pathlib import Path

import pytest

from deploy.credentials import ensure_credentials
from deploy.deployment import Deployment, DeploymentError, history_since, open_deployment
from deploy.ready_file import Ready
from deploy.up import service_environment
from schemas.access import TokenFile
from schemas.settings import Settings

NOON_MS = 1_772_424_000_000
NOON = "2026-03-02T04:00:00.000Z"


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_tokens_are_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    secrets, tokens = tmp_path / "secrets.json", tmp_path / "tokens.json"
    first = ensure_credentials(secrets, tokens)
    written = tokens.read_bytes()
    again = ensure_credentials(secrets, tokens)
    assert again == first
    assert tokens.read_bytes() == written
    assert mode(secrets) == 0o600
    assert first.admin_token.encode() not in written


def test_each_token_has_its_role(tmp_path: Path) -> None:
    made = ensure_credentials(tmp_path / "secrets.json", tmp_path / "tokens.json")
    file = TokenFile.load(tmp_path / "tokens.json")
    roles = [
        grant.role if (grant := file.grant_of(token)) else None
        for token in (made.admin_token, made.device_token, made.replay_token)
    ]
    assert roles == ["admin", "device", "replay"]


def test_a_token_that_the_file_forgot_is_known_again(tmp_path: Path) -> None:
    made = ensure_credentials(tmp_path / "secrets.json", tmp_path / "tokens.json")
    (tmp_path / "tokens.json").write_text("{}")
    assert ensure_credentials(tmp_path / "secrets.json", tmp_path / "tokens.json") == made
    assert TokenFile.load(tmp_path / "tokens.json").grant_of(made.replay_token) is not None


def test_a_deployment_keeps_its_partitions_and_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    made = open_deployment(path, Settings(partitions=7), NOON_MS)
    assert made == Deployment(7, NOON)
    assert open_deployment(path, Settings(), NOON_MS + 1) == made
    assert open_deployment(path, Settings(partitions=7), NOON_MS + 1) == made


def test_a_deployment_refuses_another_number_of_partitions(tmp_path: Path) -> None:
    open_deployment(tmp_path / "deployment.json", Settings(partitions=7), NOON_MS)
    with pytest.raises(DeploymentError, match="fixed for the life"):
        open_deployment(tmp_path / "deployment.json", Settings(partitions=4), NOON_MS)


@pytest.mark.parametrize(
    ("settings", "demo", "since"),
    [
        (Settings(), False, NOON),
        (Settings(), True, "forever"),
        (Settings(clock="events"), False, None),
        (Settings(clock="events", history_since="forever"), False, "forever"),
        (Settings(history_since="2020-01-01T00:00:00Z"), True, "2020-01-01T00:00:00Z"),
    ],
)
def test_history_is_complete_since(settings: Settings, demo: bool, since: str | None) -> None:
    assert history_since(settings, Deployment(4, NOON), demo=demo) == since


def test_services_are_told_what_the_deployment_is() -> None:
    settings = Settings(data_dir=Path("kept"), clock="events", api_port=0, workers=2, worker_port=9)
    told = service_environment(settings, Deployment(12, NOON), demo=False)
    assert told["CORDON_DATA_DIR"] == str(Path("kept").absolute())
    assert (told["CORDON_PARTITIONS"], told["CORDON_CLOCK"]) == ("12", "events")
    # Two workers cannot have one port.
    assert told["CORDON_WORKER_PORT"] == "0"
    assert "CORDON_HISTORY_SINCE" not in told


def test_what_services_are_told_are_settings() -> None:
    told = service_environment(Settings(), Deployment(4, NOON), demo=True)
    known = {f"CORDON_{name.upper()}" for name in Settings.model_fields}
    assert set(told) <= known


def test_the_ready_file_has_what_the_contract_says(tmp_path: Path) -> None:
    ready = Ready("http://a", "http://i", "k:1", "A", "D", "R")
    ready.write(tmp_path / "ready.json")
    written = json.loads((tmp_path / "ready.json").read_text())
    assert {"api", "ingest", "kafka", "admin_token", "device_token", "replay_token"} <= set(written)
    assert mode(tmp_path / "ready.json") == 0o600
    assert Ready.load(tmp_path / "ready.json") == ready
