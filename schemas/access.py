"""Tokens and roles: who may call what. The file of tokens is shared by ingest and the API."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

Role = Literal["device", "viewer", "dispatcher", "supervisor", "auditor", "admin", "replay"]
ROLES: tuple[Role, ...] = (
    "device",
    "viewer",
    "dispatcher",
    "supervisor",
    "auditor",
    "admin",
    "replay",
)


class Grant(Struct, frozen=True, omit_defaults=True):
    """What a token stands for: a name that is written as the author, and a role.

    `areas` are the grids that its holder may see and act in, None = everywhere; `sites` those whose
    events a device may post, None = any; `account` is the user whose session it is.
    """

    name: str
    role: Role
    areas: tuple[str, ...] | None = None
    sites: tuple[str, ...] | None = None
    account: str | None = None


class TokenFile:
    """The tokens of a deployment, kept as SHA-256 digests: the file does not give them away."""

    def __init__(self, grants: dict[str, Grant]) -> None:
        self._grants = grants

    @classmethod
    def load(cls, path: Path) -> "TokenFile":
        """Read the file; raises FileNotFoundError or msgspec.ValidationError."""
        return cls(msgspec.json.decode(path.read_bytes(), type=dict[str, Grant]))

    def also(self, token: str, grant: Grant) -> "TokenFile":
        """Return the same tokens and one more, which stands in no file."""
        return TokenFile({**self._grants, digest(token): grant})

    def grant_of(self, token: str) -> Grant | None:
        """Return what a token stands for, or None for an unknown one."""
        return self._grants.get(digest(token))

    def grant_of_header(self, authorization: str | None) -> Grant | None:
        """Return what an `Authorization: Bearer …` header stands for, or None."""
        scheme, _, token = (authorization or "").partition(" ")
        return self.grant_of(token.strip()) if scheme.lower() == "bearer" and token else None


def digest(token: str) -> str:
    """Return the form in which a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """Return a fresh token."""
    return secrets.token_urlsafe(24)


def add_token(path: Path, token: str, grant: Grant) -> None:
    """Add a token to the file, which is made where there is none; the change is atomic."""
    grants: dict[str, Grant] = {}
    if path.exists():
        grants = msgspec.json.decode(path.read_bytes(), type=dict[str, Grant])
    grants[digest(token)] = grant
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(grants), indent=1))
    os.replace(fresh, path)
