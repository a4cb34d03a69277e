"""Laws that hold for every small history of a county (contracts: Alerts, Episodes and ids)."""

import copy
import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from rules.facts import ON_TIME_MS
from schemas.alerts import Alert, Subject
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, parse_ms
from services.alerts.engine.book import Book
from tests.alerts.build import (
    NUMBERS,
    Line,
    check,
    clock,
    deletion,
    exempt,
    gate,
    hit,
    id_number,
    is_register,
    link,
    ms,
    order,
    permit,
    policy,
    recorded_ms,
    resident,
    scan,
    site,
    text,
    transfer,
    watch,
)
from tests.alerts.running import Deployment, Step, steps

law = settings(
    max_examples=settings().max_examples * 40 // 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

DAWN = ms("02-10 06:00")
# Events of one day, accepted up to two days later: whatever order they arrive in, none is later
# than the bound of 72 h.
SPAN_MS = 24 * HOUR_MS
END = DAWN + SPAN_MS + 48 * HOUR_MS

PLATES = ("浙F12345", "浙F72345", "浙F1234S", "苏E55566")
# Sites in no region: the region of their vehicles is the whole deployment.
NOWHERE = (
    site("bound-0", "boundary", (), filed="01-01 00:00"),
    site("inner-0", "inner", (), filed="01-01 00:00"),
)
SITES = (
    *("bound", "bound", "bound-2", "inner", "inner-2", "gate-1", "late", "bound-0", "inner-0"),
)
TEMPERATURES = (None, 36.4, 37.2, 37.3, 37.6, 38.0, 42.1)
DIRECTIONS = ("in", "in", "internal", "out")

minutes = st.integers(0, 24 * 60).map(lambda minute: DAWN + minute * MINUTE_MS)
# Many things happen within minutes and seconds of one another.
moments = st.one_of(
    minutes,
    st.builds(
        lambda hour, second: DAWN + hour * HOUR_MS + second * 1000,
        st.integers(0, 4),
        st.integers(0, 40),
    ),
)
delays = st.sampled_from((0, 0, 0, 90_000, 40 * MINUTE_MS, 5 * HOUR_MS, 47 * HOUR_MS))
days_before = st.sampled_from((35.0, 30.5, 30.0, 29.6, 29.1, 20.0))


@st.composite
def checks(draw: st.DrawFn, number: int) -> Line:
    """Somebody is checked."""
    when = draw(moments)
    return check(
        draw(st.sampled_from(("wang", "li", "zhao"))),
        draw(st.sampled_from(SITES)),
        when,
        by=draw(st.sampled_from(("document", "officer", "code", "none"))),
        code=draw(st.sampled_from(("green", "red", "yellow", None))),
        issued=DAWN - draw(st.integers(1, 20)) * HOUR_MS,
        temperature=draw(st.sampled_from(TEMPERATURES)),
        recorded=when + draw(delays),
        event_id=f"c{number}",
    )


@st.composite
def rechecks(draw: st.DrawFn, number: int) -> Sequence[Line]:
    """Somebody is checked again and again within minutes, at one desk or at two."""
    who, when = draw(st.sampled_from(("wang", "li"))), draw(moments)
    lines: list[Line] = []
    for turn in range(draw(st.integers(2, 4))):
        when += draw(st.sampled_from((0, 60, 299, 300, 301, 600, 900, 901))) * 1000
        lines.append(
            check(
                who, draw(st.sampled_from(("inner", "bound"))), when,
                code=draw(st.sampled_from(("green", "red", "yellow", None))),
                issued=DAWN - HOUR_MS,
                temperature=draw(st.sampled_from(TEMPERATURES)),
                recorded=when + draw(delays),
                event_id=f"r{number}-{turn}",
            )
        )  # fmt: skip
    return lines


@st.composite
def hits(draw: st.DrawFn, number: int) -> Line:
    """A plate is read."""
    when = draw(moments)
    return hit(
        draw(st.sampled_from(PLATES)),
        draw(st.sampled_from(SITES)),
        when,
        draw(st.sampled_from(DIRECTIONS)),
        confidence=draw(st.sampled_from((0.97, 0.97, 0.93, 0.86, 0.7))),
        recorded=when + draw(delays),
        event_id=f"h{number}",
        preview=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def journeys(draw: st.DrawFn, number: int) -> Sequence[Line]:
    """A vehicle comes in, is read inside, and perhaps goes out: frames, variants and delays."""
    plate = draw(st.sampled_from(PLATES))
    when = draw(moments)
    delay = draw(delays)
    lines: list[Line] = []
    stages = [
        (draw(st.sampled_from(("bound", "bound", "bound-0"))), "in", 0),
        (draw(st.sampled_from(("inner", "inner", "inner-0"))), "internal", 40),
        ("inner-2", "internal", 70),
    ]
    if draw(st.booleans()):
        minute = draw(st.sampled_from((100, 119, 121)))
        stages.append((draw(st.sampled_from(("bound-2", "bound-2", "bound-0"))), "out", minute))
    for stage, (where, direction, minute) in enumerate(stages):
        for frame in range(draw(st.integers(1, 2))):
            seen = draw(st.sampled_from((plate, plate, *PLATES[:2])))
            at_ms = when + minute * MINUTE_MS + frame * 4000
            lines.append(
                hit(
                    seen, where, at_ms, direction,
                    confidence=draw(st.sampled_from((0.97, 0.94))),
                    recorded=at_ms + delay,
                    event_id=f"j{number}-{stage}-{frame}",
                )
            )  # fmt: skip
    return lines


def scans(number: int) -> SearchStrategy[Line]:
    """A car with its people is scanned at the boundary."""
    return st.builds(
        lambda when, plate, delay: scan(
            "bound", when, plate=plate, people=("wang", "li"), recorded=when + delay
        ),
        moments,
        st.sampled_from(PLATES),
        delays,
    ).map(lambda line: {**line, "id": f"s{number}"})


@st.composite
def gates(draw: st.DrawFn, number: int) -> Line:
    """A gate reports something, of a site that may not be filed."""
    when = draw(moments)
    return gate(
        draw(st.sampled_from(("inner", "bound", "inner-0", "nowhere"))),
        when,
        draw(st.sampled_from(("forced", "forced", "open"))),
        draw(st.sampled_from((None, None, "maintenance"))),
        recorded=when + draw(delays),
        event_id=f"g{number}",
    )


@st.composite
def happenings(draw: st.DrawFn) -> list[Line]:
    """Events, in order of acceptance, none of them later than the bound."""
    lines: list[Line] = []
    for number in range(draw(st.integers(1, 9))):
        kind = draw(st.integers(0, 10))
        if kind == 10:
            lines.append(draw(gates(number)))
        elif kind < 2:
            lines.append(draw(checks(number)))
        elif kind < 4:
            lines += draw(rechecks(number))
        elif kind < 6:
            lines.append(draw(hits(number)))
        elif kind < 9:
            lines += draw(journeys(number))
        else:
            lines.append(draw(scans(number)))
    lines = [line for line in lines if recorded_ms(line) <= END]
    return sorted(lines, key=recorded_ms)


@st.composite
def filings(draw: st.DrawFn) -> list[Line]:
    """What is filed, some of it long before and some of it meanwhile or afterwards."""
    whenever = st.one_of(st.just(ms("02-02 00:00")), minutes, st.just(END))
    lines = [
        *NOWHERE,
        order("o1", "wang", start="02-01 10:00", vehicles=draw(st.sampled_from(((), PLATES[:1])))),
    ]
    possible: list[Callable[[], Line]] = [
        lambda: order("o2", "li", "home-2", start=draw(minutes), filed=draw(whenever)),
        lambda: order("o1", "wang", start="02-01 10:00", filed=draw(whenever), until=draw(minutes)),
        lambda: deletion("order", "o1", draw(whenever)),
        lambda: permit(
            "p1", "o1", (start := draw(minutes)), start + 3 * HOUR_MS, filed=draw(whenever),
            places=draw(st.sampled_from((None, ("inner",), ("home-2", "bound")))),
        ),
        lambda: deletion("permit", "p1", draw(whenever)),
        lambda: transfer(
            "t1", (start := draw(minutes)), start + HOUR_MS, start + 2 * HOUR_MS,
            filed=draw(whenever), people=("wang", "li"),
        ),
        # Filed during the day, and dated back before it.
        lambda: order("o3", "zhao", "home-2", start="02-05 10:00", filed=draw(minutes),
                      vehicles=PLATES[1:2]),
        lambda: link("l3", "wang", draw(st.sampled_from(PLATES)), filed=draw(minutes)),
        lambda: watch("w3", draw(st.sampled_from((*PLATES, "wang"))), filed=draw(minutes)),
        lambda: link("l1", "wang", draw(st.sampled_from(PLATES)), filed=draw(whenever)),
        lambda: link("l2", "zhao", PLATES[0], "owner", filed=draw(whenever)),
        lambda: link("l1", "wang", PLATES[0], filed=draw(whenever), until=draw(minutes)),
        lambda: resident(draw(st.sampled_from(PLATES)), filed=draw(whenever)),
        lambda: watch(
            "w1", draw(st.sampled_from((*PLATES, "li"))), filed=draw(whenever),
            category=draw(st.sampled_from(("confirmed", "risk-return"))),
            sites=draw(st.sampled_from((None, ("inner", "late")))),
        ),
        lambda: watch("w2", PLATES[0], filed=draw(whenever), direction="in"),
        lambda: watch("w1", PLATES[0], filed=draw(whenever), until=draw(minutes)),
        lambda: deletion("watch-entry", "w1", draw(whenever)),
        lambda: exempt(
            "e1", draw(st.sampled_from(PLATES)), draw(st.sampled_from(("fleet", "whitelist"))),
            filed=draw(whenever), corridor=draw(st.sampled_from((None, ("inner", "home-1")))),
        ),
        lambda: policy(
            "adverse-health-code", filed=draw(whenever), since="02-01 00:00", changed_s=30,
            issuers={"330000": ["red"]},
        ),
        lambda: site("late", "inner", ("county",), filed=draw(whenever)),
        lambda: policy("first-seen-vehicle", filed=draw(whenever), since="02-01 00:00", dwell_s=60),
    ]  # fmt: skip
    for each in draw(st.lists(st.integers(0, len(possible) - 1), max_size=6)):
        lines.append(possible[each]())
    return lines


@st.composite
def pasts(draw: st.DrawFn) -> list[Line]:
    """Vehicles that were here about a month ago, and the clock ten days later."""
    lines = [
        hit(
            plate,
            draw(st.sampled_from(("inner", "inner-0"))),
            DAWN - int(draw(days_before) * DAY_MS),
            event_id=f"past-{plate}",
        )
        for plate in draw(st.lists(st.sampled_from(PLATES), unique=True, max_size=2))
    ]
    return [*sorted(lines, key=recorded_ms), clock(DAWN - 10 * DAY_MS)]


class Timeline:
    """A past that is settled, what is filed, what happens, and when the clock ends."""

    def __init__(
        self, past: list[Line], filings: list[Line], happening: list[Line], end: int
    ) -> None:
        self.past = past
        self.filings = filings
        self.happening = happening
        self.end_ms = end
        self.end = clock(end)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.lines))

    @property
    def lines(self) -> list[Line]:
        """All lines in order of acceptance; what is filed at an instant counts for it."""
        together = [*self.filings, *self.happening]
        rest = sorted(together, key=lambda line: (recorded_ms(line), not is_register(line)))
        before = [line for line in rest if recorded_ms(line) < DAWN]
        return [*before, *self.past, *rest[len(before) :], self.end]

    @property
    def registers_ahead(self) -> list[Line]:
        """All lines, the registers read to the end first, as a worker that lags reads them."""
        filings = sorted(self.filings, key=recorded_ms)
        return [*filings, *self.past, *self.happening, self.end]


