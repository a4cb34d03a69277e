"""Who is told of an alert, in which order, and when. No clock, no chance, no database in here."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from schemas.alerts import Alert, Severity
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS
from services.api.people.limit import Limit, may_see

Language = Literal["en", "zh"]
NoticeState = Literal["waiting", "answered", "over", "unanswered"]

# Not even a critical alert is told to the same person more often: one message holds many alerts.
CLOSEST_MS: Final = MINUTE_MS


class Hours(Struct, frozen=True):
    """A span of every day in the deployment's zone, as minutes from midnight; it may cross it."""

    from_min: int
    to_min: int

    def hold(self, minute: int) -> bool:
        """Return whether a minute of the day lies in the span; equal ends = the whole day."""
        if self.from_min < self.to_min:
            return self.from_min <= minute < self.to_min
        return minute >= self.from_min or minute < self.to_min


class Link(Struct, frozen=True, omit_defaults=True):
    """A link of a chain: one contact, or whoever is on duty at a place, the first one first."""

    contact: str | None = None
    place: str | None = None


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which alerts are told to whom. After `step_s` without an answer the next in line is told;
    for `bundle_s` an alert waits for others that go to the same person."""

    name: str
    severities: list[Severity]
    rules: list[str] = []
    areas: list[str] | None = None
    hours: Hours | None = None
    historical: bool = False
    chain: list[Link]
    step_s: int = 300
    bundle_s: int = 10
    created: str
    author: str


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom messages reach. `kinds` are the kinds of the channels, by their labels; the channels
    themselves are sealed. `areas` are grids of whose alerts the contact may hear."""

    id: str
    name: str
    language: Language
    user: str | None = None
    member: str | None = None
    areas: list[str] | None = None
    per_hour: int = 30
    kinds: dict[str, str] = {}
    created: str
    author: str


def concerns(rule: Rule, limit: Limit | None, alert: Alert, minute: int) -> bool:
    """Return whether an alert is told under a rule, at a minute of the day; `limit` is what the
    rule's areas stand for.

    What a summary stands for, what is silenced or inhibited and what has an answer is not told.
    """
    return (
        alert.state == "open"
        and alert.capped_by is None
        and not alert.silenced_by
        and not alert.inhibited_by
        and alert.severity in rule.severities
        and (not rule.rules or alert.rule in rule.rules)
        and may_see(limit, alert)
        and (rule.historical or not alert.historical)
        and (rule.hours is None or rule.hours.hold(minute))
    )


def line_of(
    rule: Rule, contacts: Mapping[str, Contact], on_duty: Mapping[str, Sequence[str]]
) -> list[Contact]:
    """Return who stands in line for a rule; `on_duty` are the members at each place, in order."""
    by_member = {one.member: one for one in contacts.values() if one.member is not None}
    line: list[Contact] = []
    for link in rule.chain:
        found = [contacts.get(link.contact)] if link.contact is not None else []
        if link.place is not None:
            found = [by_member.get(member) for member in on_duty.get(link.place, ())]
        line += [one for one in found if one is not None and one not in line]
    return line


def next_in_line(
    line: Sequence[Contact],
    told: Sequence[str],
    alert: Alert,
    limits: Mapping[str, Limit | None],
) -> Contact | None:
    """Return who is told next: the first who was not, and may hear of this alert; `limits` are what
    the contacts' areas stand for, by their ids."""
    for contact in line:
        if contact.id in told:
            continue
        if may_see(limits[contact.id], alert):
            return contact
    return None


def may_tell_ms(
    contact: Contact, sent_ms: Sequence[int], severities: Sequence[Severity], now_ms: int
) -> int:
    """Return when a contact may have a message: `now_ms`, or later where it had many.

    `sent_ms` are its messages of the last hour, in order. A critical alert goes beyond the bound
    of the hour, but waits a minute after the last message as the others do.
    """
    at_ms = now_ms
    if sent_ms:
        at_ms = max(at_ms, sent_ms[-1] + CLOSEST_MS)
    if "critical" not in severities and len(sent_ms) >= contact.per_hour:
        at_ms = max(at_ms, sent_ms[-contact.per_hour] + HOUR_MS)
    return at_ms


def first_due_ms(rule: Rule, now_ms: int) -> int:
    """Return when the first in line is due."""
    return now_ms + rule.bundle_s * SECOND_MS
