"""The code on a pass: nobody makes one up, and none is turned into another's."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.persons import PseudonymKey
from services.api.passes.signing import PassCode, PassSigner

SIGNER = PassSigner(PseudonymKey.fixed_for_tests())
DAY = date(2020, 2, 10)


def test_a_code_says_which_pass_and_until_when() -> None:
    code = SIGNER.code("P-ABC", DAY)
    assert code.startswith("CORDON-PASS.P-ABC.20200210.")
    assert SIGNER.read(f" {code}\n") == PassCode("P-ABC", DAY)
    assert SIGNER.read(SIGNER.code("P.with.dots", None)) == PassCode("P.with.dots", None)


@given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_no_change_of_one_character_is_genuine(place: int, character: str) -> None:
    code = SIGNER.code("P-ABC", DAY)
    place %= len(code)
    changed = code[:place] + character + code[place + 1 :]
    assert SIGNER.read(changed) is None or changed.strip() == code


@pytest.mark.parametrize("code", ["", "P-ABC", "CORDON-PASS.P-ABC.20200210.AAAAAAAAAAAAA"])
def test_what_was_made_up_is_not_genuine(code: str) -> None:
    assert SIGNER.read(code) is None


def test_another_deployment_s_code_is_not_genuine() -> None:
    other = PassSigner(PseudonymKey(1, bytes(32)))
    assert SIGNER.read(other.code("P-ABC", DAY)) is None
