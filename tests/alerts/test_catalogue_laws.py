"""Laws that hold for every rule of the catalogue, tried on histories of every family of rules.

How soon a partition learns what another knows depends on the order of arrival and on where batches
end; so an alert may have stood for a moment or not. What stands in the end may not depend on it.
"""

import copy
from collections.abc import Collection, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.catalogue import BY_NAME
from rules.dossier import Dossier
from schemas.registers import REGISTERS
from schemas.times import DAY_MS
from services.alerts.engine.calendar import LocalDays
from tests.alerts.build import Line, clock, recorded_ms, world
from tests.alerts.histories import FAMILIES
from tests.alerts.histories.family import DAWN, Family, History
from tests.alerts.running import Deployment, steps
from tests.alerts.test_laws import standing

law = settings(
    max_examples=settings().max_examples * 25 // 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
some = st.sets(st.integers(0, 40), max_size=12)


def ran(lines: Sequence[Line], partitions: int = 1, **how: Any) -> Deployment:
    """A deployment after some lines, in which no rule has failed."""
    deployment = Deployment(partitions=partitions).run(steps(lines), **how)
    assert deployment.broken == []
    assert deployment.failed == []
    return deployment


def out_of_order(history: History, data: st.DataObject) -> Sequence[Line]:
    """The registers read to the end first, then the events in any order, some of them twice.

    A repeat, and an event that was corrected before it came, is known as such for a day.
    """
    again = data.draw(st.lists(st.sampled_from(history.events), max_size=2))
    shuffled = data.draw(st.permutations([*history.events, *again]))
    return [*history.registers, clock(DAWN), *remembered(shuffled), *history.after]


def remembered(lines: Sequence[Line]) -> list[Line]:
    """The lines in their order, but for those whose identity might be forgotten meanwhile: repeats
    are left out, and what was corrected long ago comes first.

    A partition's clock is at least that of the last tick, and at most that of all events.
    """
    newest_ms, tick_ms = DAWN, DAWN
    known, kept, early = dict[str, int](), list[Line](), list[Line]()
    for line in lines:
        newest_ms = max(newest_ms, recorded_ms(line))
        if "id" not in line:
            tick_ms = max(tick_ms, recorded_ms(line))
            kept.append(line)
            continue
        since_ms = known.setdefault(line["id"], tick_ms)
        if "corrects" in line:
            known.setdefault(line["corrects"], tick_ms)
        if newest_ms - since_ms < DAY_MS:
            kept.append(line)
        elif all(line["id"] != other.get("id") for other in kept):
            early.append(line)
    return [*early, *kept]


@families
@law
@given(st.data())
def test_the_same_input_gives_the_same_output(family: Family, data: st.DataObject) -> None:
    arriving = steps(data.draw(family.histories()).lines)
    before = copy.deepcopy(arriving)
    one, other = Deployment().run(arriving), Deployment().run(arriving)
    assert arriving == before
    assert one.findings == other.findings


@families
@law
@given(st.data())
def test_no_rule_changes_what_it_is_given(family: Family, data: st.DataObject) -> None:
    """Facts and registers are after the question what they were, and so is the answer."""
    history = data.draw(family.histories())
    (engine,) = ran(history.lines).engines
    book, registers = engine.book, world(*history.registers)
    given = (book.facts, book.conditions, [registers.versions(name) for name in REGISTERS])
    before = copy.deepcopy(given)
    for (rule, key), facts in book.facts.items():
        dossiers = BY_NAME[rule].dossiers
        assert dossiers is not None
        one, other = (
            list(
                dossiers.assess(
                    Dossier(
                        rule, key, [facts[place] for place in sorted(facts)], book.clock_ms,
                        registers, book.conditions, LocalDays("Asia/Shanghai"),
                    )
                )
            )
            for _ in range(2)
        )  # fmt: skip
        assert one == other
    assert given == before


@families
@law
@given(st.data())
def test_neither_batches_nor_crashes_nor_partitions_matter(
    family: Family, data: st.DataObject
) -> None:
    lines = data.draw(family.histories()).lines
    wanted = standing(ran(lines))
    commits: Collection[int] | None = data.draw(st.one_of(st.none(), some))
    if commits is not None:
        # However many events a batch has, they came within hours of one another.
        commits = {*commits, *(n for n, step in enumerate(steps(lines)) if step.subject == "")}
    crashes = data.draw(st.one_of(st.just(frozenset[int]()), some))
    partitions = data.draw(st.sampled_from((1, 4, 12)))
    assert standing(ran(lines, partitions, commits=commits, crashes=crashes)) == wanted


@families
@law
@given(st.data())
def test_the_order_of_arrival_does_not_matter(family: Family, data: st.DataObject) -> None:
    """Corrections included, and repeats, and how far ahead the registers are read."""
    history = data.draw(family.histories())
    lines = out_of_order(history, data)
    partitions = data.draw(st.sampled_from((1, 1, 4)))
    assert standing(ran(lines, partitions)) == standing(ran(history.lines))
