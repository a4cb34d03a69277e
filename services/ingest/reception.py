"""From the items of a request to records that are delivered, with repeats left out."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

import structlog
from msgspec import Raw, Struct

from schemas.events import HEARTBEAT, Event, EventKind
from schemas.field_reports import kind_of
from schemas.intake import Accepted, Intake
from schemas.partition import partition_of
from schemas.problems import Problem, Rejected, rejected
from schemas.times import parse_ms
from schemas.topics import ARRIVALS
from services.ingest.answers import away
from services.ingest.arrivals import concerns
from services.ingest.identity import Fingerprints, identity_of
from services.ingest.items import check_depth
from services.ingest.metrics import Metrics, field_label
from services.ingest.notebook import Notebook
from services.ingest.outcome import ItemProblem, Outcome, no_outcome
from services.ingest.producer import DELIVERY_TIMEOUT_S, Outgoing, Producer, Undelivered
from services.ingest.recorder import Recorder
from services.ingest.window import Window

# No event comes near this; a record of megabytes would be refused by the broker, not by us.
MAX_RECORD_BYTES: Final = 256 * 1024
# The label of an item whose type is none that its path takes.
UNKNOWN_TYPE: Final = "unknown"
_log = structlog.get_logger(__name__)


class Posted(Struct, frozen=True):
    """One item as it was posted. Admitting it changes `event` into what is written."""

    kind: EventKind
    event: Event[Any]
    identity: bytes
    fingerprint: int


class _Claim(Struct, frozen=True):
    """An event that is being delivered: the body's fingerprint, and whose delivery it is."""

    fingerprint: int
    delivery: "asyncio.Task[None]"


class _Sorted:
    """What the items of one request turned out to be."""

    def __init__(self, device: str, recorded_ms: int, keep: bool) -> None:
        self.device = device
        self.recorded_ms = recorded_ms
        self.keep = keep
        # By what the window counts its hours: a replay has a time of its own.
        self.newest_ms = 0 if keep else recorded_ms
        self.outcome = no_outcome()
        self.outgoing: list[Outgoing] = []
        self.accepted: dict[bytes, int] = {}
        self.others: set[asyncio.Task[None]] = set()
        self.conflicts = 0
        # How often each metric counts, by its name and its labels.
        self.counted: Counter[tuple[str, ...]] = Counter()

    def reject(self, index: int, problem: Problem, kind: EventKind | None) -> None:
        """Note an item that is not accepted; None = its kind is not known."""
        self.outcome.reject(index, problem)
        label = UNKNOWN_TYPE if kind is None else kind.type
        self.counted["rejected", label, field_label(self.outcome.rejected[-1].problem.field)] += 1

    def warn(self, index: int, problems: list[Problem], kind: EventKind) -> None:
        """Note what was set aside in an accepted item."""
        for problem in problems:
            self.outcome.warnings.append(ItemProblem(index, problem))
            self.counted["warnings", kind.type, field_label(problem.field)] += 1


