"""`cordon sightings query`: where a vehicle or a person was seen, for somebody on the machine."""

import re
import sys
import time
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import duckdb
import msgspec
from rich.console import Console
from rich.table import Table

from schemas.partition import VEHICLE
from schemas.persons import is_person_key
from schemas.plates import PlateProblem, normalise
from schemas.settings import Settings
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, TimeProblem, format_ms, parse_ms
from services.alerts.sightings.sighting import Sighting
from services.alerts.sightings.store import Reader

_UNITS_MS: Final = {"d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS}
_BACK: Final = re.compile(r"(\d{1,6})([dhm])")
_encode = msgspec.json.Encoder().encode


class Unclear(ValueError):
    """What was asked for cannot be understood; the text names it."""


def main(settings: Settings, subject: str, since: str, until: str | None, *, as_json: bool) -> int:
    """Show the sightings; the exit code is 2 where the question is unclear, 1 where it fails."""
    now_ms = time.time_ns() // 1_000_000
    zone = ZoneInfo(settings.timezone)
    try:
        key = subject_key(subject, settings.plate_grammar)
        from_ms = instant(since, now_ms, zone)
        to_ms = instant(until, now_ms, zone) if until is not None else now_ms
    except Unclear as error:
        sys.stderr.write(f"sightings: {error}\n")
        return 2
    if not settings.sightings_path.is_dir():
        sys.stderr.write(f"sightings: there are none at {settings.sightings_path}\n")
        return 1
    try:
        store = Reader(settings.sightings_path)
        try:
            found = store.of(key, from_ms, to_ms)
        finally:
            store.close()
    except (OSError, duckdb.Error) as error:
        sys.stderr.write(f"sightings: {error}\n")
        return 1
    if as_json:
        for each in found:
            sys.stdout.buffer.write(_encode(shown(each)) + b"\n")
        sys.stdout.buffer.flush()
    else:
        Console(highlight=False).print(table(found, zone))
    return 0


def subject_key(text: str, grammar: str) -> str:
    """Return the key of a subject: a person key as it is, a plate in canonical form."""
    if is_person_key(text):
        return text
    if text.startswith("person:"):
        raise Unclear(f"SUBJECT: no person key of the form person:1:<32 hex digits>: {text[:60]!r}")
    try:
        return VEHICLE + normalise(text.removeprefix(VEHICLE), grammar).text
    except PlateProblem as error:
        raise Unclear(f"SUBJECT: neither a plate nor a person key: {error}") from error


def instant(text: str, now_ms: int, zone: ZoneInfo) -> int:
    """Return the instant in ms UTC that a text names; days begin in the zone."""
    if (back := _BACK.fullmatch(text)) is not None:
        return now_ms - int(back[1]) * _UNITS_MS[back[2]]
    try:
        day = date.fromisoformat(text)
        return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
    except ValueError:
        pass  # It is no day; it may be an instant.
    try:
        return parse_ms(text)
    except TimeProblem as error:
        raise Unclear(f"neither 14d, 36h or 90m, nor a date or date-time: {text[:40]!r}") from error


def shown(sighting: Sighting) -> dict[str, object]:
    """Return a sighting as events name its parts, without what it does not have."""
    fields = {name: each for name, each in msgspec.structs.asdict(sighting).items() if each}
    time_ms, recorded_ms = fields.pop("time_ms", 0), fields.pop("recorded_ms", 0)
    return {"time": format_ms(time_ms), "recordedtime": format_ms(recorded_ms), **fields}


def table(found: list[Sighting], zone: ZoneInfo) -> Table:
    """Return a table of sightings, times in the zone."""
    rows = Table("time", "site", "direction", "lane", "evidence", "plate", "source", "id", box=None)
    for each in found:
        when = datetime.fromtimestamp(each.time_ms / 1000, UTC).astimezone(zone)
        rows.add_row(
            when.isoformat(sep=" ", timespec="seconds"),
            each.site,
            each.direction,
            each.lane or "",
            each.evidence,
            each.plate or "",
            each.source,
            each.id,
        )
    rows.caption = f"{len(found)} sightings"
    return rows
