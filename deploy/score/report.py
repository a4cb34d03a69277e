"""The score of several seeds: figures by rule, the burden on operators, and the goals."""

from typing import Any, Final

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from deploy.score.compare import Compared, Tally

# Of the rules that raise what is critical or high nearly every case must be found.
URGENT_RULES: Final = (
    "watch-list-hit",
    "adverse-health-code",
    "fever",
    "forced-gate",
    "quarantine-breach",
    "missed-check-in",
    "transfer-not-arrived",
    "risk-area-arrival",
    "worker-non-compliant",
)
# Cases of these come at their time of day, which a short run may not have.
DAILY_RULES: Final = ("missed-check-in",)
LEAST_RECALL: Final = 0.98
# What part of the alerts must have a ground, rule by rule.
LEAST_PRECISE_URGENT: Final = 0.95
LEAST_PRECISE_MEDIUM: Final = 0.85
# With a tenth of the frames misread, one false first-seen vehicle is allowed for so many readings.
READS_PER_FALSE: Final = 2_000
FIRST_SEEN: Final = "first-seen-vehicle"
# Four operators are on duty around the clock, and each can act on so many alerts an hour.
OPERATORS: Final = 4
MOST_ACTIONABLE: Final = 12.0
_MOST_SENTENCES: Final = 20


class Run(Struct, frozen=True):
    """One seed: what was compared, and the alerts that came or went when everybody was from
    elsewhere. `moved` is the number of plates and identity numbers that were changed for that."""

    seed: int
    lines: int
    reads: int
    compared: Compared
    by_origin: int
    moved: int


class Score(Struct, frozen=True):
    """The score of all seeds together."""

    runs: list[Run]
    scale: str
    hours: float

    def tallies(self) -> dict[str, Tally]:
        """Return the figures by rule, over all seeds."""
        total: dict[str, Tally] = {}
        for run in self.runs:
            for rule, tally in run.compared.tallies.items():
                total.setdefault(rule, Tally()).add(tally)
        return dict(sorted(total.items()))

    @property
    def days(self) -> float:
        """Days of all seeds."""
        return len(self.runs) * self.hours / 24

    @property
    def raised(self) -> int:
        """Alerts that somebody had to look at, those that were withdrawn later included."""
        return sum(each.alerts + each.withdrawn for each in self.tallies().values())

    @property
    def reads(self) -> int:
        """Readings of plates, without previews."""
        return sum(run.reads for run in self.runs)

    @property
    def actionable(self) -> float:
        """Alerts an operator-hour about which somebody has to do something."""
        count = sum(each.actionable for each in self.tallies().values())
        return count / (self.days * 24 * OPERATORS)

    @property
    def false_first_seen(self) -> int:
        """Vehicles that were told to be here for the first time, and are not."""
        tally = self.tallies().get(FIRST_SEEN, Tally())
        return tally.alerts - tally.explained

    def shortfalls(self) -> list[str]:
        """Return every goal that is missed, as a sentence; none = the score is good."""
        tallies, short = self.tallies(), []
        for rule in URGENT_RULES:
            recall = tallies.get(rule, Tally()).recall
            if recall is None and rule in DAILY_RULES and self.hours < 24:
                continue
            if recall is None or recall < LEAST_RECALL:
                short.append(f"recall of {rule} is {_share(recall)}, the goal {LEAST_RECALL}")
        for rule, tally in tallies.items():
            for name, count, explained, goal in (
                ("critical and high", tally.urgent, tally.urgent_explained, LEAST_PRECISE_URGENT),
                ("medium", tally.medium, tally.medium_explained, LEAST_PRECISE_MEDIUM),
            ):
                if explained < goal * count:
                    short.append(f"precision of {rule}, {name}, is {_share(explained / count)}, "
                                 f"the goal {goal}")  # fmt: skip
        if self.false_first_seen * READS_PER_FALSE > self.reads:
            short.append(f"{self.false_first_seen} false first-seen vehicles in {self.reads:,} "
                         f"readings, the goal one in {READS_PER_FALSE:,}")  # fmt: skip
        if self.actionable > MOST_ACTIONABLE:
            short.append(f"{self.actionable:.1f} actionable alerts an operator-hour, the goal "
                         f"{MOST_ACTIONABLE:g}")  # fmt: skip
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
                    "urgent": tally.urgent,
                    "urgent_explained": tally.urgent_explained,
                    "medium": tally.medium,
                    "medium_explained": tally.medium_explained,
                    "actionable": tally.actionable,
                    "withdrawn": tally.withdrawn,
                    "median_delay_s": tally.delay_s,
                }
                for rule, tally in self.tallies().items()
            },
            "alerts_per_day": round(self.raised / self.days, 1),
            "operators": OPERATORS,
            "alerts_per_operator_hour": round(self.raised / (self.days * 24 * OPERATORS), 2),
            "actionable_alerts_per_operator_hour": round(self.actionable, 2),
            "reads": self.reads,
            "reads_per_day": round(self.reads / self.days),
            "false_first_seen": self.false_first_seen,
            "alerts_by_origin": sum(run.by_origin for run in self.runs),
            "moved": sum(run.moved for run in self.runs),
            "missed": [each for run in self.runs for each in run.compared.missed],
            "broken": [each for run in self.runs for each in run.compared.broken],
            "unexplained": [each for run in self.runs for each in run.compared.unexplained],
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
        f"{figures['alerts_per_day']:,} alerts a day, of {figures['reads_per_day']:,} readings of "
        f"plates; {figures['alerts_per_operator_hour']} an operator-hour, "
        f"{figures['actionable_alerts_per_operator_hour']} of them actionable, with {OPERATORS} "
        "operators on duty day and night"
    )
    console.print(
        f"{figures['false_first_seen']} false first-seen vehicles in {figures['reads']:,} readings"
    )
    console.print(
        f"{figures['alerts_by_origin']} alerts caused by origin ({figures['moved']:,} plates and "
        "identity numbers moved to another province)"
    )
    for title in ("missed", "broken", "unexplained"):
        for sentence in figures[title][:_MOST_SENTENCES]:
            console.print(f"{title}: {sentence}", highlight=False, soft_wrap=True)
        if (more := len(figures[title]) - _MOST_SENTENCES) > 0:
            console.print(f"{title}: {more} more; --out has all", highlight=False)
    for sentence in figures["shortfalls"]:
        console.print(f"GOAL MISSED: {sentence}", highlight=False, soft_wrap=True)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
