"""Notifications in the database: contacts, rules, notices, attempts. Each runs in a transaction."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from schemas.alerts import Alert
from schemas.times import HOUR_MS
from services.api.notifications.lines import Contact, NoticeState, Rule
from services.api.notifications.tables import (
    answer_links,
    contacts,
    notices,
    notification_attempts,
    notification_rules,
    reach_positions,
)
from services.api.store.tables import alerts
from services.api.store.upsert import upsert

_KEYS_A_QUERY = 500
_decode_contact = msgspec.json.Decoder(Contact).decode
_decode_rule = msgspec.json.Decoder(Rule).decode
_decode_alert = msgspec.json.Decoder(Alert).decode
_decode_ids = msgspec.json.Decoder(list[str]).decode


class Stored(Struct, frozen=True):
    """A contact or a rule with its revision; `channels` are a contact's, sealed."""

    id: str
    revision: int
    said: Any
    channels: bytes = b""


class Notice(Struct, frozen=True, kw_only=True):
    """One alert under one rule (see tables)."""

    n: int
    rule: str
    alert_id: str
    state: NoticeState
    told: list[str]
    next_ms: int
    begun_ms: int


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to hand a message to a gateway."""

    n: int = 0
    at_ms: int
    contact: str
    channel: str
    result: str
    detail: str
    alerts: int
    message: str


def all_contacts(connection: Connection) -> dict[str, Stored]:
    """Return every contact by its id."""
    rows = connection.execute(select(contacts))
    return {
        row.id: Stored(row.id, row.revision, _decode_contact(row.body), row.channels)
        for row in rows
    }


def contact(connection: Connection, contact_id: str) -> Stored | None:
    """Return one contact."""
    row = connection.execute(select(contacts).where(contacts.c.id == contact_id)).one_or_none()
    if row is None:
        return None
    return Stored(row.id, row.revision, _decode_contact(row.body), row.channels)


def put_contact(connection: Connection, one: Stored) -> None:
    """Write a contact, new or changed."""
    row = {
        "id": one.id,
        "revision": one.revision,
        "member": one.said.member,
        "body": msgspec.json.encode(one.said),
        "channels": one.channels,
    }
    _put(connection, contacts, row)


def remove_contact(connection: Connection, contact_id: str) -> None:
    """Remove a contact; what was sent to it stays on record."""
    connection.execute(delete(contacts).where(contacts.c.id == contact_id))


def all_rules(connection: Connection) -> dict[str, Stored]:
    """Return every rule by its id."""
    rows = connection.execute(select(notification_rules))
    return {row.id: Stored(row.id, row.revision, _decode_rule(row.body)) for row in rows}


def put_rule(connection: Connection, one: Stored) -> None:
    """Write a rule, new or changed."""
    body = msgspec.json.encode(one.said)
    _put(connection, notification_rules, {"id": one.id, "revision": one.revision, "body": body})


def remove_rule(connection: Connection, rule_id: str) -> None:
    """Remove a rule; what waits under it is over."""
    connection.execute(delete(notification_rules).where(notification_rules.c.id == rule_id))
    connection.execute(
        update(notices)
        .where(notices.c.rule == rule_id, notices.c.state == "waiting")
        .values(state="over")
    )


def position(connection: Connection, name: str) -> int | None:
    """Return how far the feed was read, None = never."""
    query = select(reach_positions.c.n).where(reach_positions.c.name == name)
    found: int | None = connection.scalar(query)
    return found


def set_position(connection: Connection, name: str, n: int) -> None:
    """Note how far the feed was read."""
    _put(connection, reach_positions, {"name": name, "n": n})


def standing(connection: Connection, alert_id: str) -> dict[str, Notice]:
    """Return the newest notice of an alert under each rule."""
    rows = connection.execute(
        select(notices).where(notices.c.alert_id == alert_id).order_by(notices.c.n)
    )
    return {row.rule: _notice(row) for row in rows}


def begin(connection: Connection, rule_id: str, alert_id: str, due_ms: int, now_ms: int) -> None:
    """Let an alert wait for the first in line."""
    last = connection.scalar(select(func.max(notices.c.n))) or 0
    row = {
        "n": last + 1,
        "rule": rule_id,
        "alert_id": alert_id,
        "state": "waiting",
        "told": "",
        "next_ms": due_ms,
        "begun_ms": now_ms,
    }
    connection.execute(insert(notices), row)


def end(connection: Connection, alert_id: str, state: NoticeState) -> None:
    """Let nobody more be told of an alert."""
    waiting = (notices.c.alert_id == alert_id, notices.c.state == "waiting")
    connection.execute(update(notices).where(*waiting).values(state=state))


def step(connection: Connection, notice: Notice, **values: Any) -> None:
    """Change a notice that still waits."""
    if "told" in values:
        values["told"] = ",".join(values["told"])
    waiting = (notices.c.n == notice.n, notices.c.state == "waiting")
    connection.execute(update(notices).where(*waiting).values(**values))


def due(connection: Connection, now_ms: int, limit: int) -> list[Notice]:
    """Return notices whose next in line is due, the longest first."""
    query = (
        select(notices)
        .where(notices.c.state == "waiting", notices.c.next_ms <= now_ms)
        .order_by(notices.c.next_ms, notices.c.n)
        .limit(limit)
    )
    return [_notice(row) for row in connection.execute(query)]


def page_of_notices(
    connection: Connection, state: str | None, before: int | None, limit: int
) -> list[Notice]:
    """Return notices, the newest first."""
    query = select(notices)
    if state is not None:
        query = query.where(notices.c.state == state)
    if before is not None:
        query = query.where(notices.c.n < before)
    rows = connection.execute(query.order_by(notices.c.n.desc()).limit(limit))
    return [_notice(row) for row in rows]


def alerts_of(connection: Connection, ids: Sequence[str]) -> dict[str, Alert]:
    """Return alerts as they stand."""
    found: dict[str, Alert] = {}
    for start in range(0, len(ids), _KEYS_A_QUERY):
        some = ids[start : start + _KEYS_A_QUERY]
        query = select(alerts.c.id, alerts.c.body).where(alerts.c.id.in_(some))
        found |= {row.id: _decode_alert(row.body) for row in connection.execute(query)}
    return found


def note_attempt(connection: Connection, attempt: Attempt) -> None:
    """Keep an attempt."""
    last = connection.scalar(select(func.max(notification_attempts.c.n))) or 0
    row = {**msgspec.structs.asdict(attempt), "n": last + 1}
    connection.execute(insert(notification_attempts), row)


def page_of_attempts(
    connection: Connection, contact_id: str | None, before: int | None, limit: int
) -> list[tuple[Attempt, int | None]]:
    """Return attempts, the newest first, each with when its message was answered."""
    of = notification_attempts.c
    query = select(notification_attempts, answer_links.c.answered_ms).outerjoin(
        answer_links, answer_links.c.id == of.message
    )
    if contact_id is not None:
        query = query.where(of.contact == contact_id)
    if before is not None:
        query = query.where(of.n < before)
    rows = connection.execute(query.order_by(of.n.desc()).limit(limit))
    names = Attempt.__struct_fields__
    return [
        (Attempt(**{name: getattr(row, name) for name in names}), row.answered_ms) for row in rows
    ]


def sent_ms(connection: Connection, contact_id: str, now_ms: int) -> list[int]:
    """Return when a contact had messages in the last hour, in order."""
    of = notification_attempts.c
    query = (
        select(of.at_ms)
        .where(of.contact == contact_id, of.result == "sent", of.at_ms > now_ms - HOUR_MS)
        .order_by(of.at_ms)
    )
    return list(connection.scalars(query))


def add_link(
    connection: Connection, link_id: str, contact_id: str, ids: Sequence[str], expires_ms: int
) -> None:
    """Keep what a link acknowledges."""
    row = {
        "id": link_id,
        "contact": contact_id,
        "alerts": msgspec.json.encode(ids),
        "expires_ms": expires_ms,
        "answered_ms": None,
    }
    connection.execute(insert(answer_links), row)


def link(connection: Connection, link_id: str) -> tuple[str, list[str], int, int | None] | None:
    """Return a link's contact, its alerts, when it expires, and when it was used."""
    row = connection.execute(select(answer_links).where(answer_links.c.id == link_id)).one_or_none()
    if row is None:
        return None
    return row.contact, _decode_ids(row.alerts), row.expires_ms, row.answered_ms


