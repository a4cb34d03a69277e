"""The same county with everybody from elsewhere: what changes then was caused by origin.

Every plate gets the character of another province and every resident ID the region of another one,
by one rotation of all provinces: two that differed differ still, and nothing else changes.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from deploy.county.numbers import checked
from schemas.prefixes import PROVINCES

_PLATES: Final = ("plate", "aux_plate")
# Far enough for no province to become a neighbour in the table.
_ROTATION: Final = 13
_NAMES: Final = tuple(PROVINCES)
_CODES: Final = tuple(province.gb_code for province in PROVINCES.values())
_NEXT: Final = {
    **dict(zip(_NAMES, (*_NAMES[_ROTATION:], *_NAMES[:_ROTATION]), strict=True)),
    **dict(zip(_CODES, (*_CODES[_ROTATION:], *_CODES[:_ROTATION]), strict=True)),
}

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Elsewhere:
    """Moves everybody of a timeline to another province; `moved` counts what it changed."""

    def __init__(self) -> None:
        self.moved = 0

    def lines(self, timeline: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the lines of a timeline with every plate and resident ID from elsewhere."""
        for line in timeline:
            event = _decode(line)
            self._move(event.get("data"))
            yield _encode(event) + b"\n"

    def _move(self, data: Any) -> None:
        if isinstance(data, list):
            for each in data:
                self._move(each)
        if not isinstance(data, dict):
            return
        for name, value in data.items():
            if isinstance(value, str):
                if name in _PLATES:
                    data[name] = self._plate(value)
                elif name == "id_number" and data.get("id_type") == "resident_id":
                    data[name] = self._number(value)
            elif name == "vehicles":
                data[name] = [self._plate(plate) for plate in value]
            else:
                self._move(value)

    def _plate(self, plate: str) -> str:
        self.moved += 1
        return _NEXT[plate[0]] + plate[1:]

    def _number(self, number: str) -> str:
        self.moved += 1
        return checked(_NEXT[number[:2]] + number[2:17])
