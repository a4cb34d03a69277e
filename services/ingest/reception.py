"""From the items of a request to records that are delivered, with repeats left out."""

import asyncio
import time
from typing import Final

import structlog
from msgspec import Raw, Struct

from schemas.events import EventKind
from schemas.intake import Accepted, Intake
from schemas.partition import partition_of
from schemas.problems import Rejected, rejected
from schemas.times import parse_ms
from services.ingest.answers import away
from services.ingest.identity import Fingerprints, identity_of
from services.ingest.items import check_depth
from services.ingest.metrics import Metrics, field_label
from services.ingest.outcome import ItemProblem, Outcome, no_outcome
from services.ingest.producer import DELIVERY_TIMEOUT_S, Outgoing, Producer, Undelivered
from services.ingest.recorder import Recorder
from services.ingest.window import Window

# No event comes near this; a record of megabytes would be refused by the broker, not by us.
MAX_RECORD_BYTES: Final = 256 * 1024
_log = structlog.get_logger(__name__)


class _Claim(Struct, frozen=True):
    """An event that is being delivered: the body's fingerprint, and whose delivery it is."""

    fingerprint: int
    delivery: "asyncio.Task[None]"


class _Sorted:
    """What the items of one request turned out to be."""

    def __init__(self, recorded_ms: int, keep: bool) -> None:
        self.recorded_ms = recorded_ms
        # By what the window counts its hours: a replay has a time of its own.
        self.newest_ms = 0 if keep else recorded_ms
        self.outcome = no_outcome()
        self.outgoing: list[Outgoing] = []
        self.accepted: dict[bytes, int] = {}
        self.others: set[asyncio.Task[None]] = set()
        self.conflicts = 0


class Reception:
    """Takes the items of requests. Exact about repeats within this process."""

    def __init__(
        self,
        intake: Intake,
        producer: Producer,
        window: Window,
        fingerprints: Fingerprints,
        recorder: Recorder,
        metrics: Metrics,
        partitions: int,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
    ) -> None:
        self._intake = intake
        self._producer = producer
        self._window = window
        self._fingerprints = fingerprints
        self._recorder = recorder
        self._metrics = metrics
        self._partitions = partitions
        self._delivery_timeout_s = delivery_timeout_s
        self._claims: dict[bytes, _Claim] = {}

    async def take(self, kind: EventKind, items: list[bytes] | list[Raw], *, keep: bool) -> Outcome:
        """Return the outcome once every record of every accepted item is acknowledged.

        Raises Refused (503) when one of them is not, or not in time.
        """
        return (await self._take(kind, items, keep, self._delivery_timeout_s)).outcome

    async def take_one(
        self, kind: EventKind, item: bytes | Raw, *, keep: bool, wait_s: float
    ) -> bool:
        """Take one item; return False where its id was given to another event before.

        Waits no longer than `wait_s` for the acknowledgement. Raises Refused (503) as `take` does
        (what is acknowledged later is accepted all the same), and Rejected for a bad item.
        """
        found = await self._take(kind, [item], keep, wait_s)
        if found.outcome.rejected:
            raise Rejected(found.outcome.rejected[0].problem)
        return not found.conflicts

    async def _take(
        self, kind: EventKind, items: list[bytes] | list[Raw], keep: bool, wait_s: float
    ) -> _Sorted:
        # Up to the first await nothing else runs, so a claim is seen by every later request.
        found = _Sorted(self._recorder.stamp(), keep)
        if not keep:
            self._window.expire(found.recorded_ms)
        for index, item in enumerate(items):
            try:
                accepted = self._sort(kind, item, keep, found)
            except Rejected as error:
                found.outcome.reject(index, error.problem)
                continue
            if accepted is not None:
                found.outcome.accepted += 1
                for problem in accepted.warnings:
                    found.outcome.warnings.append(ItemProblem(index, problem))
        waits = found.others
        if found.accepted:
            delivery = asyncio.create_task(self._deliver(found))
            delivery.add_done_callback(_note_failure)
            for identity, fingerprint in found.accepted.items():
                self._claims[identity] = _Claim(fingerprint, delivery)
            waits = {delivery, *waits}
        if waits:
            await self._all_delivered(waits, wait_s)
        self._count(kind, found)
        return found

    def _sort(
        self, kind: EventKind, item: bytes | Raw, keep: bool, found: _Sorted
    ) -> Accepted | None:
        """Accept one item, or return None for a repeat. Raises Rejected."""
        check_depth(item)
        event = self._intake.decode(kind, item)
        identity = identity_of(event)
        fingerprint = self._fingerprints.of(event)
        known = self._known(identity, found)
        if known is not None:
            found.outcome.duplicates += 1
            found.conflicts += known != fingerprint
            return None
        accepted = self._intake.admit(kind, event, found.recorded_ms, keep=keep)
        for record in accepted.records:
            if len(record.value) > MAX_RECORD_BYTES:
                raise rejected(f"the event is over {MAX_RECORD_BYTES} bytes", "data")
        if keep:
            assert event.recordedtime is not None  # admit has set it
            found.newest_ms = max(found.newest_ms, parse_ms(event.recordedtime))
        found.accepted[identity] = fingerprint
        for record in accepted.records:
            partition = partition_of(record.subject, self._partitions)
            key = record.subject.encode()
            found.outgoing.append(Outgoing(record.topic, partition, key, record.value))
        return accepted

    def _known(self, identity: bytes, found: _Sorted) -> int | None:
        """Return the fingerprint of an event that was, or is being, accepted."""
        fingerprint = found.accepted.get(identity)
        if fingerprint is not None:
            return fingerprint
        claim = self._claims.get(identity)
        if claim is None:
            return self._window.get(identity)
        # It is a repeat only if the first one is delivered; its failure is ours too.
        found.others.add(claim.delivery)
        return claim.fingerprint

    async def _deliver(self, found: _Sorted) -> None:
        """Write the records of one request, and remember its events. It outlives the request,
        because what is acknowledged later is accepted all the same."""
        began = time.perf_counter()
        try:
            await self._producer.submit(found.outgoing)
            self._window.add(found.newest_ms, found.accepted)
            self._window.expire(found.newest_ms)
        finally:
            for identity in found.accepted:
                del self._claims[identity]
        self._metrics.produce.observe(time.perf_counter() - began)

    async def _all_delivered(self, deliveries: set[asyncio.Task[None]], wait_s: float) -> None:
        done, late = await asyncio.wait(deliveries, timeout=wait_s)
        for delivery in done:
            error = delivery.exception()
            if isinstance(error, Undelivered):
                raise away("the broker did not take the events; send them again") from error
            if isinstance(error, OSError):
                raise away("the disk did not take the events; send them again") from error
            if error is not None:
                raise error
        if late:
            raise away("the broker did not answer in time; send the events again")

    def _count(self, kind: EventKind, found: _Sorted) -> None:
        metrics, outcome = self._metrics, found.outcome
        metrics.accepted.labels(kind.type).inc(outcome.accepted)
        metrics.duplicates.labels(kind.type).inc(outcome.duplicates)
        metrics.conflicts.labels(kind.type).inc(found.conflicts)
        for name, items in (("rejected", outcome.rejected), ("warnings", outcome.warnings)):
            for item in items:
                counter = getattr(metrics, name)
                counter.labels(kind.type, field_label(item.problem.field)).inc()


def _note_failure(delivery: "asyncio.Task[None]") -> None:
    """Log a failed delivery, also when the request that began it has been answered."""
    error = None if delivery.cancelled() else delivery.exception()
    if error is not None:
        _log.warning("delivery_failed", error=repr(error))
