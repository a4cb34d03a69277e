"""What a drawn history is made of, and the instants that all families share.

Events lie within 25 hours and are accepted up to 40 hours later, corrections an hour after that: so
in whatever order they arrive, none is later than the bound of 72 h.
"""

from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Struct

from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS, parse_ms
from tests.alerts.build import Line, clock, is_register, ms, recorded_ms, text

DAWN = ms("02-10 06:00")
END = DAWN + 68 * HOUR_MS
LONG_AGO = ms("02-02 00:00")

# Many things happen within minutes of one another, on either side of what rules wait for.
moments: SearchStrategy[int] = st.builds(
    lambda hour, minute, second: DAWN + hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS,
    st.one_of(st.integers(0, 3), st.integers(0, 24)),
    st.sampled_from((0, 1, 5, 14, 15, 16, 20, 30, 31, 59)),
    st.sampled_from((0, 0, 1)),
)
delays = st.sampled_from((0, 0, 0, 0, 90 * SECOND_MS, 40 * MINUTE_MS, 5 * HOUR_MS, 40 * HOUR_MS))
# When something is filed: long before, meanwhile, or when all is over.
filed_at: SearchStrategy[int] = st.one_of(st.just(LONG_AGO), moments, st.just(END - HOUR_MS))
# The clock goes on at all times, and no batch spans more of it than this.
_TICK_MS = 12 * HOUR_MS
_ENDS = (END, END + 3 * HOUR_MS, END + 80 * HOUR_MS)

Draw = Callable[[st.DrawFn], Line]


class History(Struct, frozen=True):
    """What is filed before anything happens, what happens and is filed then, in order of
    acceptance with ticks of the clock among it, and the ticks after all that."""

    before: tuple[Line, ...]
    meanwhile: tuple[Line, ...]
    after: tuple[Line, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """All of it in order of acceptance."""
        return (*self.before, *self.meanwhile, *self.after)

    @property
    def registers(self) -> tuple[Line, ...]:
        """All that is ever filed."""
        return tuple(line for line in self.lines if is_register(line))

    @property
    def events(self) -> tuple[Line, ...]:
        """All that happens, ticks of the clock among it."""
        return tuple(line for line in self.meanwhile if not is_register(line))


class Family(Struct, frozen=True):
    """Rules that see the same things, and how to draw these.

    `raises` are the rules that raise in a good part of the histories. `events` draws one thing that
    happens; `filings` each draw one thing that is filed, at any time.
    """

    name: str
    raises: frozenset[str]
    before: Callable[[st.DrawFn], Sequence[Line]]
    events: Callable[[st.DrawFn, int], Line | Sequence[Line]]
    filings: tuple[Draw, ...]
    most: int = 10

    def histories(self) -> SearchStrategy[History]:
        """Return the strategy of the family's histories."""
        return _histories(self)


def accepted(draw: st.DrawFn, when: int) -> int:
    """Draw when something is accepted."""
    return when + draw(delays)


@st.composite
def _histories(draw: st.DrawFn, family: Family) -> History:
    before = tuple(family.before(draw))
    events: list[Line] = []
    for number in range(draw(st.integers(1, family.most))):
        drawn = family.events(draw, number)
        events += [drawn] if isinstance(drawn, dict) else drawn
    # Every event has an identity of its own, whatever the builders call it.
    events = [{**line, "id": f"e{number}"} for number, line in enumerate(events)]
    alone = [number for number, line in enumerate(events) if _is_alone(line, events)]
    if alone:
        for number in draw(st.sets(st.sampled_from(alone), max_size=2)):
            events.append(_correction(draw, events[number], f"k{number}"))
    filings = [each(draw) for each in draw(st.lists(st.sampled_from(family.filings), max_size=4))]
    ticks = [clock(when) for when in range(DAWN, END, _TICK_MS)]
    together = sorted(
        (*filings, *events, *ticks), key=lambda line: (recorded_ms(line), not is_register(line))
    )
    end_ms = draw(st.sampled_from(_ENDS))
    after = [clock(when) for when in (*range(END, end_ms, _TICK_MS), end_ms)]
    early = [line for line in together if recorded_ms(line) < DAWN]
    return History((*before, *early), tuple(together[len(early) :]), tuple(after))


def _is_alone(line: Line, events: Sequence[Line]) -> bool:
    """Tell whether nothing else of its source lies so near that the two are one passage: of that
    only one event is on record, which a correction takes out for both."""
    when_ms = parse_ms(line["time"])
    return all(
        other is line
        or other["source"] != line["source"]
        or abs(parse_ms(other["time"]) - when_ms) > MINUTE_MS
        for other in events
    )


def _correction(draw: st.DrawFn, line: Line, event_id: str) -> Line:
    """What replaces an event: the same at another time, reported later."""
    moved_ms = draw(st.sampled_from((0, MINUTE_MS, -MINUTE_MS, 2 * HOUR_MS)))
    when_ms = parse_ms(line["time"]) + moved_ms
    later_ms = recorded_ms(line) + draw(st.sampled_from((SECOND_MS, HOUR_MS)))
    return {
        **line,
        "id": event_id,
        "corrects": line["id"],
        "time": text(when_ms),
        "recordedtime": text(max(when_ms, later_ms)),
    }
