"""Pages of a list: the cursor that tells where the next one begins, and how long one may be."""

from typing import Annotated

from fastapi import Query

# Parameters of a route; a cursor is the number behind which the page begins.
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")]
PageSize = Annotated[int, Query(ge=1, le=1000)]


def place_of(cursor: str | None) -> int | None:
    """Return the number behind which a page begins; None for the first page."""
    return None if cursor is None else int(cursor)


def cursor_of(place: int | None) -> str | None:
    """Return the cursor of the next page; None where there is none."""
    return None if place is None else str(place)
