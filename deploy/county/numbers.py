"""Plates and identity numbers by the dozen: valid, all different, and made up.

No two plates of one prefix are confusable: they differ in their confusion-folded form, so a
misread of one is never another one.
"""

from datetime import date, timedelta
from typing import Final

# One character of each confusion group, and the characters that are in none.
_DIGITS: Final = "012345689"
_LETTERS: Final = "EFHJKMNPRTWXY"
_SERIALS: Final = 5 * len(_LETTERS) * len(_DIGITS) ** 4
# Prime, and so without a factor in common with _SERIALS: neighbours in number look unalike.
_STRIDE: Final = 100_003

HOME_PREFIX: Final = "浙F"
# None that a camera takes for another one: 浙G is here, so 浙C is not.
VISITOR_PREFIXES: Final = (
    "沪A", "沪B", "沪D", "苏A", "苏B", "苏E", "苏F", "苏K", "皖A", "皖E", "赣A", "赣E",
    "浙A", "浙B", "浙H", "浙D", "浙E", "浙G", "鲁A", "鲁B", "闽A", "闽C", "湘A", "豫A",
)  # fmt: skip

_FIRST_BIRTH: Final = date(1948, 1, 1)
_BIRTH_DAYS: Final = 19_997
_WEIGHTS: Final = tuple(2 ** (17 - place) % 11 for place in range(17))


def home_plate(number: int) -> str:
    """Return a plate of this county."""
    return HOME_PREFIX + _serial(number)


def visitor_plate(number: int) -> str:
    """Return a plate from elsewhere; all below ten million are different."""
    return VISITOR_PREFIXES[number % len(VISITOR_PREFIXES)] + _serial(
        number // len(VISITOR_PREFIXES)
    )


def resident_id(number: int, region: str = "330421") -> str:
    """Return an 18-character resident ID with a valid date and check character (GB 11643)."""
    born = _FIRST_BIRTH + timedelta(days=number * 7919 % _BIRTH_DAYS)
    body = f"{region}{born:%Y%m%d}{number // _BIRTH_DAYS % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def _serial(number: int) -> str:
    """Return one letter among four digits; the number is taken modulo all that there are."""
    rest = number * _STRIDE % _SERIALS
    rest, place = divmod(rest, 5)
    rest, letter = divmod(rest, len(_LETTERS))
    digits = []
    for _ in range(4):
        rest, digit = divmod(rest, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join([*digits[:place], _LETTERS[letter], *digits[place:]])
