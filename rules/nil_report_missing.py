"""D36 nil-report-missing, 零报告缺报: a reporter has not said that there is nothing to report.

Each day that a `reporter` is filed for, a nil report for that day has to have been made `grace_s`
after `due_local` (of the deployment's zone) at the latest.

- Severity: low; medium when the report of the day before is missing too.
- One alert per reporter and day; quiet gap 7 days. The subject is the reporter.
- A report that was made in time retracts it, however late it is entered; one made later resolves
  it.
- A holiday: file the reporter with an end before it, and again from after it. Filed afterwards, it
  retracts.
- What keeps it quiet: an outage (`source-silent`) of a system through which the reporter reports.

Thresholds:

- `grace_s`: seconds after the due time
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

import msgspec

from rules.dossier import (
    KEPT_MS,
    Dossier,
    Dossiers,
    Kept,
    Raised,
    Report,
    fact_of,
    of_entry,
)
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Subject
from schemas.events import NIL_REPORT
from schemas.joins import Fact
from schemas.registers import Reporter
from schemas.times import DAY_MS, MINUTE_MS, SECOND_MS
from schemas.versions import FOREVER

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
SILENT: Final = "source-silent"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    day, due, minutes, row = match.detail.split("/")
    twice = row != "1"
    return Reason(
        f"The report of {subject.label} for {day} was due at {due} and had not come {minutes} "
        f"minutes later{', nor the one of the day before' if twice else ''}. No outage explains "
        "it.",
        f"{subject.label} 的 {day} 零报告应于 {due} 前报送，逾期 {minutes} 分钟仍未收到"
        f"{'，前一日亦缺报' if twice else ''}；无系统故障可解释。",
    )


def opens(reporter: Reporter) -> Iterator[str]:
    """Every reporter has a dossier."""
    yield f"reporter:{reporter.id}"


def gather(report: Report) -> Iterator[tuple[str, Fact]]:
    """Keep which day a report is for."""
    yield (
        f"reporter:{report.data.reporter}",
        fact_of(
            report,
            what=report.data.day,
        ),
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise every day without a report, medium when the day before had none either (domain: D36).

    A report that was made in time withdraws it, however late it comes; one made later clears it.
    A reporter owes none for a day whose deadline lies outside the entry's validity: so a holiday
    is filed.
    """
    calendar, clock_ms = dossier.calendar, dossier.clock_ms
    # Nobody owes a report before somebody is known to.
    oldest_ms = FOREVER
    for version in dossier.versions("reporter", dossier.name):
        # After a holiday the days are asked about again, and when something is filed.
        dossier.due(version.from_ms)
        dossier.due(version.recorded_ms)
        oldest_ms = min(oldest_ms, max(version.from_ms, version.recorded_ms))
    if oldest_ms > clock_ms:
        return
    first, row = calendar.day(max(oldest_ms, dossier.oldest_ms)), 0
    # One day more than is told, for what came before it.
    for day in range(first - 1, calendar.day(clock_ms) + 2):
        owed = _owed(dossier, day)
        if owed is None:
            continue
        reporter, due_ms = owed
        parameters, policy = dossier.policy(due_ms, due_ms)
        until_ms = due_ms + int(parameters["grace_s"] * SECOND_MS)
        if not dossier.due(until_ms):
            break
        name = date.fromordinal(day + _EPOCH_ORDINAL).isoformat()
        made = [fact for fact in dossier.facts if fact.what == name]
        if any(fact.time_ms <= until_ms for fact in made):
            row = 0
            continue
        silent = _was_silent(dossier, due_ms, until_ms)
        row = row if silent else min(row + 1, 2)
        if day < first:
            continue
        match = of_entry(
            "reporter", dossier.name, until_ms, "low" if row < 2 else "medium", policy,
            grid=reporter.grid,
            detail=f"{name}/{reporter.due_local}/{(until_ms - due_ms) // MINUTE_MS}/{row}",
        )  # fmt: skip
        if silent:
            fact = Fact(until_ms, match.source, match.id, until_ms, match.type)
            yield Kept(SILENT, fact)
            continue
        if made:
            match = msgspec.structs.replace(match, last_ms=made[0].time_ms, outcome="cleared")
        yield Raised(f"{dossier.name}/{name}", "reporter", dossier.name, match)


def _owed(dossier: Dossier, day: int) -> tuple[Reporter, int] | None:
    """Return who owes a report for a day, and by when, if somebody does.

    It was known by then, and is still thought so.
    """
    for version in reversed(dossier.versions("reporter", dossier.name)):
        if version.facts is None:
            continue
        reporter: Reporter = version.facts
        due_ms = dossier.calendar.start_ms(day, _minute(reporter))
        owes = dossier.entry("reporter", dossier.name, due_ms) is reporter
        if owes and dossier.entry("reporter", dossier.name, due_ms, due_ms) is not None:
            return reporter, due_ms
    return None


def _minute(reporter: Reporter) -> int:
    hour, _, minute = reporter.due_local.partition(":")
    return int(hour) * 60 + int(minute)


def _was_silent(dossier: Dossier, first_ms: int, last_ms: int) -> bool:
    """Tell whether a system through which this reporter reports was out."""
    return any(
        dossier.condition(SILENT, f"source:{source}", first_ms, last_ms)
        for source in sorted({fact.source for fact in dossier.facts})
    )


RULE = Rule(
    code="D36",
    name="nil-report-missing",
    major=1,
    version="1.0",
    quiet_gap_ms=7 * DAY_MS,
    defaults={"grace_s": 1800},
    describe=describe,
    dossiers=Dossiers(
        assess=assess,
        keep_ms=KEPT_MS,
        gathers={NIL_REPORT.type: gather},
        opens={"reporter": opens},
    ),
)
