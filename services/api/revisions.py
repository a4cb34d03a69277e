"""If-Match and ETag: the revision that somebody saw, of what two may change at once."""

import re
from typing import Annotated, Final

from fastapi import Header, HTTPException

# The header of a request, as a parameter of a route.
IfMatch = Annotated[str | None, Header()]
_IF_MATCH: Final = re.compile(r'"(\d{1,9})"|(\d{1,9})', re.ASCII)


def revision_of(if_match: str | None) -> int:
    """Return the revision that the caller saw; raises HTTPException: 428 without one, or 400."""
    if if_match is None:
        raise HTTPException(428, "If-Match must carry the revision that you saw")
    found = _IF_MATCH.fullmatch(if_match.strip())
    if found is None:
        raise HTTPException(400, "If-Match must be a revision, bare or quoted")
    return int(found[1] or found[2])


def require_revision(current: int, seen: int) -> None:
    """Raise HTTPException 409 where somebody else was faster; it carries what stands now."""
    if current != seen:
        detail = f"somebody was faster: it is at revision {current}"
        raise HTTPException(409, detail, headers=etag(current))


def etag(revision: int) -> dict[str, str]:
    """Return the header that tells a revision."""
    return {"ETag": f'"{revision}"'}
