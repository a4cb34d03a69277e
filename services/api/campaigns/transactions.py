"""What is done with campaigns and beds inside a transaction, as functions of a connection."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.api.audit.chain import Entry, record
from services.api.campaigns.beds import Bed
from services.api.campaigns.campaign import Campaign, Taken
from services.api.campaigns.tables import beds, campaigns
from services.api.tasks.tables import tasks
from services.api.tasks.transactions import Stale, Within, counted

_COUNTER: Final = "campaigns"
# Whoever does not come leaves the bed to another.
_LEFT: Final = ("cancelled", "not-executable")
_decode = msgspec.json.Decoder(Campaign).decode
_encode = msgspec.json.Encoder().encode


class UnknownCampaign(Exception):
    """There is no campaign with this id."""


class BedTaken(Exception):
    """Somebody else was given one of the beds in the meantime."""


def create(connection: Connection, campaign: Campaign, role: str, at_ms: int) -> Campaign:
    """Add a campaign; return it with its number."""
    made = msgspec.structs.replace(campaign, n=counted(connection, _COUNTER, 1))
    connection.execute(insert(campaigns).values(_row(made)))
    audit(connection, made.author, role, "campaign.create", made.id, at_ms, {"kind": made.kind})
    return made


def change(
    connection: Connection, changed: Campaign, actor: str, role: str, what: str, at_ms: int
) -> Campaign:
    """Write the next revision of a campaign."""
    row = _row(changed)
    connection.execute(update(campaigns).where(campaigns.c.id == changed.id).values(row))
    audit(connection, actor, role, f"campaign.{what}", changed.id, at_ms, {"kind": changed.kind})
    return changed


def get(connection: Connection, id_: str, revision: int | None = None) -> Campaign:
    """Return a campaign. Raises UnknownCampaign, and Stale where `revision` is another."""
    body = connection.scalar(select(campaigns.c.body).where(campaigns.c.id == id_))
    if body is None:
        raise UnknownCampaign(id_)
    found = _decode(body)
    if revision is not None and found.revision != revision:
        raise Stale(found.revision)
    return found


def page(
    connection: Connection,
    wanted: Mapping[str, str | None],
    before: int | None,
    limit: int,
    within: Within | None,
) -> list[Campaign]:
    """Return campaigns, the last created first; `wanted` are columns and their values."""
    same = [campaigns.c[name] == value for name, value in wanted.items() if value is not None]
    query = select(campaigns.c.body).where(*same).order_by(campaigns.c.n.desc()).limit(limit)
    found: list[Campaign] = []
    while len(found) < limit:
        some = query if before is None else query.where(campaigns.c.n < before)
        read = [_decode(body) for body in connection.scalars(some)]
        found += seen(connection, read, within)
        if len(read) < limit:
            break
        before = read[-1].n
    return found[:limit]


def seen(connection: Connection, some: Sequence[Campaign], within: Within | None) -> list[Campaign]:
    """Return those of some campaigns that somebody sees who is limited to areas: those that they
    began, those of their units, those with an item that they see, and those of the whole county,
    which are of no unit and about nothing in particular."""
    if within is None:
        return list(some)
    items = select(tasks.c.campaign).where(
        tasks.c.campaign.in_([each.id for each in some]), within.condition()
    )
    there = set(connection.scalars(items.distinct()))
    return [
        each
        for each in some
        if each.id in there
        or each.author == within.name
        or each.unit in within.units
        or (each.unit is None and each.about is None)
    ]


def taken(connection: Connection, facility: str, within: Within | None = None) -> list[Taken]:
    """Return the beds of a facility that are given away, by name; `within` None = all of them."""
    query = (
        select(beds.c.bed, beds.c.task)
        .join(tasks, tasks.c.id == beds.c.task)
        .where(beds.c.facility == facility, tasks.c.state.not_in(_LEFT))
        .order_by(beds.c.bed)
    )
    if within is not None:
        query = query.where(within.condition())
    return [Taken(row.bed, row.task) for row in connection.execute(query)]


def give(connection: Connection, given: Mapping[str, Bed]) -> None:
    """Give beds to tasks. Raises BedTaken for one that somebody has."""
    left = select(tasks.c.id).where(tasks.c.state.in_(_LEFT))
    connection.execute(delete(beds).where(beds.c.task.in_(left)))
    connection.execute(delete(beds).where(beds.c.task.in_(sorted(given))))
    rows = [{"facility": bed.facility, "bed": bed.bed, "task": task} for task, bed in given.items()]
    try:
        if rows:
            connection.execute(insert(beds), rows)
    except IntegrityError as error:
        raise BedTaken("one of the beds was given to somebody else in the meantime") from error


def free(connection: Connection, facility: str, bed: str) -> str | None:
    """Take a bed back; return the task of whoever had it, None = nobody had."""
    query = delete(beds).where(beds.c.facility == facility, beds.c.bed == bed)
    task: str | None = connection.scalar(query.returning(beds.c.task))
    return task


def audit(
    connection: Connection,
    actor: str,
    role: str,
    action: str,
    about: str,
    at_ms: int,
    detail: dict[str, Any],
) -> None:
    """Add an entry to the audit log."""
    entry = Entry(at_ms=at_ms, actor=actor, role=role, action=action, about=about, detail=detail)
    record(connection, entry)


def _row(campaign: Campaign) -> dict[str, Any]:
    return {
        "id": campaign.id,
        "n": campaign.n,
        "revision": campaign.revision,
        "kind": campaign.kind,
        "state": campaign.state,
        "about": campaign.about,
        "body": _encode(campaign),
    }
