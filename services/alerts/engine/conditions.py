"""Conditions that nobody can ask about any more are forgotten (rules.dossier.Told: who tells)."""

from typing import Final

from rules import transfers
from rules.catalogue import CATALOGUE
from rules.facts import NEWEST
from rules.read_quality import Span
from rules.registers import Registers
from schemas.versions import FOREVER
from services.alerts.engine.book import Book
from services.alerts.engine.findings import LATE_MS

# Of what is longer ago than this no rule keeps any fact, and no event in time brings one.
KEEP_MS: Final = LATE_MS + max(
    rule.dossiers.keep_ms for rule in CATALOGUE if rule.dossiers is not None
)


def forget(book: Book, registers: Registers, joint_ms: int) -> None:
    """Drop what was over so long before the joint clock, ms UTC; call it once a day.

    An arrival has no end: it stands as long as some order of the person does.
    """
    oldest_ms = joint_ms - KEEP_MS
    for name, spans in list(book.conditions.items()):
        if all(_over_ms(name, each, registers, joint_ms) < oldest_ms for each in spans):
            del book.conditions[name]
            book.changed.add(("k", *name))


def _over_ms(name: tuple[str, str], span: Span, registers: Registers, joint_ms: int) -> int:
    (kind, subject), (first_ms, last_ms) = name, span
    if last_ms < FOREVER or kind not in (transfers.ARRIVED, transfers.KNOWN):
        return last_ms
    _, person = transfers.told(subject)
    return last_ms if registers.orders_of(person, joint_ms, NEWEST) else first_ms
