"""Folds: long episodes cost little, and are judged as if every match were still there."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import adverse_health_code, quarantine_breach, quarantined_vehicle_moving
from rules.match import Match
from schemas.alerts import Finding, Subject, alert_id
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS, format_ms
from services.alerts.engine import episodes
from services.alerts.engine.episodes import MOST_MATCHES, History
from services.alerts.engine.folds import MOST_PARTS
from tests.alerts.build import match, ms

BREACH = quarantine_breach.RULE
MOVING = quarantined_vehicle_moving.RULE
START = ms("02-03 09:00")


def history(*matches: Match) -> History:
    """What was found about o1."""
    subject = Subject("person", "p", "p")
    past = History("quarantine-breach", "o1", subject, [], {}, {}, 0)
    for one in matches:
        episodes.add(past, one, BREACH)
    return past


def at(minute: float, site: str = "inner", source: str = "desk", severity: str = "low") -> Match:
    """One breach, some minutes after the start."""
    at_ms = START + int(minute * MINUTE_MS)
    return match(at_ms, site=site, source=source, severity=severity, id=f"{minute}/{source}")


def review(past: History, *covered: tuple[float, float], site: str | None = None) -> None:
    """These spans, in minutes, are covered now (at one site), and nothing else is."""
    spans = [(START + a * MINUTE_MS, START + b * MINUTE_MS) for a, b in covered]

    def judge(one: Match) -> str | None:
        within = any(a <= one.first_ms <= b for a, b in spans)
        return "permit:p1" if within and site in (None, one.site) else None

    episodes.review(past, BREACH, judge)


def told(past: History) -> Finding:
    """The one alert as it stands."""
    (finding,) = episodes.snapshots(past, BREACH)
    return finding


def bounds(finding: Finding) -> tuple[str, int, str, str]:
    """What became of it."""
    return finding.verb, finding.count, finding.first_seen, finding.last_seen


def instant(minute: float) -> str:
    """Some minutes after the start, as Cordon writes it."""
    return format_ms(START + int(minute * MINUTE_MS))


def test_a_permit_withdraws_those_that_it_covers_and_no_others() -> None:
    past = history(*(at(5 * place) for place in range(130)))
    assert len(past.matches) < MOST_MATCHES
    review(past, (0, 11), (360, 720))
    finding = told(past)
    # 130 checks, less the first three and those from the 72nd on.
    assert bounds(finding) == ("matched", 69, instant(15), instant(355))
    assert [one.id for one in finding.evidence] == [
        f"{minute}/desk" for minute in (15, 340, 345, 350, 355)
    ]
    assert finding.alert_id == alert_id("quarantine-breach", 1, "o1", START)
    review(past, (0, 11))
    assert bounds(told(past)) == ("matched", 127, instant(15), instant(645))
    review(past, (0, 645))
    assert told(past).verb == "withdrawn"
    review(past)
    assert bounds(told(past)) == ("matched", 130, instant(0), instant(645))


def test_a_permit_for_a_place_withdraws_only_what_was_there() -> None:
    places = ("inner", "inner-2", "exit")
    past = history(*(at(place, places[place % 3]) for place in range(150)))
    review(past, (0, 200), site="inner")
    assert told(past).count == 100
    assert told(past).site == "exit"


def test_what_weighed_most_no_longer_weighs_when_it_is_withdrawn() -> None:
    past = history(*(at(n, severity="critical" if n == 7 else "low") for n in range(150)))
    assert told(past).severity == "critical"
    review(past, (7, 7))
    assert (told(past).severity, told(past).count) == ("low", 149)


def test_a_repeat_of_one_that_was_folded_is_none() -> None:
    past = history(*(at(place) for place in range(150)))
    assert not episodes.add(past, at(3), BREACH)
    assert episodes.add(past, at(3, source="other"), BREACH)
    assert told(past).count == 151


def test_a_late_read_joins_the_folded_passage_that_it_belongs_to() -> None:
    past = History("", "", Subject("vehicle", "v", "v"), [], {}, {}, 0)
    for place in range(150):
        episodes.add(past, at(place), MOVING)
        episodes.add(past, at(place, source="other"), MOVING)
    late = msgspec.structs.replace(at(4), first_ms=at(4).first_ms + 10 * SECOND_MS, id="late")
    late = msgspec.structs.replace(late, last_ms=late.first_ms)
    assert episodes.add(past, late, MOVING)
    assert not episodes.add(past, late, MOVING)
    between = msgspec.structs.replace(at(4.5), id="between")
    assert episodes.add(past, between, MOVING)
    (finding,) = episodes.snapshots(past, MOVING)
    assert finding.count == 301


def test_an_episode_keeps_a_bounded_number_of_parts() -> None:
    past = history(*(at(place / 6, ("inner", "exit")[place % 2]) for place in range(6000)))
    assert len(past.matches) <= MOST_MATCHES + 2
    assert len(msgspec.msgpack.encode(past)) < 64 * (MOST_PARTS + MOST_MATCHES)
    assert bounds(told(past)) == ("matched", 6000, instant(0), instant(5999 / 6))
    # Some minutes were merged: one of them goes when all of it is covered, and not before.
    review(past, (0, 0.5))
    assert told(past).count == 6000
    review(past, (0, 0.99))
    assert told(past).count == 5994
    review(past, (0, 1000))
    assert told(past).verb == "withdrawn"


def test_a_rule_that_nothing_excuses_keeps_no_parts() -> None:
    past = History("", "", Subject("person", "p", "p"), [], {}, {}, 0)
    for place in range(150):
        episodes.add(past, at(place), adverse_health_code.RULE)
    assert [one.parts for one in past.matches if one.count > 1] == [b""]
    assert sum(one.count for one in past.matches) == 150


def test_what_was_folded_before_parts_were_kept_is_read_and_judged_by_both_ends() -> None:
    old = msgspec.structs.replace(at(0), last_ms=START + 2 * HOUR_MS, count=60)
    record = msgspec.msgpack.decode(msgspec.msgpack.encode(old))
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(record[:-1]), type=Match)
    assert read == old
    past = history(read, *(at(121 + place) for place in range(100)))
    review(past, (0, 11))
    assert told(past).count == 160
    review(past, (0, 120))
    assert told(past).count == 100


spans = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 120)).map(lambda span: (span[0], sum(span))),
    max_size=3,
)
found = st.lists(
    st.builds(
        at,
        st.integers(0, 400),
        st.sampled_from(("inner", "exit")),
        st.sampled_from(("desk", "other")),
        st.sampled_from(("low", "critical")),
    ),
    min_size=MOST_MATCHES,
    max_size=3 * MOST_MATCHES,
    unique_by=lambda one: one.id,
)


@settings(max_examples=settings().max_examples * 30 // 100)
@given(found, spans, spans)
def test_folding_changes_nothing(
    matches: list[Match], before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    past = history(*matches[: len(matches) // 2])
    review(past, *before)
    for one in matches[len(matches) // 2 :]:
        episodes.add(past, one, BREACH)
    review(past, *after, site="exit")
    # The same without a fold: a history that holds all of them as they are.
    plain = history()
    plain.matches = sorted(matches, key=episodes.place)
    review(plain, *after, site="exit")
    assert [bounds_of(one) for one in episodes.snapshots(past, BREACH)] == [
        bounds_of(one) for one in episodes.snapshots(plain, BREACH)
    ]


def bounds_of(finding: Finding) -> tuple[object, ...]:
    """All that is told of an alert, but the reason, which names one of several excuses."""
    return msgspec.structs.astuple(msgspec.structs.replace(finding, reason=("", "")))
