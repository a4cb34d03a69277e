"""What somebody who is limited to areas may set up for others to hear of: no more than those."""

from collections.abc import Sequence

from fastapi import HTTPException

from schemas.access import Grant
from schemas.problems import rejected
from services.api.people.areas import Areas
from services.api.people.limit import Limit


async def limit_for(areas: Areas, named: Sequence[str] | None) -> Limit | None:
    """Return what may be heard of by something that was set up for some areas; None = all."""
    if named is None:
        return None
    return await areas.limit_of(Grant("", "viewer", tuple(named)))


def within_reach(grant: Grant, areas: list[str] | None) -> list[str] | None:
    """Return the areas of what the caller sets up: the caller's own where none are named.

    Raises Rejected for an area that is not the caller's.
    """
    if grant.areas is None:
        return areas
    if areas is None:
        return list(grant.areas)
    if not set(areas) <= set(grant.areas):
        raise rejected("names an area that is not yours", "areas")
    return areas


def may_lead(grant: Grant, areas: list[str] | None) -> bool:
    """Return whether the caller may see and change what was set up for these areas."""
    return grant.areas is None or (areas is not None and set(areas) <= set(grant.areas))


def require_reach(grant: Grant, areas: list[str] | None) -> None:
    """Raise HTTPException 403 for what was set up for areas beyond the caller's."""
    if not may_lead(grant, areas):
        raise HTTPException(403, "it reaches beyond your areas")
