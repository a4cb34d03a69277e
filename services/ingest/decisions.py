"""The desk at the barrier: one scan in, stored as any other, and one verdict out.

It never answers `pass` where it cannot know: while the registers may lack what was filed, or while
the scan is not stored, the answer is at least `verify` and says why (decision 0015).
"""

import asyncio
from collections import OrderedDict
from typing import Final, Protocol

import structlog
from msgspec import Struct

from rules.registers import Registers
from schemas.decisions import Decision, OfflineList, ReasonKind
from schemas.events import CHECKPOINT_SCAN
from schemas.intake import Intake
from schemas.times import parse_ms
from services.ingest.answers import Refused, away
from services.ingest.identity import Fingerprints, identity_of
from services.ingest.items import check_depth
from services.ingest.judgement import Judge
from services.ingest.metrics import Metrics
from services.ingest.offline_list import OfflineLists
from services.ingest.producer import Producer
from services.ingest.reception import Reception
from services.ingest.recorder import Recorder

# About a kilobyte each. At 200 a second this is ten minutes, the longest that any is relied on.
REMEMBERED: Final = 120_000
_log = structlog.get_logger(__name__)


class Filed(Protocol):
    """What the desk needs to know of the registers."""

    @property
    def registers(self) -> Registers:
        """What has been read by now."""

    async def confirm(self, wait_s: float) -> bool:
        """Tell whether everything that was filed before this call has been read."""


class _Given(Struct, frozen=True):
    fingerprint: int
    until_ms: int
    decision: Decision


class DecisionDesk:
    """Decides about scans, one by one."""

    def __init__(
        self,
        *,
        intake: Intake,
        reception: Reception,
        producer: Producer,
        registers: Filed,
        lists: OfflineLists,
        fingerprints: Fingerprints,
        recorder: Recorder,
        metrics: Metrics,
        wait_s: float,
    ) -> None:
        """`wait_s` bounds each wait: for the registers, and for the broker's acknowledgement."""
        self._intake = intake
        self._reception = reception
        self._producer = producer
        self._registers = registers
        self._lists = lists
        self._fingerprints = fingerprints
        self._recorder = recorder
        self._metrics = metrics
        self._wait_s = wait_s
        self._given: OrderedDict[bytes, _Given] = OrderedDict()

    async def decide(self, raw: bytes, *, keep: bool) -> Decision:
        """Return what is to be done with the scan's persons. Raises Rejected for a bad scan.

        A repeat gets the same answer for as long as that may be relied on, and is judged by the
        present registers afterwards.
        """
        check_depth(raw)
        event = self._intake.decode(CHECKPOINT_SCAN, raw)
        identity, fingerprint = identity_of(event), self._fingerprints.of(event)
        now_ms = self._recorder.stamp()
        given = self._given.get(identity)
        if given is not None and given.fingerprint == fingerprint and now_ms < given.until_ms:
            self._metrics.duplicates.labels(CHECKPOINT_SCAN.type).inc()
            return given.decision
        accepted = self._intake.admit(CHECKPOINT_SCAN, event, now_ms, keep=keep)
        # Both wait for the broker, so they wait side by side.
        known, taken = await asyncio.gather(
            self._registers.confirm(self._wait_s), self._store(raw, keep=keep)
        )
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
        if not doubts:
            self._remember(identity, _Given(fingerprint, parse_ms(decision.expires), decision))
        return decision

    async def offline_list(self, token_digest: str) -> OfflineList:
        """Return a handheld's list. Raises Refused (503) while it might not be complete: then the
        handheld keeps the one that it has, and its age."""
        if not await self._registers.confirm(self._wait_s):
            raise away("the registers cannot be read now")
        return self._lists.of(self._registers.registers, token_digest, self._recorder.stamp())

    async def _store(self, raw: bytes, *, keep: bool) -> bool | None:
        """Return True once the scan is stored, False where its id is another's, None where the
        broker did not take it in time; it may still be stored then, and a repeat is harmless."""
        if not self._producer.up:
            return None
        try:
            return await self._reception.take_one(
                CHECKPOINT_SCAN, raw, keep=keep, wait_s=self._wait_s
            )
        except Refused as error:
            # The reason "not-stored" counts it, and the device is told.
            _log.warning("decision_not_stored", error=error.detail)
            return None

    def _remember(self, identity: bytes, given: _Given) -> None:
        self._given[identity] = given
        self._given.move_to_end(identity)
        if len(self._given) > REMEMBERED:
            self._given.popitem(last=False)
