"""The sender of a timeline: one request after the other, each until it is taken."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec
from msgspec import Struct

from deploy.caller import NDJSON, Answer, Unreachable
from deploy.replay.groups import Group, group_lines
from deploy.replay.lines import CLOCK_PATH, Line, Malformed, Passed, read_lines
from schemas.events import Clock
from schemas.registers import parse_register_type
from schemas.times import SECOND_MS, format_ms

_RETRY_S: Final = 1.0
# Longer than any restart of a service: then somebody should look.
_GIVE_UP_S: Final = 120.0
# A paced group covers so much of real time, so pacing is as smooth as that.
_PACED_S: Final = 0.2


class Transport(Protocol):
    """What a replay needs of a service."""

    def call(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> Answer:
        """Send a request; raises Unreachable."""


class ReplayError(Exception):
    """The replay cannot go on; the text is for whoever started it."""


class Summary(Struct):
    """What became of the lines, the malformed ones included.

    `accepted` and `duplicates` are events, `filed` and `unchanged` register changes. `set_aside`
    counts the fields of accepted events that failed their checks; `first_aside` tells the first of
    them, since one wrong setting sets a field of every event aside.
    """

    accepted: int = 0
    duplicates: int = 0
    filed: int = 0
    unchanged: int = 0
    set_aside: int = 0
    first_aside: str = ""
    rejected: int = 0
    skipped: int = 0
    passed_over: int = 0
    malformed: int = 0


class Sender:
    """Sends timelines to one system.

    `api` and `ingest` are its services; `sleep` and `clock_s` wait and tell the seconds;
    `complain` is told of each line that was not taken.
    """

    def __init__(
        self,
        api: Transport,
        ingest: Transport,
        *,
        sleep: Callable[[float], None],
        clock_s: Callable[[], float],
        complain: Callable[[str], None],
    ) -> None:
        self._api = api
        self._ingest = ingest
        self._sleep = sleep
        self._clock_s = clock_s
        self._complain = complain
        self.summary = Summary()

    def keeps_times(self) -> bool:
        """Ask whether the system takes its time from timelines; raises ReplayError."""
        answer = self._until_taken(self._ingest, "POST", CLOCK_PATH, b"")
        if answer.status == 401:
            raise ReplayError("the token is not valid here")
        return answer.status != 403

    def run(self, raw: Iterable[bytes], *, keep_times: bool, speed: float | None = None) -> Summary:
        """Send a timeline; raises ReplayError when the system does not take it.

        `speed` times as fast as the timeline's own pace, None = as fast as it is taken.
        """
        newest_ms: int | None = None
        for group in self._paced(self._well_formed(raw), speed):
            first = group.lines[0]
            if keep_times:
                service = self._api if first.sort == "register" else self._ingest
                self._send_lines(service, group)
                if first.sort != "register":
                    latest_ms = max(line.recorded_ms for line in group.lines)
                    newest_ms = latest_ms if newest_ms is None else max(newest_ms, latest_ms)
            elif first.sort == "event":
                self._send_lines(self._ingest, _without_recordedtime(group))
            elif first.sort == "register":
                for line in group.lines:
                    self._file(line)
            else:
                self.summary.skipped += len(group.lines)
        if newest_ms is not None:
            # Each partition has seen only its own events; this one all have in common.
            tick = msgspec.json.encode(Clock(type="cordon.clock.v1", time=format_ms(newest_ms)))
            answer = self._until_taken(self._ingest, "POST", CLOCK_PATH, tick + b"\n")
            _require_taken(answer, CLOCK_PATH)
        return self.summary

    def _well_formed(self, raw: Iterable[bytes]) -> Iterator[Line]:
        for line in read_lines(raw):
            if isinstance(line, Malformed):
                self.summary.malformed += 1
                self._complain(f"line {line.number}: {line.problem}")
            elif isinstance(line, Passed):
                self.summary.passed_over += 1
            else:
                yield line

    def _paced(self, lines: Iterable[Line], speed: float | None) -> Iterator[Group]:
        if speed is None:
            yield from group_lines(lines)
            return
        began_s, first_ms = self._clock_s(), None
        for group in group_lines(lines, span_ms=int(_PACED_S * speed * SECOND_MS)):
            # Registers are filed long before the events that they govern: they set no pace.
            if group.lines[0].sort != "register":
                at_ms = group.lines[0].recorded_ms
                first_ms = at_ms if first_ms is None else first_ms
                ahead_s = (at_ms - first_ms) / SECOND_MS / speed - (self._clock_s() - began_s)
                if ahead_s > 0:
                    self._sleep(ahead_s)
            yield group

    def _send_lines(self, service: Transport, group: Group) -> None:
        answer = self._until_taken(service, "POST", group.path, group.body)
        _require_taken(answer, group.path)
        outcome: dict[str, Any] = answer.json()
        if group.lines[0].sort == "event":
            self.summary.accepted += outcome.get("accepted", 0)
            self.summary.duplicates += outcome.get("duplicates", 0)
        elif group.lines[0].sort == "register":
            self.summary.filed += outcome.get("accepted", 0)
            self.summary.unchanged += outcome.get("unchanged", 0)
        for each in outcome.get("rejected", ()):
            self._reject(group.lines[each["index"]], each["problem"])
        for each in outcome.get("warnings", ()):
            self._set_aside(group.lines[each["index"]], each["problem"])

    def _file(self, line: Line) -> None:
        """File one register change as anybody else would: from now on."""
        event = msgspec.json.decode(line.body)
        data, what = event.get("data"), parse_register_type(event["type"])
        assert what is not None  # read_lines has looked
        entry_id = data.get("id") if isinstance(data, dict) else None
        if not isinstance(entry_id, str):
            self._reject(line, {"detail": "has no id"})
            return
        path = f"/v1/registers/{what[0]}/{quote(entry_id, safe='')}"
        method = "PUT" if what[1] == "put" else "DELETE"
        body = msgspec.json.encode(data) if method == "PUT" else b""
        answer = self._until_taken(self._api, method, path, body, "application/json")
        if answer.status in (200, 201, 204):
            self.summary.filed += 1
        elif answer.status == 404 and method == "DELETE":
            self.summary.unchanged += 1
        elif answer.status == 422 or answer.status == 400:
            self._reject(line, answer.json())
        else:
            _require_taken(answer, path)

    def _reject(self, line: Line, problem: dict[str, Any]) -> None:
        self.summary.rejected += 1
        self._complain(f"line {line.number}: refused: {_sentence(problem)}")

    def _set_aside(self, line: Line, problem: dict[str, Any]) -> None:
        self.summary.set_aside += 1
        if not self.summary.first_aside:
            self.summary.first_aside = f"line {line.number}: {_sentence(problem)}"

    def _until_taken(
        self, service: Transport, method: str, path: str, body: bytes, content_type: str = NDJSON
    ) -> Answer:
        """Send a request until it is neither 429 nor 503; raises ReplayError after two minutes."""
        began_s = self._clock_s()
        while True:
            try:
                answer = service.call(method, path, body, content_type)
            except Unreachable as error:
                wait_s, why = _RETRY_S, str(error)
            else:
                if answer.status not in (429, 503):
                    return answer
                wait_s = _RETRY_S if answer.retry_after_s is None else answer.retry_after_s
                why = f"{path} answers {answer.status}"
            if self._clock_s() - began_s > _GIVE_UP_S:
                raise ReplayError(f"gave up after {_GIVE_UP_S:.0f} s: {why}")
            self._sleep(wait_s)


def _require_taken(answer: Answer, path: str) -> None:
    if answer.status not in (200, 202):
        raise ReplayError(f"{path} answered {answer.status}: {answer.body[:500].decode()}")


def _sentence(problem: dict[str, Any]) -> str:
    where = f" at {problem['field']}" if problem.get("field") else ""
    return f"{problem.get('detail') or problem.get('title')}{where}"


def _without_recordedtime(group: Group) -> Group:
    """Return the events as a device would post them now."""
    lines = []
    for line in group.lines:
        event = msgspec.json.decode(line.body)
        event.pop("recordedtime", None)
        lines.append(msgspec.structs.replace(line, body=msgspec.json.encode(event)))
    return Group(group.path, tuple(lines))
