"""Identifier checks, pseudonyms, the key file and masked labels."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.persons import (
    ID_TYPES,
    IdentifierProblem,
    PseudonymKey,
    PseudonymKeyProblem,
    check_identifier,
    is_person_key,
    label,
    plate_label,
)

VALID = "33042119800101011X"


def with_check(digits: str) -> str:
    """17 digits with the check character that the standard's own formula gives them."""
    total = sum(int(digit) * 2 ** (18 - place) for place, digit in enumerate(digits, start=1))
    return digits + "10X98765432"[total % 11]


resident_ids = st.builds(
    lambda region, born, sequence: with_check(f"{region}{born:%Y%m%d}{sequence:03d}"),
    st.integers(110000, 659999),
    st.dates(date(1900, 1, 1), date(2020, 2, 1)),
    st.integers(0, 999),
)


@pytest.mark.parametrize(
    "number", ["11010519491231002X", "420106199003070016", "330324199512120028", VALID]
)
def test_valid_resident_ids(number: str) -> None:
    assert check_identifier("resident_id", number) == number


def test_a_day_that_does_not_exist_fails_though_the_checksum_fits() -> None:
    """Scenario 51: 30 February."""
    number = "330421198002300012"
    assert with_check(number[:17]) == number
    with pytest.raises(IdentifierProblem, match="no day of the calendar"):
        check_identifier("resident_id", number)


def test_a_birth_after_today_fails_where_today_is_known() -> None:
    number = with_check("33042120200202001")
    assert check_identifier("resident_id", number) == number
    assert check_identifier("resident_id", number, date(2020, 2, 2)) == number
    with pytest.raises(IdentifierProblem, match="in the future"):
        check_identifier("resident_id", number, date(2020, 2, 1))


@pytest.mark.parametrize(
    ("id_type", "raw", "number"),
    [
        ("resident_id", " 330421 19800101 011x ", VALID),
        ("resident_id", "３３０４２１－１９８００１０１－０１１Ｘ", VALID),
        ("passport", "e12345678", "E12345678"),
        ("passport", "EA 1234567", "EA1234567"),
        ("hk_macau_permit", "H12345678", "H12345678"),
        ("hk_macau_permit", "m12345678(02)", "M12345678"),
        ("hk_macau_permit", "C12345678", "C12345678"),
        ("hk_macau_permit", "CA1234567", "CA1234567"),
        ("tw_permit", "12345678", "12345678"),
        ("tw_permit", "0123456701(B)", "0123456701B"),
        ("tw_permit", "T12345678", "T12345678"),
        ("foreign_permit", "USA123456789012", "USA123456789012"),
        ("foreign_permit", with_check("91184019800101001"), with_check("91184019800101001")),
        ("other", "南字第01234567号", "南字第01234567号"),
        ("other", "a123456(7)", "A1234567"),
    ],
)
def test_canonical_numbers(id_type: str, raw: str, number: str) -> None:
    assert check_identifier(id_type, raw) == number


@pytest.mark.parametrize(
    ("id_type", "raw", "reason"),
    [
        ("drivers_licence", VALID, "id_type is none of resident_id, passport"),
        ("resident_id", "", "17 digits and a check character"),
        ("resident_id", "330421800101011", "15-digit"),
        ("resident_id", "330421 800101 011", "15-digit"),
        ("resident_id", "3304211980010101", "17 digits and a check character"),
        ("resident_id", "330421198001010110", "check character does not fit"),
        ("resident_id", "33042119800101011\u202eX", "17 digits and a check character"),
        ("resident_id", "٣30421198001010110", "17 digits and a check character"),
        ("resident_id", VALID + "\n", "17 digits and a check character"),
        ("resident_id", "3" * 65, "longer than 64"),
        ("passport", "UNKNOWN", "5–12 letters and digits"),
        ("passport", "E1", "5–12 letters and digits"),
        ("passport", "000000000", "placeholder"),
        ("hk_macau_permit", "X1234", "H or M"),
        ("tw_permit", "1234", "8 or 10 digits"),
        ("foreign_permit", "US1234", "3 letters and 12 digits"),
        ("foreign_permit", "911840198001010010", "check character does not fit"),
        ("other", "无", "3–32 letters and digits"),
        ("other", "A_B_C", "3–32 letters and digits"),
    ],
)
def test_refusals_say_why_and_do_not_repeat_the_number(id_type: str, raw: str, reason: str) -> None:
    with pytest.raises(IdentifierProblem, match=re.escape(reason)) as problem:
        check_identifier(id_type, raw)
    assert len(raw) < 5 or raw not in str(problem.value)