def use_link(connection: Connection, link_id: str, now_ms: int) -> bool:
    """Use a link up; return False where somebody has."""
    used = connection.execute(
        update(answer_links)
        .where(
            answer_links.c.id == link_id,
            answer_links.c.answered_ms.is_(None),
            answer_links.c.expires_ms > now_ms,
        )
        .values(answered_ms=now_ms)
    )
    return used.rowcount == 1


def forget(connection: Connection, before_ms: int) -> None:
    """Forget attempts, links and notices that are over and older."""
    connection.execute(
        delete(notification_attempts).where(notification_attempts.c.at_ms < before_ms)
    )
    connection.execute(delete(answer_links).where(answer_links.c.expires_ms < before_ms))
    connection.execute(
        delete(notices).where(notices.c.begun_ms < before_ms, notices.c.state != "waiting")
    )


def _put(connection: Connection, table: Any, row: dict[str, Any]) -> None:
    key = next(iter(table.primary_key)).name
    statement = upsert(connection, table)
    told = {name: statement.excluded[name] for name in row if name != key}
    connection.execute(statement.on_conflict_do_update(index_elements=[key], set_=told), [row])


def _notice(row: Any) -> Notice:
    return Notice(
        n=row.n,
        rule=row.rule,
        alert_id=row.alert_id,
        state=row.state,
        told=row.told.split(",") if row.told else [],
        next_ms=row.next_ms,
        begun_ms=row.begun_ms,
    )
