"""Users over HTTP: filed by admins, who see everything of them but their passwords."""

from typing import Annotated, Any, Final, Literal, NoReturn

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.api.guard import Admin
from services.api.json_answers import json_answer
from services.api.openapi import answers
from services.api.paging import PageSize
from services.api.people.users import (
    Change,
    LastAdmin,
    StaleUser,
    TakenName,
    UnknownUser,
    User,
    Users,
)
from services.api.revisions import IfMatch, etag, revision_of

# A person; devices and replays have tokens.
PersonRole = Literal["viewer", "dispatcher", "supervisor", "auditor", "admin"]
# It stands in paths and in the log, so it begins and ends visibly and holds no slash.
NAME: Final = r"^[^\s/\x00-\x1f](?:[^/\x00-\x1f]{0,62}[^\s/\x00-\x1f])?$"
Area = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
Areas = Annotated[list[Area], Field(max_length=500)]
Password = Annotated[str, Field(max_length=200)]
_Named = Annotated[str, Path(max_length=64)]

USER: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "role", "areas", "disabled", "password", "revision", "changed"],
    "properties": {
        "name": {"type": "string"},
        "role": {"type": "string"},
        "areas": {"type": ["array", "null"], "items": {"type": "string"}},
        "disabled": {"type": "boolean"},
        "password": {"type": "boolean"},
        "revision": {"type": "integer"},
        "changed": {"type": "string"},
    },
}
_PAGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["items", "next"],
    "properties": {
        "items": {"type": "array", "items": USER},
        "next": {"type": ["string", "null"]},
    },
}


class NewUser(BaseModel):
    """A user to make; `areas` null or absent = everywhere."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=NAME)]
    role: PersonRole
    areas: Areas | None = None
    password: Password | None = None


class UserChange(BaseModel):
    """What is to be different; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    role: PersonRole = "viewer"
    areas: Areas | None = None
    disabled: bool = False
    password: Password = ""


def router(users: Users) -> APIRouter:
    """Return the routes of users."""
    routes = APIRouter(prefix="/v1/users", tags=["people"])

    @routes.get("", response_class=Response, responses=answers(200, _PAGE, 401, 403, 422))
    async def page(
        _: Admin,
        cursor: Annotated[str, Query(max_length=64)] = "",
        limit: PageSize = 100,
    ) -> Response:
        """Users by name."""
        found = await users.page(cursor, limit + 1)
        following = found[limit - 1].name if len(found) > limit else None
        return json_answer({"items": found[:limit], "next": following})

    @routes.post(
        "",
        status_code=201,
        response_class=Response,
        responses=answers(201, USER, 400, 401, 403, 409, 422),
    )
    async def add(body: NewUser, admin: Admin) -> Response:
        """Make a user; without a password they cannot sign in by one."""
        try:
            made = await users.add(body.name, body.role, body.areas, body.password, admin)
        except TakenName as error:
            raise HTTPException(409, "there is a user of this name") from error
        return _user(made, 201)

    @routes.get("/{name}", response_class=Response, responses=answers(200, USER, 401, 403, 404))
    async def get(name: _Named, _: Admin) -> Response:
        """One user; the ETag is the revision for If-Match."""
        try:
            return _user(await users.get(name))
        except UnknownUser as error:
            _refuse(error)

    @routes.patch(
        "/{name}",
        response_class=Response,
        responses=answers(200, USER, 400, 401, 403, 404, 409, 422, 428),
    )
    async def change(
        name: _Named, body: UserChange, admin: Admin, if_match: IfMatch = None
    ) -> Response:
        """Change a user; their sessions end. If-Match carries the revision that was seen."""
        wanted = Change(**{field: getattr(body, field) for field in body.model_fields_set})
        try:
            return _user(await users.change(name, revision_of(if_match), wanted, admin))
        except (UnknownUser, StaleUser, LastAdmin) as error:
            _refuse(error)

    @routes.delete(
        "/{name}",
        status_code=204,
        response_class=Response,
        responses={**answers(200, USER, 400, 401, 403, 404, 409, 422, 428), 204: {}},
    )
    async def remove(name: _Named, admin: Admin, if_match: IfMatch = None) -> Response:
        """Remove a user; their sessions end, and what they did stays on record."""
        try:
            await users.remove(name, revision_of(if_match), admin)
        except (UnknownUser, StaleUser, LastAdmin) as error:
            _refuse(error)
        return Response(status_code=204)

    return routes


def _refuse(error: UnknownUser | StaleUser | LastAdmin) -> NoReturn:
    if isinstance(error, UnknownUser):
        raise HTTPException(404, "no such user") from error
    if isinstance(error, StaleUser):
        detail = f"somebody was faster: {error}"
        raise HTTPException(409, detail, headers=etag(error.current)) from error
    raise HTTPException(409, str(error)) from error


def _user(user: User, status: int = 200) -> Response:
    return json_answer(user, status, etag(user.revision))