ends = st.sampled_from((END, END + 3 * HOUR_MS, END + 200 * HOUR_MS, END + 11 * DAY_MS))
timelines = st.builds(Timeline, pasts(), filings(), happenings(), ends)


def told(alert: Alert) -> tuple[Any, ...]:
    """What everybody must agree on."""
    return (
        alert.id,
        alert.rule,
        alert.severity,
        alert.evidence_class,
        alert.state,
        alert.outcome,
        alert.count,
        alert.historical,
        alert.subject,
        alert.order,
        alert.site,
        alert.first_seen,
        alert.last_seen,
        alert.policy_version,
        alert.reason.en,
        tuple(alert.evidence),
        () if alert.state == "retracted" else tuple(alert.related or ()),
    )


def final(deployment: Deployment) -> list[tuple[Any, ...]]:
    """The alerts as they stand at the end."""
    assert not deployment.failed
    return [told(alert) for alert in deployment.final]


def standing(deployment: Deployment) -> list[tuple[Any, ...]]:
    """The alerts that were not retracted."""
    assert not deployment.failed
    return [told(alert) for alert in deployment.final if alert.state != "retracted"]


@law
@given(timelines)
def test_the_same_input_gives_the_same_output(timeline: Timeline) -> None:
    arriving = steps(timeline.lines)
    one, other = Deployment().run(arriving), Deployment().run(arriving)
    assert one.findings == other.findings


