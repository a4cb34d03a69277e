"""What a rule sees that rests on more than one event: the facts under one key, registers, clock.

Such a rule is a pure function of the *set* of facts under a key (an order, a site, a household…),
of the registers and of the engine's clock. So no order of arrival, no repeat, no end of a batch
and no number of partitions can change what it finds; a late fact is just a fact.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from rules.entries import Filed
from rules.facts import NEWEST, Check, Parameters, Read, SiteFacts
from rules.match import Happened, Match, of_event
from schemas.alerts import EvidenceClass, Outcome, Severity
from schemas.joins import Fact, LookBack
from schemas.times import DAY_MS
from schemas.versions import FOREVER

# What register entries and deadlines are shown as, where an alert lists its evidence.
WORKER = "cordon/worker"
REGISTER = "register"
# What a rule finds by the clock alone (a day without a report) it finds this far back and no
# further: an alert that old is settled. Such a rule keeps its facts for `KEPT_MS` at least.
BACK_MS = 11 * DAY_MS
KEPT_MS = 9 * DAY_MS


class Passing(Struct, frozen=True):
    """A vehicle seen at a site: a camera's reading or a scan. `plate` "" = none was read.

    `occupants` is None for a camera, which sees no persons; `stays` are (area, from, to) as
    declared, the ends as posted.
    """

    read: Read
    site: SiteFacts
    lane: str | None = None
    plate_colour: str | None = None
    aux_plate: str | None = None
    vehicle_type: str | None = None
    vehicle_colour: str | None = None
    occupants: int | None = None
    stays: tuple[tuple[str, str, str], ...] = ()
    destination_grid: str | None = None
    is_online: bool = True


class Report(Struct, frozen=True):
    """A field report or a code change: `data` is its struct in schemas.events."""

    time_ms: int
    recorded_ms: int
    source: str
    id: str
    type: str
    data: Any


Seen = Passing | Check | Report | LookBack
# From an event to the facts that a rule keeps of it, each under the key whose dossier it joins.
# It looks at the event alone: whatever may be filed later is asked by `assess`.
Gather = Callable[[Any], Iterable[tuple[str, Fact]]]
# From an entry of a register to the keys whose dossiers it opens.
Opens = Callable[[Any], Iterable[str]]


class Raised(Struct, frozen=True):
    """A match under a dedupe key, about `who`: a plate, a person key, or the name of a `kind`."""

    dedupe: str
    kind: str
    who: str
    match: Match


class Kept(Struct, frozen=True):
    """What would have been a match at a place, and the named reason that kept it from being one."""

    by: str
    fact: Fact


class Told(Struct, frozen=True):
    """A condition that rules in every partition may ask about, and when it held, ms UTC.

    `spans` are all that are known of it; an open one ends at FOREVER.
    """

    kind: str
    subject: str
    spans: tuple[tuple[int, int], ...]


class Passed(Struct, frozen=True):
    """A fact for another dossier, which has it as long as this one yields it.

    So what is known only of the registers (a person's household) can bring facts together, and one
    rule can feed another: `rule` is its name, "" = the same rule.
    """

    key: str
    fact: Fact
    rule: str = ""


# What a rule says of a dossier.
Said = Raised | Kept | Told | Passed


class Books(Protocol):
    """The registers by name, subject and version."""

    def versions_of(self, register: str, entry_id: str) -> Sequence[Filed]:
        """Return all versions of an entry in order of filing."""

    def governing(self, register: str, entry_id: str, at_ms: int, known_ms: int) -> Any | None:
        """Return what governs an instant as known at another, None = nothing."""

    def about(self, register: str, subject: str) -> Sequence[str]:
        """Return the ids of the entries that ever named a subject, in order."""

    def policy(self, rule: str, at_ms: int, known_ms: int) -> tuple[Parameters, str]:
        """Return a rule's parameters and the version of the policy."""


class Calendar(Protocol):
    """Days in the deployment's time zone."""

    def day(self, at_ms: int) -> int:
        """Return the number of the day in which an instant lies, from 1970-01-01 = 0."""

    def start_ms(self, day: int, minute: int = 0) -> int:
        """Return the instant, ms UTC, of a minute of a day."""


class Dossier:
    """All that there is under one key. It notes what was asked, so the engine asks anew when that
    changes: an entry that is filed, a condition that is told, an instant that comes."""

    def __init__(
        self,
        rule: str,
        key: str,
        facts: Sequence[Fact],
        clock_ms: int,
        books: Books,
        conditions: Mapping[tuple[str, str], Sequence[tuple[int, int]]],
        calendar: Calendar,
        joint_ms: int | None = None,
    ) -> None:
        """`joint_ms` is up to when the engine knows of everything, None = by its clock."""
        self.key = key
        self.facts = facts
        self.clock_ms = clock_ms
        # What a rule finds by the clock alone is settled when it lies before that.
        self.oldest_ms = (clock_ms if joint_ms is None else joint_ms) - BACK_MS
        self.calendar = calendar
        self.asked: set[str] = set()
        self.next_ms = FOREVER
        self._rule = rule
        self._books = books
        self._conditions = conditions

    @property
    def name(self) -> str:
        """The key without its kind."""
        return self.key.partition(":")[2]

    def due(self, at_ms: int) -> bool:
        """Tell whether an instant has come; where it has not, the rule is asked again then."""
        if at_ms <= self.clock_ms:
            return True
        self.next_ms = min(self.next_ms, at_ms)
        return False

    def entry(self, register: str, entry_id: str, at_ms: int, known_ms: int = NEWEST) -> Any | None:
        """Return what a register says of an entry (rules.entries.facts_of), None = nothing."""
        self.asked.add(f"{register}/{entry_id}")
        return self._books.governing(register, entry_id, at_ms, known_ms)

    def versions(self, register: str, entry_id: str) -> Sequence[Filed]:
        """Return all filings of an entry, in their order."""
        self.asked.add(f"{register}/{entry_id}")
        return self._books.versions_of(register, entry_id)

    def about(
        self, register: str, subject: str, at_ms: int, known_ms: int = NEWEST
    ) -> list[tuple[str, Any]]:
        """Return (id, what it says) of the entries about a subject that govern an instant."""
        return [
            (entry_id, facts)
            for entry_id in self.named(register, subject)
            if (facts := self.entry(register, entry_id, at_ms, known_ms)) is not None
        ]

    def named(self, register: str, subject: str) -> Sequence[str]:
        """Return the ids of the entries that ever named a subject, in order."""
        self.asked.add(f"{register}~{subject}")
        return self._books.about(register, subject)

    def condition(self, kind: str, subject: str, first_ms: int, last_ms: int | None = None) -> bool:
        """Tell whether a condition held at some time in a span, both ends included."""
        self.asked.add(f"{kind}!{subject}")
        last_ms = first_ms if last_ms is None else last_ms
        spans = self._conditions.get((kind, subject), ())
        return any(begin <= last_ms and end >= first_ms for begin, end in spans)

    def policy(
        self, at_ms: int, known_ms: int = NEWEST, *, of: str | None = None
    ) -> tuple[Parameters, str]:
        """Return the parameters of the rule, or `of` another, and the version of the policy."""
        self.asked.add("policy~")
        return self._books.policy(of or self._rule, at_ms, known_ms)


Assess = Callable[[Dossier], Iterable[Said]]
# From all facts under a key to those that are kept of them. In whatever order and portions facts
# come, what is kept must be the same; of two at one place, the later in the sequence came later.
Merge = Callable[[Sequence[Fact]], Iterable[Fact]]


class Dossiers(Struct, frozen=True):
    """How a rule about dossiers is asked.

    `gathers` says by event type what is kept of an event, `opens` by register which keys an entry
    opens without any event. `keep_ms` is the rule's longest window: facts are kept for that and
    for the 72 h in which a late event may still come. `roles` are the roles of sites at
    which every reading of every plate is gathered; elsewhere a known vehicle passes unasked.
    With `merge` one fact may stand for many; `adds` is its short way for a fact that only changes
    the one at its place (None = it is not such a fact). The `newest` facts stay however old they
    are.
    """

    assess: Assess
    keep_ms: int
    gathers: Mapping[str, Gather] = {}
    opens: Mapping[str, Opens] = {}
    roles: frozenset[str] = frozenset()
    merge: Merge | None = None
    adds: Callable[[Fact, Fact], Fact | None] | None = None
    newest: int = 0


def fact_of(
    event: Happened,
    site: str = "",
    what: str = "",
    who: str = "",
    value: float = 0.0,
    proof: EvidenceClass = "system",
) -> Fact:
    """Return the fact of a check, a reading or a report; what it says besides is the rule's."""
    return Fact(
        event.time_ms,
        event.source,
        event.id,
        event.recorded_ms,
        event.type,
        site,
        what=what,
        who=who,
        value=value,
        proof=proof,
    )


def of_fact(
    fact: Fact,
    severity: Severity,
    policy: str,
    *,
    proof: EvidenceClass | None = None,
    grid: str | None = None,
    order: str | None = None,
    detail: str = "",
    outcome: Outcome | None = None,
) -> Match:
    """Return the match of a fact, under the ceiling of its proof and its lateness."""
    return of_event(
        fact,
        fact.site,
        grid,
        severity,
        proof or fact.proof,
        policy,
        order=order,
        detail=detail,
        outcome=outcome,
    )


def of_entry(
    register: str,
    entry_id: str,
    at_ms: int,
    severity: Severity,
    policy: str,
    *,
    recorded_ms: int | None = None,
    proof: EvidenceClass = "system",
    site: str = "",
    grid: str | None = None,
    order: str | None = None,
    detail: str = "",
    outcome: Outcome | None = None,
) -> Match:
    """Return the match of a register entry at an instant: a notice's own time, or a deadline.

    A deadline is never late; a notice is when it was filed long after (`recorded_ms`).
    """
    fact = fact_of_entry(register, entry_id, at_ms, recorded_ms=recorded_ms, proof=proof, site=site)
    return of_fact(fact, severity, policy, grid=grid, order=order, detail=detail, outcome=outcome)


def fact_of_entry(
    register: str,
    entry_id: str,
    at_ms: int,
    *,
    recorded_ms: int | None = None,
    proof: EvidenceClass = "system",
    site: str = "",
) -> Fact:
    """Return what a register entry says at an instant, as a fact."""
    recorded_ms = at_ms if recorded_ms is None else recorded_ms
    kind = f"cordon.{register}.put.v1"
    return Fact(at_ms, REGISTER, f"{register}/{entry_id}", recorded_ms, kind, site, proof=proof)
