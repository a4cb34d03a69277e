"""What entries of registers are found by: the persons, plates, orders and so on that they name."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from schemas.persons import is_person_key

Kind = Literal["person", "plate", "order", "grid", "household", "batch"]
KINDS: Final[tuple[Kind, ...]] = ("person", "plate", "order", "grid", "household", "batch")

# The fields of every register that name something of a kind; a value or a list of them.
_FIELDS: Final[dict[str, Kind]] = {
    "subject": "person",
    "person": "person",
    "persons": "person",
    "holders": "person",
    "keepers": "person",
    "members": "person",
    "plate": "plate",
    "vehicle": "plate",
    "vehicles": "plate",
    "order": "order",
    "orders": "order",
    "grid": "grid",
    "household": "household",
    "batch": "batch",
}
# The key column holds so many characters; what is longer is found by `q` only.
_LONGEST: Final = 256


def keys_of(name: str, data: dict[str, Any]) -> set[tuple[Kind, str]]:
    """Return what an entry of the register `name` is found by, from its data as filed."""
    found: set[tuple[Kind, str]] = set()
    for field, kind in _FIELDS.items():
        found |= {(kind, text) for text in _texts(kind, data.get(field))}
    if name == "order":
        found |= {("order", text) for text in _texts("order", data.get("id"))}
    return found


def _texts(kind: Kind, value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        text = each.get("person") if isinstance(each, dict) else each
        if not isinstance(text, str) or not 0 < len(text) <= _LONGEST:
            continue
        # A keeper or a member may be a mere name, and nobody is found by that.
        if kind != "person" or is_person_key(text):
            yield text