@law
@given(timelines, st.sets(st.integers(0, 40)))
def test_where_batches_end_does_not_matter(timeline: Timeline, commits: Collection[int]) -> None:
    arriving = steps(timeline.lines)
    # A batch never spans a change of the registers here: that is the next law.
    changes = {n for n, step in enumerate(arriving) if step.record is not None}
    commits = {*commits, *changes, *(n - 1 for n in changes)}
    assert final(Deployment().run(arriving)) == final(Deployment().run(arriving, commits=commits))


@law
@given(timelines)
def test_how_far_ahead_the_registers_are_read_does_not_matter(timeline: Timeline) -> None:
    in_step = Deployment().run(steps(timeline.lines))
    ahead = Deployment().run(steps(timeline.registers_ahead))
    at_once = Deployment().run(steps(timeline.registers_ahead), commits=())
    assert standing(in_step) == standing(ahead) == standing(at_once)


@law
@given(timelines, st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40), max_size=4))
def test_a_crash_at_any_point_changes_nothing(
    timeline: Timeline, commits: Collection[int], crashes: Collection[int]
) -> None:
    arriving = steps(timeline.lines)
    expected = final(Deployment().run(arriving, commits=commits))
    assert final(Deployment().run(arriving, commits=commits, crashes=crashes)) == expected


