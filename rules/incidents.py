"""Which alerts are one incident: they name each other in `related`.

Domain: scenarios 10 (forced gate and missing check) and 48 (worker under order and breach).
"""

from typing import Final, Literal

from msgspec import Struct

from rules.match import Match
from schemas.times import HOUR_MS, MINUTE_MS


class Incident(Struct, frozen=True):
    """Alerts of these rules at the same site, or about the same order, belong together where no
    more than `within_ms` lies between them. The dossiers of `keyed` rules lie under the key of what
    is shared (`order:…`), so that only its owner has to hear of the others."""

    rules: frozenset[str]
    by: Literal["site", "order"]
    within_ms: int
    keyed: frozenset[str] = frozenset()

    def key(self, match: Match) -> str:
        """Return what a match shares with those of its incident, "" = nothing."""
        return (match.site if self.by == "site" else match.order) or ""

    def listener(self, rule: str, shared: str) -> str | None:
        """Return the key whose owner has to hear of a rule's alerts, None = everybody."""
        return f"{self.by}:{shared}" if self.rules - {rule} <= self.keyed else None


# A rule stands in one of them at most.
INCIDENTS: Final = (
    # Who forces the gate was not checked: the missing check is due a quarter of an hour later.
    Incident(frozenset(("forced-gate", "check-incomplete")), "site", 30 * MINUTE_MS),
    # A shift, and the way there.
    Incident(frozenset(("worker-non-compliant", "quarantine-breach")), "order", 12 * HOUR_MS),
    # As far as a missed check-in bears the vehicle out (missed_check_in.py).
    Incident(
        frozenset(("quarantined-vehicle-moving", "missed-check-in")),
        "order",
        2 * HOUR_MS,
        keyed=frozenset(("missed-check-in",)),
    ),
)
OF_RULE: Final = {rule: incident for incident in INCIDENTS for rule in incident.rules}
