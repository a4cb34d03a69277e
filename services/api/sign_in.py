"""Signing in and out: a token, a password or a one-time link becomes a cookie that scripts cannot
read."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from msgspec import Meta

from schemas.access import Grant, TokenFile
from schemas.problems import invalid, rejected
from services.api.audit.chain import Entry, record
from services.api.guard import READERS, Admin, allowed, require
from services.api.json_answers import private_answer
from services.api.metrics import SIGN_INS
from services.api.openapi import answers
from services.api.people.failures import Failures
from services.api.people.users import Change, Users
from services.api.session import COOKIE, SESSION_MS, Sessions
from services.api.store.database import Database

# A device has nothing to look at, and what it holds lies in a box at the roadside.
may_look = require(*READERS)
Person = Annotated[Grant, Depends(may_look)]
# Far more than people type, far less than checking passwords could bear.
_AN_ADDRESS: Final = parse("60/minute")
_Name = Annotated[str, Meta(min_length=1, max_length=64)]
_Password = Annotated[str, Meta(min_length=1, max_length=200)]
_WHO: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "role"],
    "properties": {
        "name": {"type": "string"},
        "role": {"type": "string"},
        "areas": {"type": "array", "items": {"type": "string"}},
    },
}
T = TypeVar("T")

_LINK: Final[dict[str, Any]] = {"type": "object", "properties": {"url": {"type": "string"}}}


class SignIn(msgspec.Struct):
    """The body of a sign-in: a token that is not in the header, or a name and a password."""

    token: str | None = None
    name: _Name | None = None
    password: _Password | None = None


class NewPassword(msgspec.Struct):
    """The body of a change of one's own password."""

    old: _Password
    new: _Password


class Doors:
    """The ways in, and what is noted of whoever comes by them."""

    def __init__(
        self,
        sessions: Sessions,
        users: Users,
        failures: Failures,
        database: Database,
        clock_ms: Callable[[], int],
    ) -> None:
        self.sessions = sessions
        self.users = users
        self._failures = failures
        self.database = database
        self.clock_ms = clock_ms
        self._rates = MovingWindowRateLimiter(MemoryStorage())

    async def let_in(self, answer: Response, request: Request, grant: Grant, how: str) -> Response:
        """Begin a session in an answer, and note that."""
        _set_cookie(answer, request, await self.sessions.open(grant))
        await self.note(grant, "session.open", {"how": how})
        SIGN_INS.labels(how, "done").inc()
        return answer

    async def note(self, grant: Grant, action: str, detail: dict[str, Any]) -> None:
        """Record in the audit log what somebody did about their own session."""
        entry = Entry.by(grant, self.clock_ms(), action, f"user:{grant.name}", detail)
        await self.database.write(lambda connection: record(connection, entry))

    async def by_password(self, name: str, password: str, address: str) -> Grant:
        """Return whom a password signs in; raises HTTPException: 401, and 429 for too many."""
        if not await self._rates.hit(_AN_ADDRESS, address):
            raise _too_many(60_000)
        wait_ms = await self._failures.attempt(name, address)
        if wait_ms > 0:
            raise _too_many(wait_ms)
        grant = await self.users.signed_in(name, password)
        if grant is None:
            SIGN_INS.labels("password", "refused").inc()
            raise HTTPException(401, "the name or the password is wrong")
        await self._failures.forgive(name, address)
        return grant


