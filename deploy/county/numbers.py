"""Plates and identity numbers by the dozen: valid, all different, and made up.

They are spread over all that may be issued, so that now and then one is a look-alike of another,
as in life: a misread may be somebody else's plate.
"""

from datetime import date, timedelta
from typing import Final

_DIGITS: Final = "0123456789"
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_SERIALS: Final = 5 * len(_LETTERS) * len(_DIGITS) ** 4
# The second character of a small new-energy plate is a letter or a digit, the first says the drive.
_DRIVES: Final = "DAFGC"
_NEV_SERIALS: Final = len(_DRIVES) * len(_LETTERS + _DIGITS) * len(_DIGITS) ** 4
# Prime, and so without a factor in common with the counts: neighbours in number look unalike.
_STRIDE: Final = 100_003
_NEV_EVERY: Final = 12

HOME_PREFIX: Final = "浙F"
FOREIGN_PREFIXES: Final = (
    "沪A", "沪B", "沪D", "苏A", "苏B", "苏E", "苏F", "苏K", "皖A", "皖E", "赣A", "赣E",
    "浙A", "浙B", "浙H", "浙D", "鄂A", "鄂J", "鲁A", "京N", "闽C", "湘A", "豫A", "粤B",
)  # fmt: skip
# Serials from here on belong to plates from elsewhere that are at home here, those below to
# visitors; so nobody who moved here is taken for somebody who just came.
_SETTLED_SERIALS: Final = 1_000_000

# Where travellers were first registered (GB/T 2260): Shanghai, Wuhan, Wenzhou, Hefei, Beijing …
REGIONS: Final = ("310115", "420106", "330302", "340104", "110108", "440305", "411302", "330402")

_FIRST_BIRTH: Final = date(1948, 1, 1)
_BIRTH_DAYS: Final = 19_997
_WEIGHTS: Final = tuple(2 ** (17 - place) % 11 for place in range(17))


def home_plate(number: int) -> str:
    """Return a plate of this county; every twelfth is that of a new-energy car."""
    if number % _NEV_EVERY == 0:
        return HOME_PREFIX + _nev_serial(number // _NEV_EVERY)
    return HOME_PREFIX + _serial(number)


def visitor_plate(number: int) -> str:
    """Return a plate from elsewhere; all of 24 million consecutive numbers are different."""
    prefix, serial = number % len(FOREIGN_PREFIXES), number // len(FOREIGN_PREFIXES)
    return FOREIGN_PREFIXES[prefix] + _serial(serial % _SETTLED_SERIALS)


def settled_plate(number: int) -> str:
    """Return a plate from elsewhere whose car is at home here; no visitor has it."""
    prefix, serial = number % len(FOREIGN_PREFIXES), number // len(FOREIGN_PREFIXES)
    return FOREIGN_PREFIXES[prefix] + _serial(_SETTLED_SERIALS + serial)


def resident_id(number: int, region: str = "330421") -> str:
    """Return an 18-character resident ID with a valid date and check character (GB 11643)."""
    born = _FIRST_BIRTH + timedelta(days=number * 7919 % _BIRTH_DAYS)
    return checked(f"{region}{born:%Y%m%d}{number // _BIRTH_DAYS % 1000:03d}")


def checked(body: str) -> str:
    """Return seventeen digits with their check character."""
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def _serial(number: int) -> str:
    """Return one letter among four digits; the number is taken modulo all that there are."""
    rest = number * _STRIDE % _SERIALS
    rest, place = divmod(rest, 5)
    rest, letter = divmod(rest, len(_LETTERS))
    digits = f"{rest:04d}"
    return f"{digits[:place]}{_LETTERS[letter]}{digits[place:]}"


def _nev_serial(number: int) -> str:
    rest = number * _STRIDE % _NEV_SERIALS
    rest, drive = divmod(rest, len(_DRIVES))
    rest, second = divmod(rest, len(_LETTERS + _DIGITS))
    return f"{_DRIVES[drive]}{(_LETTERS + _DIGITS)[second]}{rest:04d}"
