"""`cordon users`, `cordon audit verify`, `cordon vault rekey` and `cordon tokens add`, as typed."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from schemas.access import Grant, TokenFile
from services.api.audit.anchors import Anchoring
from services.api.people.passwords import Passwords
from services.api.people.users import Users
from services.api.store.database import Database
from services.api.vault.master_keys import MasterKeys
from services.api.vault.vault import Vault

Cordon = Callable[..., tuple[int, str]]
T = TypeVar("T")
PERSON = f"person:1:{'a' * 32}"


@pytest.fixture
def run(tmp_path: Path) -> Cordon:
    """A function that runs `cordon`; it returns the exit code and what was said."""

    def cordon(*words: str) -> tuple[int, str]:
        answer = CliRunner().invoke(app, [*words, "--data-dir", str(tmp_path)])
        return answer.exit_code, answer.output.strip()

    return cordon


def on_database(folder: Path, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(f"sqlite:///{folder / 'alerts.db'}")
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def test_users_are_made_shown_and_shut_out(run: Cordon, tmp_path: Path) -> None:
    code, password = run("users", "add", "chen", "--role", "admin")
    assert code == 0
    assert run("users", "add", "li", "--role", "viewer", "--area", "g1", "--area", "g2")[0] == 0
    assert run("users", "add", "chen", "--role", "viewer") == (
        1,
        "users: there is a user chen already",
    )
    assert run("users", "add", "box", "--role", "device")[0] == 2
    assert run("users", "list")[1].splitlines() == [
        "chen\tadmin\teverywhere\tlet in",
        "li\tviewer\tg1,g2\tlet in",
    ]
    assert run("users", "disable", "chen")[0] == 1
    assert run("users", "disable", "li") == (0, "")
    assert run("users", "disable", "wang") == (1, "users: there is no user wang")
    assert run("users", "list")[1].endswith("disabled")
    code, fresh = run("users", "password", "li")
    assert code == 0

    async def signs_in(database: Database) -> list[Grant | None]:
        users = Users(database, Passwords(), lambda: 0)
        return [await users.signed_in("chen", password), await users.signed_in("li", fresh)]

    first, second = on_database(tmp_path, signs_in)
    assert first is not None
    assert second is not None
    assert second.areas == ("g1", "g2")


def test_the_log_is_walked(run: Cordon, tmp_path: Path) -> None:
    run("users", "add", "chen", "--role", "admin")
    assert run("audit", "verify") == (0, "1 entries hold; 0 of them are anchored")
    run("users", "add", "li", "--role", "viewer")
    anchors = tmp_path / "audit.anchors"
    on_database(tmp_path, lambda database: Anchoring(database, anchors).note())
    assert run("audit", "verify") == (0, "2 entries hold; 2 of them are anchored")
    copy = tmp_path / "copy"
    copy.write_text(anchors.read_text().replace('"seal":"', '"seal":"00', 1))
    code, said = run("audit", "verify", "--anchors", str(anchors), "--anchors", str(copy))
    assert (code, "another seal of entry 2" in said) == (1, True)
    statement = "DELETE FROM audit_entries WHERE n = 2"
    on_database(tmp_path, lambda db: db.write(lambda c: c.exec_driver_sql(statement)))
    code, said = run("audit", "verify")
    assert (code, "broken at entry 3" in said, "entry 2 was noted" in said) == (1, False, True)


def test_a_new_master_key_takes_over(run: Cordon, tmp_path: Path) -> None:
    run("users", "list")
    path = tmp_path / "vault.key"
    vault = Vault(MasterKeys.load_or_create(path))
    on_database(tmp_path, lambda db: db.write(lambda c: vault.keep(c, PERSON, {"name": "陈安"}, 1)))
    before = path.read_text()
    assert run("vault", "rekey") == (0, "1 persons' keys are wrapped by master key 2")
    assert before.strip() not in path.read_text()
    anew = Vault(MasterKeys.load_or_create(path))
    found = on_database(tmp_path, lambda db: db.read(lambda c: anew.open(c, [PERSON])))
    assert found == {PERSON: {"name": "陈安"}}
    path.write_text("x")
    code, said = run("vault", "rekey")
    assert (code, said.startswith("vault: ")) == (1, True)


def test_a_token_may_be_limited(run: Cordon, tmp_path: Path) -> None:
    _, token = run("tokens", "add", "north", "--role", "viewer", "--area", "g1")
    _, device = run("tokens", "add", "cam", "--role", "device", "--site", "s1", "--site", "s2")
    tokens = TokenFile.load(tmp_path / "tokens.json")
    assert tokens.grant_of(token) == Grant("north", "viewer", areas=("g1",))
    assert tokens.grant_of(device) == Grant("cam", "device", sites=("s1", "s2"))
