"""The letters of a county office: 29,170 names in 637 batches, as tables that come in by mail.

Each is a CSV in GB18030 with Chinese headers, a name a row, households of one to four, and some
rows of which are wrong. All of them are made up (county/numbers.py).
"""

from typing import Final

from deploy.county.numbers import resident_id

NAMES: Final = 29_170
BATCHES: Final = 637
# One name in so many has a number whose check character is wrong.
WRONG_EVERY: Final = 500
_HEADER: Final = "户号,姓名,证件号码,联系电话,家庭住址,来源地代码,停留开始,停留结束,抵达日期"
_HOUSEHOLDS: Final = (3, 1, 4, 2)


def batch_of(number: int, names: int = NAMES, batches: int = BATCHES) -> range:
    """Return the names of a batch, counted from 0; the sizes of batches differ by one at most."""
    return range(names * number // batches, names * (number + 1) // batches)


def table(names: range) -> bytes:
    """Return a table of names."""
    return "\r\n".join([_HEADER, *map(_row, names)]).encode("gb18030")


def wrong(names: range) -> int:
    """Return how many of the names have a number that is refused."""
    return sum(name % WRONG_EVERY == 0 for name in names)


def _row(name: int) -> str:
    identity = resident_id(name)
    if name % WRONG_EVERY == 0:
        identity = identity[:-1] + ("1" if identity[-1] != "1" else "2")
    household, place = divmod(name, sum(_HOUSEHOLDS))
    of_cycle = 0
    while place >= _HOUSEHOLDS[of_cycle]:
        place -= _HOUSEHOLDS[of_cycle]
        of_cycle += 1
    return (
        f"h-{household}-{of_cycle},王某{name},{identity},139{name:08d},姚庄镇新村 {name} 号,"
        "330300,2020/1/10,2020年1月22日,2020-01-23 10:00"
    )
