"""Laws of what is joined across partitions: in the end everybody knows which device was biased.

How soon a partition learns it depends on the order of arrival and on where batches end; so an
alert may have stood for a moment or not. What stands in the end may not depend on it.
"""

from collections.abc import Collection
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.times import HOUR_MS, MINUTE_MS, parse_ms
from tests.alerts.build import NUMBERS, Line, check, clock, is_register, policy, recorded_ms
from tests.alerts.running import Deployment, Step, steps
from tests.alerts.test_laws import DAWN, END, law, standing

WHO = tuple(NUMBERS)


@st.composite
def queues(draw: st.DrawFn) -> list[Line]:
    """People are measured at two desks, one of which reads too warm now and then."""
    lines: list[Line] = [
        policy("read-quality", filed="02-01 00:00", readings=draw(st.integers(5, 7)))
    ]
    when = DAWN
    warm = draw(st.booleans())
    for number in range(draw(st.integers(5, 40))):
        when += draw(st.sampled_from((1, 3, 6, 90))) * MINUTE_MS
        if draw(st.integers(0, 9)) == 0:
            warm = not warm
        desk = draw(st.sampled_from(("a", "a", "b")))
        normal = (36.2, 36.5, 36.6, 37.4, 38.1)
        raised = (36.9, 37.2, 37.4, 37.6, 38.2)
        late = draw(st.sampled_from((0, 0, 0, 40 * MINUTE_MS, 5 * HOUR_MS)))
        lines.append(
            check(
                draw(st.sampled_from(WHO)), draw(st.sampled_from(("inner", "exit"))), when,
                temperature=draw(st.sampled_from(raised if warm and desk == "a" else normal)),
                recorded=when + late, event_id=f"c{number}", desk=desk,
            )
        )  # fmt: skip
    return [*sorted(lines, key=recorded_ms), clock(END)]


def arriving(queue: list[Line]) -> list[Step]:
    """What arrives of a queue."""
    assert is_register(queue[0])
    return steps(queue)


@law
@given(queues(), st.sampled_from((4, 12)))
def test_the_number_of_partitions_does_not_matter(queue: list[Line], partitions: int) -> None:
    many = Deployment(partitions=partitions).run(arriving(queue))
    assert standing(many) == standing(Deployment().run(arriving(queue)))


@law
@given(queues(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(queue: list[Line], chance: Any) -> None:
    steps = arriving(queue)
    shuffled = steps[1:-1]
    chance.shuffle(shuffled)
    other = Deployment(partitions=2).run([steps[0], *shuffled, steps[-1]])
    assert standing(other) == standing(Deployment().run(steps))


@law
@given(queues(), st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40), max_size=4))
def test_neither_batches_nor_crashes_matter(
    queue: list[Line], commits: Collection[int], crashes: Collection[int]
) -> None:
    steps = arriving(queue)
    other = Deployment(partitions=3).run(steps, commits=commits, crashes=crashes)
    assert standing(other) == standing(Deployment().run(steps))


@law
@given(queues())
def test_no_fever_rests_on_a_biased_device(queue: list[Line]) -> None:
    run = Deployment().run(arriving(queue))
    book = run.engines[0].book
    biased = {
        line["id"]
        for line in queue[1:-1]
        for first_ms, last_ms in book.biased.get(line["source"], ())
        if first_ms <= parse_ms(line["time"]) <= last_ms
    }
    fevers = [
        match.id
        for (rule, _), history in book.histories.items()
        if rule == "fever"
        for match in history.matches
    ]
    assert not biased & set(fevers)
    told = {each[8].label for each in standing(run) if each[1] == "read-quality"}
    assert told == {source for source, spans in book.biased.items() if spans}
