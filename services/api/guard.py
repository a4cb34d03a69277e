"""Who may call what: tokens in the header, or the session of a browser."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from schemas.access import Grant, Role, TokenFile
from services.api.session import COOKIE, Sessions, is_own_page

_SAFE_METHODS = ("GET", "HEAD")

# Who looks at alerts and registers; who acts on them; who leads those who act; who checks them all.
READERS: Final[tuple[Role, ...]] = (
    "viewer",
    "dispatcher",
    "supervisor",
    "auditor",
    "admin",
    "replay",
)
ACTORS: Final[tuple[Role, ...]] = ("dispatcher", "supervisor", "admin")
LEADERS: Final[tuple[Role, ...]] = ("supervisor", "admin")
CHECKERS: Final[tuple[Role, ...]] = ("auditor", "admin")


async def grant_of(connection: HTTPConnection) -> Grant | None:
    """Return what the caller's token or cookie stands for; a token that is sent decides alone.

    It is looked up once a request, however many parts of the request ask.
    """
    if not hasattr(connection.state, "grant"):
        connection.state.grant = await _grant_of(connection)
    found: Grant | None = connection.state.grant
    return found


async def _grant_of(connection: HTTPConnection) -> Grant | None:
    header = connection.headers.get("authorization")
    if header is not None:
        tokens: TokenFile = connection.app.state.tokens
        return tokens.grant_of_header(header)
    sessions: Sessions = connection.app.state.sessions
    grant = await sessions.grant_of_cookie(connection.cookies.get(COOKIE))
    # A WebSocket has no method and is never safe: any page may open one, and read what it says.
    safe = connection.scope.get("method") in _SAFE_METHODS
    if grant is not None and not safe and not is_own_page(connection):
        # Another port of this host is the same site, so the browser sends it our cookie.
        raise HTTPException(403, "a session serves only the API's own page")
    return grant


def require(*roles: Role) -> Callable[[HTTPConnection], Awaitable[Grant]]:
    """Return the dependency that lets these roles in: 401 without a grant, 403 with another."""

    async def granted(connection: HTTPConnection) -> Grant:
        return allowed(await grant_of(connection), *roles)

    return granted


def allowed(grant: Grant | None, *roles: Role) -> Grant:
    """Return a grant that has one of the roles; raises HTTPException: 401 for none, 403."""
    if grant is None:
        raise HTTPException(401, "a valid token is needed", headers={"WWW-Authenticate": "Bearer"})
    if grant.role not in roles:
        raise HTTPException(403, f"the role {grant.role} may not do this")
    return grant


# Parameters of routes: the grant of whoever is let in.
Reader = Annotated[Grant, Depends(require(*READERS))]
Actor = Annotated[Grant, Depends(require(*ACTORS))]
Leader = Annotated[Grant, Depends(require(*LEADERS))]
Admin = Annotated[Grant, Depends(require("admin"))]
