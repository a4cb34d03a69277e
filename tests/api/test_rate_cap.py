"""The rate cap: one summary for what is too much, nothing dropped, the same from any batches."""

from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alerts import Alert, AlertEvent, FindingEvent, Severity, alert_id
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS, format_ms
from services.api.acts import Act
from services.api.feed.hub import Hub
from services.api.merge import AlertBook
from services.api.rate_cap import CALM_MS, WINDOW_MS, RateCap
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import Applied, Sourced
from tests.api.conftest import clock_ms
from tests.api.examples import AT, finding

CAP = 3
MEDIUM: dict[str, Any] = {"severity": "medium", "grid": "g1"}


def raised(name: str, at_ms: int = AT, **changes: Any) -> FindingEvent:
    return finding(name, at_ms=at_ms, **{**MEDIUM, **changes})


def storm(count: int, start_ms: int = AT, step_ms: int = SECOND_MS, **changes: Any) -> list[Any]:
    return [raised(f"{start_ms}-{n}", start_ms + n * step_ms, **changes) for n in range(count)]


def book(cap: int = CAP) -> AlertBook:
    return AlertBook(caps=RateCap(cap))


def played(findings: Sequence[FindingEvent], batch: int = 1_000, cap: int = CAP) -> AlertBook:
    made = book(cap)
    for start in range(0, len(findings), batch):
        for one in findings[start : start + batch]:
            made.apply(one)
        made.settle()
    return made


def summaries(made: AlertBook) -> list[Alert]:
    found = [each.alert for each in made.records.values() if each.alert.subject.kind == "group"]
    return sorted(found, key=lambda alert: alert.first_seen)


def capped(made: AlertBook) -> list[Alert]:
    return [each.alert for each in made.records.values() if each.alert.capped_by]


def test_what_is_beyond_the_cap_has_one_summary_and_is_marked() -> None:
    made = book()
    events = [event for one in storm(5) for event in made.apply(one)] + made.settle()
    assert [event.data.capped_by is not None for event in events] == [False] * 3 + [True] * 2 + [
        False
    ]
    (summary,) = summaries(made)
    assert {alert.capped_by for alert in capped(made)} == {summary.id}
    assert events[-1].data == summary
    assert (summary.count, summary.severity, summary.state) == (2, "medium", "open")
    assert summary.rule == "quarantine-breach"
    assert summary.subject.kind == "group"
    assert summary.subject.key == summary.dedupe == "group:quarantine-breach/grid:g1"
    assert summary.first_seen == format_ms(AT + 3 * SECOND_MS)
    assert summary.id == alert_id("quarantine-breach", 1, summary.dedupe, AT + 3 * SECOND_MS)
    assert [each.id for each in summary.evidence] == [alert.id for alert in capped(made)]
    assert summary.reason.en.startswith(
        f"2 more alerts of this rule in grid g1 since {summary.first_seen}"
    )
    assert "网格 g1 内该规则又产生 2 条告警" in summary.reason.zh
    assert summary.id in summary.reason.en
    assert summary.id in summary.reason.zh