def router(doors: Doors) -> APIRouter:
    """Return the routes of sessions."""
    routes = APIRouter(tags=["session"])
    sessions = doors.sessions

    @routes.post(
        "/v1/session",
        response_class=Response,
        responses=answers(200, _WHO, 400, 401, 403, 422, 429),
        openapi_extra=_body_of(SignIn),
    )
    async def sign_in(request: Request) -> Response:
        """Exchange a token, in the header or the body, or a password for a session cookie."""
        posted = await _posted(request)
        how = "token"
        if posted is None:
            grant = await may_look(request)
        elif posted.token is not None:
            tokens: TokenFile = request.app.state.tokens
            grant = allowed(tokens.grant_of(posted.token), *READERS)
        elif posted.name is not None and posted.password is not None:
            how = "password"
            grant = await doors.by_password(posted.name, posted.password, address_of(request))
        else:
            missing = "token" if posted.name is None and posted.password is None else "password"
            raise rejected("a token, or a name and a password", missing)
        return await doors.let_in(_who(grant), request, grant, how)

    @routes.get("/v1/session", response_class=Response, responses=answers(200, _WHO, 401, 403))
    async def who(grant: Person) -> Response:
        """Say who is signed in."""
        return _who(grant)

    @routes.delete(
        "/v1/session",
        status_code=204,
        response_class=Response,
        responses={**answers(200, _WHO, 401, 403), 204: {}},
    )
    async def sign_out(request: Request, grant: Person) -> Response:
        """End the session of the cookie."""
        await sessions.close(request.cookies.get(COOKIE, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    @routes.put(
        "/v1/session/password",
        response_class=Response,
        responses=answers(200, _WHO, 400, 401, 403, 409, 422, 429),
        openapi_extra=_body_of(NewPassword),
    )
    async def change_password(request: Request, grant: Person) -> Response:
        """Change one's own password; all other sessions end, and this one goes on anew."""
        if grant.account is None:
            raise HTTPException(409, "who is signed in by a token or elsewhere has no password")
        wanted = _decoded(await request.body(), NewPassword)
        proved = await doors.by_password(grant.account, wanted.old, address_of(request))
        change = Change(password=wanted.new)
        await doors.users.change(grant.account, None, change, proved)
        return await doors.let_in(_who(proved), request, proved, "password")

    @routes.post(
        "/v1/session/links", response_class=Response, responses=answers(200, _LINK, 401, 403)
    )
    async def new_link(grant: Admin) -> Response:
        """Make a link that signs in once, as the caller, within ten minutes."""
        return private_answer({"url": f"/signin?code={await sessions.new_link(grant)}"})

    @routes.get("/signin", include_in_schema=False)
    async def use_link(request: Request, code: str = "") -> Response:
        """Use up a link: on to the page, signed in or with word that the link is spent."""
        grant = await sessions.use_link(code)
        if grant is None:
            SIGN_INS.labels("link", "refused").inc()
            return redirect("/#link-spent")
        return await doors.let_in(redirect("/"), request, grant, "link")

    return routes


async def _posted(request: Request) -> SignIn | None:
    """Return what is in the body; None where there is none, or a token in the header.

    Only JSON is read: no page of another site can send that without being asked first.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if "authorization" in request.headers or media != "application/json":
        return None
    body = await request.body()
    return _decoded(body, SignIn) if body.strip() else None


def _decoded(body: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise rejected(f"not JSON: {error}", status=400) from error


def address_of(request: Request) -> str:
    """Return the address that a request comes from, as the server knows it."""
    return request.client.host if request.client is not None else ""


def redirect(where: str) -> Response:
    """Return an answer that leads on, and is neither kept nor told to where it leads."""
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(where, status_code=303, headers=headers)


def _too_many(wait_ms: int) -> HTTPException:
    SIGN_INS.labels("password", "locked").inc()
    wait_s = -(-wait_ms // 1000)
    return HTTPException(429, "too many attempts", headers={"Retry-After": str(wait_s)})


def _who(grant: Grant) -> Response:
    content: dict[str, Any] = {"name": grant.name, "role": grant.role}
    if grant.areas is not None:
        content["areas"] = grant.areas
    return private_answer(content)


def _body_of(form: type[msgspec.Struct]) -> dict[str, Any]:
    schema, named = msgspec.json.schema_components([form], ref_template="{name}")
    del schema
    content = {"application/json": {"schema": named[form.__name__]}}
    return {"requestBody": {"required": form is not SignIn, "content": content}}


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