@given(resident_ids, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_every_single_error_is_detected(number: str, position: int, wrong: str) -> None:
    assume(number[position] != wrong)
    with pytest.raises(IdentifierProblem):
        check_identifier("resident_id", number[:position] + wrong + number[position + 1 :])


@given(resident_ids, st.integers(0, 16))
def test_every_adjacent_transposition_is_detected(number: str, position: int) -> None:
    left, right = number[position], number[position + 1]
    assume(left != right)
    with pytest.raises(IdentifierProblem):
        check_identifier("resident_id", number[:position] + right + left + number[position + 2 :])


@given(resident_ids)
def test_every_well_made_resident_id_passes(number: str) -> None:
    assert check_identifier("resident_id", number, date(2020, 2, 1)) == number
    assert check_identifier("resident_id", number.lower()) == number


id_like = st.text() | st.text(alphabet="HMCTEX0123456789- （）ßΐ", max_size=20) | resident_ids


@given(st.sampled_from(ID_TYPES), id_like)
def test_checking_is_idempotent_and_raises_nothing_else(id_type: str, raw: str) -> None:
    with suppress(IdentifierProblem):
        number = check_identifier(id_type, raw)
        assert check_identifier(id_type, number) == number


def test_a_person_key_is_the_keyed_hash_of_type_and_canonical_number() -> None:
    key = PseudonymKey.fixed_for_tests()
    expected = hmac.new(
        bytes(range(32)), f"resident_id\0{VALID}".encode(), hashlib.sha256
    ).hexdigest()[:32]
    assert key.person("resident_id", VALID) == f"person:0:{expected}"
    assert key.person("resident_id", " 330421 19800101 011x") == f"person:0:{expected}"
    assert is_person_key(f"person:0:{expected}")


def test_other_types_numbers_and_keys_are_other_persons(tmp_path: Path) -> None:
    fixed = PseudonymKey.fixed_for_tests()
    made = PseudonymKey.load_or_create(tmp_path / "pseudonym.key")
    persons = [
        fixed.person("resident_id", VALID),
        fixed.person("resident_id", "330324199512120028"),
        fixed.person("other", VALID),
        made.person("resident_id", VALID),
    ]
    assert len({person.rpartition(":")[2] for person in persons}) == 4


def test_a_person_of_a_bad_identifier_is_a_problem() -> None:
    with pytest.raises(IdentifierProblem, match="future"):
        PseudonymKey.fixed_for_tests().person(
            "resident_id", with_check("33042120200202001"), date(2020, 2, 1)
        )


def test_the_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "pseudonym.key"
    made = PseudonymKey.load_or_create(path)
    again = PseudonymKey.load_or_create(path)
    assert made.number == again.number == 1
    assert made.person("resident_id", VALID) == again.person("resident_id", VALID)
    assert re.fullmatch(r"1:[0-9a-f]{64}\n", path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["pseudonym.key"]


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(PseudonymKey.load_or_create, [path] * 32))
    assert len({key.person("resident_id", VALID) for key in keys}) == 1
    assert os.listdir(tmp_path) == ["pseudonym.key"]


def test_the_number_of_the_file_goes_into_the_person_key(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_text("7:" + "AB" * 32)
    key = PseudonymKey.load_or_create(path)
    assert key.number == 7
    assert key.person("resident_id", VALID).startswith("person:7:")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "ab" * 32,
        "0:" + "ab" * 32,
        "1:" + "ab" * 31,
        "1:" + "xy" * 32,
        "1:" + "ab" * 32 + "\n2:" + "ab" * 32 + "\n",
        "\u4e00",
    ],
)
def test_a_malformed_key_file_is_refused_without_its_content(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pseudonym.key"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PseudonymKeyProblem, match=re.escape(str(path))) as problem:
        PseudonymKey.load_or_create(path)
    assert "abab" not in str(problem.value)


def test_a_key_does_not_show_its_secret() -> None:
    assert repr(PseudonymKey.fixed_for_tests()) == "PseudonymKey(number=0)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "person:1:",
        "person:1:" + "A" * 32,
        "person:x:" + "a" * 32,
        "person:1:" + "a" * 32 + "\n",
    ],
)
def test_what_is_no_person_key(text: str) -> None:
    assert not is_person_key(text)
    with pytest.raises(ValueError, match="only a person key"):
        label(text)


def test_label() -> None:
    assert label("person:1:3f9a" + "0" * 28) == "person 3f9a…"


@pytest.mark.parametrize(
    ("plate", "masked"),
    [
        ("浙F7E302", "浙F7**02"),
        ("浙FD12345", "浙FD1**45"),
        ("浙F1234警", "浙F1**4警"),
        ("使123456", "使12**56"),
        ("AB12CDE", "AB1**DE"),
        ("ABCDE", "AB**E"),
        ("ABCD", "A**D"),
        ("ABC", "**C"),
        ("AB", "**"),
        ("A", "*"),
        ("", ""),
    ],
)
def test_plate_label(plate: str, masked: str) -> None:
    assert plate_label(plate) == masked


@given(st.text(min_size=2, max_size=16))
def test_a_plate_label_hides_two_characters_and_keeps_the_length(plate: str) -> None:
    masked = plate_label(plate)
    assert len(masked) == len(plate)
    assert "**" in masked


def test_a_derived_secret_is_its_purposes_own() -> None:
    key = PseudonymKey.fixed_for_tests()
    one, other = key.derive("ingest-fingerprints"), key.derive("something else")
    assert len(one) == len(other) == 32
    assert one != other
    assert one == PseudonymKey.fixed_for_tests().derive("ingest-fingerprints")
    assert one != PseudonymKey(0, bytes(32)).derive("ingest-fingerprints")


def test_a_sealed_secret_tells_nothing_without_the_key() -> None:
    one, other = PseudonymKey(1, bytes(32)), PseudonymKey(1, bytes(31) + b"1")
    sealed = one.seal("a secret of some length")
    assert sealed.startswith("sealed:1:")
    assert len(sealed) == len("sealed:1:") + 64
    assert one.seal("a secret of some length") == sealed == one.seal(sealed)
    assert other.seal("a secret of some length") != sealed != one.seal("another secret")
