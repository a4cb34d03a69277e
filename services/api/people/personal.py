"""Which registers tell of persons, and of whom an entry tells."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.api.people.limit import Limit

PERSONAL: Final = frozenset(
    {
        "arrival-notice",
        "case",
        "duty-shift",
        "exemption",
        "order",
        "pass",
        "permit",
        "residence",
        # A plate stands for the household whose car it is.
        "resident-vehicle",
        "transfer",
        "vehicle-link",
        "watch-entry",
        "worker",
    }
)
_ONE: Final = ("subject", "person")
_MANY: Final = ("persons", "holders", "members", "keepers")


def persons_of(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pseudonym of everybody whom an entry names."""
    named = [data.get(field) for field in _ONE]
    for field in _MANY:
        named += data.get(field) or ()
    for one in named:
        if isinstance(one, Mapping) and one.get("person"):
            yield one["person"]


def sees_entry(limit: Limit | None, name: str, entry_id: str, data: Mapping[str, Any]) -> bool:
    """Return whether somebody with this limit may see an entry of a register.

    An entry about persons lies in its own grid, where its orders are kept, and where its persons
    live; one that names none of these is everybody's, as the other registers are.
    """
    if limit is None or name not in PERSONAL:
        return True
    orders = [entry_id] if name == "order" else [data.get("order"), *(data.get("orders") or ())]
    persons = list(persons_of(data))
    own = {data.get("grid"), data.get("zone") if name == "order" else None} - {None}
    if not own and not persons and not any(orders):
        return True
    places = limit.places
    lies_in = own.union(*map(places.of_order, orders), *map(places.of_person, persons))
    return bool(limit.areas & lies_in)


def files_entry(limit: Limit | None, name: str, entry_id: str, data: Mapping[str, Any]) -> bool:
    """Return whether somebody with this limit may file an entry, or change or end it.

    It must be one that they see. What everybody sees and has a grid must lie in theirs: the grid of
    a site decides whose its alerts are, so a site without one is not for them to file either.
    """
    if limit is None or name in PERSONAL:
        return sees_entry(limit, name, entry_id, data)
    grid = data.get("grid")
    return grid in limit.areas or (grid is None and name != "site")
