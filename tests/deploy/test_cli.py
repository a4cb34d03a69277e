"""The command line itself: what there is, and what is said when it cannot be done."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from schemas.access import TokenFile
from schemas.settings import Settings
from schemas.times import parse_ms
from services.alerts.agents.main import history_since_ms

run = CliRunner().invoke


def test_every_command_of_the_contract_is_there() -> None:
    shown = run(app, ["--help"]).stdout
    for command in ("up", "ingest", "worker", "api", "topics", "backtest", "replay", "simulate",
                    "dead-letters", "doctor"):  # fmt: skip
        assert f" {command} " in shown, command


@pytest.mark.parametrize("group", ["topics", "dead-letters"])
def test_groups_have_their_commands(group: str) -> None:
    shown = run(app, [group, "--help"]).stdout
    assert " list " in shown
    assert (" apply " if group == "topics" else " replay ") in shown


def test_a_replay_into_nothing_says_what_to_do(tmp_path: Path) -> None:
    timeline = tmp_path / "t.ndjson"
    timeline.write_text("")
    result = run(app, ["replay", str(timeline), "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "cordon up --clock events" in result.stderr


def test_topics_without_a_broker_are_one_line() -> None:
    result = run(app, ["topics", "apply", "--kafka", "127.0.0.1:1"])
    assert result.exit_code == 1
    assert "no broker answers at 127.0.0.1:1" in result.stderr


def test_dead_letters_without_a_broker_are_one_line() -> None:
    result = run(app, ["dead-letters", "list", "--kafka", "127.0.0.1:1"])
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CORDON_PARTITIONS", "many")
    result = run(app, ["doctor", "--data-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert "partitions" in result.stderr


def test_the_first_start_is_noted_once_for_all_workers(tmp_path: Path) -> None:
    assert run(app, ["tokens", "init", "--data-dir", str(tmp_path)]).exit_code == 0
    noted = (tmp_path / "history-since").read_text()
    assert history_since_ms(Settings(data_dir=tmp_path)) == parse_ms(noted.strip())
    assert run(app, ["tokens", "init", "--data-dir", str(tmp_path)]).exit_code == 0
    assert (tmp_path / "history-since").read_text() == noted


def test_tokens_are_made_and_known(tmp_path: Path) -> None:
    assert run(app, ["tokens", "init", "--data-dir", str(tmp_path)]).exit_code == 0
    result = run(app, ["tokens", "add", "desk", "--role", "viewer", "--data-dir", str(tmp_path)])
    grant = TokenFile.load(tmp_path / "tokens.json").grant_of(result.stdout.strip())
    assert grant is not None
    assert (grant.name, grant.role) == ("desk", "viewer")
    assert (tmp_path / "pseudonym.key").exists()


def test_a_county_is_simulated(tmp_path: Path) -> None:
    out = tmp_path / "t.ndjson"
    result = run(app, ["simulate", "--out", str(out), "--hours", "0.02", "--seed", "7"])
    assert result.exit_code == 0
    assert out.exists()
    assert (tmp_path / "t.ndjson.truth.json").exists()
