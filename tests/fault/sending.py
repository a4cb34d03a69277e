"""A timeline on its way into a running system, with something done to the system on the way."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from deploy.caller import NDJSON, Answer, Caller
from deploy.ready_file import Ready
from deploy.replay.sender import Sender, Summary


class Counted:
    """A connection to ingest that notes what it was answered."""

    def __init__(self, caller: Caller) -> None:
        self.accepted = 0
        self.refusals: list[Answer] = []
        self._caller = caller

    def call(self, method: str, path: str, body: bytes = b"", content_type: str = NDJSON) -> Answer:
        """Send a request; raises Unreachable."""
        answer = self._caller.call(method, path, body, content_type)
        if answer.status == 202 and path != "/v1/clock":
            self.accepted += answer.json()["accepted"]
        elif answer.status == 503:
            self.refusals.append(answer)
        return answer


Deed = Callable[[Counted], None]


def send(
    ready: Ready, lines: Iterable[bytes], deeds: Mapping[int, Deed] | None = None
) -> tuple[Counted, Summary]:
    """Send a timeline as `cordon replay` does, and begin each deed at the line of its number.

    A deed goes on beside the sending and sees what ingest answers meanwhile; the sending waits for
    it only where the next one begins or where the lines end.
    """
    with (
        Caller(ready.api, ready.replay_token) as api,
        Caller(ready.ingest, ready.replay_token) as ingest,
    ):
        counted = Counted(ingest)
        complaints: list[str] = []
        sender = Sender(
            api, counted, sleep=time.sleep, clock_s=time.monotonic, complain=complaints.append
        )
        assert sender.keeps_times()
        summary = sender.run(_with_deeds(lines, deeds or {}, counted), keep_times=True)
    assert complaints == []
    return counted, summary


def _with_deeds(
    lines: Iterable[bytes], deeds: Mapping[int, Deed], counted: Counted
) -> Iterator[bytes]:
    with ThreadPoolExecutor(1, "deed") as beside:
        going_on: Future[None] | None = None
        for number, line in enumerate(lines):
            if number in deeds:
                if going_on is not None:
                    going_on.result()
                going_on = beside.submit(deeds[number], counted)
            yield line
        if going_on is not None:
            going_on.result()
