"""The stage of rules about dossiers: facts go under their keys, and what changed is asked anew.

A dossier is asked again when a fact comes, when an entry or a condition that the rule asked about
changes, and when an instant comes that it waits for. What it finds replaces what it found before.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from rules.catalogue import BY_NAME, CATALOGUE
from rules.dossier import Calendar, Dossier, Gather, Kept, Merge, Opens, Passed, Raised, Said, Seen
from rules.match import Match
from rules.registers import Change, Registers
from rules.rule import Rule
from schemas.joins import ConditionTold, Fact, FactTold, Join
from schemas.suppressions import reason_of
from schemas.times import HOUR_MS
from schemas.versions import FOREVER
from services.alerts.engine import episodes
from services.alerts.engine.book import Book, DossierId, Held
from services.alerts.engine.findings import LATE_MS, Findings

# The key of a dossier's deadline is this, the rule's name and the dossier's key.
DEADLINE: Final = "f/"
# A source that floods one key is cut off here; the newest facts stay.
MOST_FACTS: Final = 5_000

_GATHERED: dict[str, list[tuple[str, Gather]]] = defaultdict(list)
_OPENED: dict[str, list[tuple[str, Opens]]] = defaultdict(list)
for _rule in CATALOGUE:
    if _rule.dossiers is not None:
        for _type, _gather in _rule.dossiers.gathers.items():
            _GATHERED[_type].append((_rule.name, _gather))
        for _register, _opens in _rule.dossiers.opens.items():
            _OPENED[_register].append((_rule.name, _opens))
_MERGED: Final[dict[str, Merge]] = {
    rule.name: rule.dossiers.merge
    for rule in CATALOGUE
    if rule.dossiers is not None and rule.dossiers.merge is not None
}
_ADDS: Final = {
    rule.name: rule.dossiers.adds
    for rule in CATALOGUE
    if rule.dossiers is not None and rule.dossiers.adds is not None
}
# Roles of sites at which some rule wants every reading.
ROLES = frozenset(
    role for rule in CATALOGUE if rule.dossiers is not None for role in rule.dossiers.roles
)


class Dossiers:
    """The dossiers of one partition."""

    def __init__(
        self,
        book: Book,
        registers: Registers,
        findings: Findings,
        counts: Counter[str],
        owns: Callable[[str], bool],
        calendar: Calendar,
    ) -> None:
        self._book = book
        self._registers = registers
        self._findings = findings
        self._counts = counts
        self._owns = owns
        self._calendar = calendar
        self._asking: dict[str, set[DossierId]] = defaultdict(set)
        self._asked: dict[DossierId, set[str]] = {}
        # By source, so that a correction looks at few of them.
        self._told_by: dict[str, set[DossierId]] = defaultdict(set)
        self._note_sources()
        self.joins: list[tuple[str | None, Join]] = []
        self.broken: list[str] = []
        # Whatever was filed while nobody was on duty takes its effect.
        self.changed: set[DossierId] = {*book.facts, *book.held}
        for register in _OPENED:
            for entry_id in registers.versions(register):
                self._open(register, entry_id)

    # What comes in.

    def gather(self, seen: Seen, event_type: str) -> None:
        """File what the rules keep of an event, here or in the partition of its key."""
        for rule, gather in _GATHERED.get(event_type, ()):
            for key, fact in gather(seen):
                self.hand(rule, key, fact)

    def owns(self, key: str) -> bool:
        """Tell whether a key belongs to this partition."""
        return self._owns(key)

    def hand(self, rule: str, key: str, fact: Fact, *, gone: bool = False) -> None:
        """Bring a fact to its dossier, or take it back, here or in the partition of its key."""
        if not self._owns(key):
            self.joins.append((key, FactTold(rule=rule, key=key, fact=fact, gone=gone)))
        elif gone:
            self._take_back(rule, key, fact)
        else:
            self.file(rule, key, fact)

    def file(self, rule: str, key: str, fact: Fact) -> None:
        """Put a fact into its dossier; one at the same place is replaced."""
        facts = self._book.facts.setdefault((rule, key), {})
        merge = _MERGED.get(rule)
        if merge is None and facts.get(fact.place) == fact:
            return
        held = self._book.held.get((rule, key))
        if held is not None and fact.time_ms < held.settled_ms:
            self._counts["facts-too-late"] += 1
            return
        if merge is not None:
            if self._add(rule, key, facts, fact):
                return
            self._merge(rule, key, {each.place: each for each in merge([*facts.values(), fact])})
            return
        facts[fact.place] = fact
        self._note(rule, key, fact)
        self.changed.add((rule, key))
        self._limit(rule, key, facts)

    def _add(self, rule: str, key: str, facts: dict[episodes.Place, Fact], fact: Fact) -> bool:
        """Add a fact to the one at its place, where that changes no other."""
        before, adds = facts.get(fact.place), _ADDS.get(rule)
        after = adds(before, fact) if adds is not None and before is not None else None
        if after is None:
            return False
        facts[fact.place] = after
        self._note(rule, key, after)
        self.changed.add((rule, key))
        return True

    def _merge(self, rule: str, key: str, after: dict[episodes.Place, Fact]) -> None:
        before = self._book.facts[rule, key]
        for place in before.keys() | after.keys():
            fact = after.get(place) or before[place]
            if before.get(place) != after.get(place):
                self._note(rule, key, fact)
                self.changed.add((rule, key))
        self._book.facts[rule, key] = after
        self._limit(rule, key, after)

    def _limit(self, rule: str, key: str, facts: dict[episodes.Place, Fact]) -> None:
        if len(facts) > MOST_FACTS:
            oldest = facts.pop(min(facts))
            self._note(rule, key, oldest)
            self._counts["facts-pushed-out"] += 1

    def _take_back(self, rule: str, key: str, fact: Fact) -> None:
        facts = self._book.facts.get((rule, key), {})
        if facts.get(fact.place) != fact:
            return
        del facts[fact.place]
        if not facts:
            del self._book.facts[rule, key]
        self._note(rule, key, fact)
        self.changed.add((rule, key))

    def _note(self, rule: str, key: str, fact: Fact) -> None:
        self._told_by[fact.source].add((rule, key))
        self._book.changed.add(("f", rule, key, *map(str, fact.place)))

    def _note_sources(self) -> None:
        self._told_by.clear()
        for which, facts in self._book.facts.items():
            for _, source, _ in facts:
                self._told_by[source].add(which)

    def take_out(self, source: str, ids: frozenset[str]) -> None:
        """Take out the facts of one event, which may have several ids."""
        for which in sorted(self._told_by.get(source, ())):
            facts = self._book.facts.get(which, {})
            # One event may be several facts: then they are numbered.
            for place in [
                (time_ms, of, fact_id)
                for time_ms, of, fact_id in facts
                if of == source and (fact_id in ids or fact_id.rpartition("#")[0] in ids)
            ]:
                self._note(*which, facts.pop(place))
                self.changed.add(which)

    def take(self, join: FactTold | ConditionTold) -> None:
        """Take in what another partition tells."""
        if isinstance(join, FactTold):
            if join.rule in BY_NAME and join.gone:
                self._take_back(join.rule, join.key, join.fact)
            elif join.rule in BY_NAME:
                self.file(join.rule, join.key, join.fact)
            return
        name = (join.kind, join.subject)
        if self._book.conditions.get(name, []) == join.spans:
            return
        self._book.conditions[name] = join.spans
        self._book.changed.add(("k", *name))
        self._ask_anew(f"{join.kind}!{join.subject}")

    def review(self, changes: Iterable[Change]) -> None:
        """Note which dossiers a change of the registers concerns."""
        for change in changes:
            self._open(change.register, change.id)
            self._ask_anew(f"{change.register}/{change.id}")
            self._ask_anew(f"{change.register}~")
            for subject in change.subjects:
                self._ask_anew(f"{change.register}~{subject}")

    def _open(self, register: str, entry_id: str) -> None:
        for rule, opens in _OPENED.get(register, ()):
            for version in self._registers.versions_of(register, entry_id):
                if version.facts is not None:
                    for key in opens(version.facts):
                        if self._owns(key):
                            self.changed.add((rule, key))

    def _ask_anew(self, about: str) -> None:
        self.changed |= self._asking.get(about, set())

    # What comes of it.

    def settle(self, clock_ms: int) -> None:
        """Ask about every dossier that changed."""
        while self.changed:
            changed, self.changed = sorted(self.changed), set()
            for each in changed:
                self._ask(each, clock_ms)

    def deadline(self, key: str, due_ms: int) -> None:
        """An instant has come that a dossier waits for."""
        rule, _, name = key.removeprefix(DEADLINE).partition("/")
        self.changed.discard((rule, name))
        self._ask((rule, name), due_ms)

    def _ask(self, which: DossierId, clock_ms: int) -> None:
        rule = BY_NAME.get(which[0])
        if rule is None or rule.dossiers is None:
            # The state of a rule that this version does not have any more.
            self._drop(which)
            return
        facts = self._book.facts.get(which, {})
        dossier = Dossier(
            rule.name,
            which[1],
            [facts[place] for place in sorted(facts)],
            clock_ms,
            self._registers,
            self._book.conditions,
            self._calendar,
            self._book.joint_ms,
        )
        try:
            found = list(rule.dossiers.assess(dossier))
            _check_reasons(rule.name, found)
        except Exception as error:  # One dossier that a rule fails on must not stop the partition.
            self._counts["dossier-failed"] += 1
            self.broken.append(f"{rule.name} {which[1]}: {type(error).__name__}: {error}")
            return
        self._remember(which, dossier.asked)
        due_ms = None if dossier.next_ms >= FOREVER else dossier.next_ms
        self._book.schedule(f"{DEADLINE}{rule.name}/{which[1]}", due_ms)
        self._replace(rule, which, found)

    def _remember(self, which: DossierId, asked: set[str]) -> None:
        before = self._asked.get(which, set())
        for about in before - asked:
            self._asking[about].discard(which)
        for about in asked - before:
            self._asking[about].add(which)
        self._asked[which] = asked

    def _replace(self, rule: Rule, which: DossierId, found: list[Said]) -> None:
        held = self._book.held.get(which) or Held({}, [], {})
        alerts: dict[str, tuple[str, str]] = {}
        matches: dict[str, list[Match]] = defaultdict(list)
        kept: list[tuple[str, Fact]] = []
        passed: list[tuple[str, str, Fact]] = []
        told: dict[str, list[tuple[int, int]]] = {}
        for each in found:
            if isinstance(each, Raised):
                alerts[each.dedupe] = (each.kind, each.who)
                matches[each.dedupe].append(each.match)
            elif isinstance(each, Kept):
                kept.append((each.by, each.fact))
            elif isinstance(each, Passed):
                passed.append((each.rule or rule.name, each.key, each.fact))
            else:
                told[f"{each.kind}!{each.subject}"] = list(each.spans)
        for dedupe, (kind, who) in {**held.alerts, **alerts}.items():
            # What lies before that stands as it was found.
            fresh = [each for each in matches[dedupe] if each.first_ms >= held.settled_ms]
            here = sorted(fresh, key=episodes.place)
            self._findings.replace(
                rule, dedupe, kind, who, here, held.settled_ms, again=dedupe in held.alerts
            )
        for by, fact in kept:
            if (by, fact) not in held.kept:
                self._findings.suppress(rule, by, fact.source, fact.id, fact.time_ms, fact.site)
        self._pass_on(held, passed)
        for about in {*held.told, *told}:
            if held.told.get(about, []) != told.get(about, []):
                kind, _, subject = about.partition("!")
                spans = told.get(about, [])
                self.joins.append((None, ConditionTold(kind=kind, subject=subject, spans=spans)))
        # What was found under a key once may have to be taken back as long as it is remembered.
        stand = {
            dedupe: who
            for dedupe, who in {**held.alerts, **alerts}.items()
            if dedupe in alerts or (rule.name, dedupe) in self._book.histories
        }
        after = Held(stand, kept, told, held.settled_ms, passed)
        if after != held:
            self._book.held[which] = after
            self._book.changed.add(("o", *which))

    def _pass_on(self, held: Held, passed: list[tuple[str, str, Fact]]) -> None:
        there = {(rule, key, fact.place) for rule, key, fact in passed}
        for rule, key, fact in held.passed:
            # What is settled stands there, as it does here.
            if (rule, key, fact.place) not in there and fact.time_ms >= held.settled_ms:
                self.hand(rule, key, fact, gone=True)
        for each in passed:
            if each not in held.passed:
                self.hand(*each)

    # What is forgotten.

    def forget(self, clock_ms: int) -> None:
        """Drop facts that no event in time can bring back into a window."""
        settled_ms = self._book.joint_ms - LATE_MS
        settled_ms -= settled_ms % HOUR_MS
        for which, facts in list(self._book.facts.items()):
            rule = BY_NAME.get(which[0])
            if rule is None or rule.dossiers is None:
                self._drop(which)
                continue
            oldest_ms = settled_ms - rule.dossiers.keep_ms
            places = sorted(facts)
            aging = places[: len(places) - rule.dossiers.newest]
            old = [place for place in aging if place[0] < oldest_ms]
            if not old:
                continue
            # As long as all its facts were there: what they led to by now stands.
            if which in self.changed:
                self.changed.discard(which)
                self._ask(which, clock_ms)
            for place in old:
                self._note(*which, facts.pop(place))
            held = self._book.held.setdefault(which, Held({}, [], {}))
            # What follows from a fact that stays, however old it is, may still change.
            stays = places[len(old) :] if rule.dossiers.newest else []
            held.settled_ms = max(held.settled_ms, min([settled_ms, *(p[0] for p in stays[:1])]))
            held.kept = [each for each in held.kept if each[1].time_ms >= settled_ms]
            self._book.changed.add(("o", *which))
            held.alerts = {
                dedupe: who
                for dedupe, who in held.alerts.items()
                if (which[0], dedupe) in self._book.histories
            }
            if not facts:
                del self._book.facts[which]
                # A register may open it again: then it must know what is settled.
                opened = bool(rule.dossiers.opens)
                if not held.alerts and not held.told and not opened:
                    del self._book.held[which]
        self._note_sources()

    def _drop(self, which: DossierId) -> None:
        for fact in self._book.facts.pop(which, {}).values():
            self._note(*which, fact)
        if self._book.held.pop(which, None) is not None:
            self._book.changed.add(("o", *which))
        self._book.schedule(f"{DEADLINE}{which[0]}/{which[1]}", None)


def _check_reasons(rule: str, found: Iterable[Said]) -> None:
    """Raise ValueError for a reason that the suppression table does not have for the rule."""
    for each in found:
        by = each.by if isinstance(each, Kept) else None
        by = each.match.withdrawn if isinstance(each, Raised) else by
        if by is not None:
            reason_of(rule, by)
