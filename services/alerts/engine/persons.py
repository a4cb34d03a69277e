"""The stage of checks: asks the rules about each person seen, and again about checks around it."""

from collections import Counter, defaultdict

import msgspec

from rules.catalogue import CATALOGUE
from rules.facts import ARCHIVE_MS, NEAR_MS, Check, Code, Cover, SiteFacts
from rules.fever import LOWEST_FEVER_C
from rules.match import Match
from rules.read_quality import Span
from rules.registers import Registers
from rules.rule import Rule
from schemas.joins import DeviceBias, TemperatureRead
from schemas.times import parse_ms
from services.alerts.engine.book import Book
from services.alerts.engine.decode import PersonSeen, ShownCode
from services.alerts.engine.findings import Findings
from services.alerts.engine.recent_checks import RecentCheck, RecentChecks

_ASKED = tuple(rule for rule in CATALOGUE if rule.on_check is not None)
_LOOKING_AROUND = tuple(rule for rule in _ASKED if rule.looks_around)
_NOT_FILED = SiteFacts("", "", frozenset(), "", None, 0)


class Persons:
    """The persons of one partition."""

    def __init__(
        self, book: Book, registers: Registers, findings: Findings, counts: Counter[str]
    ) -> None:
        self._book = book
        self._registers = registers
        self._findings = findings
        self._counts = counts
        self.checks = RecentChecks(book)
        # Who was measured warm by a device: they are looked at again when it turns out biased.
        self._warm: dict[str, set[str]] = defaultdict(set)
        for person in book.checks:
            for seen in self.checks.of(person):
                self._note_warm(person, seen)

    def judge(
        self, event: PersonSeen, site: SiteFacts, time_ms: int, recorded_ms: int
    ) -> TemperatureRead | None:
        """Ask the rules about a check; return what its device's partition has to know."""
        shown = event.data.person
        if shown.person is None:
            self._counts["unidentified"] += 1
        else:
            self._judge(shown.person, _recent(event, time_ms, recorded_ms), site)
        if shown.temperature is None:
            return None
        return TemperatureRead(
            source=event.source,
            id=event.id,
            of=event.type,
            time_ms=time_ms,
            recorded_ms=recorded_ms,
            site=site.id,
            temperature=shown.temperature,
        )

    def seen(self, event: PersonSeen, site: SiteFacts) -> Check:
        """Return a check as rules about dossiers see it, somebody unknown's too."""
        shown = event.data.person
        seen = _recent(event, parse_ms(event.time), parse_ms(event.recordedtime))
        return msgspec.structs.replace(
            self._check(shown.person or "", seen, site),
            pass_id=shown.pass_,
            refusal=shown.refusal,
            plate=event.data.plate,
            guarded=event.data.guardian_code,
            is_online=event.data.capture_mode == "online",
            id_type=shown.id_type,
            stays=tuple((stay.area, stay.from_, stay.to) for stay in event.data.stays or ()),
            destination_grid=event.data.destination.grid if event.data.destination else None,
            partof=event.partof,
        )

    def _judge(self, person: str, seen: RecentCheck, site: SiteFacts) -> None:
        checks = self.checks.add(person, seen)
        self._note_warm(person, seen)
        check = self._around(person, seen, checks, site)
        for rule in _ASKED:
            self._ask(rule, check, fresh=True)
        self._ask_again(person, checks, near=[seen])

    def ask_anew(self, person: str) -> None:
        """Ask the rules again about all checks of a person: where they have to be has changed."""
        checks = self.checks.of(person)
        for seen in checks:
            site = self._registers.site(seen.site, seen.time_ms, seen.recorded_ms)
            if site is not None:
                check = self._around(person, seen, checks, site)
                for rule in _ASKED:
                    if rule.looks_around:
                        self._ask(rule, check, fresh=False)
                    elif not rule.coalesce_ms:
                        self._put(rule, check)

    def _put(self, rule: Rule, check: Check) -> None:
        """Let what a check gives now stand in the place of what it gave before."""
        assert rule.on_check is not None
        parameters, policy = self._registers.policy(rule.name, check.time_ms, check.recorded_ms)
        matches: dict[str, Match | None] = {}
        why = "no-ground"
        for found in rule.on_check(check, self._registers, parameters, policy):
            if isinstance(found, Cover):
                why = f"{found.kind}:{found.id}"
            else:
                matches[found[0]] = found[1]
        where = (check.time_ms, check.source, check.id)
        for dedupe in sorted({*matches, *self._findings.about(rule, check.person)}):
            match = matches.get(dedupe)
            self._findings.put(rule, dedupe, check.person, where, match, fresh=False, why=why)

    def _ask_again(
        self, person: str, checks: list[RecentCheck], near: list[RecentCheck], *, too: bool = False
    ) -> None:
        """Ask about the checks around some others anew, and about those others `too`."""
        for seen in checks:
            mine = seen in near
            if mine and not too:
                continue
            if not mine and not any(abs(seen.time_ms - n.time_ms) <= NEAR_MS for n in near):
                continue
            site = self._registers.site(seen.site, seen.time_ms, seen.recorded_ms)
            if site is not None:
                check = self._around(person, seen, checks, site)
                for rule in _LOOKING_AROUND:
                    self._ask(rule, check, fresh=False)

    def _ask(self, rule: Rule, check: Check, *, fresh: bool) -> None:
        assert rule.on_check is not None
        parameters, policy = self._registers.policy(rule.name, check.time_ms, check.recorded_ms)
        kept_by = "no-ground"
        for found in rule.on_check(check, self._registers, parameters, policy):
            if isinstance(found, Cover):
                kept_by = found.kind
                if fresh:
                    self._findings.suppress(
                        rule, found.kind, check.source, check.id, check.time_ms, check.site.id
                    )
                continue
            dedupe, match = found
            if rule.looks_around:
                where = (check.time_ms, check.source, check.id)
                self._findings.put(
                    rule, dedupe, check.person, where, match, fresh=fresh, why=kept_by
                )
            elif match is not None:
                self._findings.add(rule, dedupe, "person", check.person, match)

    def _around(
        self, person: str, seen: RecentCheck, checks: list[RecentCheck], site: SiteFacts
    ) -> Check:
        """Return a check as the rules see it, with those around it."""
        around = tuple(
            self._check(
                person,
                other,
                self._registers.site(other.site, other.time_ms, other.recorded_ms) or _NOT_FILED,
            )
            for other in checks
            if other is not seen and abs(other.time_ms - seen.time_ms) <= NEAR_MS
        )
        check = self._check(person, seen, site)
        return msgspec.structs.replace(check, around=around) if around else check

    def _check(self, person: str, seen: RecentCheck, site: SiteFacts) -> Check:
        return Check(
            source=seen.source,
            id=seen.id,
            type=seen.type,
            time_ms=seen.time_ms,
            recorded_ms=seen.recorded_ms,
            person=person,
            verified_by=seen.verified_by,
            has_pass=seen.has_pass,
            site=site,
            direction=seen.direction,
            temperature=seen.temperature,
            code=seen.code,
            biased=_within(self._book.biased.get(seen.source, ()), seen.time_ms),
        )

    def take_out(self, source: str, event_id: str, ids: frozenset[str]) -> None:
        """Take out the check that an event was, and look at those around it anew."""
        for person, gone in list(self.checks.take_out(source, event_id, ids)):
            self._ask_again(person, self.checks.of(person), near=[gone])

    # Thermometers.

    def _note_warm(self, person: str, seen: RecentCheck) -> None:
        if seen.temperature is not None and seen.temperature >= LOWEST_FEVER_C:
            self._warm[seen.source].add(person)

    def take_bias(self, told: DeviceBias) -> None:
        """A device's partition tells when it was biased: what rests on its readings may change."""
        before = self._book.biased.get(told.source, [])
        # What was told of the time before the horizon stands, as long as events may come of it.
        stands = (told.since_ms - ARCHIVE_MS, told.since_ms)
        after = [(a, min(b, stands[1] - 1)) for a, b in before if a < stands[1] and b >= stands[0]]
        after += [(max(a, told.since_ms), b) for a, b in told.spans]
        self._book.biased[told.source] = after
        self._book.changed.add(("b", told.source))
        for person in sorted(self._warm.get(told.source, ())):
            checks = self.checks.of(person)
            turned = [
                seen
                for seen in checks
                if seen.source == told.source
                and _within(before, seen.time_ms) != _within(after, seen.time_ms)
            ]
            if turned:
                self._ask_again(person, checks, turned, too=True)

    def forget(self, clock_ms: int) -> None:
        """Forget checks that are too old to be looked at."""
        self.checks.forget(clock_ms)

    def forget_cold(self) -> None:
        """Forget who was measured warm by which device where those checks are gone."""
        for source, persons in list(self._warm.items()):
            persons &= self._book.checks.keys()
            if not persons:
                del self._warm[source]


def _recent(event: PersonSeen, time_ms: int, recorded_ms: int) -> RecentCheck:
    shown, code = event.data.person, event.data.person.code
    return RecentCheck(
        time_ms,
        event.source,
        event.id,
        recorded_ms,
        event.type,
        event.data.site,
        event.data.direction,
        shown.verified_by,
        shown.pass_ is not None,
        shown.temperature,
        None if code is None else _code(code),
    )


def _code(code: ShownCode) -> Code:
    return Code(code.issuer, code.colour, parse_ms(code.issued_at), parse_ms(code.expires_at))


def _within(spans: "list[Span] | tuple[()]", at_ms: int) -> bool:
    return any(first_ms <= at_ms <= last_ms for first_ms, last_ms in spans)
