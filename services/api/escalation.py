"""The leader's look for overdue alerts: every second, by the limits of the standing policy."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from schemas.policy import problem
from schemas.registers import Policy
from services.api.metrics import ESCALATION_FAILURES, ESCALATIONS, OVERDUE
from services.api.overdue import DEFAULTS, RULE, WAITING
from services.api.registers.stored import StoredVersion
from services.api.store.store import AlertStore

_ROUND_S: Final = 1.0
_decode = msgspec.json.Decoder(Policy).decode
_log = structlog.get_logger(__name__)


class Escalation:
    """Lets alerts escalate; the store knows what is due, so this may stop and begin anywhere."""

    def __init__(
        self,
        store: AlertStore,
        policies: Callable[[], Awaitable[Sequence[StoredVersion]]],
    ) -> None:
        """`policies` returns the entries of the register `policy` that govern now."""
        self._store = store
        self._policies = policies
        self._unusable: StoredVersion | None = None

    async def run(self) -> None:
        """Look until cancelled; failures are retried. It may run again later."""
        try:
            while True:
                try:
                    await self.look()
                except SQLAlchemyError as error:
                    ESCALATION_FAILURES.labels("store").inc()
                    _log.error("escalation_store_failed", error=repr(error))
                await asyncio.sleep(_ROUND_S)
        finally:
            # Another process may lead now: how many are overdue is for it to tell.
            OVERDUE.clear()

    async def look(self) -> None:
        """Let every alert that is due reach its levels, and tell how many are overdue."""
        limits = await self.limits()
        while events := await self._store.escalate(limits):
            for event in events:
                alert = event.data
                level = str(alert.escalation)
                ESCALATIONS.labels(alert.rule, alert.severity, level).inc()
                _log.info("alert_escalated", alert=alert.id, rule=alert.rule, level=level)
        overdue = await self._store.overdue()
        for _, severity in WAITING:
            OVERDUE.labels(severity).set(overdue.get(severity, 0))

    async def limits(self) -> Mapping[str, float]:
        """Return the limits of the policy that governs: of several, the last filed, whole."""
        policies = await self._policies()
        if not policies:
            return DEFAULTS
        standing = max(policies, key=lambda version: (version.recorded_ms, version.id))
        try:
            return limits_of(standing)
        except ValueError as error:
            # Nobody may wait for ever because of it. It is told once, not in every round.
            if standing != self._unusable:
                self._unusable = standing
                ESCALATION_FAILURES.labels("policy").inc()
                _log.error("escalation_policy_unusable", policy=standing.id, error=str(error))
            return DEFAULTS


def limits_of(policy: StoredVersion) -> Mapping[str, float]:
    """Return what a policy says about overdue alerts; what it does not name keeps its default.

    Raises ValueError where a version of Cordon with other bounds, or another form, has filed it.
    """
    try:
        filed = _decode(policy.body).rules.get(RULE, {})
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    wrong = problem({RULE: filed})
    if wrong is not None:
        raise ValueError(f"{wrong[0]}: {wrong[1]}")
    return {**DEFAULTS, **filed}
