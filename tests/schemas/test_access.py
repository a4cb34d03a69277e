"""Tokens: kept as digests, found by header, added without losing others."""

import stat
from pathlib import Path

import msgspec
import pytest

from schemas.access import ROLES, Grant, TokenFile, add_token, digest, new_token


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "tokens.json"


def test_a_token_is_found_again(path: Path) -> None:
    first, second = new_token(), new_token()
    add_token(path, first, Grant("north-gate", "device"))
    add_token(path, second, Grant("chen", "dispatcher"))
    tokens = TokenFile.load(path)
    assert tokens.grant_of(first) == Grant("north-gate", "device")
    assert tokens.grant_of(second) == Grant("chen", "dispatcher")
    assert tokens.grant_of("another") is None


def test_adding_a_token_again_changes_its_grant(path: Path) -> None:
    add_token(path, "t", Grant("chen", "viewer"))
    add_token(path, "t", Grant("chen", "admin"))
    assert TokenFile.load(path).grant_of("t") == Grant("chen", "admin")


def test_the_file_gives_no_token_away(path: Path) -> None:
    token = new_token()
    add_token(path, token, Grant("chen", "admin"))
    assert token.encode() not in path.read_bytes()
    assert digest(token).encode() in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["tokens.json"]


def test_tokens_differ_and_are_long() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("Bearer secret", True),
        ("bearer secret", True),
        ("Bearer  secret ", True),
        ("Basic secret", False),
        ("secret", False),
        ("Bearer", False),
        ("Bearer ", False),
        ("Bearer wrong", False),
        ("", False),
        (None, False),
    ],
)
def test_the_header(header: str | None, known: bool) -> None:
    tokens = TokenFile(
        {digest("secret"): Grant("chen", "viewer"), digest(""): Grant("no", "admin")}
    )
    expected = Grant("chen", "viewer") if known else None
    assert tokens.grant_of_header(header) == expected


def test_the_roles_are_those_of_the_contracts() -> None:
    people = {"viewer", "dispatcher", "supervisor", "auditor", "admin"}
    assert set(ROLES) == people | {"device", "replay"}


def test_a_file_that_is_absent_or_malformed_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TokenFile.load(path)
    path.parent.mkdir()
    path.write_text('{"x": {"name": "chen", "role": "emperor"}}')
    with pytest.raises(msgspec.ValidationError, match="emperor"):
        TokenFile.load(path)
    with pytest.raises(msgspec.ValidationError, match="emperor"):
        add_token(path, "t", Grant("chen", "viewer"))
