"""The score of several seeds: figures by rule, the burden on operators, and the goals."""

from math import ceil
from typing import Any, Final

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from deploy.score.compare import Compared, Tally

# What must be found of what is planted, and what part of the alerts must have a ground.
RECALL_GOALS: Final = {
    "quarantine-breach": 0.98,
    "watch-list-hit": 0.98,
    "adverse-health-code": 0.98,
    "fever": 0.98,
}
PRECISION_GOALS: Final = {"first-seen-vehicle": 0.9}
# One operator watches so many sites, around the clock.
SITES_PER_OPERATOR: Final = 20
_MOST_SENTENCES: Final = 20


class Run(Struct, frozen=True):
    """One seed: what was compared, and the alerts that came or went when everybody was from
    elsewhere. `moved` is the number of plates and identity numbers that were changed for that."""

    seed: int
    lines: int
    compared: Compared
    by_origin: int
    moved: int


class Score(Struct, frozen=True):
    """The score of all seeds together."""

    runs: list[Run]
    scale: str
    hours: float
    sites: int

    def tallies(self) -> dict[str, Tally]:
        """Return the figures by rule, over all seeds."""
        total: dict[str, Tally] = {}
        for run in self.runs:
            for rule, tally in run.compared.tallies.items():
                sum_ = total.setdefault(rule, Tally())
                sum_.planted += tally.planted
                sum_.found += tally.found
                sum_.alerts += tally.alerts
                sum_.explained += tally.explained
                sum_.withdrawn += tally.withdrawn
                sum_.delays_ms += tally.delays_ms
        return dict(sorted(total.items()))

    @property
    def days(self) -> float:
        """Days of all seeds."""
        return len(self.runs) * self.hours / 24

    @property
    def operators(self) -> int:
        """Operators on duty at any time."""
        return ceil(self.sites / SITES_PER_OPERATOR)

    @property
    def raised(self) -> int:
        """Alerts that somebody had to look at, those that were withdrawn later included."""
        return sum(each.alerts + each.withdrawn for each in self.tallies().values())

    def shortfalls(self) -> list[str]:
        """Return every goal that is missed, as a sentence; none = the score is good."""
        tallies, short = self.tallies(), []
        for rule, goal in RECALL_GOALS.items():
            recall = tallies.get(rule, Tally()).recall
            if recall is None or recall < goal:
                short.append(f"recall of {rule} is {_share(recall)}, the goal {goal}")
        for rule, goal in PRECISION_GOALS.items():
            precision = tallies.get(rule, Tally()).precision
            if precision is None or precision < goal:
                short.append(f"precision of {rule} is {_share(precision)}, the goal {goal}")
        for run in self.runs:
            if run.by_origin:
                short.append(f"seed {run.seed}: {run.by_origin} alerts depend on origin")
            if not run.moved:
                short.append(f"seed {run.seed}: nobody was moved, so origin was not tried")
        return short

    def figures(self) -> dict[str, Any]:
        """Return everything for machines."""
        return {
            "scale": self.scale,
            "seeds": [run.seed for run in self.runs],
            "hours": self.hours,
            "lines": sum(run.lines for run in self.runs),
            "rules": {
                rule: {
                    "planted": tally.planted,
                    "found": tally.found,
                    "recall": tally.recall,
                    "alerts": tally.alerts,
                    "explained": tally.explained,
                    "precision": tally.precision,
                    "withdrawn": tally.withdrawn,
                    "median_delay_s": tally.delay_s,
                }
                for rule, tally in self.tallies().items()
            },
            "alerts_per_day": round(self.raised / self.days, 1),
            "operators": self.operators,
            "alerts_per_operator_hour": round(self.raised / (self.days * 24 * self.operators), 2),
            "alerts_by_origin": sum(run.by_origin for run in self.runs),
            "moved": sum(run.moved for run in self.runs),
            "missed": [each for run in self.runs for each in run.compared.missed],
            "broken": [each for run in self.runs for each in run.compared.broken],
            "shortfalls": self.shortfalls(),
        }


def show(score: Score, console: Console) -> None:
    """Print a score for people."""
    figures = score.figures()
    table = Table("rule", "planted", "found", "recall", "alerts", "precise", "withdrawn", "delay", 
                  title=f"{score.scale} county, {len(score.runs)} seeds of "
                  f"{score.hours:g} h, {figures['lines']:,} lines")  # fmt: skip
    for rule, tally in score.tallies().items():
        delay_s = tally.delay_s
        table.add_row(
            rule, str(tally.planted), str(tally.found), _share(tally.recall), str(tally.alerts),
            _share(tally.precision), str(tally.withdrawn),
            "–" if delay_s is None else f"{delay_s:.1f} s",
        )  # fmt: skip
    console.print(table)
    console.print(
        f"{figures['alerts_per_day']:,} alerts a day; {figures['alerts_per_operator_hour']} an "
        f"operator-hour, with {score.operators} operators on duty day and night (one for "
        f"{SITES_PER_OPERATOR} sites)"
    )
    console.print(
        f"{figures['alerts_by_origin']} alerts caused by origin ({figures['moved']:,} plates and "
        "identity numbers moved to another province)"
    )
    for title in ("missed", "broken"):
        for sentence in figures[title][:_MOST_SENTENCES]:
            console.print(f"{title}: {sentence}", highlight=False, soft_wrap=True)
        if (more := len(figures[title]) - _MOST_SENTENCES) > 0:
            console.print(f"{title}: {more} more; --out has all", highlight=False)
    for sentence in figures["shortfalls"]:
        console.print(f"GOAL MISSED: {sentence}", highlight=False, soft_wrap=True)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
