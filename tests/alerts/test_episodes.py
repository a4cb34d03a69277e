"""Episodes, ids and what is told (contracts: Episodes and ids)."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import fever, quarantine_breach, quarantined_vehicle_moving
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Finding, Subject, alert_id
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS
from services.alerts.engine import episodes
from services.alerts.engine.episodes import MOST_MATCHES, History
from tests.alerts.build import match, ms, text

BREACH = quarantine_breach.RULE  # Six hours of quiet end an episode.
MOVING = quarantined_vehicle_moving.RULE  # The same, and passages of 15 s.


def history() -> History:
    """Nothing found yet about o1."""
    return History("quarantine-breach", "o1", Subject("person", "p", "p"), [], {}, {}, 0)


def told(past: History, rule: object = BREACH) -> list[Finding]:
    """What leaves now."""
    return episodes.flush(past, rule)  # type: ignore[arg-type]


def withdraw(past: History, index: int, why: str | None, rule: Rule = BREACH) -> None:
    """What is filed takes the ground of one match away."""
    one = past.matches[index]
    assert episodes.review(past, rule, lambda _: why, one.first_ms, one.last_ms)


def name(when: str) -> str:
    """The id of the episode that begins at a moment."""
    return alert_id("quarantine-breach", 1, "o1", ms(when))


def summary(findings: Sequence[Finding]) -> list[tuple[str, str, int]]:
    """Which alert, what of it, and its count."""
    return [(finding.alert_id, finding.verb, finding.count) for finding in findings]


def test_the_first_match_opens_and_further_ones_update() -> None:
    past = history()
    assert episodes.add(past, match("02-03 09:00"), BREACH)
    assert summary(told(past)) == [(name("02-03 09:00"), "opened", 1)]
    assert episodes.add(past, match("02-03 10:00", site="inner-2"), BREACH)
    (finding,) = told(past)
    assert summary([finding]) == [(name("02-03 09:00"), "matched", 2)]
    assert (finding.site, finding.order) == ("inner-2", "o1")
    assert (finding.first_seen, finding.last_seen) == (text("02-03 09:00"), text("02-03 10:00"))


def test_only_changes_are_told() -> None:
    past = history()
    episodes.add(past, match("02-03 09:00"), BREACH)
    told(past)
    assert told(past) == []
    assert not episodes.add(past, match("02-03 09:00"), BREACH)
    assert told(past) == []


@pytest.mark.parametrize(("second", "count"), [("02-03 15:00", 1), ("02-03 15:00:00.001", 2)])
def test_an_episode_ends_where_the_step_exceeds_the_quiet_gap(second: str, count: int) -> None:
    past = history()
    for when in ("02-03 09:00", second):
        episodes.add(past, match(when), BREACH)
    assert len(told(past)) == count


def test_the_gap_counts_from_the_last_instant_of_a_passage() -> None:
    past = history()
    episodes.add(past, match("02-03 09:00", until="02-03 09:05"), BREACH)
    episodes.add(past, match("02-03 09:01", source="other"), BREACH)
    episodes.add(past, match("02-03 15:05"), BREACH)
    assert len(told(past)) == 1


def test_an_earlier_late_match_moves_the_id() -> None:
    past = history()
    episodes.add(past, match("02-03 09:00"), BREACH)
    told(past)
    episodes.add(past, match("02-03 08:00"), BREACH)
    opened, gone = told(past)
    assert summary([opened, gone]) == [
        (name("02-03 08:00"), "opened", 2),
        (name("02-03 09:00"), "withdrawn", 1),
    ]
    assert (gone.outcome, gone.related) == ("duplicate", [name("02-03 08:00")])


def test_a_match_between_joins_two_episodes() -> None:
    past = history()
    for when in ("02-03 08:00", "02-03 19:00"):
        episodes.add(past, match(when), BREACH)
    assert len(told(past)) == 2
    episodes.add(past, match("02-03 13:30"), BREACH)
    matched, gone = told(past)
    assert summary([matched, gone]) == [
        (name("02-03 08:00"), "matched", 3),
        (name("02-03 19:00"), "withdrawn", 1),
    ]
    assert gone.related == [name("02-03 08:00")]


def test_an_id_that_never_left_is_withdrawn_all_the_same() -> None:
    """So that alerts do not depend on where a batch ends."""
    past = history()
    for when in ("02-03 09:00", "02-03 08:00"):
        episodes.add(past, match(when), BREACH)
    assert [verb for _, verb, _ in summary(told(past))] == ["opened", "withdrawn"]


def test_what_is_far_away_is_not_told_again() -> None:
    past = history()
    for when in ("02-03 09:00", "02-04 09:00", "02-05 09:00"):
        episodes.add(past, match(when), BREACH)
    assert len(told(past)) == 3
    episodes.add(past, match("02-04 10:00"), BREACH)
    assert summary(told(past)) == [(name("02-04 09:00"), "matched", 2)]


def test_the_worst_severity_the_best_evidence_and_all_historical() -> None:
    past = history()
    episodes.add(
        past,
        match("02-03 09:00", severity="low", evidence_class="tip", historical=True),
        BREACH,
    )
    (finding,) = told(past)
    assert finding.historical
    episodes.add(past, match("02-03 10:00", severity="high", evidence_class="digital"), BREACH)
    (finding,) = told(past)
    assert (finding.severity, finding.evidence_class) == ("high", "digital")
    assert not finding.historical


def test_the_evidence_is_the_first_and_the_newest_few() -> None:
    past = history()
    for minute in range(10, 20):
        episodes.add(past, match(f"02-03 09:{minute}"), BREACH)
    (finding,) = told(past)
    assert [each.id for each in finding.evidence] == [
        f"at 02-03 09:{minute}" for minute in (10, 16, 17, 18, 19)
    ]


# Withdrawing.


def test_an_excused_match_no_longer_counts_but_keeps_the_id() -> None:
    past = history()
    for when in ("02-03 09:00", "02-03 10:00"):
        episodes.add(past, match(when), BREACH)
    told(past)
    withdraw(past, 0, "permit:p1")
    (finding,) = told(past)
    assert summary([finding]) == [(name("02-03 09:00"), "matched", 1)]
    assert finding.first_seen == text("02-03 10:00")
    withdraw(past, 1, "permit:p1")
    (finding,) = told(past)
    assert (finding.verb, finding.outcome) == ("withdrawn", None)
    assert "permit:p1" in finding.reason.en
    assert "permit:p1" in finding.reason.zh


def test_what_was_withdrawn_is_given_back() -> None:
    past = history()
    episodes.add(past, match("02-03 09:00"), BREACH)
    before = told(past)
    withdraw(past, 0, "permit:p1")
    told(past)
    withdraw(past, 0, None)
    (finding,) = told(past)
    assert finding.verb == "matched"
    assert msgspec.structs.replace(finding, verb="opened") == before[0]


def test_an_excused_episode_that_is_joined_is_a_duplicate_too() -> None:
    for flush_between in (True, False):
        past = history()
        episodes.add(past, match("02-03 09:00"), BREACH)
        told(past)
        withdraw(past, 0, "permit:p1")
        if flush_between:
            told(past)
        episodes.add(past, match("02-03 08:00"), BREACH)
        told(past)
        gone = past.told[name("02-03 09:00")]
        assert (gone.verb, gone.outcome) == ("withdrawn", "duplicate")
        assert gone.related == [name("02-03 08:00")]


def test_a_duplicate_names_who_survives_in_the_end() -> None:
    past = history()
    for when in ("02-03 09:00", "02-03 08:00", "02-03 07:00"):
        episodes.add(past, match(when), BREACH)
        told(past)
    assert past.told[name("02-03 09:00")].related == [name("02-03 07:00")]
    assert past.told[name("02-03 08:00")].related == [name("02-03 07:00")]


def test_an_ended_episode_is_cleared_with_its_outcome() -> None:
    past = history()
    assert episodes.replace_all(past, [match("02-03 09:00", outcome="transit")], BREACH)
    (finding,) = told(past)
    assert (finding.verb, finding.outcome) == ("cleared", "transit")


def test_matches_that_are_gone_withdraw_their_alert() -> None:
    past = history()
    assert episodes.replace_all(past, [match("02-03 09:00")], BREACH)
    assert not episodes.replace_all(past, [match("02-03 09:00")], BREACH)
    told(past)
    assert episodes.replace_all(past, [], BREACH)
    (finding,) = told(past)
    assert (finding.verb, finding.outcome, finding.related) == ("withdrawn", None, None)
    assert episodes.newest_ms(past) == ms("02-03 09:00")
    assert episodes.newest_ms(history()) == 0


# Passages.


def reads(*seconds: float, source: str = "camera") -> list[Match]:
    """Reads of one camera, so many seconds after nine."""
    start = ms("02-03 09:00")
    return [match(start + round(second * 1000), source=source) for second in seconds]


def spans(past: History) -> list[tuple[float, float]]:
    """When passages begin and end, in seconds after nine."""
    start = ms("02-03 09:00")
    return [((m.first_ms - start) / 1000, (m.last_ms - start) / 1000) for m in past.matches]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((0, 15), [(0, 15)]),
        ((0, 15.001), [(0, 0), (15.001, 15.001)]),
        ((0, 10, 20, 30), [(0, 30)]),
        ((0, 20, 10), [(0, 20)]),  # the last one bridges two passages
        ((20, 0, 40, 10, 30), [(0, 40)]),
        ((20, 5), [(5, 20)]),
    ],
)
def test_reads_of_one_camera_are_passages(
    seconds: tuple[float, ...], expected: list[tuple[float, float]]
) -> None:
    past = history()
    for read in reads(*seconds):
        episodes.add(past, read, MOVING)
    assert spans(past) == expected
    (finding,) = told(past, MOVING)[:1]
    assert finding.count == len(expected)


def test_another_camera_is_another_passage() -> None:
    past = history()
    for read in (*reads(0), *reads(5, source="other")):
        episodes.add(past, read, MOVING)
    assert spans(past) == [(0, 0), (5, 5)]


def test_a_read_inside_a_passage_is_kept_and_tells_nothing() -> None:
    past = history()
    for read in reads(0, 10):
        episodes.add(past, read, MOVING)
    assert len(told(past, MOVING)) == 1
    assert episodes.add(past, reads(5)[0], MOVING)
    assert not episodes.add(past, reads(5)[0], MOVING)
    assert told(past, MOVING) == []


def test_a_passage_is_as_bad_as_its_worst_read() -> None:
    past = history()
    low, medium = reads(0, 5)
    low = msgspec.structs.replace(low, severity="low", historical=True)
    for read in (low, msgspec.structs.replace(medium, severity="medium")):
        episodes.add(past, read, MOVING)
    (finding,) = told(past, MOVING)
    assert (finding.severity, finding.historical, finding.count) == ("medium", False, 1)


# Folding.


def test_folding_keeps_count_bounds_severity_and_evidence_class() -> None:
    past = history()
    for minute in range(1000):
        episodes.add(
            past,
            match(
                ms("02-03 09:00") + minute * MINUTE_MS,
                severity="critical" if minute == 7 else "low",
                evidence_class="person" if minute == 7 else "tip",
                historical=minute != 7,
            ),
            BREACH,
        )
        # Besides two folds: the critical one differs from the others.
        assert len(past.matches) <= MOST_MATCHES + 2
    (finding,) = told(past)
    assert summary([finding]) == [(name("02-03 09:00"), "opened", 1000)]
    assert (finding.severity, finding.evidence_class) == ("critical", "person")
    assert not finding.historical
    assert finding.last_seen == text(ms("02-03 09:00") + 999 * MINUTE_MS)


def test_folding_keeps_what_stands_apart_from_what_is_excused() -> None:
    past = history()
    for minute in range(90):
        episodes.add(past, match(ms("02-03 09:00") + minute * MINUTE_MS), BREACH)
    for index in range(10):
        withdraw(past, index, "permit:p1")
    for minute in range(90, 200):
        episodes.add(past, match(ms("02-03 09:00") + minute * MINUTE_MS), BREACH)
    (finding,) = told(past)
    assert finding.count == 190
    excused = [index for index, one in enumerate(past.matches) if one.withdrawn]
    assert [past.matches[index].count for index in excused] == [10]
    for index in excused:
        withdraw(past, index, None)
    (finding,) = told(past)
    assert finding.count == 200


def test_only_long_episodes_are_folded() -> None:
    past = history()
    for hour in range(0, 70, 7):
        episodes.add(past, match(ms("02-03 09:00") + hour * HOUR_MS), BREACH)
    for minute in range(100):
        episodes.add(past, match(ms("02-20 09:00") + minute * MINUTE_MS), BREACH)
    assert sum(one.count for one in past.matches) == 110
    assert len(told(past)) == 11


def test_a_read_before_a_folded_passage_joins_it_and_counts_once() -> None:
    past = history()
    for second in range(0, 100 * 20, 20):
        episodes.add(past, reads(second)[0], MOVING)
    assert len(past.matches) < 100
    (finding,) = told(past, MOVING)
    assert finding.count == 100
    episodes.add(past, reads(-10)[0], MOVING)
    assert told(past, MOVING)[0].count == 100


# Laws.

offsets = st.lists(
    st.one_of(
        st.integers(0, 30).map(lambda hour: hour * HOUR_MS),
        st.integers(0, 60).map(lambda second: second * SECOND_MS),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


def standing(past: History) -> list[tuple[str, str, int, str, str, str]]:
    """The alerts that are not withdrawn."""
    return sorted(
        (each.alert_id, each.severity, each.count, each.first_seen, each.last_seen, each.site or "")
        for each in past.told.values()
        if each.verb != "withdrawn"
    )


@given(offsets, st.data())
def test_neither_order_nor_batches_matter(times: list[int], data: st.DataObject) -> None:
    results = []
    for order in (times, data.draw(st.permutations(times))):
        past = history()
        for offset in order:
            episodes.add(past, match(ms("02-03 09:00") + offset), MOVING)
            if data.draw(st.booleans()):
                told(past, MOVING)
        told(past, MOVING)
        results.append((standing(past), past.matches))
    if results[0][1] == results[1][1]:
        assert results[0] == results[1]
    # Which read names a passage is its first; only that is compared.
    assert spans_of(results[0][1]) == spans_of(results[1][1])
    assert [each[:3] for each in results[0][0]] == [each[:3] for each in results[1][0]]


def spans_of(matches: list[Match]) -> list[tuple[int, int, int]]:
    """Begin, end and count of each."""
    return [(each.first_ms, each.last_ms, each.count) for each in matches]


@given(offsets, st.lists(st.booleans(), min_size=12, max_size=12))
def test_any_split_into_batches_ends_with_the_same_told_findings(
    times: list[int], flushes: list[bool]
) -> None:
    results = []
    for batches in (flushes, [False] * 12, [True] * 12):
        past = history()
        for offset, flush in zip(times, batches, strict=False):
            episodes.add(past, match(ms("02-03 09:00") + offset), BREACH)
            if flush:
                told(past)
        told(past)
        last = {key: msgspec.structs.replace(one, verb="matched") for key, one in past.told.items()}
        gone = {key for key, one in past.told.items() if one.verb == "withdrawn"}
        results.append((last, gone))
    assert results[0] == results[1] == results[2]


# What one event gave is looked at again.


def put(history: History, one: Match | None, where: Match, *, fresh: bool = False) -> bool:
    """Let what an event gave be this match."""
    return episodes.put(history, episodes.place(where), one, FEVER, fresh=fresh, why="device-bias")


FEVER = fever.RULE
ONE, TWO = match("02-10 12:00", detail="/38.0/"), match("02-10 13:00", detail="/38.0/")


def unheard() -> History:
    """A history of nothing."""
    return History("fever", "p", Subject("person", "p", "p"), [], {}, {}, 0)


def test_what_an_event_gave_may_change_and_go_and_come_back() -> None:
    history = unheard()
    assert put(history, ONE, ONE, fresh=True)
    (opened,) = episodes.flush(history, FEVER)
    assert not put(history, ONE, ONE)
    lower = msgspec.structs.replace(ONE, severity="medium")
    assert put(history, lower, ONE)
    (changed,) = episodes.flush(history, FEVER)
    assert (changed.alert_id, changed.severity) == (opened.alert_id, "medium")
    assert put(history, None, ONE)
    (gone,) = episodes.flush(history, FEVER)
    assert (gone.alert_id, gone.verb, gone.outcome) == (opened.alert_id, "withdrawn", None)
    assert gone.reason.en.endswith(" (device-bias).")
    assert put(history, lower, ONE)
    (back,) = episodes.flush(history, FEVER)
    assert (back.alert_id, back.verb) == (opened.alert_id, "matched")


def test_what_nobody_was_told_of_goes_in_silence() -> None:
    history = unheard()
    assert not put(history, None, ONE)
    put(history, ONE, ONE, fresh=True)
    put(history, None, ONE)
    assert episodes.flush(history, FEVER) == []


def test_an_excuse_outlives_a_second_look() -> None:
    history = unheard()
    put(history, ONE, ONE, fresh=True)
    withdraw(history, 0, "why", FEVER)
    put(history, msgspec.structs.replace(ONE, severity="medium"), ONE)
    assert history.matches[0].withdrawn == "why"


def test_what_was_folded_into_others_stays_there() -> None:
    history = unheard()
    history.matches = [msgspec.structs.replace(ONE, last_ms=TWO.last_ms, count=3)]
    between = match("02-10 12:30", detail="/38.0/")
    assert not put(history, between, between)
    assert not put(history, msgspec.structs.replace(ONE, severity="low"), ONE)
    assert put(history, between, between, fresh=True)
