"""Laws of arrivals by transfer: in the end every rule knows in which zone somebody has to be.

As with what else is told across partitions, an alert may have stood for a moment or not; what
stands in the end may not depend on order, batches, crashes or the number of partitions.
"""

from collections.abc import Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.times import HOUR_MS, MINUTE_MS
from tests.alerts.build import Line, arrived, check, clock, order, recorded_ms, transfer
from tests.alerts.running import Deployment, steps
from tests.alerts.test_laws import DAWN, END, law, standing

WHO = ("wang", "li")
FILED: tuple[Line, ...] = (
    *(order(f"o-{who}", who, start="01-23 10:00") for who in WHO),
    transfer("t1", DAWN, DAWN + HOUR_MS, DAWN + HOUR_MS, filed="01-27 18:00", people=WHO),
    transfer(
        "t2", DAWN, DAWN + HOUR_MS, DAWN + 2 * HOUR_MS, filed="01-27 18:00", orders=["o-wang"]
    ),
)


@st.composite
def journeys(draw: st.DrawFn) -> list[Line]:
    """People are checked at home, at the facility and elsewhere, before and after they arrive."""
    lines: list[Line] = []
    when = DAWN
    for number in range(draw(st.integers(2, 14))):
        when += draw(st.sampled_from((1, 20, 70, 400))) * MINUTE_MS
        late = when + draw(st.sampled_from((0, 0, MINUTE_MS, 5 * HOUR_MS)))
        who = draw(st.sampled_from(WHO))
        if draw(st.integers(0, 3)) == 0:
            to = draw(st.sampled_from(("t1", "t2")))
            lines.append(arrived(to, [who], when, recorded=late, event_id=f"a{number}"))
        else:
            where = draw(st.sampled_from(("gate-1", "facility-gate", "inner")))
            lines.append(check(who, where, when, recorded=late, event_id=f"c{number}"))
    return [*sorted(lines, key=recorded_ms), clock(END)]


FILED_STEPS = steps(FILED)


@law
@given(journeys(), st.sampled_from((4, 12)))
def test_the_number_of_partitions_does_not_matter(lines: list[Line], partitions: int) -> None:
    arriving = [*FILED_STEPS, *steps(lines)]
    many = Deployment(partitions=partitions).run(arriving)
    assert not many.broken
    assert standing(many) == standing(Deployment().run(arriving))


@law
@given(journeys(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(lines: list[Line], chance: Any) -> None:
    arriving = steps(lines)
    shuffled = arriving[:-1]
    chance.shuffle(shuffled)
    other = Deployment(partitions=2).run([*FILED_STEPS, *shuffled, arriving[-1]])
    assert standing(other) == standing(Deployment().run([*FILED_STEPS, *arriving]))


@law
@given(journeys(), st.sets(st.integers(0, 20)), st.sets(st.integers(0, 20), max_size=4))
def test_neither_batches_nor_crashes_matter(
    lines: list[Line], commits: Collection[int], crashes: Collection[int]
) -> None:
    arriving = [*FILED_STEPS, *steps(lines)]
    other = Deployment(partitions=3).run(arriving, commits=commits, crashes=crashes)
    assert standing(other) == standing(Deployment().run(arriving))
