"""Settings: environment over file, and every default on the page that documents it."""

import os
from pathlib import Path

import pydantic
import pytest

from schemas.settings import Settings
from schemas.tables import settings_page


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("CORDON_"):
            monkeypatch.delenv(name)


def test_defaults() -> None:
    settings = Settings()
    assert (settings.api_port, settings.ingest_port, settings.partitions) == (8080, 8081, 4)
    assert (settings.timezone, settings.clock, settings.history_since) == (
        "Asia/Shanghai",
        "wall",
        None,
    )


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORDON_API_PORT", "0")
    monkeypatch.setenv("CORDON_DATA_DIR", "/srv/cordon")
    settings = Settings()
    assert settings.api_port == 0
    assert settings.data_dir == Path("/srv/cordon")


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "cordon.toml"
    config.write_text('api_port = 1\ningest_port = 2\nkafka = "broker:9092"\nunknown = "x"\n')
    monkeypatch.setenv("CORDON_CONFIG", str(config))
    monkeypatch.setenv("CORDON_API_PORT", "3")
    settings = Settings()
    assert (settings.api_port, settings.ingest_port) == (3, 2)
    assert settings.kafka == "broker:9092"
    assert Settings(ingest_port=4).ingest_port == 4


def test_a_file_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CORDON_CONFIG", str(tmp_path / "misspelt.toml"))
    with pytest.raises(FileNotFoundError, match="misspelt"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLOCK", "sundial"),
        ("PARTITIONS", "0"),
        ("API_PORT", "http"),
        ("API_PORT", "99999"),
        ("PLATE_GRAMMAR", "uk"),
        ("TIMEZONE", "Mars/Olympus"),
        ("HISTORY_SINCE", "yesterday"),
    ],
)
def test_what_is_no_value_is_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CORDON_{name}", value)
    with pytest.raises(pydantic.ValidationError):
        Settings()


@pytest.mark.parametrize("since", ["forever", "2020-01-01T00:00:00+08:00"])
def test_history_is_complete_since_an_instant_or_forever(since: str) -> None:
    assert Settings(history_since=since).history_since == since


def test_settings_do_not_change() -> None:
    with pytest.raises(pydantic.ValidationError):
        Settings().api_port = 1  # type: ignore[misc]


def test_what_is_unset_lies_in_the_data_folder() -> None:
    settings = Settings(data_dir=Path("/srv"))
    assert settings.pseudonym_key_path == Path("/srv/pseudonym.key")
    assert settings.tokens_path == Path("/srv/tokens.json")
    assert settings.store_url == "sqlite:////srv/alerts.db"


def test_downloads_lie_in_the_home_folder_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/gate")
    assert Settings().cache_path == Path("/home/gate/.cache/cordon")
    assert Settings(cache_dir=Path("~/jars")).cache_path == Path("/home/gate/jars")
    assert Settings(cache_dir=Path("/jars")).cache_path == Path("/jars")


def test_what_is_set_stays() -> None:
    settings = Settings(
        pseudonym_key_file=Path("/k"), tokens_file=Path("/t"), database_url="postgresql://db"
    )
    assert settings.pseudonym_key_path == Path("/k")
    assert settings.tokens_path == Path("/t")
    assert settings.store_url == "postgresql://db"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description
    (row,) = [line for line in settings_page().splitlines() if f"`CORDON_{name.upper()}`" in line]
    assert field.description in row
    assert ("unset" if field.default is None else f"`{field.default}`") in row
