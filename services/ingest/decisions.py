"""The desk at the barrier: one scan in, stored as any other, and one verdict out.

It never answers `pass` where it cannot know: while the registers may lack what was filed, or while
the scan is not stored, the answer is at least `verify` and says why (decision 0015).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from typing import Final, Protocol

import msgspec
import structlog
from msgspec import Struct

from rules.registers import Registers
from schemas.decisions import OfflineList, ReasonKind
from schemas.events import CHECKPOINT_SCAN
from schemas.problems import Rejected
from schemas.times import parse_ms
from services.ingest.answers import Refused, away
from services.ingest.judgement import Judge
from services.ingest.metrics import Metrics, field_label
from services.ingest.notebook import Notebook
from services.ingest.offline_list import OfflineLists
from services.ingest.producer import Producer
from services.ingest.reception import Delivery, Posted, Reception, check_site
from services.ingest.recorder import Recorder

# About half a kilobyte each. At 200 a second this is ten minutes, the longest that any is relied
# on.
REMEMBERED: Final = 120_000
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


class Filed(Protocol):
    """What the desk needs to know of the registers."""

    @property
    def registers(self) -> Registers:
        """What has been read by now."""

    async def confirm(self, wait_s: float) -> bool:
        """Tell whether everything that was filed before this call has been read."""


class Answer(Struct, frozen=True):
    """A decision as JSON (schemas.decisions), and whether its scan is stored."""

    body: bytes
    stored: bool


class _Given(Struct, frozen=True, gc=False):
    """An answer that stands, and until when; no doubt was in it. There are many, so they are
    nothing that the collector of garbage has to look into."""

    fingerprint: int
    until_ms: int
    body: bytes


class DecisionDesk:
    """Decides about scans, one by one."""

    def __init__(
        self,
        *,
        reception: Reception,
        producer: Producer,
        registers: Filed,
        lists: OfflineLists,
        recorder: Recorder,
        metrics: Metrics,
        notebook: Notebook,
        wait_s: float,
    ) -> None:
        """`wait_s` bounds each wait: for the registers, and for the broker's acknowledgement."""
        self._reception = reception
        self._producer = producer
        self._registers = registers
        self._lists = lists
        self._recorder = recorder
        self._metrics = metrics
        self._notebook = notebook
        self._wait_s = wait_s
        self._given: OrderedDict[bytes, _Given] = OrderedDict()

    async def decide(
        self, raw: bytes, *, keep: bool, device: str, sites: Collection[str] | None = None
    ) -> Answer:
        """Return what is to be done with the scan's persons. Raises Rejected for a bad scan, and
        for one of a site that is not among `sites`, where these are given.

        A repeat gets the same answer for as long as that may be relied on, and is judged by the
        present registers afterwards.
        """
        try:
            posted = self._reception.read(CHECKPOINT_SCAN, raw)
            check_site(posted, sites)
            now_ms = self._recorder.stamp()
            given = self._given_for(posted, now_ms)
            if given is not None:
                self._metrics.duplicates.labels(CHECKPOINT_SCAN.type).inc()
                self._notebook.repeated(device, posted.event)
                return given
            accepted = self._reception.admit(posted, now_ms, keep=keep)
        except Rejected as error:
            field = field_label(error.problem.field)
            self._metrics.rejected.labels(CHECKPOINT_SCAN.type, field).inc()
            self._notebook.rejected(device, raw, error.problem, self._recorder.stamp())
            raise
        # Both wait for the broker, so they wait side by side.
        give_up_s = self._now_s() + self._wait_s
        delivery = None
        if self._producer.up:
            delivery = self._reception.begin(posted, accepted, now_ms, keep=keep, device=device)
        known = await self._registers.confirm(self._wait_s)
        taken = None if delivery is None else await self._taken(delivery, give_up_s)
        doubts: list[ReasonKind] = []
        if not known:
            doubts.append("registers-stale")
        if taken is None:
            doubts.append("not-stored")
        elif not taken:
            doubts.append("id-used-twice")
        judge = Judge(self._registers.registers, accepted)
        decision = judge.decide(doubts, stored=bool(taken))
        self._metrics.decisions.labels(decision.verdict).inc()
        for reason in decision.reasons:
            self._metrics.decision_reasons.labels(reason.kind).inc()
        answer = Answer(_encode(decision), decision.stored)
        if not doubts:
            self._remember(posted, parse_ms(decision.expires), answer)
        return answer

    async def offline_list(self, token_digest: str) -> OfflineList:
        """Return a handheld's list. Raises Refused (503) while it might not be complete: then the
        handheld keeps the one that it has, and its age."""
        if not await self._registers.confirm(self._wait_s):
            raise away("the registers cannot be read now")
        return self._lists.of(self._registers.registers, token_digest, self._recorder.stamp())

    async def _taken(self, delivery: Delivery, give_up_s: float) -> bool | None:
        """Return True once the scan is stored, False where its id is another's, None where the
        broker did not take it in time; it may still be stored then, and a repeat is harmless."""
        try:
            return await self._reception.finish(delivery, max(0.0, give_up_s - self._now_s()))
        except Refused as error:
            # The reason "not-stored" counts it, and the device is told.
            _log.warning("decision_not_stored", error=error.detail)
            return None

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _given_for(self, posted: Posted, now_ms: int) -> Answer | None:
        given = self._given.get(posted.identity)
        if given is None or given.fingerprint != posted.fingerprint or now_ms >= given.until_ms:
            return None
        return Answer(given.body, stored=True)

    def _remember(self, posted: Posted, until_ms: int, answer: Answer) -> None:
        self._given[posted.identity] = _Given(posted.fingerprint, until_ms, answer.body)
        self._given.move_to_end(posted.identity)
        if len(self._given) > REMEMBERED:
            self._given.popitem(last=False)
