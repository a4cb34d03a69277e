"""Overdue alerts: who waits for how long, which level comes when, each exactly once."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from schemas.alerts import Alert, AlertEvent, FindingEvent, State
from schemas.registers import Policy
from schemas.times import MINUTE_MS, SECOND_MS, format_ms
from services.api.acts import Act
from services.api.escalation import Escalation, limits_of
from services.api.feed.hub import Hub
from services.api.merge import AlertBook
from services.api.metrics import ESCALATION_FAILURES, ESCALATIONS, OVERDUE
from services.api.overdue import DEFAULTS, LEVELS, Step, Wait, limit_ms, steps, turn, waits
from services.api.registers.stored import StoredVersion
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Sourced
from tests.api.examples import AT, duplicate, finding

ACK, DISPATCH = Act(name="ack"), Act(name="dispatch")


def shown(**changes: Any) -> Alert:
    """An alert as it is raised, with other fields."""
    book = AlertBook()
    (event,) = book.apply(finding())
    return msgspec.structs.replace(event.data, **changes)


# Who waits, and for how long.


def test_the_limits_are_those_of_the_field() -> None:
    minutes = {name: value / 60 for name, value in DEFAULTS.items()}
    assert minutes == {
        "ack_critical_s": 2,
        "ack_high_s": 5,
        "ack_medium_s": 30,
        "dispatch_critical_s": 15,
        "task_critical_s": 30,
        "task_high_s": 60,
        "task_medium_s": 240,
        "task_low_s": 1_440,
    }
    assert limit_ms("open", "critical", {**DEFAULTS, "ack_critical_s": 1.5}) == 1_500


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"severity": "high"}, True),
        ({"severity": "medium"}, True),
        ({"severity": "low"}, False),
        ({"severity": "info"}, False),
        ({"state": "acked"}, True),
        ({"state": "acked", "severity": "high"}, False),
        ({"state": "dispatched"}, False),
        ({"state": "resolved"}, False),
        ({"state": "retracted"}, False),
        ({"historical": True}, False),
        ({"severity": "medium", "capped_by": "s"}, False),
    ],
)
def test_who_waits(changes: dict[str, Any], expected: bool) -> None:
    assert waits(shown(**changes)) is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, {}, "begins"),
        (None, {"severity": "low"}, "ends"),
        ({}, {"count": 2}, "goes on"),
        ({"severity": "high"}, {"severity": "critical"}, "begins"),
        ({"severity": "critical"}, {"severity": "medium"}, "goes on"),
        ({}, {"state": "acked"}, "begins"),
        ({"severity": "high"}, {"severity": "high", "state": "acked"}, "ends"),
        ({"state": "resolved"}, {}, "begins"),
        ({"historical": True}, {}, "begins"),
        ({}, {"historical": True}, "ends"),
    ],
)
def test_when_waiting_begins_anew(
    old: dict[str, Any] | None, new: dict[str, Any], expected: str
) -> None:
    assert turn(None if old is None else shown(**old), shown(**new)) == expected


@pytest.mark.parametrize(
    ("after_ms", "due"),
    [
        (2 * MINUTE_MS - 1, []),
        (2 * MINUTE_MS, [(1, 2)]),
        (4 * MINUTE_MS, [(1, 2), (2, 4)]),
        (60 * MINUTE_MS, [(1, 2), (2, 4), (3, 6)]),
    ],
)
def test_each_span_is_a_level(after_ms: int, due: list[tuple[int, int]]) -> None:
    wait = Wait("a", "open", "critical", AT, 0)
    expected = [Step("a", level, AT + minutes * MINUTE_MS) for level, minutes in due]
    assert list(steps(wait, DEFAULTS, AT + after_ms)) == expected


@given(st.lists(st.integers(0, 20 * MINUTE_MS), max_size=12))
def test_however_often_one_looks_the_levels_are_the_same(looks: Sequence[int]) -> None:
    wait, reached = Wait("a", "open", "high", AT, 0), []
    for after_ms in [*looks, 20 * MINUTE_MS]:
        for step in steps(wait, DEFAULTS, AT + after_ms):
            reached.append(step)
            since_ms = step.due_ms if step.level < LEVELS else None
            wait = Wait("a", "open", "high", since_ms, step.level)
    assert reached == [Step("a", n, AT + n * 5 * MINUTE_MS) for n in (1, 2, 3)]


# The store.


class Desk:
    """The store as a worker, people and the leader use it; times are minutes after AT."""

    def __init__(self, store: AlertStore, clock: list[int]) -> None:
        self.store = store
        self._clock = clock
        self._offset = 0

    def at(self, minutes: float) -> None:
        self._clock[0] = AT + int(minutes * MINUTE_MS)

    async def take(self, *findings: FindingEvent) -> None:
        records = [Sourced(0, self._offset + n, each) for n, each in enumerate(findings)]
        self._offset += len(records)
        await self.store.apply("t", records, {0: self._offset})

    async def act(self, deed: Act, alert_id: str = "a") -> None:
        alert = await self.alert(alert_id)
        await self.store.act(alert_id, alert.revision, deed, "li", None, self._clock[0])

    async def alert(self, alert_id: str = "a") -> Alert:
        found = await self.store.get(alert_id)
        assert found is not None
        return msgspec.json.decode(found[1], type=Alert)

    async def look(self, minutes: float, limits: Mapping[str, float] = DEFAULTS) -> list[str]:
        """Let escalate what is due at an instant, and return it as `alert level due`."""
        self.at(minutes)
        found: list[AlertEvent] = []
        while events := await self.store.escalate(limits):
            found += events
        assert {event.type for event in found} <= {"cordon.alert.escalated.v1"}
        assert {event.recordedtime for event in found} <= {format_ms(self._clock[0])}
        return [f"{each.data.id} {each.data.escalation} {each.time[14:19]}" for each in found]


@pytest.fixture
def desk(store: AlertStore, clock: list[int]) -> Desk:
    """A store at AT, 11:33:20."""
    return Desk(store, clock)


async def test_levels_come_one_by_one_and_end_at_the_third(desk: Desk) -> None:
    await desk.take(finding())
    assert await desk.look(1.99) == []
    assert await desk.look(2) == ["a 1 35:20"]
    assert await desk.look(2) == []
    alert = await desk.alert()
    assert (alert.escalation, alert.revision, alert.state) == (1, 2, "open")
    # The next span begins when the level was due, not when somebody looked.
    assert await desk.look(4.5) == ["a 2 37:20"]
    assert await desk.look(6) == ["a 3 39:20"]
    assert await desk.look(60) == []
    assert await desk.store.overdue() == {"critical": 1}


async def test_nothing_is_left_out_when_nobody_looked(desk: Desk) -> None:
    await desk.take(finding("a", severity="high"), finding("b", severity="medium"))
    assert await desk.look(45) == ["a 1 38:20", "a 2 43:20", "a 3 48:20", "b 1 03:20"]
    assert (await desk.alert()).revision == 4
    assert await desk.store.overdue() == {"high": 1, "medium": 1}


async def test_the_event_is_in_the_feed_and_the_outbox(desk: Desk, hub: Hub) -> None:
    await desk.take(finding())
    await desk.look(2)
    last = (await desk.store.events_after(1, 10))[0]
    event = msgspec.json.decode(last.body, type=AlertEvent)
    assert (last.n, last.type, event.id) == (2, "cordon.alert.escalated.v1", "a/2")
    assert (event.cursor, event.actor) == (desk.store.cursor(2), None)
    assert hub.last_n == desk.store.last_n == 2


@pytest.mark.parametrize("act", [ACK, DISPATCH, Act(name="resolve", outcome="false")])
async def test_an_act_ends_it(desk: Desk, act: Act) -> None:
    await desk.take(finding("a", severity="high"))
    await desk.look(5)
    await desk.act(act)
    assert (await desk.alert()).escalation is None
    assert await desk.look(500) == []
    assert await desk.store.overdue() == {}


async def test_a_note_ends_nothing(desk: Desk) -> None:
    await desk.take(finding())
    await desk.look(2)
    await desk.store.act("a", 2, Act(name="note"), "li", "on the phone", AT)
    assert (await desk.alert()).escalation == 1
    assert await desk.look(4) == ["a 2 37:20"]


async def test_a_critical_alert_that_is_acked_waits_to_be_dispatched(desk: Desk) -> None:
    await desk.take(finding())
    await desk.look(2)
    desk.at(3)
    await desk.act(ACK)
    assert await desk.look(17.9) == []
    assert await desk.look(18) == ["a 1 51:20"]
    await desk.act(DISPATCH)
    assert (await desk.alert()).escalation is None
    assert await desk.look(500) == []


@pytest.mark.parametrize("verb", ["cleared", "withdrawn"])
async def test_what_is_over_waits_no_more_and_anew_when_it_is_back(desk: Desk, verb: Any) -> None:
    await desk.take(finding())
    await desk.look(2)
    await desk.take(finding("a", verb, outcome="transit"))
    assert (await desk.alert()).escalation is None
    assert await desk.look(100) == []
    await desk.take(finding("a", "matched", count=2))
    assert await desk.look(101) == []
    assert await desk.look(102) == ["a 1 15:20"]


async def test_what_is_over_and_back_in_one_batch_waits_anew(desk: Desk) -> None:
    await desk.take(finding())
    await desk.look(2)
    desk.at(3)
    await desk.take(finding("a", "cleared", outcome="transit"), finding("a", "matched", count=2))
    alert = await desk.alert()
    assert (alert.state, alert.escalation) == ("open", None)
    assert await desk.store.overdue() == {}
    assert await desk.look(4.9) == []
    assert await desk.look(5) == ["a 1 38:20"]


async def test_a_higher_severity_counts_anew_with_its_own_limit(desk: Desk) -> None:
    await desk.take(finding("a", severity="medium"))
    assert await desk.look(30) == ["a 1 03:20"]
    desk.at(50)
    await desk.take(finding("a", "matched", severity="critical"))
    assert (await desk.alert()).escalation == 1
    assert await desk.look(51) == []
    # The level was reached already: the next is another.
    assert await desk.look(52) == ["a 2 25:20"]


async def test_a_higher_severity_after_the_last_level_tells_itself(desk: Desk) -> None:
    await desk.take(finding("a", severity="high"))
    await desk.look(15)
    await desk.take(finding("a", "matched", severity="critical"))
    assert (await desk.alert()).escalation == 3
    assert await desk.look(500) == []
    assert await desk.store.overdue() == {"critical": 1}


async def test_a_lower_severity_leaves_the_span_and_takes_its_own_limit(desk: Desk) -> None:
    await desk.take(finding())
    desk.at(1)
    await desk.take(finding("a", "matched", severity="high"))
    assert await desk.look(4.9) == []
    assert await desk.look(5) == ["a 1 38:20"]
    await desk.take(finding("a", "matched", severity="low"))
    assert (await desk.alert()).escalation is None
    assert await desk.look(500) == []


async def test_who_does_not_wait_does_not_escalate(desk: Desk) -> None:
    await desk.take(
        finding("a", historical=True), finding("b", severity="low"), finding("c", severity="info")
    )
    assert await desk.look(500) == []


async def test_what_stands_behind_a_summary_does_not_escalate(
    database: Database, hub: Hub, clock: list[int]
) -> None:
    desk = Desk(await AlertStore.open(database, hub.publish, lambda: clock[0], cap=1), clock)
    await desk.take(*(finding(name, severity="high", grid="g1") for name in "abc"))
    escalated = {each.split()[0] for each in await desk.look(5)}
    summary = (await desk.alert("b")).capped_by
    assert escalated == {"a", summary}


async def test_a_survivor_counts_from_its_own_raising(desk: Desk) -> None:
    await desk.take(finding("old"))
    desk.at(1)
    await desk.take(duplicate("old", "new"), finding("new"))
    assert await desk.look(2.9) == []
    assert await desk.look(3) == ["new 1 36:20"]


async def test_the_limits_are_an_argument(desk: Desk) -> None:
    await desk.take(finding("a"), finding("b", severity="high"))
    limits = {**DEFAULTS, "ack_critical_s": 600.0, "ack_high_s": 60.0}
    assert await desk.look(1, limits) == ["b 1 34:20"]
    # A limit that changes meanwhile holds for the span that runs.
    assert await desk.look(3) == ["a 1 35:20"]


async def test_more_than_one_transaction_takes(desk: Desk) -> None:
    await desk.take(*(finding(f"a{n}", severity="high") for n in range(450)))
    escalated = await desk.look(5)
    assert len(escalated) == len(set(escalated)) == 450
    assert await desk.store.overdue() == {"high": 450}


# Each level once, whatever happens.


async def test_two_who_believe_to_lead_reach_each_level_once(
    database_url: str, clock: list[int]
) -> None:
    databases = [Database(database_url), Database(database_url)]
    stores = [
        await AlertStore.open(each, lambda published: None, lambda: clock[0]) for each in databases
    ]
    await Desk(stores[0], clock).take(*(finding(f"a{n}") for n in range(300)))
    clock[0] = AT + 5 * MINUTE_MS
    await asyncio.gather(*(each.escalate(DEFAULTS) for each in stores * 4))
    for each in stores:
        await each.catch_up()
        assert each.last_n == 300 * 3
    ids = [(one.alert_id, one.type) for one in await stores[0].events_after(300, 1_000)]
    assert len(ids) == 600
    assert {ids.count(each) for each in ids} == {2}
    for one in databases:
        await one.close()


async def test_a_failure_leaves_no_level_behind_and_none_out(
    desk: Desk, database: Database
) -> None:
    def do(*statements: str) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            for statement in statements:
                connection.exec_driver_sql(statement)

        return run

    await desk.take(finding())
    trigger = "CREATE TRIGGER broken BEFORE INSERT ON alert_events "
    if database.shared:
        function = (
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE 'the disk is full'; END $$"
        )
        await database.write(do(function, trigger + "FOR EACH ROW EXECUTE FUNCTION fail()"))
    else:
        fails = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        await database.write(do(trigger + fails))
    with pytest.raises(SQLAlchemyError, match="the disk is full"):
        await desk.look(2)
    assert (await desk.alert()).escalation is None
    assert await desk.store.overdue() == {}
    on = " ON alert_events" if database.shared else ""
    await database.write(do("DROP TRIGGER broken" + on))
    assert await desk.look(4) == ["a 1 35:20", "a 2 37:20"]


async def test_another_process_goes_on_where_one_ended(database_url: str, clock: list[int]) -> None:
    reached: list[str] = []
    for minutes in (2, 4, 6, 8):
        database = Database(database_url)
        desk = Desk(
            await AlertStore.open(database, lambda published: None, lambda: clock[0]), clock
        )
        if minutes == 2:
            await desk.take(finding())
        reached += await desk.look(minutes)
        await database.close()
    assert reached == ["a 1 35:20", "a 2 37:20", "a 3 39:20"]


# The leader's look.


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    """Leave nothing in the metrics that another test would take for its own."""
    yield
    OVERDUE.clear()


def filed(place: int, rules: dict[str, Any], recorded_ms: int = AT) -> StoredVersion:
    """A policy of the register."""
    at = format_ms(recorded_ms)
    policy = Policy(
        id=f"p{place}",
        valid_from=at,
        author="li",
        source="office",
        reason="r",
        purpose="outbreak-control",
        response_level="2",
        rules=rules,
    )
    body = msgspec.json.encode(policy).decode()
    return StoredVersion(recorded_ms, recorded_ms, 1 << 62, body, policy.id, place, body)


def test_a_policy_changes_what_it_names() -> None:
    assert limits_of(filed(1, {"fever": {}})) == DEFAULTS
    limits = limits_of(filed(1, {"overdue": {"ack_high_s": 60}}))
    assert limits == {**DEFAULTS, "ack_high_s": 60}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"overdue": {"ack_high_s": "soon"}}, "rules.overdue.ack_high_s: must be a number"),
        ({"overdue": {"ack_low_s": 1}}, "rules.overdue.ack_low_s: no such parameter"),
        ({"overdue": 5}, "Expected `object`"),
    ],
)
def test_a_policy_that_cannot_be_used_is_named(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        limits_of(filed(1, rules))


async def test_the_leader_takes_the_last_filed_policy_and_counts(
    desk: Desk, clock: list[int]
) -> None:
    standing = [
        filed(1, {"overdue": {"ack_critical_s": 30}}, AT + 1),
        filed(2, {"overdue": {"ack_critical_s": 10}}, AT),
    ]

    async def policies() -> Sequence[StoredVersion]:
        return standing

    def counted(level: str) -> float:
        metric = ESCALATIONS.labels("quarantine-breach", "critical", level)
        return float(metric._value.get())  # noqa: SLF001

    before = counted("1"), counted("2")
    escalation = Escalation(desk.store, policies)
    await desk.take(finding())
    clock[0] = AT + 29 * SECOND_MS
    await escalation.look()
    assert (await desk.alert()).escalation is None
    assert OVERDUE.labels("critical")._value.get() == 0  # noqa: SLF001
    clock[0] = AT + 60 * SECOND_MS
    await escalation.look()
    assert (await desk.alert()).escalation == 2
    assert (counted("1"), counted("2")) == (before[0] + 1, before[1] + 1)
    assert OVERDUE.labels("critical")._value.get() == 1  # noqa: SLF001


async def test_a_policy_that_cannot_be_used_is_told_once_and_nobody_waits_for_ever(
    desk: Desk, clock: list[int]
) -> None:
    async def policies() -> Sequence[StoredVersion]:
        return [filed(1, {"overdue": {"ack_critical_s": 0}})]

    def failures() -> float:
        return float(ESCALATION_FAILURES.labels("policy")._value.get())  # noqa: SLF001

    before = failures()
    escalation = Escalation(desk.store, policies)
    await desk.take(finding())
    for minutes in (1, 2):
        clock[0] = AT + minutes * MINUTE_MS
        await escalation.look()
    assert (await desk.alert()).escalation == 1
    assert failures() == before + 1


async def test_a_store_that_fails_is_asked_again(desk: Desk) -> None:
    asked = asyncio.Event()
    failed: list[int] = []

    async def policies() -> Sequence[StoredVersion]:
        if not failed:
            failed.append(1)
            raise SQLAlchemyError("away")
        asked.set()
        return []

    before = ESCALATION_FAILURES.labels("store")._value.get()  # noqa: SLF001
    running = asyncio.create_task(Escalation(desk.store, policies).run())
    async with asyncio.timeout(60):
        await asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert ESCALATION_FAILURES.labels("store")._value.get() == before + 1  # noqa: SLF001
    assert list(OVERDUE.collect())[0].samples == []


# Over HTTP.


@pytest.mark.parametrize(
    ("role", "status", "state"), [("viewer", 403, "acked"), ("dispatcher", 200, "dispatched")]
)
async def test_dispatching(
    client: httpx.AsyncClient, desk: Desk, role: str, status: int, state: State
) -> None:
    await desk.take(finding())
    await desk.act(ACK)
    headers = {"Authorization": f"Bearer {role}"}
    path = "/v1/alerts/a/dispatch"
    assert (await client.post(path, headers=headers)).status_code == (428 if status == 200 else 403)
    answer = await client.post(
        path, headers=headers | {"If-Match": "2"}, json={"note": "car 3 is on its way"}
    )
    assert answer.status_code == status
    alert = await desk.alert()
    assert alert.state == state
    assert alert.note == ("car 3 is on its way" if status == 200 else None)
    if status == 200:
        again = await client.post(path, headers=headers | {"If-Match": "3"})
        assert again.status_code == 409
