"""The generated pages of docs/: topics, settings, suppressions, out of where they are defined."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from schemas.settings import Settings
from schemas.suppressions import SUPPRESSORS
from schemas.times import DAY_MS
from schemas.topics import DEFAULT_PARTITIONS, TOPICS, Topic

_MADE: Final = "<!-- Made by `make schemas` out of {source}; do not edit. -->"


def topics_page() -> str:
    """Return docs/topics.md."""
    rows = [
        (
            f"`{topic.name}`",
            topic.about,
            topic.key,
            "all" if topic.partitions is None else str(topic.partitions),
            _kept(topic),
            ", ".join(topic.written_by),
            ", ".join(topic.read_by),
        )
        for topic in TOPICS
    ]
    header = ("topic", "what it carries", "key", "partitions", "kept", "written by", "read by")
    return "\n".join(
        [
            "# Topics",
            "",
            _MADE.format(source="schemas/topics.py"),
            "",
            "`all` = as many partitions as `CORDON_PARTITIONS` says "
            f"(default {DEFAULT_PARTITIONS}), fixed for the life of a deployment. Partition n of "
            "all event topics, of the joins and of the clock is one unit of work of one worker.",
            "What workers write is transactional; read it with `isolation.level=read_committed`.",
            "Auto-creation is off: `cordon topics apply` creates every topic.",
            "The forms of the records are in `schemas/generated/`; "
            "[schemas.md](schemas.md) explains them.",
            "",
            *_table(header, rows),
            "",
        ]
    )


def settings_page() -> str:
    """Return docs/settings.md."""
    rows = [
        (
            f"`CORDON_{name.upper()}`",
            _type(field.annotation),
            _default(field),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            _MADE.format(source="schemas/settings.py"),
            "",
            "Each is an environment variable, or stands in the TOML file that `CORDON_CONFIG` "
            "names, in lower case and without the prefix (`kafka_port = 0`). "
            "The environment wins over the file.",
            "",
            *_table(("variable", "values", "default", "what it does"), rows),
            "",
        ]
    )


def suppressions_page() -> str:
    """Return docs/suppressions.md."""
    rows = [
        (
            f"`{row.name}`",
            row.effect,
            ", ".join(f"`{rule}`" for rule in row.rules) or "every rule",
            row.en,
            row.zh,
        )
        for row in SUPPRESSORS
    ]
    return "\n".join(
        [
            "# What keeps an event from raising an alert",
            "",
            _MADE.format(source="schemas/suppressions.py"),
            "",
            "Every reason that a rule may give for finding nothing, or less. A rule that gives "
            "another one is refused. `prevents`: no alert. `withdraws`: no alert, and one that "
            "stands is taken back when the reason becomes known later. `lowers`: one severity "
            "less, and the alert says so.",
            "",
            "Each time a reason keeps an event from raising an alert, that is counted "
            "(`cordon_worker_suppressed_total`) and listed (`GET /v1/suppressions`, "
            "[api.md](api.md)), and the board tells of the last 24 hours. An alert that was taken "
            "back says its reason itself, with what it rests on: `permit:p-1`.",
            "",
            "A green code is no reason against an active order, and nothing here speaks against a "
            "hit of the watch list but the end of its entry.",
            "",
            *_table(("reason", "effect", "rules", "what people are told", "中文"), rows),
            "",
        ]
    )


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    cells = [header, tuple("-" for _ in header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]


def _kept(topic: Topic) -> str:
    if topic.retention_ms is not None:
        return f"{topic.retention_ms // DAY_MS} d"
    if topic.min_compaction_lag_ms is not None:
        return (
            f"the newest of each key; every version for {topic.min_compaction_lag_ms // DAY_MS} d"
        )
    return "the newest of each key"


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if options := [option for option in get_args(annotation) if option is not type(None)]:
        return " or ".join(_type(option) for option in options)
    return {int: "integer", str: "text", SecretStr: "text", Path: "path"}[annotation]


def _default(field: FieldInfo) -> str:
    return "unset" if field.default is None else f"`{field.default}`"