def test_a_slow_stream_is_not_a_storm() -> None:
    made = played(storm(50, step_ms=WINDOW_MS // CAP))
    assert summaries(made) == []
    assert capped(made) == []


def test_places_and_rules_are_groups_of_their_own() -> None:
    mixed = [
        *storm(CAP),
        *storm(CAP, AT + 1, grid="g2"),
        *storm(CAP, AT + 2, grid=None, site="gate"),
        *storm(CAP, AT + 3, grid=None, site=None),
        *storm(CAP, AT + 4, rule="fever"),
    ]
    assert summaries(played(mixed)) == []
    more = [*storm(1, AT + 10_000, grid=None), *storm(1, AT + 10_001, grid=None, site=None)]
    keys = [each.subject.key for each in summaries(played(mixed + more))]
    assert keys == ["group:quarantine-breach/site:gate", "group:quarantine-breach/*"]


def test_a_critical_alert_is_never_capped() -> None:
    made = played([*storm(CAP), *storm(5, AT + MINUTE_MS, severity="critical")])
    assert capped(made) == []
    assert summaries(made) == []
    # Nor one that becomes critical later; until then the summary shows the highest of them.
    made = played(storm(CAP + 2))
    one, other = capped(made)
    made.apply(raised(one.id, AT + HOUR_MS // 4, verb="matched", severity="high"))
    made.settle()
    assert summaries(made)[0].severity == "high"
    made.apply(raised(other.id, AT + HOUR_MS // 4, verb="matched", severity="critical"))
    made.settle()
    assert summaries(made)[0].severity == "high"
    assert made.records[other.id].alert.capped_by is None


def test_a_summary_is_over_when_the_storm_is_and_another_storm_has_its_own() -> None:
    first = storm(CAP + 2)
    over_ms = AT + (CAP + 1) * SECOND_MS
    assert summaries(played([*first, raised("x", over_ms + CALM_MS - 1)]))[0].state == "open"
    made = played([*first, raised("x", over_ms + CALM_MS, grid="g9")])
    (summary,) = summaries(made)
    assert (summary.state, summary.outcome) == ("resolved", "expired")
    again = played([*first, *storm(CAP + 1, over_ms + CALM_MS)])
    old, new = summaries(again)
    assert (old.state, old.outcome, old.count) == ("resolved", "expired", 2)
    assert (new.state, new.count) == ("open", 1)
    assert old.id != new.id


def test_it_is_revised_once_a_batch() -> None:
    findings = storm(40)
    assert summaries(played(findings))[0].revision == 1
    assert summaries(played(findings, batch=10))[0].revision == 4


def test_without_a_cap_nothing_is_capped() -> None:
    assert capped(played(storm(200), cap=0)) == []
    plain = AlertBook()
    for one in storm(20):
        plain.apply(one)
    assert plain.settle(AT + HOUR_MS) == []
    assert len(plain.records) == 20


SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 9 * MINUTE_MS), st.sampled_from(SEVERITIES)),
        max_size=40,
    ),
    st.integers(1, 7),
)
def test_batches_change_nothing(moments: list[tuple[int, int, Severity]], batch: int) -> None:
    findings, at_ms = [], AT
    for name, step_ms, severity in moments:
        at_ms += step_ms
        findings.append(raised(f"a{name}", at_ms, severity=severity))

    def shown(made: AlertBook) -> dict[str, Alert]:
        return {
            key: msgspec.structs.replace(each.alert, revision=0)
            for key, each in made.records.items()
        }

    assert shown(played(findings, batch)) == shown(played(findings))


async def take(store: AlertStore, findings: Sequence[FindingEvent], start: int) -> Applied:
    records = [Sourced(0, start + n, one) for n, one in enumerate(findings)]
    return await store.apply("t", records, {0: start + len(records)})


@pytest.fixture
async def capping(database: Database, hub: Hub) -> AlertStore:
    """A store with a cap of 60."""
    return await AlertStore.open(database, hub.publish, clock_ms, 60)


async def alerts(store: AlertStore) -> dict[str, Alert]:
    """The newest state of each alert, by what the feed says."""
    newest: dict[str, Alert] = {}
    for event in await store.events_after(0, 10_000):
        data = msgspec.json.decode(event.body, type=AlertEvent).data
        newest[data.id] = data
    return newest


async def test_a_storm_of_5000_findings_is_one_line_and_all_of_them(capping: AlertStore) -> None:
    """Domain: scenario 57."""
    findings = storm(5_000, step_ms=50)
    for start in range(0, len(findings), 500):
        await take(capping, findings[start : start + 500], start)
    found = await alerts(capping)
    (summary,) = [each for each in found.values() if each.subject.kind == "group"]
    assert len(found) == 5_001
    assert summary.count == 5_000 - 60
    assert summary.revision == 10
    assert sum(each.capped_by == summary.id for each in found.values()) == 5_000 - 60
    expected = played(findings, 500, 60)
    assert {key: each.alert for key, each in expected.records.items()} == found


async def test_the_store_goes_on_where_it_stood(
    capping: AlertStore, database: Database, hub: Hub
) -> None:
    applied = await take(capping, storm(70), 0)
    over_ms = AT + 69 * SECOND_MS
    assert applied.calm_ms == over_ms + CALM_MS
    again = await AlertStore.open(database, hub.publish, clock_ms, 60)
    await take(again, storm(5, AT + 2 * MINUTE_MS), 70)
    (summary,) = [a for a in (await alerts(again)).values() if a.subject.kind == "group"]
    assert summary.count == 15
    # What a person did to it stands.
    await again.act(summary.id, summary.revision, Act(name="ack"), "li", None, AT)
    over_ms = AT + 2 * MINUTE_MS + 4 * SECOND_MS
    await again.apply("t", [], {}, over_ms + CALM_MS - 1)
    assert (await alerts(again))[summary.id].state == "acked"
    applied = await again.apply("t", [], {}, over_ms + CALM_MS)
    (event,) = applied.published
    assert event.change.type == "cordon.alert.resolved.v1"
    assert event.change.time == format_ms(over_ms + CALM_MS)
    assert event.change.data.outcome == "expired"
    assert applied.calm_ms > over_ms + CALM_MS
    # And what was counted long ago is forgotten with the next one.
    await take(again, [raised("later", over_ms + HOUR_MS, grid="g2")], 75)
    groups = await database.read(
        lambda connection: connection.exec_driver_sql("SELECT key FROM caps").scalars().all()
    )
    assert groups == ["group:quarantine-breach/grid:g2"]


async def test_a_list_leaves_them_out_or_shows_them_alone(
    store: AlertStore, client: httpx.AsyncClient, database: Database, hub: Hub
) -> None:
    capping = await AlertStore.open(database, hub.publish, clock_ms, 2)
    await take(capping, storm(5), 0)

    async def listed(query: str) -> list[str]:
        answer = await client.get(f"/v1/alerts?{query}")
        return [item["id"] for item in answer.json()["items"]]

    summary, *others = await listed("capped=false")
    assert sorted(others) == [f"{AT}-0", f"{AT}-1"]
    beyond = {f"{AT}-2", f"{AT}-3", f"{AT}-4"}
    assert set(await listed("capped=true")) == beyond
    assert set(await listed(f"capped_by={summary}")) == beyond
    assert len(await listed("")) == 6
