"""Resident numbers that are formed rightly and belong to nobody: the sequence is 000 upwards."""

from typing import Final

_CHECK: Final = "10X98765432"


def resident(n: int) -> str:
    """Return the n-th number."""
    born = f"{1930 + n // 1000 % 80}{n // 80_000 % 12 + 1:02d}{n // 960_000 % 28 + 1:02d}"
    head = f"990000{born}{n % 1000:03d}"
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(head))
    return head + _CHECK[total % 11]
