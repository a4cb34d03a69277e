"""The page checks plates, numbers and digests as the server does."""

import json
from typing import Any

import pytest
from playwright.async_api import BrowserContext

from schemas.persons import ID_TYPES, IdentifierProblem, check_identifier
from schemas.plates import PlateProblem, normalise
from schemas.prefixes import PROVINCES
from services.ingest.offline_list import plate_digest
from tests.ingest_page.conftest import Gate

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLATES = [
    *(f"{province}A12345" for province in PROVINCES),
    *("", "浙F 12 345", "浙F·12345"),
    *"""
    浙F12345 浙f12345 浙FD12345 浙FG01234 浙F12345D 浙F12345G 浙F12345L 浙FL12345 浙I12345
    浙O12345 浙O1234警 浙A1234警 浙A1234学 浙A123学 浙A1234挂 浙A1234试 浙A1234超 浙A123警4
    沪A1234领 沪A12345领 沪12345领 粤Z1234港 粤Z1234澳 浙Z1234港 使123456 123456使 使12345
    WJ12345 WJ浙1234X WJ浙1234A AB12345 民航12345 翼A12345 粵B12345 浙FI2O45 浙F1234
    浙F123456 浙FDI2345 １２３ 浙Ｆ１２３４５ UNKNOWN NOPLATE 浙
    """.split(),
]
_NUMBERS = {
    "resident_id": """
        11010519491231002X 11010519491231002x 110105-19491231-002X 420106199003070016
        330421198002300012 330324199512120028 330324199512120029 330324951212002
        111111111111111111 33042120990101001X
    """,
    "passport": "E12345678 ABCDEFGH 1234 Ｅ１２３４５６７８ 00000",
    "hk_macau_permit": "H12345678 H1234567801 C12345678 H123",
    "tw_permit": "12345678 1234567890A T12345678 123",
    "foreign_permit": "USA123456789012 US123 911010519491231002",
    "other": "军字第12345号 a x_y_z",
    "card": "12345",
}
NUMBERS = [(kind, number) for kind, numbers in _NUMBERS.items() for number in numbers.split()]


def accepted(id_type: str, number: str) -> bool:
    try:
        check_identifier(id_type, number)
    except IdentifierProblem:
        return False
    return True


def canonical(plate: str) -> str | None:
    try:
        return normalise(plate).text
    except PlateProblem:
        return None


async def in_page(gate: Gate, handheld: BrowserContext, script: str, argument: Any) -> Any:
    page = await handheld.new_page()
    await page.goto(gate.url)
    return await page.evaluate(script, argument)


async def test_a_plate_is_one_here_and_there(gate: Gate, handheld: BrowserContext) -> None:
    script = """async (plates) => {
      const { normalise } = await import("/page/plate.js");
      return plates.map(normalise);
    }"""
    assert await in_page(gate, handheld, script, PLATES) == [canonical(plate) for plate in PLATES]


async def test_every_plate_can_be_typed_by_the_keys(gate: Gate, handheld: BrowserContext) -> None:
    script = """async (plates) => {
      const { keysAfter } = await import("/page/plate.js");
      const canType = (plate) => [...plate].every((key, at) =>
        keysAfter([...plate].slice(0, at).join("")).some(([each, can]) => can && each === key));
      return plates.filter((plate) => !canType(plate));
    }"""
    plates = {plate for plate in map(canonical, PLATES) if plate}
    # The few of the forces are typed by the system's keyboard.
    rare = {plate for plate in plates if plate.startswith(("WJ", "AB", "民航", "沪12345"))}
    assert set(await in_page(gate, handheld, script, sorted(plates))) == rare


async def test_a_number_fits_here_and_there(gate: Gate, handheld: BrowserContext) -> None:
    script = """async (numbers) => {
      const { problem } = await import("/page/identity.js");
      return numbers.map(([type, number]) => problem(type, number) === null);
    }"""
    found = await in_page(gate, handheld, script, NUMBERS)
    assert found == [accepted(*number) for number in NUMBERS]
    assert {id_type for id_type, _ in NUMBERS} >= set(ID_TYPES)


async def test_a_birthday_in_the_future_is_seen(gate: Gate, handheld: BrowserContext) -> None:
    script = """async ([number, today]) => {
      const { problem } = await import("/page/identity.js");
      return problem("resident_id", number, today);
    }"""
    number = "11010519491231002X"
    assert await in_page(gate, handheld, script, [number, "19491230"]) == "idFuture"
    assert await in_page(gate, handheld, script, [number, "19491231"]) is None


@pytest.mark.parametrize("plate", ["浙F12345", "使123456"])
async def test_a_digest_is_the_same_here_and_there(
    gate: Gate, handheld: BrowserContext, plate: str
) -> None:
    script = """async ([list, plate]) => {
      const { digest } = await import("/page/offline.js");
      return digest(JSON.parse(list), plate);
    }"""
    listed = json.dumps({"salt": "5a17", "digest_hex": 6})
    assert await in_page(gate, handheld, script, [listed, plate]) == plate_digest("5a17", plate)
