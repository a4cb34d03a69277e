"""The plate grammar row by row, the repairs of raw text, and the laws of `normalise`."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.plates import GRAMMARS, Plate, PlateClass, PlateProblem, normalise
from schemas.prefixes import PROVINCES

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
SERIAL = LETTERS + "0123456789"
NEV = "DABCEFGHJK"

CANONICAL: list[tuple[str, PlateClass, str | None]] = [
    ("浙F7E321", "civil", "浙"),
    ("皖K12345", "civil", "皖"),
    ("浙U12345", "civil", "浙"),
    ("浙F1234D", "civil", "浙"),
    *((f"浙F{letter}12345", "small-nev", "浙") for letter in NEV),
    *((f"浙F{letter}A1234", "small-nev", "浙") for letter in NEV),
    *((f"浙F12345{letter}", "large-nev", "浙") for letter in NEV),
    ("浙FG01234", "small-nev", "浙"),
    ("浙F1234警", "police", "浙"),
    ("浙O1234警", "police", "浙"),
    ("浙F1234学", "trainer", "浙"),
    ("鄂J1234挂", "trailer", "鄂"),
    ("沪A1234领", "consulate", "沪"),
    ("沪A12345领", "consulate", "沪"),
    ("沪1234领", "consulate", "沪"),
    ("沪12345领", "consulate", "沪"),
    ("浙F1234试", "test", "浙"),
    ("浙FA234超", "oversize", "浙"),
    ("粤Z1234港", "hk-macau", "粤"),
    ("粤ZA23B澳", "hk-macau", "粤"),
    ("使123456", "embassy", None),
    ("WJ12345", "armed-police", None),
    ("WJ浙12345", "armed-police", "浙"),
    *((f"WJ1234{letter}", "armed-police", None) for letter in "TDSHBXJ"),
    ("WJ京1234J", "armed-police", "京"),
    ("VA12345", "military", None),
    ("BO01234", "military", None),
    ("民航A1234", "civil-aviation", None),
]

REPAIRED = [
    ("浙F·70002", "浙F70002"),
    ("浙f-7e321", "浙F7E321"),
    (" 浙F.7E321 ", "浙F7E321"),
    ("浙Ｆ・７Ｅ３２１", "浙F7E321"),
    ("浙F\u3000•\u00a07‧E321", "浙F7E321"),
    ("浙F\uff657E321", "浙F7E321"),
    ("浙FOD123", "浙F0D123"),
    ("浙fI2O45", "浙F12045"),
    ("浙FDO123I", "浙FD01231"),
    ("浙FO1234D", "浙F01234D"),
    ("浙OOI23警", "浙O0123警"),
    ("翼A12345", "冀A12345"),
    ("沪12O4领", "沪1204领"),
    ("wj浙123OJ", "WJ浙1230J"),
    ("OAI2345", "OA12345"),
    ("123456使", "使123456"),
    ("I2345O使", "使123450"),
    ("使I2345O", "使123450"),
    ("民航AIO23", "民航A1023"),
    ("浙F1234學", "浙F1234学"),
    *zip(
        (f"{han}A12345" for han in "粵蘇滬贛遼陝雲瓊貴寧閩魯黒晉"),
        (f"{han}A12345" for han in "粤苏沪赣辽陕云琼贵宁闽鲁黑晋"),
        strict=True,
    ),
]

REFUSED = [
    ("", "is empty"),
    (" · ", "is empty"),
    ("浙" * 33, "longer than 32"),
    ("浙F\u202e12345", "invisible"),
    ("浙F\u200b12345", "invisible"),
    ("浙F12345\n", "invisible"),
    ("\ufeff浙F12345", "invisible"),
    ("浙F\ud80012345", "invisible"),
    ("浙", "not followed by an issuing letter"),
    ("浙I12345", "not followed by an issuing letter"),
    ("浙112345", "not followed by an issuing letter"),
    ("浙O12345", "police plates only"),
    ("浙O1234学", "police plates only"),
    ("浙F1234", "has 6 characters"),
    ("浙F1234567", "has 9 characters"),
    ("浙F*", "has 3 characters"),
    ("浙F1234*", "'*' cannot stand"),
    ("浙F1234临", "'临' cannot stand"),
    ("浙F123456", "not the form of a new-energy plate"),
    ("浙FL12345", "not the form of a new-energy plate"),
    ("浙F12345L", "not the form of a new-energy plate"),
    ("浙F1D2345", "not the form of a new-energy plate"),
    ("浙F警1234", "suffix character"),
    ("粤A1234港", "粤Z"),
    ("浙Z1234澳", "粤Z"),
    ("台A12345", "no province character of mainland"),
    ("无车牌", "no province character of mainland"),
    ("UNKNOWN", "no province character and"),
    ("NOPLATE", "no province character and"),
    ("F12345", "no province character and"),
    ("WJ1234K", "no province character and"),
    ("使12345", "no province character and"),
    ("民航1234", "no province character and"),
    # Digits of other scripts are no digits of a plate.
    ("浙F١٢٣٤٥", "cannot stand"),
]


@pytest.mark.parametrize(("text", "plate_class", "province"), CANONICAL)
def test_every_row_of_the_table(text: str, plate_class: PlateClass, province: str | None) -> None:
    assert normalise(text) == Plate(text, plate_class, province)


def test_the_vectors_cover_every_class() -> None:
    assert {row[1] for row in CANONICAL} | {"any"} == set(get_args(PlateClass))


@pytest.mark.parametrize("province", PROVINCES)
def test_every_province(province: str) -> None:
    assert normalise(f"{province}A12345") == Plate(f"{province}A12345", "civil", province)


@pytest.mark.parametrize("letter", LETTERS)
def test_every_issuing_letter(letter: str) -> None:
    assert normalise(f"浙{letter}12345").plate_class == "civil"


@pytest.mark.parametrize(("raw", "text"), REPAIRED)
def test_repairs(raw: str, text: str) -> None:
    assert normalise(raw).text == text


@pytest.mark.parametrize(("raw", "reason"), REFUSED)
def test_refusals_say_why(raw: str, reason: str) -> None:
    with pytest.raises(PlateProblem, match=reason.replace("*", r"\*")):
        normalise(raw)


def test_large_and_small_new_energy_plates_are_not_civil_ones() -> None:
    """Scenario 22: 浙FD12345 is not 浙F12345."""
    assert normalise("浙FD12345").text != normalise("浙F12345").text
    assert normalise("浙F12345D").plate_class == "large-nev"
    assert normalise("浙FG01234").plate_class == "small-nev"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("ab-123 cd", "AB123CD"),
        ("IO·10", "IO10"),
        ("浙F12345", "浙F12345"),
        ("กข 1234", "กข1234"),
        ("ＸＹ１", "XY1"),
        ("straße", "STRASSE"),
        ("ᄀ-ᅡ", "가"),
        ("A" * 16, "A" * 16),
    ],
)
def test_any_keeps_letters_and_digits(raw: str, text: str) -> None:
    assert normalise(raw, "any") == Plate(text, "any", None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "is empty"),
        ("A" * 17, "has 17 characters"),
        ("AB*1", "neither a letter nor a digit"),
        ("A\u0301\u0301", "neither a letter nor a digit"),
        ("A\u3164", "neither a letter nor a digit"),
        ("AB\u202eCD", "invisible"),
        ("A" * 33, "longer than 32"),
    ],
)
def test_any_refuses_the_rest(raw: str, reason: str) -> None:
    with pytest.raises(PlateProblem, match=reason):
        normalise(raw, "any")


def test_an_unknown_grammar_is_a_problem() -> None:
    with pytest.raises(PlateProblem, match="grammar 'uk' is unknown"):
        normalise("浙F12345", "uk")


plate_like = st.text(
    alphabet=st.sampled_from(
        "".join(PROVINCES) + SERIAL + "IOio翼粵警学挂领試超港澳使民航WJ·.- ０Ａ"
    ),
    max_size=10,
)
civil = st.builds(
    "{}{}{}".format,
    st.sampled_from(list(PROVINCES)),
    st.sampled_from(LETTERS),
    st.text(alphabet=SERIAL, min_size=5, max_size=5),
)


@given(st.text() | plate_like, st.sampled_from(GRAMMARS))
@example("ᄀ-ᅡ", "any")
@example("ΐ", "any")
@example("I2345O使", "prc")
def test_normalise_is_idempotent_and_raises_nothing_else(raw: str, grammar: str) -> None:
    with suppress(PlateProblem):
        plate = normalise(raw, grammar)
        assert normalise(plate.text, grammar) == plate


@given(st.text(), st.text())
def test_no_grammar_raises_anything_else(raw: str, grammar: str) -> None:
    with suppress(PlateProblem):
        normalise(raw, grammar)


def test_every_single_character_is_stable_or_refused() -> None:
    for code in range(sys.maxunicode + 1):
        with suppress(PlateProblem):
            plate = normalise(chr(code), "any")
            assert normalise(plate.text, "any") == plate


@given(civil, st.sampled_from(" .-·•‧・－．"), st.integers(1, 7))
def test_a_separator_changes_nothing(plate: str, separator: str, position: int) -> None:
    raw = plate[:position] + separator + plate[position:]
    assert normalise(raw.lower()) == normalise(plate)


@given(civil)
def test_a_canonical_plate_stays(plate: str) -> None:
    assert normalise(plate) == Plate(plate, "civil", plate[0])
