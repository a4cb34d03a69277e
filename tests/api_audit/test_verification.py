"""The chain: it holds as it was written, and every edit of it is found."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from services.api.audit.anchors import Anchoring, BrokenAnchors, read_anchors
from services.api.audit.chain import FIRST_SEAL, Entry, record, seal
from services.api.audit.tables import audit_entries
from services.api.audit.verification import Broken, Intact, entries, verify
from services.api.store.database import Database

LENGTH = 40
# The other kind of database says the same, statement by statement, only slower.
EDITS = {"sqlite": 1_000, "postgresql": 80}
COLUMNS = audit_entries.c


def write_log(connection: Connection) -> None:
    for n in range(1, LENGTH + 1):
        entry = Entry(
            at_ms=1_640_000_000_000 + n,
            actor=f"officer {n % 7}",
            role="dispatcher",
            action=("alert.ack", "person.read", "register.put")[n % 3],
            about=f"alert:{n}",
            detail={"note": f"number {n}"},
        )
        assert record(connection, entry) == n


def at(n: int) -> Any:
    return update(audit_entries).where(COLUMNS.n == n)


def edit_body(connection: Connection, chance: random.Random) -> None:
    n = chance.randint(1, LENGTH)
    body = bytearray(connection.scalar(select(COLUMNS.body).where(COLUMNS.n == n)) or b"")
    place = chance.randrange(len(body))
    body[place] ^= 1 << chance.randrange(8)
    connection.execute(at(n).values(body=bytes(body)))


def edit_seal(connection: Connection, chance: random.Random) -> None:
    n = chance.randint(1, LENGTH)
    found = bytearray(connection.scalar(select(COLUMNS.seal).where(COLUMNS.n == n)) or b"")
    found[chance.randrange(32)] ^= 1 << chance.randrange(8)
    connection.execute(at(n).values(seal=bytes(found)))


def edit_column(connection: Connection, chance: random.Random) -> None:
    """What an entry is found by says something else, though the entry itself does not."""
    column = chance.choice(["actor", "action", "about", "at_ms"])
    value: Any = 5 if column == "at_ms" else "somebody else"
    connection.execute(at(chance.randint(1, LENGTH)).values({column: value}))


def remove(connection: Connection, chance: random.Random) -> None:
    connection.execute(delete(audit_entries).where(COLUMNS.n == chance.randint(1, LENGTH)))


def remove_and_close_up(connection: Connection, chance: random.Random) -> None:
    n = chance.randint(1, LENGTH - 1)
    connection.execute(delete(audit_entries).where(COLUMNS.n == n))
    for later in range(n + 1, LENGTH + 1):
        connection.execute(at(later).values(n=later - 1))


def exchange(connection: Connection, chance: random.Random) -> None:
    first, second = chance.sample(range(1, LENGTH + 1), 2)
    for old, new in ((first, 0), (second, first), (0, second)):
        connection.execute(at(old).values(n=new))


def cut_the_end_off(connection: Connection, chance: random.Random) -> None:
    connection.execute(delete(audit_entries).where(COLUMNS.n > chance.randint(0, LENGTH - 1)))


def seal_anew(connection: Connection, chance: random.Random) -> None:
    """Change an entry and make every later seal anew, as somebody may who knows how."""
    n = chance.randint(1, LENGTH)
    rows = list(connection.execute(select(audit_entries).order_by(COLUMNS.n)).all())
    before = FIRST_SEAL if n == 1 else rows[n - 2].seal
    for row in rows[n - 1 :]:
        body = row.body.replace(b"number", b"nought") if row.n == n else row.body
        before = seal(before, row.n, body)
        connection.execute(at(row.n).values(body=body, seal=before))


KINDS: list[Callable[[Connection, random.Random], None]] = [
    edit_body,
    edit_seal,
    edit_column,
    remove,
    remove_and_close_up,
    exchange,
    cut_the_end_off,
    seal_anew,
]


async def test_a_thousand_random_edits_are_all_found(database: Database) -> None:
    await database.write(write_log)
    chance = random.Random(20_200_130)

    def look_for_edits(connection: Connection) -> list[str]:
        anchors = {row.n: row.seal for row in entries(connection) if row.n == LENGTH}
        assert verify(entries(connection), anchors) == Intact(LENGTH, LENGTH)
        missed = []
        for number in range(EDITS[connection.dialect.name]):
            kind = KINDS[number % len(KINDS)]
            with connection.begin_nested() as attempt:
                kind(connection, chance)
                if not isinstance(verify(entries(connection), anchors), Broken):
                    missed.append(kind.__name__)
                attempt.rollback()
        assert verify(entries(connection), anchors) == Intact(LENGTH, LENGTH)
        return missed

    assert await database.write(look_for_edits) == []


async def test_the_first_broken_place_is_told(database: Database) -> None:
    await database.write(write_log)

    async def found(edit: Callable[[Connection], Any], anchors: dict[int, bytes]) -> Any:
        def attempt(connection: Connection) -> Any:
            with connection.begin_nested() as nested:
                edit(connection)
                verdict = verify(entries(connection), anchors)
                nested.rollback()
            return verdict

        return await database.write(attempt)

    anchors = {LENGTH: b"x" * 32}
    gone = await found(lambda c: c.execute(delete(audit_entries).where(COLUMNS.n == 9)), {})
    assert (gone.n, gone.why) == (9, "the entry is gone")
    edited = await found(lambda c: c.execute(at(7).values(body=b"{}")), {})
    assert edited.n == 7
    assert "seal" in edited.why
    renamed = await found(lambda c: c.execute(at(5).values(actor="x")), {})
    assert (renamed.n, "actor" in renamed.why) == (5, True)
    other = await found(lambda c: None, anchors)
    assert (other.n, "noted elsewhere" in other.why) == (LENGTH, True)
    cut = await found(lambda c: c.execute(delete(audit_entries).where(COLUMNS.n > 30)), anchors)
    assert (cut.n, "ends here" in cut.why) == (31, True)
    unread = await found(_forge, {})
    assert (unread.n, unread.why) == (1, "the entry cannot be read")


def _forge(connection: Connection) -> None:
    connection.execute(delete(audit_entries).where(COLUMNS.n > 1))
    connection.execute(at(1).values(body=b"[]", seal=seal(FIRST_SEAL, 1, b"[]")))


async def test_an_empty_log_is_whole(database: Database) -> None:
    assert await database.read(lambda c: verify(entries(c), {})) == Intact(0, 0)


async def test_a_text_with_nul_is_no_edit(database: Database) -> None:
    odd = Entry(at_ms=1, actor="a", role="viewer", action="x", about="alert:\x00")
    await database.write(lambda c: record(c, odd))
    assert await database.read(lambda c: verify(entries(c), {})) == Intact(1, 0)


async def test_seals_are_noted_while_there_are_new_ones(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "audit.anchors"
    anchoring = Anchoring(database, path)
    assert await anchoring.note() is None
    await database.write(write_log)
    first = await anchoring.note()
    assert first is not None
    assert first.n == LENGTH
    assert await anchoring.note() is None
    await database.write(write_more)
    assert (await anchoring.note()) is not None
    anchors = read_anchors(path)
    assert sorted(anchors) == [LENGTH, LENGTH + 1]
    verdict = await database.read(lambda c: verify(entries(c), anchors))
    assert verdict == Intact(LENGTH + 1, LENGTH + 1)


def write_more(connection: Connection) -> None:
    record(connection, Entry(at_ms=1, actor="a", role="viewer", action="x", about="y"))


@pytest.mark.parametrize("line", ["x", "{}", '{"n":1,"seal":"zz","at":""}'])
def test_a_line_that_is_no_anchor_is_told(tmp_path: Path, line: str) -> None:
    path = tmp_path / "audit.anchors"
    path.write_text(f'{{"n":1,"seal":"00","at":""}}\n{line}\n')
    with pytest.raises(BrokenAnchors, match="line 2"):
        read_anchors(path)
