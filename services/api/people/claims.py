"""From what an OpenID provider says of somebody to what they may do here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from schemas.access import Grant, Role
from services.api.people.users import ELSEWHERE

# From the most powerful to the least. Nobody comes from elsewhere as a device or a replay.
_RANKED: Final[tuple[Role, ...]] = ("admin", "supervisor", "dispatcher", "auditor", "viewer")
_NAME_CHARACTERS: Final = 64


class Mapped(Struct, frozen=True):
    """Which claims count, and which of their values stand for which role.

    `areas` None = whoever is let in sees everything.
    """

    name: str
    role: str
    roles: Mapping[str, str]
    areas: str | None = None


class NotLetIn(Exception):
    """The provider knows them, and nothing that it says of them is a role here."""


def check(mapped: Mapped) -> None:
    """Raise ValueError for a mapping to what is no role of people."""
    for value, role in mapped.roles.items():
        if role not in _RANKED:
            known = ", ".join(_RANKED)
            raise ValueError(f"CORDON_OIDC_ROLES: {value!r} stands for none of {known}")


def grant_of(claims: Mapping[str, Any], mapped: Mapped) -> Grant:
    """Return what somebody may do; raises NotLetIn."""
    theirs = {mapped.roles.get(value) for value in _texts(claims.get(mapped.role))}
    role = next((each for each in _RANKED if each in theirs), None)
    if role is None:
        raise NotLetIn(f"the claim {mapped.role} has no value that stands for a role here")
    name = claims.get(mapped.name)
    shown = name if isinstance(name, str) and name.strip() else str(claims["sub"])
    areas = None if mapped.areas is None else tuple(_texts(claims.get(mapped.areas)))
    return Grant(ELSEWHERE + shown.strip()[:_NAME_CHARACTERS], role, areas=areas)


def _texts(value: Any) -> Sequence[str]:
    """Return the texts of a claim: a list, or one text of which several stand with spaces."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list):
        return [each for each in value if isinstance(each, str)]
    return []
