"""Problems of rows in the two languages of those who file them."""

import re
from typing import Final

from msgspec import Struct

from schemas.problems import Problem


class Wording(Struct, frozen=True):
    """A text in English and in Chinese."""

    en: str
    zh: str


# What the checks of registers say, and how it is said in Chinese. The first that fits counts.
_CHINESE: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), chinese)
    for pattern, chinese in (
        (r"Object missing required field `(.*)`", r"缺少必填项 \1"),
        (r"Invalid enum value '?(.*?)'?", r"取值不在允许范围内：\1"),
        (r"Expected `str` matching regex.*", "格式不正确"),
        (r"Expected `str` of length <= (\d+)", r"超过 \1 个字符"),
        (r"Expected `str` of length >= (\d+)", r"少于 \1 个字符"),
        (r"Expected `array` of length >= (\d+)", r"至少需要 \1 项"),
        (r"Expected `array` of length <= (\d+)", r"最多 \1 项"),
        (r"Expected `(?:int|float)`.*", "不是有效的数字"),
        (r"Expected `bool`.*", "应填“是”或“否”"),
        (r"Expected .*", "取值类型不正确"),
        (r"the check character does not fit the digits", "身份证校验码不正确"),
        (r"the date of birth is no day of the calendar", "身份证中的出生日期不存在"),
        (r"the date of birth is in the future", "身份证中的出生日期晚于今天"),
        (r"15-digit resident IDs have lapsed.*", "15 位身份证已失效，请填 18 位号码"),
        (r"a number of type (\S+) has .*", r"证件号码与证件类型 \1 的格式不符"),
        (r"one repeated character is a placeholder.*", "证件号码为占位内容"),
        (r"id_number without id_type", "有证件号码而无证件类型"),
        (r"id_type is none of .*", "证件类型不在允许范围内"),
        (r"not a pseudonym .*", "人员标识格式不正确"),
        (r"needs id_type and id_number, or person", "需要证件类型和证件号码，或人员标识"),
        (r"must be an object with an id", "需要编号"),
        (r"has a wildcard.*", "不允许通配符；每条只能填写一个完整车牌"),
        (r"needs either plate or person.*", "车牌与人员须且只能填写一项"),
        (r"needs orders or persons", "需要隔离令或人员"),
        (r"must be after (\S+)", r"必须晚于 \1"),
        (r"must not be before stay_from", "不得早于停留开始时间"),
        (r"not a date: .*", "不是有效的日期"),
        (r"not an RFC 3339 date-time: .*", "不是有效的时间"),
        (r"has no offset from UTC.*", "时间缺少时区"),
        (r"no time zone: .*", "没有这个时区"),
        (r"not JSON: .*", "不是有效的 JSON"),
        (r"must be a JSON object", "必须是 JSON 对象"),
    )
)
_OTHERWISE: Final = "内容不符合要求"


def worded(problem: Problem) -> Wording:
    """Return what a check of the registers says, in both languages."""
    said = problem.detail or problem.title
    for pattern, chinese in _CHINESE:
        found = pattern.fullmatch(said)
        if found is not None:
            return Wording(said, found.expand(chinese))
    return Wording(said, _OTHERWISE)
