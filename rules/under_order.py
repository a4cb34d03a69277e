"""What rules about an order share: whether it stands, and the grid that answers for its person."""

from rules.dossier import Dossier
from rules.entries import Ordered

# Why something is withdrawn that was found before the end of its order was filed.
ORDER_ENDED = "order-ended"


def standing(dossier: Dossier, order_id: str, at_ms: int, known_ms: int) -> Ordered | None:
    """Return an order where it is active, as far as it was filed by `known_ms` (it accuses)."""
    ordered: Ordered | None = dossier.entry("order", order_id, at_ms, known_ms)
    return ordered


def has_ended(dossier: Dossier, order_id: str, at_ms: int) -> bool:
    """Tell whether an order that stood at an instant was over by then, by what is filed now.

    The end of an order excuses: filed later, it retracts (contracts: Registers).
    """
    return dossier.entry("order", order_id, at_ms) is None


def grid_of(dossier: Dossier, ordered: Ordered, at_ms: int) -> str | None:
    """Return the grid where the person of an order lives, as far as a residence says so."""
    for _, residence in dossier.about("residence", ordered.facts.person, at_ms):
        if residence.grid is not None and residence.person.person == ordered.facts.person:
            grid: str = residence.grid
            return grid
    return None
