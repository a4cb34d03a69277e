"""Alerts that begin or cease to be inhibited, because another has changed in this transaction."""

from typing import Final

import msgspec
from sqlalchemy import Connection

from schemas.alerts import Alert, AlertEvent
from services.api.inhibitions import stored
from services.api.inhibitions.marking import Inhibiting
from services.api.merge import AlertBook
from services.api.store.kept import LIVE, Kept, records_of

# So many alerts are marked in one transaction: acts and findings wait for it.
MARKED_AT_ONCE: Final = 500
_decode = msgspec.json.Decoder(Alert).decode


def settle(
    connection: Connection, kept: Kept, book: AlertBook, inhibiting: Inhibiting, now_ms: int
) -> list[AlertEvent]:
    """Return the changes of alerts that are inhibited by others now than they were.

    What is more than a part of them is left to who leads (transactions.apply_marks).
    """
    inhibiting.write()
    if not inhibiting.turned:
        return []
    wrong = {one.alert.id for one in book.records.values() if _is_wrong(inhibiting, one.alert)}
    for turned in inhibiting.turned.values():
        for body in connection.scalars(turned.targets(LIVE)):
            alert = _decode(body)
            if alert.id in book.records or not _is_wrong(inhibiting, alert):
                continue
            if len(wrong) >= MARKED_AT_ONCE:
                stored.note_pending(connection, [turned.inhibition.id])
                break
            wrong.add(alert.id)
    more = records_of(connection, wrong - book.records.keys())
    for alert_id in more.records.keys() - kept.records.keys():
        kept.records[alert_id] = more.records[alert_id]
        kept.lives[alert_id] = more.lives[alert_id]
        book.take_in([more.records[alert_id]])
    return [change for alert_id in sorted(wrong) for change in book.mark(alert_id, now_ms)]


def _is_wrong(inhibiting: Inhibiting, alert: Alert) -> bool:
    return inhibiting.inhibited(alert, alert.inhibited_by) != alert.inhibited_by
