"""Every setting of every service, once: `CORDON_*` in the environment, or the file that
`CORDON_CONFIG` names (TOML, the same names in lower case without the prefix)."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.topics import DEFAULT_PARTITIONS


class Settings(BaseSettings):
    """The settings; the environment wins over the file."""

    model_config = SettingsConfigDict(env_prefix="CORDON_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder for everything that is kept.")
    cache_dir: Path | None = Field(
        None, description="Folder for downloads (the broker's jars); unset: ~/.cache/cordon."
    )
    kafka: str = Field("127.0.0.1:9092", description="Bootstrap servers of the broker.")
    kafka_port: int = Field(9092, description="Port of the embedded broker; 0 = any free.")
    partitions: int = Field(
        DEFAULT_PARTITIONS, ge=1, description="Partitions of the event topics, fixed for life."
    )
    host: str = Field("127.0.0.1", description="Address that ingest, API and metrics bind to.")
    ingest_port: int = Field(8081, description="Port of ingest; 0 = any free.")
    api_port: int = Field(8080, description="Port of the API; 0 = any free.")
    workers: int = Field(1, ge=1, description="Worker processes that `cordon up` starts.")
    worker_port: int = Field(0, description="Port of a worker's health and metrics; 0 = any free.")
    timezone: str = Field("Asia/Shanghai", description="Zone in which days are counted.")
    clock: Literal["wall", "events"] = Field(
        "wall", description="wall: live; events: time comes from a replayed timeline."
    )
    history_since: str | None = Field(
        None,
        description="Since when history is complete, for first-seen rules: a date-time or "
        "`forever`; unset: the first start of the deployment.",
    )
    plate_grammar: Literal["prc", "any"] = Field("prc", description="Grammar of plates.")
    pseudonym_key_file: Path | None = Field(
        None, description="Key of the pseudonyms; unset: pseudonym.key in the data folder."
    )
    tokens_file: Path | None = Field(
        None, description="Tokens and their roles; unset: tokens.json in the data folder."
    )
    database_url: str | None = Field(
        None, description="The store of alerts; unset: SQLite alerts.db in the data folder."
    )
    max_body_bytes: int = Field(8 << 20, description="Largest request body at ingest and API.")
    max_items: int = Field(500, description="Most events in one request.")
    feed_queue: int = Field(10_000, description="Events a slow feed reader may be behind.")
    feed_backlog: int = Field(100_000, description="Feed events kept for readers that resume.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        config = os.environ.get("CORDON_CONFIG")
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if config:
            # pydantic-settings passes over a file that is not there: a misspelt name would start
            # a deployment with defaults.
            if not Path(config).is_file():
                raise FileNotFoundError(f"CORDON_CONFIG names no file: {config}")
            sources.append(TomlConfigSettingsSource(settings_cls, Path(config)))
        return tuple(sources)

    @property
    def cache_path(self) -> Path:
        """Where downloads lie."""
        return (self.cache_dir or Path("~/.cache/cordon")).expanduser()

    @property
    def pseudonym_key_path(self) -> Path:
        """Where the key of the pseudonyms lies."""
        return self.pseudonym_key_file or self.data_dir / "pseudonym.key"

    @property
    def tokens_path(self) -> Path:
        """Where the tokens lie."""
        return self.tokens_file or self.data_dir / "tokens.json"

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.data_dir / 'alerts.db'}"
