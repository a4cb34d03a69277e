"""The leader's notifier: reads the feed, lets alerts wait for people, and sends messages.

What waits for whom lies in the database; a process that dies between a message and its note sends
it again. Each contact is told in a task of its own, so that a slow gateway keeps nobody else.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from schemas.alerts import Alert, AlertEvent, alert_type
from schemas.times import DAY_MS, HOUR_MS, SECOND_MS
from services.api.metrics import NOTIFICATION_FAILURES, NOTIFICATIONS
from services.api.notifications import ledger
from services.api.notifications.answers import AnswerLinks
from services.api.notifications.gateway import Gateway, kind_of
from services.api.notifications.ledger import Attempt, Notice, Stored
from services.api.notifications.lines import (
    Contact,
    Rule,
    concerns,
    first_due_ms,
    line_of,
    may_tell_ms,
    next_in_line,
)
from services.api.notifications.texts import message_of
from services.api.people.areas import Areas
from services.api.people.limit import Limit
from services.api.reach import limit_for
from services.api.sealing import Sealing, Unsealable
from services.api.store import transactions
from services.api.store.database import Database

Roster = Callable[[], Awaitable[Mapping[str, Sequence[str]]]]

_ROUND_S: Final = 1.0
_PAGE: Final = 500
_FEED: Final = "notices"
KEEP_MS: Final = 90 * DAY_MS
_decode = msgspec.json.Decoder(AlertEvent).decode
_decode_channels = msgspec.json.Decoder(dict[str, str]).decode
_log = structlog.get_logger(__name__)


class Notifier:
    """Tells people of alerts until one of them answers."""

    def __init__(
        self,
        database: Database,
        sealing: Sealing,
        gateway: Gateway,
        links: AnswerLinks,
        areas: Areas,
        *,
        roster: Roster,
        zone: ZoneInfo,
        clock_ms: Callable[[], int],
    ) -> None:
        """`roster` returns who is on duty now at each place; `zone` is that of hours and texts."""
        self._database = database
        self._sealing = sealing
        self._gateway = gateway
        self._links = links
        self._areas = areas
        self._roster = roster
        self._zone = zone
        self._clock_ms = clock_ms
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._forgot_ms = 0

    async def run(self) -> None:
        """Tell people until cancelled; failures are retried. It may run again later."""
        try:
            while True:
                try:
                    await self.round()
                except SQLAlchemyError as error:
                    NOTIFICATION_FAILURES.labels("store").inc()
                    _log.error("notifier_store_failed", error=repr(error))
                await asyncio.sleep(_ROUND_S)
        finally:
            await self._stop()

    async def round(self) -> None:
        """Read on in the feed, and tell whoever is next in line."""
        self._reap()
        await self._read_on()
        now_ms = self._clock_ms()
        if now_ms - self._forgot_ms >= HOUR_MS:
            await self._database.write(lambda c: ledger.forget(c, now_ms - KEEP_MS))
            self._forgot_ms = now_ms
        waiting = await self._database.read(lambda c: ledger.due(c, now_ms, _PAGE))
        if waiting:
            await self._tell(waiting, now_ms)

    async def settled(self) -> None:
        """Return when every message that is under way has come to its end."""
        await asyncio.gather(*self._telling.values(), return_exceptions=True)
        self._reap()

    async def _read_on(self) -> None:
        while True:
            after = await self._database.read(lambda c: ledger.position(c, _FEED))
            if after is None:
                # What happened before there were notifications is nobody's news.
                await self._database.write(
                    lambda c: ledger.set_position(c, _FEED, transactions.counter(c, "feed"))
                )
                return
            page = await self._database.read(
                lambda c, n=after: transactions.events_after(c, n, _PAGE)  # type: ignore[misc]
            )
            if not page:
                return
            events = [_decode(event.body) for event in page]
            rules = await self._database.read(ledger.all_rules)
            limits = await self._limits(rules)
            last, now_ms = page[-1].n, self._clock_ms()

            def work(
                connection: Connection,
                events: Sequence[AlertEvent] = events,
                rules: Mapping[str, Stored] = rules,
                limits: Mapping[str, Limit | None] = limits,
                last: int = last,
                now_ms: int = now_ms,
            ) -> None:
                for event in events:
                    self._take(connection, rules, limits, event, now_ms)
                ledger.set_position(connection, _FEED, last)

            await self._database.write(work)

    def _take(
        self,
        connection: Connection,
        rules: Mapping[str, Stored],
        limits: Mapping[str, Limit | None],
        event: AlertEvent,
        now_ms: int,
    ) -> None:
        """Let a revision of an alert begin or end what waits for people."""
        alert = event.data
        if alert.state != "open":
            over = alert.state in ("resolved", "retracted")
            ledger.end(connection, alert.id, "over" if over else "answered")
            return
        if alert.capped_by is not None or alert.silenced_by or alert.inhibited_by:
            ledger.end(connection, alert.id, "over")
            return
        at = datetime.fromtimestamp(now_ms / 1000, self._zone)
        minute = at.hour * 60 + at.minute
        wanted = {
            key: one.said
            for key, one in rules.items()
            if concerns(one.said, limits[key], alert, minute)
        }
        there = ledger.standing(connection, alert.id) if wanted else {}
        for rule_id, rule in wanted.items():
            before = there.get(rule_id)
            # An alert that escalates goes through a chain once more that came to its end.
            escalated = event.type == alert_type("escalated")
            ended = ("answered", "over", "unanswered") if escalated else ("answered", "over")
            if before is None or before.state in ended:
                ledger.begin(connection, rule_id, alert.id, first_due_ms(rule, now_ms), now_ms)

    async def _tell(self, waiting: Sequence[Notice], now_ms: int) -> None:
        """Find who is next for each notice, and begin one message for each of them."""

        def read(
            connection: Connection,
        ) -> tuple[dict[str, Stored], dict[str, Stored], dict[str, Alert]]:
            return (
                ledger.all_rules(connection),
                ledger.all_contacts(connection),
                ledger.alerts_of(connection, [one.alert_id for one in waiting]),
            )

        rules, contacts, alerts = await self._database.read(read)
        people = {key: one.said for key, one in contacts.items()}
        limits = await self._limits(contacts)
        on_duty: Mapping[str, Sequence[str]] = {}
        if any(link.place for rule in rules.values() for link in rule.said.chain):
            on_duty = await self._roster()
        bundles: dict[str, list[tuple[Notice, Rule, Alert]]] = {}
        for notice in waiting:
            rule, alert = rules.get(notice.rule), alerts.get(notice.alert_id)
            if rule is None or alert is None:
                await self._end(notice, "over")
                continue
            line = line_of(rule.said, people, on_duty)
            contact = next_in_line(line, notice.told, alert, limits)
            if contact is None:
                await self._unanswered(notice, nobody=not notice.told)
            elif contact.id not in self._telling:
                bundles.setdefault(contact.id, []).append((notice, rule.said, alert))
        for contact_id, bundle in bundles.items():
            self._telling[contact_id] = asyncio.create_task(
                self._tell_one(contacts[contact_id], bundle, now_ms), name=f"tell {contact_id}"
            )

    async def _tell_one(
        self, stored: Stored, bundle: Sequence[tuple[Notice, Rule, Alert]], now_ms: int
    ) -> None:
        """Send one message about several alerts, over the first channel that works."""
        contact: Contact = stored.said
        sent = await self._database.read(lambda c: ledger.sent_ms(c, contact.id, now_ms))
        severities = [alert.severity for _, _, alert in bundle]
        at_ms = may_tell_ms(contact, sent, severities, now_ms)
        if at_ms > now_ms:
            for notice, _, _ in bundle:
                await self._step(notice, next_ms=at_ms)
            return
        alerts = {alert.id: alert for _, _, alert in bundle}
        message_id = secrets.token_hex(12)
        expires_ms = now_ms + self._links.lasts_ms
        ids = sorted(alerts)
        await self._database.write(
            lambda c: ledger.add_link(c, message_id, contact.id, ids, expires_ms)
        )
        link = self._links.url_of(message_id, expires_ms)
        title, text = message_of(list(alerts.values()), contact.language, link, self._zone)
        taken = await self._send(stored, title, text, message_id, len(ids))
        for notice, rule, _ in bundle:
            # Where no channel works, the next in line is told at once.
            pause_ms = rule.step_s * SECOND_MS if taken else 0
            told = [*notice.told, contact.id]
            await self._step(notice, told=told, next_ms=self._clock_ms() + pause_ms)

    async def _send(
        self, stored: Stored, title: str, text: str, message_id: str, alerts: int
    ) -> bool:
        try:
            opened = self._sealing.open(stored.channels, f"contact {stored.id}")
        except Unsealable as error:
            NOTIFICATION_FAILURES.labels("sealed").inc()
            _log.error("contact_sealed", contact=stored.id, error=str(error))
            return False
        for label, url in _decode_channels(opened).items():
            answer = await self._gateway.send(url, title, text)
            result = "sent" if answer.taken else "failed"
            NOTIFICATIONS.labels(kind_of(url), result).inc()
            attempt = Attempt(
                at_ms=self._clock_ms(),
                contact=stored.id,
                channel=label,
                result=result,
                detail=answer.detail,
                alerts=alerts,
                message=message_id,
            )
            await self._database.write(
                lambda c, one=attempt: ledger.note_attempt(c, one)  # type: ignore[misc]
            )
            if answer.taken:
                return True
            _log.warning(
                "notification_failed", contact=stored.id, channel=label, detail=answer.detail
            )
        return False

    async def _unanswered(self, notice: Notice, *, nobody: bool) -> None:
        """Nobody is left in line: whoever watches the metrics has to know."""
        NOTIFICATION_FAILURES.labels("nobody" if nobody else "unanswered").inc()
        _log.error("alert_unanswered", alert=notice.alert_id, rule=notice.rule, nobody=nobody)
        await self._step(notice, state="unanswered")

    async def _end(self, notice: Notice, state: str) -> None:
        await self._step(notice, state=state)

    async def _step(self, notice: Notice, **values: Any) -> None:
        await self._database.write(lambda c: ledger.step(c, notice, **values))

    async def _limits(self, stored: Mapping[str, Stored]) -> dict[str, Limit | None]:
        """Return what the areas of contacts, or of rules, stand for."""
        return {key: await limit_for(self._areas, one.said.areas) for key, one in stored.items()}

    def _reap(self) -> None:
        """Let go of what has ended; a failure there leaves its notices due, for the next round."""
        for contact_id, task in list(self._telling.items()):
            if not task.done():
                continue
            del self._telling[contact_id]
            failure = None if task.cancelled() else task.exception()
            if failure is not None:
                kind = "store" if isinstance(failure, SQLAlchemyError) else "fault"
                NOTIFICATION_FAILURES.labels(kind).inc()
                _log.error("notification_fault", contact=contact_id, exc_info=failure)

    async def _stop(self) -> None:
        for task in self._telling.values():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.settled()
