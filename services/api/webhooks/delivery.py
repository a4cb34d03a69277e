"""The leader's delivery of webhooks: each receiver by itself, in order, at least once.

How far a receiver is lies in the database, and moves once it has answered. A process that dies in
between delivers the event again, under the same webhook-id.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from schemas.alerts import AlertEvent
from services.api.feed.frames import GAP, LINES, Gap, notice
from services.api.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_BEHIND, WEBHOOK_FAILURES
from services.api.people.areas import Areas
from services.api.people.limit import Limit
from services.api.reach import limit_for
from services.api.sealing import Sealing, Unsealable
from services.api.store.database import Database
from services.api.webhooks import endpoints
from services.api.webhooks.endpoints import Due, Endpoint, Letter
from services.api.webhooks.retrying import Verdict, gives_up, verdict_of, wait_ms
from services.api.webhooks.sender import Attempt, Sender
from services.api.webhooks.signing import headers_of

MAX_EVENT_BYTES: Final = 1 << 20
_LOOK_MS: Final = 1_000
_PAGE: Final = 200
_decode = msgspec.json.Decoder(AlertEvent).decode
_log = structlog.get_logger(__name__)


class Rest(Struct, frozen=True):
    """After how long to come again, or at the next news of the feed where that is sooner."""

    ms: int = 0
    or_news: bool = False


class Delivery:
    """One task for each active webhook, as long as this process leads."""

    def __init__(
        self,
        database: Database,
        sealing: Sealing,
        sender: Sender,
        areas: Areas,
        *,
        clock_ms: Callable[[], int],
        chance: Callable[[], float],
        cursor: Callable[[int], str],
        news: Callable[[], Awaitable[None]],
    ) -> None:
        """`chance` in [0, 1) spreads retries; `cursor` names a place in the feed, `news` returns
        when there may be more of it."""
        self._database = database
        self._sealing = sealing
        self._sender = sender
        self._areas = areas
        self._clock_ms = clock_ms
        self._chance = chance
        self._cursor = cursor
        self._news = news

    async def run(self) -> None:
        """Deliver until cancelled; failures are retried. It may run again later."""
        running: dict[str, tuple[int, asyncio.Task[None]]] = {}
        try:
            while True:
                try:
                    await self._look(running)
                except SQLAlchemyError as error:
                    WEBHOOK_FAILURES.labels("store").inc()
                    _log.error("webhooks_store_failed", error=repr(error))
                await asyncio.sleep(_LOOK_MS / 1000)
        finally:
            WEBHOOK_BEHIND.clear()
            tasks = [task for _, task in running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, running: dict[str, tuple[int, asyncio.Task[None]]]) -> None:
        """Begin anew what people have changed, and end what is no more."""
        wanted = {
            one.id: one.revision
            for one in await self._database.read(endpoints.all_endpoints)
            if one.state == "active"
        }
        for webhook_id, (revision, task) in list(running.items()):
            if wanted.get(webhook_id) == revision and not task.done():
                continue
            del running[webhook_id]
            task.cancel()
            (failure,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(failure, Exception):
                # A fault in the code. The others go on, and this one begins anew.
                WEBHOOK_FAILURES.labels("fault").inc()
                _log.error("webhook_fault", webhook=webhook_id, exc_info=failure)
            if webhook_id not in wanted:
                with contextlib.suppress(KeyError):  # It ended before it was ever told.
                    WEBHOOK_BEHIND.remove(webhook_id)
        for webhook_id, revision in wanted.items():
            if webhook_id not in running:
                task = asyncio.create_task(self._follow(webhook_id), name=f"webhook {webhook_id}")
                running[webhook_id] = revision, task

    async def _follow(self, webhook_id: str) -> None:
        while True:
            try:
                rest = await self.step(webhook_id)
            except SQLAlchemyError as error:
                WEBHOOK_FAILURES.labels("store").inc()
                _log.error("webhook_store_failed", webhook=webhook_id, error=repr(error))
                rest = Rest(_LOOK_MS)
            if rest is None:
                return
            if rest.or_news:
                with contextlib.suppress(TimeoutError):  # What was committed unheard is seen then.
                    await asyncio.wait_for(self._news(), rest.ms / 1000)
            else:
                await asyncio.sleep(rest.ms / 1000)

    async def step(self, webhook_id: str) -> Rest | None:
        """Deliver the next event or letter, if it is due; None = this webhook gets nothing."""
        one = await self._database.read(lambda c: endpoints.endpoint(c, webhook_id))
        now_ms = self._clock_ms()
        if one is None or one.state != "active":
            return None
        if one.next_ms > now_ms:
            return Rest(min(one.next_ms - now_ms, _LOOK_MS))
        try:
            signers = self.signers(one, now_ms)
        except Unsealable as error:
            await self._disable(one, str(error))
            return None
        page = await self._database.read(lambda c: endpoints.events_after(c, one.after_n, _PAGE))
        WEBHOOK_BEHIND.labels(one.id).set(len(page))
        limit = await limit_for(self._areas, one.target.areas)
        event = self._next(one, page, limit)
        if event is not None:
            return await self._deliver(one, event, signers, limit)
        if page:
            await self._database.write(lambda c: endpoints.change(c, one.id, after_n=page[-1].n))
            return Rest()
        waiting = await self._database.read(
            lambda c: endpoints.letters(c, one.id, 0, 1, again=True)
        )
        if not waiting:
            return Rest(_LOOK_MS, or_news=True)
        await self._deliver_again(one, waiting[0], signers)
        return Rest()

    def signers(self, one: Endpoint, now_ms: int) -> list[str]:
        """Return the secrets that sign now, the newest first; raises Unsealable."""
        sealed = [one.secret]
        if one.former is not None and now_ms < one.former_until_ms:
            sealed.append(one.former)
        return [self._sealing.open(each, f"webhook {one.id}").decode() for each in sealed]

    def _next(self, one: Endpoint, page: list[Due], limit: Limit | None) -> Due | None:
        """Return the first event of a page that the receiver wants, or the word of a gap."""
        if page and page[0].n > one.after_n + 1:
            from_, to = self._cursor(one.after_n), self._cursor(page[0].n - 1)
            at_ms = page[0].committed_ms
            body = notice(LINES, GAP, Gap(from_, to), to, at_ms).rstrip()
            return Due(page[0].n - 1, f"{GAP}/{to}", GAP, at_ms, body)
        wanted = (e for e in page if one.target.wants(_decode(e.body).data, limit))
        return next(wanted, None)

    async def _deliver(
        self, one: Endpoint, event: Due, signers: list[str], limit: Limit | None
    ) -> Rest | None:
        attempt, verdict = await self._post(one, event.id, event.body, signers)
        now_ms = self._clock_ms()
        if verdict == "taken":
            values = {
                "after_n": event.n,
                "delivered": one.delivered + 1,
                "failures": 0,
                "failing_ms": None,
                "next_ms": 0,
                "last_ms": now_ms,
                "last_result": attempt.result,
            }
            await self._database.write(lambda c: endpoints.change(c, one.id, **values))
            return Rest()
        if verdict == "gone":
            await self._disable(one, "the receiver says that it is gone (410)")
            return None
        failures = one.failures + 1
        failing_ms = now_ms if one.failing_ms is None else one.failing_ms
        pause_ms = wait_ms(failures, self._chance(), attempt.retry_after_s)
        given_up = gives_up(verdict, failures, failing_ms, event.committed_ms, now_ms)

        def note(connection: Connection) -> int:
            values = {
                "failures": failures,
                "failing_ms": failing_ms,
                "next_ms": now_ms + pause_ms,
                "last_ms": now_ms,
                "last_result": attempt.result,
            }
            dead = [event] if given_up else []
            if given_up and verdict == "refused":
                # Only this event is refused: the next one is another matter.
                values |= {"failures": 0, "failing_ms": None, "next_ms": now_ms}
            elif given_up:
                dead += self._too_old(connection, one, limit, event, failing_ms, now_ms)
            if dead:
                values["after_n"] = dead[-1].n
                endpoints.bury(connection, one.id, dead, attempt.result, now_ms)
            endpoints.change(connection, one.id, **values)
            return len(dead)

        buried = await self._database.write(note)
        if buried:
            WEBHOOK_ATTEMPTS.labels("given-up").inc(buried)
            _log.error("webhook_gave_up", webhook=one.id, first=event.id, events=buried)
        return Rest()

    def _too_old(
        self,
        connection: Connection,
        one: Endpoint,
        limit: Limit | None,
        event: Due,
        failing_ms: int,
        now_ms: int,
    ) -> list[Due]:
        """Return what follows an event that is given up and has waited for as long: what would
        only fail in turn, one by one, for days."""
        return [
            other
            for other in endpoints.events_after(connection, event.n, _PAGE)
            if gives_up("failed", 1, failing_ms, other.committed_ms, now_ms)
            and one.target.wants(_decode(other.body).data, limit)
        ]

    async def _deliver_again(self, one: Endpoint, letter: Letter, signers: list[str]) -> None:
        """Try a dead letter once more; it stays one unless it is taken."""
        attempt, verdict = await self._post(one, letter.event_id, letter.body, signers)
        reason = None if verdict == "taken" else attempt.result
        await self._database.write(lambda c: endpoints.settle_letter(c, letter.n, reason))

    async def _post(
        self, one: Endpoint, message_id: str, body: bytes, signers: list[str]
    ) -> tuple[Attempt, Verdict]:
        if len(body) > MAX_EVENT_BYTES:
            attempt, verdict = Attempt(413, None, 0), verdict_of(413)
        else:
            headers = headers_of(message_id, body, self._clock_ms(), signers)
            attempt = await self._sender.post(one.target.url, body, headers)
            verdict = verdict_of(attempt.status)
        WEBHOOK_ATTEMPTS.labels(verdict).inc()
        if verdict != "taken":
            _log.warning(
                "webhook_failed", webhook=one.id, message=message_id, result=attempt.result
            )
        return attempt, verdict

    async def _disable(self, one: Endpoint, reason: str) -> None:
        values = {
            "state": "disabled",
            "revision": one.revision + 1,
            "last_ms": self._clock_ms(),
            "last_result": reason,
        }
        await self._database.write(lambda c: endpoints.change(c, one.id, **values))
        WEBHOOK_FAILURES.labels("disabled").inc()
        _log.error("webhook_disabled", webhook=one.id, reason=reason)
