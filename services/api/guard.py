"""Who may call what: tokens in the header, or the session of a browser."""

from collections.abc import Callable

from fastapi import HTTPException, Request

from schemas.access import Grant, Role, TokenFile
from services.api.session import COOKIE, Sessions, is_own_page

_SAFE_METHODS = ("GET", "HEAD")


def grant_of(request: Request) -> Grant | None:
    """Return what the caller's token or cookie stands for; a token that is sent decides alone."""
    header = request.headers.get("authorization")
    if header is not None:
        tokens: TokenFile = request.app.state.tokens
        return tokens.grant_of_header(header)
    sessions: Sessions = request.app.state.sessions
    grant = sessions.grant_of_cookie(request.cookies.get(COOKIE))
    if grant is not None and request.method not in _SAFE_METHODS and not is_own_page(request):
        # Another port of this host is the same site, so the browser sends it our cookie.
        raise HTTPException(403, "a session serves only the API's own page")
    return grant


def require(*roles: Role) -> Callable[[Request], Grant]:
    """Return the dependency that lets these roles in: 401 without a grant, 403 with another."""

    # Not a plain function: those run in a thread, which costs more than the check itself.
    async def granted(request: Request) -> Grant:
        grant = grant_of(request)
        if grant is None:
            raise HTTPException(
                401, "a valid token is needed", headers={"WWW-Authenticate": "Bearer"}
            )
        if grant.role not in roles:
            raise HTTPException(403, f"the role {grant.role} may not do this")
        return grant

    return granted  # type: ignore[return-value]
