"""One cell of somebody's table: repaired where there is no doubt, refused where there is.

What is refused says so in two languages and never repeats the cell: it may be a person's number.
"""

import math
import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.api.imports.headers import NO, VALUES, YES
from services.api.imports.wording import Wording

# A cell as a reader gives it: CSV has texts only.
Cell = str | int | float | bool | datetime | date | None

MAX_CELL: Final = 2_000
# Spaces that nobody sees, besides those that `str.strip` knows.
_INVISIBLE: Final = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_AS_TEXT: Final = re.compile(r'="(?P<text>[^"]*)"')
_SCIENTIFIC: Final = re.compile(r"[0-9](?:\.[0-9]+)?[Ee]\+[0-9]{1,3}")
_DATE: Final = re.compile(
    r"(?P<year>[12][0-9]{3})\s*[-/.年]\s*(?P<month>[0-9]{1,2})\s*[-/.月]\s*(?P<day>[0-9]{1,2})日?"
    r"(?:[\sT]*(?P<hour>[0-9]{1,2})[:时点](?P<minute>[0-9]{1,2})分?(?::?(?P<second>[0-9]{1,2})秒?)?"
    r"(?:\.[0-9]+)?(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_COMPACT: Final = re.compile(r"(?P<year>[12][0-9]{3})(?P<month>[0-9]{2})(?P<day>[0-9]{2})")
_LIST: Final = re.compile(r"[;；、,，|\n]+")
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
# Day 0 of Excel's calendar; before March 1900 it counts a day that never was.
_EXCEL_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 — it is local to whoever typed.
_EXCEL_DAYS: Final = (61, 2_958_465)

NUMBER_LOST: Final = Wording(
    "is a number: Excel rounds long numbers and drops zeros; format the column as text and enter "
    "it again",
    "单元格为数字格式：Excel 会舍入长号码并丢弃前导零；请将该列设为文本后重新填写",
)
FORMULA: Final = Wording(
    "is a formula, which is not calculated here; paste it as a value",
    "单元格为公式，系统不计算公式；请粘贴为数值",
)
NO_TIME: Final = Wording(
    "is no date or time that can be read in one way only; write 2020-01-31 or 2020-01-31 09:30",
    "不是唯一可读的日期或时间；请写成 2020-01-31 或 2020-01-31 09:30",
)


class BadCell(ValueError):
    """A cell that cannot be taken; `wording` says why."""

    def __init__(self, wording: Wording) -> None:
        super().__init__(wording.en)
        self.wording = wording


def plain(cell: Cell) -> str:
    """Return the text of a cell without what nobody sees; "" for an empty one. Raises BadCell."""
    if isinstance(cell, str):
        return _text(cell)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return _digits(cell)
    return cell.isoformat()


def _text(cell: str) -> str:
    text = (cell if cell.isascii() else _INVISIBLE.sub("", cell)).strip()
    if text.startswith(("=", "'")):
        quoted = _AS_TEXT.fullmatch(text)
        if quoted is not None:
            # How spreadsheets are told that a number is a text.
            text = quoted["text"].strip()
        elif text.startswith("="):
            raise BadCell(FORMULA)
        text = text.removeprefix("'")
    if len(text) > MAX_CELL:
        raise BadCell(Wording(f"has more than {MAX_CELL} characters", f"超过 {MAX_CELL} 个字符"))
    return text


def narrow(cell: Cell) -> str:
    """Return the text of a cell that holds no prose: full-width letters and digits made narrow."""
    text = plain(cell)
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def number_text(cell: Cell) -> str:
    """Return the text of an identity number; raises BadCell for one that a number format cost
    digits or zeros."""
    text = narrow(cell)
    if text and (
        isinstance(cell, int | float | datetime | date) or _SCIENTIFIC.fullmatch(text) is not None
    ):
        raise BadCell(NUMBER_LOST)
    return text.replace(" ", "")


def telephone(cell: Cell) -> str:
    """Return a telephone number; as a number only a mobile one has surely lost no zero."""
    text = narrow(cell)
    is_number = isinstance(cell, int | float) or _SCIENTIFIC.fullmatch(text) is not None
    if text and is_number and not _MOBILE.fullmatch(text):
        raise BadCell(NUMBER_LOST)
    return text


def numeric(cell: Cell, *, whole: bool) -> int | float:
    """Return a number; raises BadCell."""
    text = narrow(cell).replace(",", "")
    try:
        value = float(text)
        if not math.isfinite(value) or (whole and not value.is_integer()):
            raise ValueError(text)
    except ValueError as error:
        what = Wording("is no whole number", "不是整数") if whole else None
        raise BadCell(what or Wording("is no number", "不是数字")) from error
    return int(value) if whole else value


def truth(cell: Cell) -> bool:
    """Return yes or no; raises BadCell."""
    text = narrow(cell).casefold()
    if text in YES:
        return True
    if text in NO:
        return False
    raise BadCell(Wording("must be yes or no", "应填“是”或“否”"))


def choice(cell: Cell) -> str:
    """Return a value of a closed list: what people write for it, or what stands there."""
    text = narrow(cell)
    return VALUES.get(text, VALUES.get(plain(cell), text))


def texts(cell: Cell) -> list[str]:
    """Return the parts of a cell that lists several."""
    parts = (part.strip() for part in _LIST.split(plain(cell)))
    return [part for part in parts if part]


def day(cell: Cell) -> str:
    """Return a date as 2020-01-31; raises BadCell."""
    return _moment(cell)[0].date().isoformat()


def instant(cell: Cell, zone: ZoneInfo, *, ends: bool) -> str:
    """Return an RFC 3339 date-time; what has no offset is local to `zone`.

    A mere date is the day's first instant; where something `ends` with it, it is the next day's.
    Raises BadCell.
    """
    moment, has_time = _moment(cell)
    if not has_time and ends:
        moment += timedelta(days=1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.isoformat()


def day_or_instant(cell: Cell, zone: ZoneInfo) -> str:
    """Return a date, or a date-time where the cell has a time of day; raises BadCell."""
    moment, has_time = _moment(cell)
    return instant(cell, zone, ends=False) if has_time else moment.date().isoformat()


def _moment(cell: Cell) -> tuple[datetime, bool]:
    """Return the moment of a cell, and whether it has a time of day; it may have no offset."""
    if isinstance(cell, datetime):
        # Excel shows a date and holds its midnight.
        return cell, bool(cell.hour or cell.minute or cell.second)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day), False  # noqa: DTZ001 — see _EXCEL_ZERO
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _of_excel(float(cell))
    text = narrow(cell)
    found = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    if found is None:
        raise BadCell(NO_TIME)
    parts = found.groupdict()
    has_time = parts.get("hour") is not None
    hour, minute, second = (int(parts.get(part) or 0) for part in ("hour", "minute", "second"))
    try:
        moment = datetime(  # noqa: DTZ001 — the caller knows the zone.
            int(parts["year"]), int(parts["month"]), int(parts["day"]), hour, minute, second
        )
    except ValueError as error:
        raise BadCell(NO_TIME) from error
    if parts.get("offset"):
        moment = datetime.fromisoformat(moment.isoformat() + parts["offset"])
    return moment, has_time


def _of_excel(days: float) -> tuple[datetime, bool]:
    if not _EXCEL_DAYS[0] <= days <= _EXCEL_DAYS[1]:
        raise BadCell(NO_TIME)
    seconds = round((days % 1) * 86_400)
    return _EXCEL_ZERO + timedelta(days=int(days), seconds=seconds), seconds > 0


def _digits(number: float) -> str:
    if isinstance(number, float) and number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    return str(number)
