"""Passes over HTTP: issue, print, verify, revoke."""

import asyncio
import base64
import secrets
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from schemas.access import Grant
from schemas.persons import IdentifierProblem
from schemas.problems import rejected
from schemas.registers import Pass
from schemas.times import parse_ms
from services.api.guard import READERS, Actor, require
from services.api.json_answers import json_answer, location
from services.api.passes import paper
from services.api.passes.paper import Paper
from services.api.passes.signing import PassSigner
from services.api.people.areas import Within
from services.api.people.limit import Limit
from services.api.people.personal import sees_entry
from services.api.registers.desk import Desk
from services.api.registers.routes import DeskRoute, shown
from services.api.registers.stored import StoredVersion
from services.api.revisions import IfMatch, etag, revision_of
from services.api.store.database import Database
from services.api.vault.vault import Vault

# Who stands at a gate has a device.
Gate = Annotated[Grant, Depends(require("device", *READERS))]
Format = Literal["html", "pdf"]
MOST_AT_ONCE: Final = 500
_Id = Annotated[str, Field(pattern=r"^[^/\s\x00]{1,128}$")]
_Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
_TYPES: Final[dict[Format, str]] = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


class Holder(BaseModel):
    """Whom a pass is for; what identifies them goes to the vault."""

    model_config = ConfigDict(extra="forbid")

    person: Annotated[str, Field(max_length=64)] | None = None
    id_type: Annotated[str, Field(max_length=32)] | None = None
    id_number: Annotated[str, Field(max_length=64)] | None = None
    name: _Text | None = None
    telephone: _Text | None = None
    address: _Text | None = None


class IssueBody(BaseModel):
    """A pass to issue; without holders it is the bearer's."""

    model_config = ConfigDict(extra="forbid")

    holders: Annotated[list[Holder], Field(max_length=50)] = []
    scope: Annotated[list[_Id], Field(min_length=1, max_length=50)]
    medium: Literal["paper", "qr"] = "paper"
    valid_from: Annotated[str, Field(max_length=40)] | None = None
    valid_to: Annotated[str, Field(max_length=40)]
    source: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class RevokeBody(BaseModel):
    """Why a pass is revoked."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]


class PrintBody(BaseModel):
    """Which passes to print together."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[_Id], Field(min_length=1, max_length=MOST_AT_ONCE)]
    format: Format = "pdf"