@law
@given(timelines, st.sampled_from((4, 12)))
def test_the_number_of_partitions_does_not_matter(timeline: Timeline, partitions: int) -> None:
    arriving = steps(timeline.lines)
    alone = Deployment().run(arriving)
    many = Deployment(partitions=partitions).run(arriving)
    assert final(many) == final(alone)


@law
@given(timelines, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(timeline: Timeline, chance: Any) -> None:
    arriving = steps(timeline.registers_ahead)
    first, last = len(timeline.filings) + len(timeline.past), len(arriving) - 1
    shuffled = arriving[first:last]
    chance.shuffle(shuffled)
    other = Deployment().run([*arriving[:first], *shuffled, arriving[last]])
    assert standing(other) == standing(Deployment().run(arriving))


ACCUSING = ("order", "vehicle-link", "watch-entry")


def only_accusing(timeline: Timeline) -> Timeline:
    """The same with no more filed than sites and what accuses."""
    filings = [
        line
        for line in timeline.filings
        if line in NOWHERE or line["type"].split(".")[1] in ACCUSING
    ]
    return Timeline(timeline.past, filings, timeline.happening, timeline.end_ms)


def heard_of_otherwise(timeline: Timeline, chance: Any) -> Timeline:
    """The same, but what was late is as late as it happens to be, historical all the same."""
    happening = [
        {**line, "recordedtime": text(parse_ms(line["time"]) + delay_ms)}
        if recorded_ms(line) - parse_ms(line["time"]) > ON_TIME_MS
        else line
        for line in timeline.happening
        for delay_ms in [chance.randrange(31, 47 * 60) * MINUTE_MS]
    ]
    happening.sort(key=recorded_ms)
    return Timeline(timeline.past, timeline.filings, happening, timeline.end_ms)


@law
@given(timelines.map(only_accusing), st.randoms(use_true_random=False))
def test_how_late_a_late_event_is_does_not_matter_to_what_accuses(
    timeline: Timeline, chance: Any
) -> None:
    """Whatever is filed before it arrives, and however far back it is dated."""
    otherwise = Deployment().run(steps(heard_of_otherwise(timeline, chance).lines))
    assert standing(otherwise) == standing(Deployment().run(steps(timeline.lines)))


@law
@given(timelines, st.data())
def test_a_repeat_of_any_line_changes_nothing(timeline: Timeline, data: st.DataObject) -> None:
    arriving = steps(timeline.lines)
    repeats: list[list[Step]] = [[] for _ in arriving]
    for number, step in enumerate(arriving):
        for _ in range(data.draw(st.integers(0, 1))):
            later = number if step.record else data.draw(st.integers(number, len(arriving) - 1))
            if arriving[later].recorded_ms - step.recorded_ms < DAY_MS:
                repeats[later].append(step)
    repeated = [
        each for step, again in zip(arriving, repeats, strict=True) for each in (step, *again)
    ]
    assert final(Deployment().run(repeated)) == final(Deployment().run(arriving))


@law
@given(timelines)
def test_no_input_is_changed(timeline: Timeline) -> None:
    arriving = steps(timeline.lines)
    before = copy.deepcopy(arriving)
    Deployment().run(arriving)
    assert arriving == before


def rewritten(timeline: Timeline, words: dict[str, str]) -> list[Step]:
    """What arrives when some words are others."""
    text = json.dumps(timeline.lines, ensure_ascii=False)
    for old, new in words.items():
        text = text.replace(old, new)
    return steps(json.loads(text))


def anonymous(deployment: Deployment, words: dict[str, str]) -> list[str]:
    """The alerts without their ids, with some words for others."""
    table = str.maketrans(words)
    return sorted(repr(each[1:]).translate(table) for each in final(deployment))


@law
@given(timelines)
def test_the_province_of_a_plate_decides_nothing(timeline: Timeline) -> None:
    words = {"浙": "京", "苏": "鄂"}
    moved = Deployment().run(rewritten(timeline, words))
    here = Deployment().run(steps(timeline.lines))
    assert anonymous(moved, {}) == anonymous(here, words)


@law
@given(timelines)
def test_the_region_of_an_id_number_decides_nothing(timeline: Timeline) -> None:
    words = {id_number(who): id_number(who, "420106") for who in NUMBERS}
    moved = Deployment().run(rewritten(timeline, words))
    here = Deployment().run(steps(timeline.lines))
    assert [alert.subject for alert in moved.final if alert.subject.kind == "person"] != [
        alert.subject for alert in here.final if alert.subject.kind == "person"
    ] or not any(alert.subject.kind == "person" for alert in here.final)

    def without_subject(alert: Alert) -> str:
        # An id tells apart what is told about one person from what is told about another.
        return repr(told(msgspec.structs.replace(alert, subject=Subject("", "", "")))[1:])

    assert sorted(map(without_subject, moved.final)) == sorted(map(without_subject, here.final))


COLOURS = ('"colour": "red"', '"colour": "yellow"', '"colour": "green"')


@law
@given(timelines)
def test_a_green_code_never_beats_an_order(timeline: Timeline) -> None:
    seen = {
        colour: [
            each
            for each in final(
                Deployment().run(rewritten(timeline, dict.fromkeys(COLOURS, f'"colour": {colour}')))
            )
            if each[1] in ("quarantine-breach", "quarantined-vehicle-moving")
        ]
        for colour in ('"green"', '"yellow"', '"none"')
    }
    assert seen['"green"'] == seen['"yellow"'] == seen['"none"']


@law
@given(timelines, st.sets(st.integers(0, 40)))
def test_the_book_comes_back_from_its_records(timeline: Timeline, commits: Collection[int]) -> None:
    deployment = Deployment().run(steps(timeline.lines), commits=commits)
    (before,) = (engine.book for engine in deployment.engines)
    deployment.crash()
    (after,) = (engine.book for engine in deployment.engines)
    assert contents(after) == contents(before)


def contents(book: Book) -> dict[str, Any]:
    """All that a book holds."""
    return {
        "clock": book.clock,
        "seen": book.identities.seen,
        "days": {name: table.days for name, table in book.established.items() if table.days},
        "groups": book.groups,
        "histories": book.histories,
        "by_order": {order: keys for order, keys in book.by_order.items() if keys},
        "by_subject": {who: keys for who, keys in book.by_subject.items() if keys},
        "waiting": book.waiting,
        "checks": book.checks,
        "readings": {source: kept for source, kept in book.readings.items() if kept},
        "horizons": book.horizons,
        "biased": book.biased,
        "deadlines": book.deadlines,
        "next due": book.next_due_ms(),
    }
