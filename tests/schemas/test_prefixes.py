"""The reviewed prefix table, and the three errors of the public one that it must not repeat."""

from __future__ import annotations

import pytest

from schemas.prefixes import PREFECTURES, PROVINCES, Place, place_of

# domain.md section 1, "Plates" and "Resident ID".
CHARACTERS = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
ISO = """11 BJ 12 TJ 13 HE 14 SX 15 NM 21 LN 22 JL 23 HL 31 SH 32 JS 33 ZJ 34 AH 35 FJ 36 JX 37 SD
41 HA 42 HB 43 HN 44 GD 45 GX 46 HI 50 CQ 51 SC 52 GZ 53 YN 54 XZ 61 SN 62 GS 63 QH 64 NX 65 XJ"""


def test_the_31_province_characters() -> None:
    assert len(PROVINCES) == 31
    assert set(PROVINCES) == set(CHARACTERS)


def test_codes_are_those_of_the_standards() -> None:
    pairs = ISO.split()
    expected = dict(zip(pairs[::2], (f"CN-{code}" for code in pairs[1::2]), strict=True))
    assert {province.gb_code: province.iso_code for province in PROVINCES.values()} == expected


def test_names_are_distinct() -> None:
    assert len({province.name_zh for province in PROVINCES.values()}) == 31
    assert len({province.name_en for province in PROVINCES.values()}) == 31


def test_the_errors_of_the_public_table_are_not_repeated() -> None:
    assert "翼" not in PROVINCES
    assert PROVINCES["冀"].name_zh == "河北"
    assert PROVINCES["晋"].name_zh == "山西"
    assert PROVINCES["陕"].name_zh == "陕西"
    assert PREFECTURES["赣C"].name_zh == "宜春"


def test_襄阳_has_its_present_name() -> None:
    assert PREFECTURES["鄂F"].name_zh == "襄阳"


@pytest.mark.parametrize(
    ("province", "letters"),
    [
        ("鄂", "ABCDEFGHJKLMNPQRS"),
        ("浙", "ABCDEFGHJKL"),
        ("苏", "ABCDEFGHJKLMN"),
        ("赣", "C"),
    ],
)
def test_the_prefectures_seen(province: str, letters: str) -> None:
    assert "".join(prefix[1] for prefix in PREFECTURES if prefix[0] == province) == letters


def test_every_prefecture_is_of_a_province_and_named_once() -> None:
    assert {prefix[0] for prefix in PREFECTURES} == set("鄂浙苏赣")
    assert len(set(PREFECTURES.values())) == len(PREFECTURES)


@pytest.mark.parametrize(
    ("plate", "place"),
    [
        ("浙F7E321", Place("嘉兴", "Jiaxing")),
        ("鄂A7K345", Place("武汉", "Wuhan")),
        ("沪A12345", Place("上海", "Shanghai")),
        ("沪Z12345", Place("上海", "Shanghai")),
        ("皖K12345", Place("安徽", "Anhui")),
        ("WJ浙1234J", Place("浙江", "Zhejiang")),
        ("WJ12345", None),
        ("使123456", None),
        ("AB12CDE", None),
        ("", None),
    ],
)
def test_place_of(plate: str, place: Place | None) -> None:
    assert place_of(plate) == place
