"""One cell: what is repaired without doubt, what is refused, and in which words."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.api.imports import cells
from services.api.imports.cells import BadCell, Cell

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("  浙Ｆ７０００２\u3000", "浙F70002"),
        ("\ufeff\u200b3304", "3304"),
        ('="00123"', "00123"),
        ("'00123", "00123"),
        (12.0, "12"),
        (True, "true"),
    ],
)
def test_what_nobody_sees_is_removed_and_width_is_nothing(cell: Cell, text: str) -> None:
    assert cells.narrow(cell) == text


def test_prose_keeps_its_full_width() -> None:
    assert cells.plain(" 中山路（东）１２号 ") == "中山路（东）１２号"


@pytest.mark.parametrize("cell", ["=1+1", "=HYPERLINK(x)", "x" * 2_001])
def test_a_formula_and_a_flood_are_refused(cell: str) -> None:
    with pytest.raises(BadCell):
        cells.plain(cell)


@pytest.mark.parametrize(
    "cell", [330421199003070000, 3.30421199003070e17, "3.30421E+17", 123456789.0, date(2020, 1, 1)]
)
def test_a_number_that_a_number_format_spoilt_is_refused(cell: Cell) -> None:
    with pytest.raises(BadCell, match="Excel") as refused:
        cells.number_text(cell)
    assert "3304" not in str(refused.value)
    assert "Excel" in refused.value.wording.zh


def test_a_telephone_is_taken_as_a_number_only_where_no_zero_can_be_lost() -> None:
    assert cells.telephone(13857312345) == "13857312345"
    assert cells.telephone("0573-84991234") == "0573-84991234"
    with pytest.raises(BadCell):
        cells.telephone(57384991234)


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2020-01-24 09:30", "2020-01-24T09:30:00+08:00"),
        ("2020年1月24日 9时30分", "2020-01-24T09:30:00+08:00"),
        ("2020/1/24 09:30:15", "2020-01-24T09:30:15+08:00"),
        ("2020-01-24T09:30:00+09:00", "2020-01-24T09:30:00+09:00"),
        ("20200124", "2020-01-24T00:00:00+08:00"),
        ("２０２０．１．２４", "2020-01-24T00:00:00+08:00"),
        (43854.5, "2020-01-24T12:00:00+08:00"),
        (datetime(2020, 1, 24, 9, 30), "2020-01-24T09:30:00+08:00"),  # noqa: DTZ001
        (date(2020, 1, 24), "2020-01-24T00:00:00+08:00"),
    ],
)
def test_a_time_is_local_unless_it_has_an_offset(cell: Cell, at: str) -> None:
    assert cells.instant(cell, ZONE, ends=False) == at


def test_what_ends_on_a_day_ends_with_it() -> None:
    assert cells.instant("2020-02-10", ZONE, ends=True) == "2020-02-11T00:00:00+08:00"
    assert cells.instant("2020-02-10 08:00", ZONE, ends=True) == "2020-02-10T08:00:00+08:00"


def test_a_day_stays_a_day_and_an_hour_is_kept() -> None:
    assert cells.day_or_instant("2020-1-24", ZONE) == "2020-01-24"
    assert cells.day_or_instant("2020-1-24 10:00", ZONE) == "2020-01-24T10:00:00+08:00"
    assert cells.day(datetime(2020, 1, 24)) == "2020-01-24"  # noqa: DTZ001


@pytest.mark.parametrize("cell", ["1/2/2020", "2020-02-30", "soon", 12.0, 1e9])
def test_a_time_that_can_be_read_in_two_ways_or_none_is_refused(cell: Cell) -> None:
    with pytest.raises(BadCell, match="2020-01-31"):
        cells.day(cell)


@pytest.mark.parametrize(("cell", "value"), [("是", True), ("Ｎ", False), (True, True), (0, False)])
def test_yes_and_no(cell: Cell, value: bool) -> None:
    assert cells.truth(cell) is value


def test_what_is_neither_yes_nor_no_and_what_is_no_number_is_refused() -> None:
    with pytest.raises(BadCell):
        cells.truth("perhaps")
    for text in ("many", "inf", "1.5"):
        with pytest.raises(BadCell):
            cells.numeric(text, whole=True)
    assert cells.numeric("１,２００", whole=True) == 1200
    assert cells.numeric(0.5, whole=False) == 0.5


def test_values_of_closed_lists_and_lists() -> None:
    assert cells.choice("高风险") == "high"
    assert cells.choice("high") == "high"
    assert cells.texts("a；b、c, d\n") == ["a", "b", "c", "d"]
