"""The county, live: its registers filed, then its devices posting as things happen, for ever."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import Final, Protocol

import msgspec
import structlog
from msgspec import Struct

from deploy.caller import NDJSON, Answer, Unreachable
from deploy.county.devices import Sent
from deploy.county.people import People
from deploy.county.planted.case import Case
from deploy.county.registers import Entry, entries
from deploy.county.stream import Pace, stream
from schemas.events import KIND_BY_TYPE
from schemas.registers import parse_register_type
from schemas.times import SECOND_MS

# Filed in parts, so that no request takes long.
_ROWS: Final = 1_000
_MOST_ITEMS: Final = 500
_TICK_S: Final = 0.1
_RETRY_S: Final = 1.0
# What is older than this is let go: a demo shows the present.
_STALE_MS: Final = 60 * SECOND_MS

_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


class Transport(Protocol):
    """What the feeder needs of a service."""

    def call(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> Answer:
        """Send a request; raises Unreachable."""


class Refused(Exception):
    """The system does not take what the county files; the text says what it answered."""


class Outing(Struct, frozen=True):
    """One request to ingest."""

    path: str
    body: bytes


class Feeder:
    """Feeds one system. `api` files as an administrator, `ingest` posts as a device."""

    def __init__(
        self,
        api: Transport,
        ingest: Transport,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._api = api
        self._ingest = ingest
        self._sleep = sleep
        self._now_ms = now_ms

    def file(self, people: People, epoch_ms: int) -> None:
        """File the registers; what is filed already is no change. Raises Refused."""
        for name, rows in groupby(entries(people, epoch_ms), key=lambda each: each[0]):
            self._file_rows(name, (entry for _, entry in rows))
        _log.info("county_filed")

    def feed(self, people: People, seed: int, pace: Pace, start_ms: int) -> None:
        """Post what happens when it happens; never returns."""
        arriving = stream(people, seed, start_ms, pace)
        for due in self._in_time(each for each in arriving if not isinstance(each, Case)):
            for each in due:
                if is_filing(each):
                    self._put(each)
            for outing in outings(each for each in due if not is_filing(each)):
                self._until_taken(self._ingest, "POST", outing.path, outing.body, NDJSON)

    def _file_rows(self, name: str, rows: Iterator[Entry]) -> None:
        while part := list(islice(rows, _ROWS)):
            body = b"\n".join(map(_encode, part)) + b"\n"
            path = f"/v1/registers/{name}:import"
            answer = self._until_taken(self._api, "POST", path, body, NDJSON)
            rejected = answer.json().get("rejected") if answer.status == 200 else True
            if rejected:
                raise Refused(f"{path} answered {answer.status}: {answer.body[:500].decode()}")

    def _put(self, filing: Sent) -> None:
        what = parse_register_type(filing.event["type"])
        assert what is not None
        entry = filing.event["data"]
        path = f"/v1/registers/{what[0]}/{entry['id']}"
        answer = self._until_taken(self._api, "PUT", path, _encode(entry), "application/json")
        if answer.status not in (200, 201):
            raise Refused(f"{path} answered {answer.status}: {answer.body[:500].decode()}")

    def _in_time(self, arriving: Iterator[Sent]) -> Iterator[list[Sent]]:
        """Yield what is due together, a tenth of a second at a time; lets go what is stale."""
        held = next(arriving)
        while True:
            now_ms = self._now_ms()
            due: list[Sent] = []
            while held.recorded_ms <= now_ms and len(due) < _MOST_ITEMS:
                if held.recorded_ms > now_ms - _STALE_MS:
                    due.append(held)
                held = next(arriving)
            if due:
                yield due
            if held.recorded_ms > now_ms:
                self._sleep(_TICK_S)

    def _until_taken(
        self, service: Transport, method: str, path: str, body: bytes, content_type: str
    ) -> Answer:
        while True:
            try:
                answer = service.call(method, path, body, content_type)
            except Unreachable as error:
                _log.warning("county_waits", why=str(error))
                self._sleep(_RETRY_S)
                continue
            if answer.status not in (429, 503):
                return answer
            _log.warning("county_waits", path=path, status=answer.status)
            self._sleep(answer.retry_after_s or _RETRY_S)


def is_filing(sent: Sent) -> bool:
    """Tell whether something goes to the registers."""
    return parse_register_type(sent.event["type"]) is not None


def outings(events: Iterable[Sent]) -> Iterator[Outing]:
    """Yield the requests that take events to ingest, one for each kind."""
    by_path: dict[str, list[bytes]] = {}
    for each in events:
        event = {name: value for name, value in each.event.items() if name != "recordedtime"}
        by_path.setdefault(KIND_BY_TYPE[event["type"]].path, []).append(_encode(event))
    for path, bodies in by_path.items():
        yield Outing(path, b"\n".join(bodies) + b"\n")
