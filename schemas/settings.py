"""Every setting of every service, once: `CORDON_*` in the environment, or the file that
`CORDON_CONFIG` names (TOML, the same names in lower case without the prefix)."""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.times import parse_ms
from schemas.topics import DEFAULT_PARTITIONS

Port = Annotated[int, Field(ge=0, le=65_535)]


class Settings(BaseSettings):
    """The settings; the environment wins over the file."""

    model_config = SettingsConfigDict(env_prefix="CORDON_", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder for everything that is kept.")
    state_dir: Path | None = Field(
        None,
        description="Folder that one process of ingest or of the workers keeps for itself; unset: "
        "`ingest` or `worker` in the data folder.",
    )
    cache_dir: Path | None = Field(
        None, description="Folder for downloads (the broker's jars); unset: ~/.cache/cordon."
    )
    kafka: str = Field("127.0.0.1:9092", description="Bootstrap servers of the broker.")
    kafka_port: Port = Field(9092, description="Port of the embedded broker; 0 = any free.")
    partitions: int = Field(
        DEFAULT_PARTITIONS, ge=1, description="Partitions of the event topics, fixed for life."
    )
    host: str = Field("127.0.0.1", description="Address that ingest, API and metrics bind to.")
    ingest_port: Port = Field(8081, description="Port of ingest; 0 = any free.")
    ingest_url: str | None = Field(
        None,
        description="Where the API reaches ingest, to hand on what people report; unset: this "
        "machine, at CORDON_INGEST_PORT.",
    )
    handheld_url: str | None = Field(
        None,
        description="Where handhelds reach ingest from outside, for the link of a temporary post; "
        "unset: where the API reaches it.",
    )
    map_tiles: str | None = Field(
        None,
        description="Background of the console's map: a PMTiles file, or raster tiles by their "
        "path on the API's host, such as /tiles/{z}/{x}/{y}.png, or by their URL, whose host every "
        "reader's browser then asks; unset: outlines of the registers only.",
    )
    map_tiles_crs: Literal["wgs84", "gcj02"] = Field(
        "wgs84", description="Datum of these tiles; those made in mainland China are gcj02."
    )
    api_port: Port = Field(8080, description="Port of the API; 0 = any free.")
    workers: int = Field(1, ge=1, description="Worker processes that `cordon up` starts.")
    worker_port: Port = Field(0, description="Port of a worker's health and metrics; 0 = any free.")
    sightings_port: Port = Field(
        0, description="Port of the sighting store's health and metrics; 0 = any free."
    )
    sightings_dir: Path | None = Field(
        None, description="Folder of the sightings; unset: `sightings` in the data folder."
    )
    sightings_retention_d: int = Field(
        30, ge=1, le=3650, description="Days for which sightings are kept; whole days go."
    )
    sightings_flush_ms: int = Field(
        5_000, ge=50, description="How old a sighting gets at most before it is on the disk."
    )
    timezone: str = Field("Asia/Shanghai", description="Zone of days, and of times in sentences.")
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
    vault_key_file: Path | None = Field(
        None,
        description="Master keys of the vault of identities; unset: vault.key in the data folder. "
        "Keep a copy apart from the database's.",
    )
    audit_anchor_file: Path | None = Field(
        None,
        description="Where the newest seal of the audit log is noted once a minute; unset: "
        "audit.anchors in the data folder. Better on another disk, append-only.",
    )
    oidc_issuer: str | None = Field(
        None, description="Issuer URL of an OpenID provider at which people may sign in."
    )
    oidc_client_id: str | None = Field(None, description="Cordon's id at the OpenID provider.")
    oidc_client_secret: SecretStr | None = Field(
        None, description="Cordon's secret at the OpenID provider; unset: a public client."
    )
    oidc_redirect_url: str | None = Field(
        None,
        description="The address of /v1/session/oidc/callback as browsers reach it, as registered "
        "at the OpenID provider.",
    )
    oidc_scopes: str = Field("openid profile", description="Scopes that are asked for.")
    oidc_name_claim: str = Field(
        "preferred_username", description="Claim that acts are signed with; else `sub`."
    )
    oidc_role_claim: str = Field("groups", description="Claim from which the role follows.")
    oidc_roles: dict[str, str] = Field(
        {},
        description="Roles by values of that claim, as JSON; of several the most powerful counts, "
        "and who has none is not let in.",
    )
    oidc_area_claim: str | None = Field(
        None,
        description="Claim with the grids that somebody is limited to; unset: everywhere. Who "
        "lacks the claim sees nothing.",
    )
    tokens_file: Path | None = Field(
        None, description="Tokens and their roles; unset: tokens.json in the data folder."
    )
    database_url: str | None = Field(
        None, description="The store of alerts; unset: SQLite alerts.db in the data folder."
    )
    max_body_bytes: int = Field(8 << 20, description="Largest request body at ingest and API.")
    max_items: int = Field(500, description="Most events in one request.")
    decision_wait_ms: int = Field(
        2_000,
        ge=1,
        description="How long a decision waits for the registers and for the broker before it "
        "says `verify`.",
    )
    offline_list_max_age_s: int = Field(
        43_200, ge=0, description="How old a handheld's list may be for it to say `pass` offline."
    )
    alert_cap: int = Field(
        60,
        ge=0,
        description="Alerts of one rule and place within ten minutes, of which one summary alert "
        "stands for any more; 0 = no cap.",
    )
    public_url: str | None = Field(
        None,
        description="Where people reach the API from outside, for links in messages; unset: "
        "messages carry no link.",
    )
    webhook_allow: str = Field(
        "",
        description="Networks (CIDR, separated by commas) that webhooks and gateways of messages "
        "may lie in though they are private, without TLS too; unset: none.",
    )
    console_dir: Path | None = Field(
        None, description="Folder of the built console; unset: the one that was built with Cordon."
    )
    feed_queue: int = Field(10_000, description="Events a slow feed reader may be behind.")
    feed_backlog: int = Field(
        100_000, description="Newest feed events that are kept for readers, however old they are."
    )
    history_days: int = Field(
        400, description="Days for which every revision of every alert is kept."
    )

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

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone: {name!r}") from error
        return name

    @field_validator("webhook_allow")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for part in filter(None, map(str.strip, text.split(","))):
            ip_network(part)
        return text

    @field_validator("public_url", "ingest_url", "handheld_url")
    @classmethod
    def _is_address(cls, text: str | None) -> str | None:
        if text is not None and not text.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return text

    @field_validator("history_since")
    @classmethod
    def _is_instant(cls, text: str | None) -> str | None:
        if text and text != "forever":
            parse_ms(text)
        return text

    @property
    def ingest_address(self) -> str:
        """Where the API reaches ingest."""
        return self.ingest_url or f"http://127.0.0.1:{self.ingest_port}"

    @property
    def handheld_address(self) -> str:
        """Where handhelds reach ingest."""
        return self.handheld_url or self.ingest_address

    @property
    def ingest_path(self) -> Path:
        """Where one ingest process keeps the identities of accepted events."""
        return self.state_dir or self.data_dir / "ingest"

    @property
    def worker_path(self) -> Path:
        """Where one worker process keeps its cache of the state."""
        return self.state_dir or self.data_dir / "worker"

    @property
    def sightings_path(self) -> Path:
        """Where the sighting store keeps its files."""
        return self.sightings_dir or self.data_dir / "sightings"

    @property
    def cache_path(self) -> Path:
        """Where downloads lie."""
        return (self.cache_dir or Path("~/.cache/cordon")).expanduser()

    @property
    def pseudonym_key_path(self) -> Path:
        """Where the key of the pseudonyms lies."""
        return self.pseudonym_key_file or self.data_dir / "pseudonym.key"

    @property
    def vault_key_path(self) -> Path:
        """Where the master keys of the vault lie."""
        return self.vault_key_file or self.data_dir / "vault.key"

    @property
    def audit_anchor_path(self) -> Path:
        """Where the seals of the audit log are noted."""
        return self.audit_anchor_file or self.data_dir / "audit.anchors"

    @property
    def tokens_path(self) -> Path:
        """Where the tokens lie."""
        return self.tokens_file or self.data_dir / "tokens.json"

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.data_dir / 'alerts.db'}"
