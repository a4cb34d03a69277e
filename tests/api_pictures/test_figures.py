"""Figures over time, from events with literal times."""

from typing import Any

from schemas.times import HOUR_MS, format_ms, parse_ms
from services.api.overdue import DEFAULTS
from services.api.pictures.figures import Happening, Told, figures_of, rank

NOON = parse_ms("2026-03-02T12:00:00Z")


def happening(
    verb: str, at_s: float, alert_id: str = "a", actor: str | None = None, **data: Any
) -> Happening:
    told = {"rule": "fever", "severity": "high", "state": "open", "historical": False, **data}
    at_ms = NOON + round(1000 * at_s)
    return Happening(
        type=f"cordon.alert.{verb}.v1",
        time=format_ms(at_ms - 40),
        data=Told(id=alert_id, **told),
        actor=actor,
        committed_ms=at_ms,
    )


def figures(*happened: Happening, hours: int = 2) -> Any:
    return figures_of(happened, NOON, NOON + hours * HOUR_MS, HOUR_MS, DEFAULTS)


def test_alerts_are_counted_by_rule_and_grid_in_the_step_of_their_commit() -> None:
    found = figures(
        happening("raised", 0, "a", grid="g1"),
        happening("raised", 10, "b", rule="watch-list-hit", grid="g1"),
        happening("updated", 20, "b", rule="watch-list-hit"),
        happening("raised", 3_600, "c"),
    )
    first, second = found.steps
    assert (first.raised, first.rules) == (2, {"fever": 1, "watch-list-hit": 1})
    assert (first.grids, second.grids) == ({"g1": 2}, {})
    assert (second.at, second.raised) == ("2026-03-02T13:00:00.000Z", 1)
    assert first.delay_ms == 40


def test_what_somebody_takes_on_in_time_is_told_in_the_step_in_which_it_was_raised() -> None:
    found = figures(
        happening("raised", 3_590, "a"),
        happening("acked", 3_620, "a", actor="li"),
        happening("dispatched", 3_700, "a", actor="li"),
        happening("raised", 0, "b"),
        happening("resolved", 400, "b", actor="wang", outcome="confirmed"),
    )
    first, second = found.steps
    assert (first.waited, first.in_time, first.acked_s) == (2, 1, [400.0, 400.0])
    assert (first.actors, second.actors) == (1, 1)
    assert second.acked_s is None


def test_what_still_waits_is_late_once_its_limit_is_over() -> None:
    found = figures(happening("raised", 0, "a"), happening("raised", 7_190, "b"))
    assert [(step.waited, step.in_time) for step in found.steps] == [(1, 0), (0, 0)]


def test_nobody_waits_for_what_is_low_historical_capped_silenced_or_withdrawn() -> None:
    found = figures(
        happening("raised", 0, "a", severity="low"),
        happening("raised", 0, "b", historical=True),
        happening("raised", 0, "c", capped_by="s"),
        happening("raised", 0, "d", silenced_by=["x"]),
        happening("raised", 0, "e"),
        happening("retracted", 1, "e", state="retracted"),
    )
    assert (found.steps[0].raised, found.actionable, found.steps[0].waited) == (5, 1, 0)
    assert figures(happening("raised", 0, historical=True)).steps[0].delay_ms is None


def test_outcomes_are_those_that_people_found_and_nobody_took_back() -> None:
    found = figures(
        happening("resolved", 0, "a", actor="li", outcome="false"),
        happening("resolved", 9, "b", actor="li", outcome="confirmed"),
        happening("resolved", 9, "c", outcome="expired"),
        happening("resolved", 9, "d", actor="li", outcome="false"),
        happening("reopened", 10, "d"),
        happening("reopened", 10, "e", rule="watch-list-hit"),
    )
    [only] = found.precision
    assert (only.rule, only.outcomes) == ("fever", {"false": 1, "confirmed": 1})


def test_an_operators_hour_is_an_hour_in_which_somebody_acted() -> None:
    found = figures(
        happening("acked", 0, "a", actor="li"),
        happening("noted", 60, "a", actor="li"),
        happening("acked", 60, "b", actor="wang"),
        happening("acked", 3_700, "c", actor="li"),
    )
    assert found.operator_hours == 3


def test_the_last_step_may_be_shorter() -> None:
    found = figures_of([], NOON, NOON + HOUR_MS + 1, HOUR_MS, DEFAULTS)
    assert len(found.steps) == 2
    assert (found.precision, found.operator_hours) == ([], 0)


def test_a_rank_is_a_value_that_was_there() -> None:
    assert [rank([1, 2, 3, 4], share) for share in (0.0, 0.5, 0.9, 1.0)] == [1, 3, 4, 4]
