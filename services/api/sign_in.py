"""Signing in and out: a token or a one-time link becomes a cookie that scripts cannot read."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from schemas.access import Grant, TokenFile
from schemas.problems import invalid, rejected
from services.api.guard import READERS, allowed, require
from services.api.session import COOKIE, SESSION_MS, Sessions

# A device has nothing to look at, and what it holds lies in a box at the roadside.
may_look = require(*READERS)
Person = Annotated[Grant, Depends(may_look)]
Admin = Annotated[Grant, Depends(require("admin"))]


class SignIn(msgspec.Struct):
    """The body of a sign-in by a token that is not in the header."""

    token: str


def router(sessions: Sessions) -> APIRouter:
    """Return the routes of sessions."""
    routes = APIRouter(tags=["session"])

    @routes.post("/v1/session")
    async def sign_in(request: Request) -> Response:
        """Exchange the token of this request, in its header or its body, for a session cookie."""
        token = await _posted_token(request)
        tokens: TokenFile = request.app.state.tokens
        if token is None:
            grant = await may_look(request)
        else:
            grant = allowed(tokens.grant_of(token), *READERS)
        answer = _who(grant)
        _set_cookie(answer, request, await sessions.open(grant))
        return answer

    @routes.get("/v1/session")
    async def who(grant: Person) -> Response:
        """Say who is signed in."""
        return _who(grant)

    @routes.delete("/v1/session", status_code=204)
    async def sign_out(request: Request, grant: Person) -> Response:
        """End the session of the cookie."""
        await sessions.close(request.cookies.get(COOKIE, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    @routes.post("/v1/session/links")
    async def new_link(grant: Admin) -> Response:
        """Make a link that signs in once, as the caller, within ten minutes."""
        return _json({"url": f"/signin?code={await sessions.new_link(grant)}"})

    @routes.get("/signin", include_in_schema=False)
    async def use_link(request: Request, code: str = "") -> Response:
        """Use up a link: on to the page, signed in or with word that the link is spent."""
        grant = await sessions.use_link(code)
        if grant is None:
            return _redirect("/#link-spent")
        answer = _redirect("/")
        _set_cookie(answer, request, await sessions.open(grant))
        return answer

    return routes


async def _posted_token(request: Request) -> str | None:
    """Return the token in the body; None where there is no body, or a token in the header.

    Only JSON is read: no page of another site can send that without being asked first.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "authorization" in request.headers or media != "application/json":
        return None
    body = await request.body()
    if not body.strip():
        return None
    try:
        return msgspec.json.decode(body, type=SignIn).token
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise rejected(f"not JSON: {error}", status=400) from error


def _who(grant: Grant) -> Response:
    return _json({"name": grant.name, "role": grant.role})


def _json(content: dict[str, str]) -> Response:
    return Response(
        msgspec.json.encode(content),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _redirect(where: str) -> Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(where, status_code=303, headers=headers)


def _set_cookie(answer: Response, request: Request, value: str) -> None:
    answer.set_cookie(
        COOKIE,
        value,
        max_age=SESSION_MS // 1000,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
