"""Laws of partitions that are far apart: what one tells another may come days late.

A partition may be without a worker for days while the others go on, and in a replay at full speed
one is far ahead of the others. What stands in the end is what a single partition finds.
"""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.times import HOUR_MS
from tests.alerts.build import Line, clock
from tests.alerts.histories import FAMILIES
from tests.alerts.histories.family import DAWN, END, Family
from tests.alerts.running import Deployment, Turn, steps
from tests.alerts.test_laws import standing

law = settings(
    max_examples=settings().max_examples * 25 // 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
turns = st.lists(
    st.builds(Turn, st.integers(0, 11), st.sampled_from((1, 3, 10, 1_000)), st.booleans()),
    max_size=30,
)


def apart(lines: Sequence[Line], partitions: int, taken: Sequence[Turn]) -> Deployment:
    """A deployment whose partitions went on in turns, in which no rule has failed."""
    deployment = Deployment(partitions=partitions).run_apart(steps(lines), taken)
    assert deployment.broken == []
    assert deployment.failed == []
    return deployment


@families
@law
@given(st.data())
def test_how_far_ahead_of_one_another_partitions_are_does_not_matter(
    family: Family, data: st.DataObject
) -> None:
    history = data.draw(family.histories())
    # When all is over a single partition forgets what can't change any more.
    over = [clock(END + data.draw(st.integers(80, 200)) * HOUR_MS)]
    lines = [*history.registers, clock(DAWN), *history.events, *history.after, *over]
    partitions = data.draw(st.sampled_from((2, 4, 12)))
    found = apart(lines, partitions, data.draw(turns))
    assert standing(found) == standing(Deployment().run(steps([*history.lines, *over])))
