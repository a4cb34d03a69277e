"""Hands reports on to ingest over HTTP, and says what it answered."""

from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import msgspec
import structlog

from schemas.access import Grant
from schemas.persons import PseudonymKey
from schemas.problems import Problem
from schemas.relay import relay_token
from services.api.metrics import REPORTS

_PATH: Final = "/v1/field-reports"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=3)
_RETRY_AFTER_S: Final = "5"
_ACCEPTED: Final = 202
_log = structlog.get_logger(__name__)


class Away(Exception):
    """Ingest takes nothing now; `retry_after_s` = when to come again."""

    def __init__(self, why: str, retry_after_s: str = _RETRY_AFTER_S) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class ItemProblem(msgspec.Struct, frozen=True):
    """A report that was not taken, or of which something was set aside: its place, from 0."""

    index: int
    problem: Problem


class Taken(msgspec.Struct, frozen=True):
    """What ingest made of reports, in its own words."""

    accepted: int
    duplicates: int
    rejected: list[ItemProblem] = []
    warnings: list[ItemProblem] = []


_decode = msgspec.json.Decoder(Taken).decode


class Relay:
    """The way to ingest. Each call has its own connection: reports are few."""

    def __init__(self, ingest: str, key: PseudonymKey) -> None:
        """`ingest` is its address, such as http://127.0.0.1:8081."""
        self._url = f"{ingest.rstrip('/')}{_PATH}"
        self._headers = {
            "Authorization": f"Bearer {relay_token(key)}",
            "Content-Type": "application/json",
        }

    async def post(self, events: Sequence[dict[str, Any]]) -> Taken:
        """Post events. Raises Away where ingest is not there, or has no room, or no broker."""
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session,
                session.post(
                    self._url, data=msgspec.json.encode(events), headers=self._headers
                ) as answer,
            ):
                body = await answer.read()
                status, later = answer.status, answer.headers.get("Retry-After", _RETRY_AFTER_S)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            REPORTS.labels("away").inc(len(events))
            _log.warning("reports_not_handed_on", error=repr(error))
            raise Away("ingest does not answer") from error
        if status != _ACCEPTED:
            # 401 and 403 too: the keys of API and ingest differ, and nobody in the field can help.
            REPORTS.labels("away").inc(len(events))
            _log.warning(
                "reports_not_handed_on", status=status, body=body[:500].decode(errors="replace")
            )
            raise Away(f"ingest answers {status}", later)
        return _decode(body)


def author_of(grant: Grant) -> str:
    """Return the source of what somebody reports; ids are theirs within it."""
    return f"officer:{grant.name}"