def router(
    desk: Desk,
    database: Database,
    vault: Vault,
    signer: PassSigner,
    clock_ms: Callable[[], int],
    zone: ZoneInfo,
) -> APIRouter:
    """Return the routes of passes; `zone` is the one in which their days are printed."""
    routes = APIRouter(prefix="/v1", tags=["passes"], route_class=DeskRoute)

    @routes.post("/passes", response_class=Response, status_code=201)
    async def issue(body: IssueBody, grant: Actor) -> Response:
        """Issue a pass; the answer has its id and the code to print."""
        holders, identity = _holders(desk, body.holders)
        if identity:
            now_ms = clock_ms()
            await database.write(lambda connection: vault.keep_all(connection, identity, now_ms))
        # Nobody can guess one that was issued, and it can be read out over a telephone.
        pass_id = f"P-{base64.b32encode(secrets.token_bytes(8)).decode().rstrip('=')}"
        entry = {
            **body.model_dump(exclude={"holders"}, exclude_none=True),
            "purpose": "outbreak-control",
        }
        if holders:
            entry["holders"] = holders
        answer = await desk.put(
            "pass", pass_id, msgspec.json.encode(entry), grant, action="pass.issue"
        )
        filed = _pass_of(answer.version)
        content = {**shown(answer.version), "code": _code(signer, filed, zone)}
        headers = {**etag(answer.version.place), **location("/v1/registers/pass", pass_id)}
        return json_answer(content, 201, headers)

    @routes.post("/passes:print", response_class=Response)
    async def print_many(body: PrintBody, grant: Actor, within: Within) -> Response:
        """Print many passes: a PDF with four on a page, or a page for browsers."""
        papers = [await paper_of(pass_id, within) for pass_id in dict.fromkeys(body.ids)]
        await desk.note(grant, "pass.print", "pass", {"ids": body.ids[:50], "count": len(papers)})
        return await _printed(papers, body.format)

    @routes.get("/passes/{pass_id}/paper", response_class=Response)
    async def print_one(
        pass_id: str, grant: Actor, within: Within, format: Format = "html"
    ) -> Response:
        """Print one pass."""
        papers = [await paper_of(pass_id, within)]
        await desk.note(grant, "pass.print", f"pass/{pass_id}")
        return await _printed(papers, format)

    @routes.get("/passes/{pass_id}/verify", response_class=Response)
    async def verify(
        pass_id: str, _: Gate, code: Annotated[str, Query(min_length=1, max_length=300)]
    ) -> Response:
        """Say whether a code is genuine, and how the pass stands now: valid, not-yet, expired,
        revoked or unknown."""
        read = signer.read(code)
        genuine = read is not None and read.pass_id == pass_id
        version = await desk.newest("pass", pass_id)
        if not genuine or version is None or version.deleted:
            # Of a code that was made up nothing is told, not even whether there is such a pass.
            return json_answer({"genuine": genuine, "state": "unknown"})
        entry = _pass_of(version)
        return json_answer(
            {
                "genuine": True,
                "state": _state(entry, clock_ms()),
                "medium": entry.medium,
                "scope": entry.scope,
                "holders": len(entry.holders or ()),
                "valid_from": entry.valid_from,
                "valid_to": entry.valid_to,
            }
        )

    @routes.post("/passes/{pass_id}/revoke", response_class=Response)
    async def revoke(
        pass_id: str, body: RevokeBody, grant: Actor, within: Within, if_match: IfMatch = None
    ) -> Response:
        """Revoke a pass. If-Match carries the ETag of its entry."""
        place = revision_of(if_match)
        entry = _pass_of(await known(pass_id, within))
        if entry.revoked:
            raise HTTPException(409, "the pass is revoked already")
        anew = msgspec.structs.replace(entry, revoked=True, reason=body.reason)
        answer = await desk.put(
            "pass", pass_id, msgspec.json.encode(anew), grant, place, action="pass.revoke"
        )
        return json_answer(shown(answer.version), 200, etag(answer.version.place))

    async def known(pass_id: str, within: Limit | None) -> StoredVersion:
        version = await desk.newest("pass", pass_id)
        if (
            version is None
            or version.deleted
            or not sees_entry(within, "pass", pass_id, msgspec.json.decode(version.body))
        ):
            raise HTTPException(404, f"no such pass: {pass_id[:128]}")
        return version

    async def paper_of(pass_id: str, within: Limit | None) -> Paper:
        entry = _pass_of(await known(pass_id, within))
        if entry.revoked:
            raise HTTPException(409, f"the pass {pass_id[:128]} is revoked")
        return paper.paper_of(entry, _code(signer, entry, zone), zone)

    return routes


def _holders(
    desk: Desk, holders: Sequence[Holder]
) -> tuple[list[dict[str, str]], dict[str, dict[str, str]]]:
    """Return the pseudonyms of holders, and what the vault keeps of each."""
    found: list[dict[str, str]] = []
    identity: dict[str, dict[str, str]] = {}
    for place, holder in enumerate(holders):
        try:
            person = desk.intake.pseudonym(holder.person, holder.id_type, holder.id_number)
        except IdentifierProblem as error:
            blamed = "person" if holder.id_number is None else "id_number"
            raise rejected(str(error), f"holders[{place}].{blamed}") from error
        if person is None:
            raise rejected("needs id_type and id_number, or person", f"holders[{place}]")
        found.append({"person": person})
        told = holder.model_dump(exclude={"person"}, exclude_none=True)
        if told:
            identity.setdefault(person, {}).update(told)
    return found, identity


def _state(entry: Pass, now_ms: int) -> str:
    if entry.revoked:
        return "revoked"
    if now_ms < parse_ms(entry.valid_from):
        return "not-yet"
    expired = entry.valid_to is not None and parse_ms(entry.valid_to) <= now_ms
    return "expired" if expired else "valid"


def _code(signer: PassSigner, entry: Pass, zone: ZoneInfo) -> str:
    last = paper.last_day(entry, zone)
    return signer.code(entry.id, None if last is None else last.date())


def _pass_of(version: StoredVersion) -> Pass:
    return msgspec.json.decode(version.body, type=Pass)


async def _printed(papers: Sequence[Paper], kind: Format) -> Response:
    make = paper.html if kind == "html" else paper.pdf
    content = await asyncio.to_thread(make, papers)
    return Response(content, headers=paper.HEADERS, media_type=_TYPES[kind])
