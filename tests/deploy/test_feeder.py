"""The live demo: what is filed, what is posted, and when."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.caller import Answer, Unreachable
from deploy.county.devices import Sent
from deploy.county.feeder import Feeder, Refused, outings
from deploy.county.people import settle
from deploy.county.stream import LIVE

START_MS = 1_772_409_600_000


class Enough(Exception):
    """The fake has seen what the test wanted."""


class Service:
    """A service that takes everything and notes what came when."""

    def __init__(self, answer: Callable[[str], Answer] | None = None) -> None:
        self.calls: list[tuple[str, str, list[Any]]] = []
        self._answer = answer or (lambda path: Answer(200, b'{"accepted": 1}'))

    def call(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> Answer:
        self.calls.append((method, path, [json.loads(line) for line in body.splitlines()]))
        return self._answer(path)


class Wall:
    """A clock that sleeping moves, until enough has passed."""

    def __init__(self, seconds: float) -> None:
        self.now_ms = START_MS
        self._end_ms = START_MS + int(seconds * 1000)

    def sleep(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)
        if self.now_ms > self._end_ms:
            raise Enough


def test_registers_are_filed_in_the_order_in_which_they_name_each_other() -> None:
    api = Service()
    Feeder(api, Service()).file(settle(1), START_MS)
    paths = [path for _, path, _ in api.calls]
    assert list(dict.fromkeys(paths))[:3] == [
        "/v1/registers/zone:import", "/v1/registers/site:import", "/v1/registers/order:import",
    ]  # fmt: skip
    assert sum(len(rows) for _, path, rows in api.calls if "resident-vehicle" in path) == 5000
    assert max(len(rows) for _, _, rows in api.calls) <= 1000


def test_filing_twice_files_the_same() -> None:
    first, second = Service(), Service()
    Feeder(first, Service()).file(settle(1), START_MS)
    Feeder(second, Service()).file(settle(1), START_MS)
    assert first.calls == second.calls


def test_what_is_not_taken_ends_the_demo() -> None:
    refusing = Service(lambda path: Answer(200, b'{"rejected": [{"index": 0}]}'))
    with pytest.raises(Refused, match="zone"):
        Feeder(refusing, Service()).file(settle(1), START_MS)


def feed(seconds: float, ingest: Service) -> Service:
    """Feed for so long; returns the API, which saw permits and transfers."""
    api, wall = Service(), Wall(seconds)
    feeder = Feeder(api, ingest, sleep=wall.sleep, now_ms=lambda: wall.now_ms)
    with pytest.raises(Enough):
        feeder.feed(settle(1), 1, LIVE, START_MS)
    return api


def test_events_are_posted_as_they_happen() -> None:
    ingest = Service()
    api = feed(45, ingest)
    posted = [event for _, _, events in ingest.calls for event in events]
    assert {path for _, path, _ in ingest.calls} == {
        "/v1/plate-hits", "/v1/health-checks", "/v1/checkpoint-scans", "/v1/field-reports",
    }  # fmt: skip
    # It is eight in the morning: more than the average of twenty a second.
    assert 20 * 45 < len(posted) < 60 * 45
    assert not any("recordedtime" in event for event in posted)
    assert [path.split("/")[3] for _, path, _ in api.calls][:2] == ["permit", "transfer"]


def test_while_ingest_is_away_the_same_request_is_sent_again() -> None:
    fates: Iterator[Answer | Unreachable] = iter([Unreachable("gone"), Answer(503, b"", 2.0)])

    def answer(path: str) -> Answer:
        fate = next(fates, None) or Answer(202, b"{}")
        if isinstance(fate, Unreachable):
            raise fate
        return fate

    ingest = Service(answer)
    feed(5, ingest)
    assert ingest.calls[0] == ingest.calls[1] == ingest.calls[2]


def test_one_request_takes_the_events_of_one_kind() -> None:
    def sent(kind: str, ident: str) -> Sent:
        return Sent(1, {"type": kind, "id": ident, "recordedtime": "x"})

    found = list(
        outings(
            [
                sent("cordon.plate-hit.v1", "1"),
                sent("cordon.health-check.v1", "2"),
                sent("cordon.plate-hit.v1", "3"),
            ]
        )
    )
    assert [(each.path, len(each.body.splitlines())) for each in found] == [
        ("/v1/plate-hits", 2),
        ("/v1/health-checks", 1),
    ]