class Delivery(Struct, frozen=True):
    """One item on its way to the broker, and the deliveries that it has to wait for."""

    found: _Sorted
    waits: set[asyncio.Task[None]]


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
        notebook: Notebook,
        partitions: int,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
    ) -> None:
        self._intake = intake
        self._producer = producer
        self._window = window
        self._fingerprints = fingerprints
        self._recorder = recorder
        self._metrics = metrics
        self._notebook = notebook
        self._partitions = partitions
        self._delivery_timeout_s = delivery_timeout_s
        self._claims: dict[bytes, _Claim] = {}

    async def take(
        self,
        kinds: Mapping[str, EventKind],
        items: list[bytes] | list[Raw],
        *,
        keep: bool,
        device: str,
        sites: Collection[str] | None = None,
    ) -> Outcome:
        """Return the outcome once every record of every accepted item is acknowledged.

        `kinds` are those that may be among the items, by their types; `device` is the name of the
        caller's token, and `sites` are those whose events it may post, None = any. Raises Refused
        (503) when a record is not acknowledged, or not in time.
        """
        # Up to the first await nothing else runs, so a claim is seen by every later request.
        found = _Sorted(device, self._recorder.stamp(), keep)
        self._expire(found)
        only = next(iter(kinds.values())) if len(kinds) == 1 else None
        for index, item in enumerate(items):
            kind = only
            try:
                kind = only or kind_of(kinds, item)
                accepted = self._sort(kind, item, found, sites)
            except Rejected as error:
                found.reject(index, error.problem, kind)
                self._notebook.rejected(device, item, error.problem, found.recorded_ms)
                continue
            if accepted is not None:
                found.warn(index, accepted.warnings, kind)
        await self._all_delivered(self._start(found), self._delivery_timeout_s)
        self._count(found)
        return found.outcome

    def read(self, kind: EventKind, item: bytes | Raw) -> Posted:
        """Return an item as it was posted. Raises Rejected, which names the field."""
        check_depth(item)
        event = self._intake.decode(kind, item)
        return Posted(kind, event, identity_of(event), self._fingerprints.of(event))

    def admit(self, posted: Posted, recorded_ms: int, *, keep: bool) -> Accepted:
        """Return what is to be written of an item. Raises Rejected, which names the field."""
        accepted = self._intake.admit(posted.kind, posted.event, recorded_ms, keep=keep)
        for record in accepted.records:
            if len(record.value) > MAX_RECORD_BYTES:
                raise rejected(f"the event is over {MAX_RECORD_BYTES} bytes", "data")
        return accepted

    def begin(
        self, posted: Posted, accepted: Accepted, recorded_ms: int, *, keep: bool, device: str
    ) -> Delivery:
        """Hand one admitted item over to the broker, unless it is a repeat; do not wait for it."""
        found = _Sorted(device, recorded_ms, keep)
        self._expire(found)
        if not self._is_repeat(posted, found):
            self._add(posted, accepted, found)
            found.warn(0, accepted.warnings, posted.kind)
        return Delivery(found, self._start(found))

    async def finish(self, delivery: Delivery, wait_s: float) -> bool:
        """Return once what was begun is acknowledged; False where the id is another event's.

        Raises Refused (503) as `take` does; what is acknowledged later is accepted all the same.
        """
        await self._all_delivered(delivery.waits, wait_s)
        self._count(delivery.found)
        return not delivery.found.conflicts

    def _expire(self, found: _Sorted) -> None:
        if not found.keep:
            self._window.expire(found.recorded_ms)

    def _sort(
        self,
        kind: EventKind,
        item: bytes | Raw,
        found: _Sorted,
        sites: Collection[str] | None,
    ) -> Accepted | None:
        """Accept one item, or return None for a repeat. Raises Rejected."""
        posted = self.read(kind, item)
        check_site(posted, sites)
        if self._is_repeat(posted, found):
            return None
        accepted = self.admit(posted, found.recorded_ms, keep=found.keep)
        self._add(posted, accepted, found)
        return accepted

    def _is_repeat(self, posted: Posted, found: _Sorted) -> bool:
        """Tell whether an item is a repeat, and count it as one."""
        known = self._known(posted.identity, found)
        if known is None:
            return False
        found.outcome.duplicates += 1
        self._notebook.repeated(found.device, posted.event)
        found.counted["duplicates", posted.kind.type] += 1
        if known != posted.fingerprint:
            found.conflicts += 1
            found.counted["conflicts", posted.kind.type] += 1
        return True

    def _add(self, posted: Posted, accepted: Accepted, found: _Sorted) -> None:
        found.outcome.accepted += 1
        found.counted["accepted", posted.kind.type] += 1
        self._notebook.accepted(found.device, posted.kind, posted.event, accepted)
        if found.keep:
            assert posted.event.recordedtime is not None  # admit has set it
            found.newest_ms = max(found.newest_ms, parse_ms(posted.event.recordedtime))
        found.accepted[posted.identity] = posted.fingerprint
        for record in accepted.records:
            partition = partition_of(record.subject, self._partitions)
            key = record.subject.encode()
            found.outgoing.append(Outgoing(record.topic, partition, key, record.value))
            if concerns(posted.kind, posted.event.corrects):
                found.outgoing.append(Outgoing(ARRIVALS, partition, key, record.value))

    def _start(self, found: _Sorted) -> set[asyncio.Task[None]]:
        """Begin to deliver what is new; return every delivery that the answer has to wait for."""
        if not found.accepted:
            return found.others
        delivery = asyncio.create_task(self._deliver(found))
        delivery.add_done_callback(_note_failure)
        for identity, fingerprint in found.accepted.items():
            self._claims[identity] = _Claim(fingerprint, delivery)
        return {delivery, *found.others}

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
        if not deliveries:
            return
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

    def _count(self, found: _Sorted) -> None:
        for (name, *labels), times in found.counted.items():
            getattr(self._metrics, name).labels(*labels).inc(times)


def check_site(posted: Posted, sites: Collection[str] | None) -> None:
    """Raise Rejected (403) for an event of a site for which the caller's token is not.

    A token that is bound to sites says nothing that is of none, but that its device is alive.
    """
    if sites is None:
        return
    site = getattr(posted.event.data, "site", None)
    if site not in sites and (site is not None or posted.kind is not HEARTBEAT):
        raise rejected("this token is for other sites", "data.site", status=403)


def _note_failure(delivery: "asyncio.Task[None]") -> None:
    """Log a failed delivery, also when the request that began it has been answered."""
    error = None if delivery.cancelled() else delivery.exception()
    if error is not None:
        _log.warning("delivery_failed", error=repr(error))
