"""A timeline on its way into a running system."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from deploy.caller import Answer, Unreachable
from deploy.replay import command
from deploy.replay.groups import group_lines
from deploy.replay.lines import Line, Malformed, Passed, read_lines
from deploy.replay.sender import ReplayError, Sender

Call = tuple[str, str, list[Any]]


def hit(second: int, ident: str = "h", **more: object) -> dict[str, Any]:
    """A plate hit at a second of a certain minute."""
    return {
        "specversion": "1.0",
        "type": "cordon.plate-hit.v1",
        "source": "cam",
        "id": f"{ident}{second}",
        "time": f"2026-03-02T00:00:{second:02d}Z",
        "data": {"site": "s", "direction": "in", "plate": "浙F12345", "confidence": 0.9},
        **more,
    }


def site(second: int, verb: str = "put") -> dict[str, Any]:
    """A change of the register of sites."""
    return {**hit(second, "r"), "type": f"cordon.site.{verb}.v1", "data": {"id": "a b/c"}}


def tick(second: int) -> dict[str, Any]:
    """A clock line."""
    return {"type": "cordon.clock.v1", "time": f"2026-03-02T00:00:{second:02d}Z"}


def ndjson(*lines: dict[str, Any]) -> list[bytes]:
    """Lines of a file."""
    return [json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines]


class Service:
    """A service that notes what it is sent and answers as it is told."""

    def __init__(self, answers: Iterable[Answer | Unreachable] = ()) -> None:
        self.calls: list[Call] = []
        self._answers = iter(answers)

    def call(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> Answer:
        self.calls.append((method, path, [json.loads(line) for line in body.splitlines()]))
        answer = next(self._answers, None)
        if isinstance(answer, Unreachable):
            raise answer
        if answer is not None:
            return answer
        accepted = {"accepted": len(body.splitlines()), "duplicates": 0, "rejected": []}
        return Answer(202 if path.startswith("/v1/") and "register" not in path else 200,
                      json.dumps(accepted).encode())  # fmt: skip


class Wall:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now_s += seconds


def sender(
    api: Service, ingest: Service, wall: Wall | None = None,
    complain: Callable[[str], None] = lambda text: None,
) -> Sender:  # fmt: skip
    """A sender into two fakes."""
    wall = wall or Wall()
    return Sender(api, ingest, sleep=wall.sleep, clock_s=lambda: wall.now_s, complain=complain)


def line(number: int, path: str, second: int = 0, size: int = 10) -> Line:
    """A line for grouping."""
    return Line(number, "event", path, b"x" * size, second * 1000)


def numbers(groups: Iterable[Any]) -> list[list[int]]:
    """Which lines share a request."""
    return [[each.number for each in group.lines] for group in groups]


def test_consecutive_lines_for_one_path_share_a_request() -> None:
    lines = [line(1, "/a"), line(2, "/a"), line(3, "/b"), line(4, "/a")]
    assert numbers(group_lines(lines)) == [[1, 2], [3], [4]]


def test_a_request_has_at_most_so_many_lines_and_bytes() -> None:
    lines = [line(n, "/a") for n in range(5)]
    assert numbers(group_lines(lines, most_lines=2)) == [[0, 1], [2, 3], [4]]
    assert numbers(group_lines(lines, most_bytes=30)) == [[0, 1, 2], [3, 4]]


def test_a_paced_request_covers_only_a_span() -> None:
    lines = [line(n, "/a", second=n) for n in range(5)]
    assert numbers(group_lines(lines, span_ms=1000)) == [[0, 1], [2, 3], [4]]


def test_lines_are_told_apart_and_bad_ones_numbered() -> None:
    raw = [
        *ndjson(site(1), hit(2), tick(3)),
        b"\n",
        b"{nope\n",
        *ndjson({"type": "x", "time": "y"}),
    ]
    found = list(read_lines(raw))
    assert [each.sort for each in found if isinstance(each, Line)] == ["register", "event", "clock"]
    assert [each.number for each in found if isinstance(each, Malformed)] == [5, 6]


def test_a_line_that_nothing_reads_yet_still_moves_the_clock() -> None:
    raw = ndjson(
        {"type": "cordon.weather-report.v1", "time": "2026-03-02T08:00:00+08:00"},
        {"type": "cordon.calendar.put.v1", "time": "2026-03-02T09:00:00+08:00"},
    )
    one, other, tick = sorted(read_lines(raw), key=lambda each: isinstance(each, Line))
    assert one == Passed(1, "cordon.weather-report.v1")
    assert other == Passed(2, "cordon.calendar.put.v1")
    assert isinstance(tick, Line)
    assert json.loads(tick.body) == {
        "type": "cordon.clock.v1",
        "time": "2026-03-02T00:00:00.000Z",
    }


def test_everything_goes_in_order_and_the_clock_of_all_partitions_ends_equal() -> None:
    journal: list[Call] = []
    api, ingest = Service(), Service()
    api.calls = ingest.calls = journal
    first = hit(2, recordedtime="2026-03-02T00:00:30Z")
    lines = ndjson(site(1), site(1), first, hit(3), tick(4), site(5), hit(6))
    summary = sender(api, ingest).run(lines, keep_times=True)
    assert [(path, len(items)) for _, path, items in journal] == [
        ("/v1/registers:replay", 2),
        ("/v1/plate-hits", 2),
        ("/v1/clock", 1),
        ("/v1/registers:replay", 1),
        ("/v1/plate-hits", 1),
        ("/v1/clock", 1),
    ]
    assert journal[1][2][0] == first
    assert journal[-1][2] == [{"type": "cordon.clock.v1", "time": "2026-03-02T00:00:30.000Z"}]
    assert (summary.accepted, summary.filed, summary.rejected, summary.malformed) == (3, 3, 0, 0)


def test_a_system_with_the_walls_clock_gets_events_as_of_now() -> None:
    api, ingest = Service(), Service()
    lines = ndjson(site(1), hit(2, recordedtime="2026-03-02T00:00:30Z"), tick(4), site(5, "delete"))
    summary = sender(api, ingest).run(lines, keep_times=False)
    assert [(method, path) for method, path, _ in api.calls] == [
        ("PUT", "/v1/registers/site/a%20b%2Fc"),
        ("DELETE", "/v1/registers/site/a%20b%2Fc"),
    ]
    assert [path for _, path, _ in ingest.calls] == ["/v1/plate-hits"]
    assert "recordedtime" not in ingest.calls[0][2][0]
    assert summary.skipped == 1


def test_a_busy_service_is_asked_again_when_it_says() -> None:
    wall = Wall()
    ingest = Service([Answer(503, b"", 3.0), Answer(429, b""), Unreachable("gone")])
    sender(Service(), ingest, wall).run(ndjson(hit(1)), keep_times=False)
    assert len(ingest.calls) == 4
    assert len({json.dumps(call) for call in ingest.calls}) == 1
    assert wall.slept == [3.0, 1.0, 1.0]


def test_a_service_that_stays_away_ends_the_replay() -> None:
    ingest = Service(Unreachable("gone") for _ in range(1000))
    with pytest.raises(ReplayError, match="gone"):
        sender(Service(), ingest).run(ndjson(hit(1)), keep_times=False)


def test_a_refused_line_is_named_by_its_number_in_the_file() -> None:
    told: list[str] = []
    outcome = {
        "accepted": 1, "duplicates": 1,
        "rejected": [{"index": 1, "problem": {"detail": "too odd", "field": "data.site"}}],
    }  # fmt: skip
    ingest = Service([Answer(202, json.dumps(outcome).encode())])
    lines = [b"{nope\n", *ndjson(hit(1), hit(2), hit(3))]
    summary = sender(Service(), ingest, complain=told.append).run(lines, keep_times=False)
    assert told[-1] == "line 3: refused: too odd at data.site"
    assert (summary.accepted, summary.duplicates, summary.rejected, summary.malformed) == (
        1, 1, 1, 1,
    )  # fmt: skip


def test_what_was_set_aside_is_told_and_counted() -> None:
    aside = [
        {"index": index, "problem": {"detail": "no plate", "field": "data.plate"}}
        for index in range(12)
    ]
    answer = {"accepted": 12, "duplicates": 0, "rejected": [], "warnings": aside}
    ingest = Service([Answer(202, json.dumps(answer).encode())])
    lines = ndjson(*(hit(second) for second in range(12)))
    summary = sender(Service(), ingest).run(lines, keep_times=False)
    assert command.told(summary) == (
        "12 accepted, 0 rejected, 12 fields set aside (first line 1: no plate at data.plate)"
    )


def test_events_and_filings_are_counted_apart() -> None:
    answers = [
        Answer(200, b'{"accepted": 1, "unchanged": 1, "rejected": []}'),
        Answer(202, b'{"accepted": 1, "duplicates": 1, "rejected": []}'),
    ]
    api, ingest = Service(answers[:1]), Service(answers[1:])
    summary = sender(api, ingest).run(ndjson(site(1), site(2), hit(3), hit(4)), keep_times=True)
    assert command.told(summary) == "1 accepted, 1 duplicates, 0 rejected, 1 filed, 1 unchanged"


def test_a_request_that_is_refused_whole_ends_the_replay() -> None:
    ingest = Service([Answer(401, b"who?")])
    with pytest.raises(ReplayError, match="401"):
        sender(Service(), ingest).run(ndjson(hit(1)), keep_times=True)


def test_a_paced_replay_keeps_the_timelines_own_pace() -> None:
    wall = Wall()
    lines = ndjson(hit(10), hit(20), site(21), hit(30))
    sender(Service(), Service(), wall).run(lines, keep_times=False, speed=2.0)
    assert wall.slept == [5.0, 5.0]


@pytest.mark.parametrize(("status", "keeps"), [(202, True), (400, True), (403, False)])
def test_a_system_says_whether_it_keeps_times(status: int, keeps: bool) -> None:
    assert sender(Service(), Service([Answer(status, b"")])).keeps_times() is keeps


def test_a_token_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ReplayError, match="token"):
        sender(Service(), Service([Answer(401, b"")])).keeps_times()
