"""From what a camera or a hand wrote to the one canonical form of a plate.

Everything that keys, compares or looks up a plate uses `normalise(raw).text`; `plate_raw` keeps
what was written.  The grammar is the table of domain.md section 1, after GA 36-2018.

Two grammars: "prc" for mainland plates, and "any" for a device whose register entry says that it
reads others (`plate_grammar`); "any" makes no assumption about form.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

import msgspec

from schemas.prefixes import PROVINCES

__all__ = ["GRAMMARS", "Plate", "PlateClass", "PlateProblem", "normalise"]

PlateClass = Literal[
    "civil",
    "small-nev",
    "large-nev",
    "police",
    "trainer",
    "trailer",
    "consulate",
    "test",
    "oversize",
    "hk-macau",
    "embassy",
    "armed-police",
    "military",
    "civil-aviation",
    "any",
]
"""What the text alone tells.  Small and large civil plates differ only in colour, so both are
"civil"; a temporary paper plate has no form of its own in the table, so it has no class."""

GRAMMARS: Final = ("prc", "any")


class PlateProblem(ValueError):
    """The text is no plate of the grammar; `str()` is an English reason for whoever sent it."""


class Plate(msgspec.Struct, frozen=True, gc=False):
    """A plate in its canonical form."""

    text: str
    plate_class: PlateClass
    province: str | None
    """The province character, for display only: origin never decides anything (domain.md)."""


_RAW_LIMIT: Final = 32
_ANY_LIMIT: Final = 16

# NFKC has already turned full-width forms, the no-break and ideographic spaces, and the one-dot
# leader into these.
_SEPARATORS: Final = " .-·•‧・∙⋅⸱。_‐‒–—―−"
_STRIP: Final = {ord(character): None for character in _SEPARATORS}

# Printable by category, yet nothing to see: NFKC maps the other two Hangul fillers to the second.
_HANGUL_FILLERS: Final = "\u115f\u1160"

# Traditional, Japanese and mistaken forms.  None is legal on a mainland plate.
_LOOK_ALIKE_HAN: Final = str.maketrans(
    "翼粵蘇滬贛遼陝雲瓊貴寧閩魯黒晉學掛領試",
    "冀粤苏沪赣辽陕云琼贵宁闽鲁黑晋学挂领试",
)

# Serials never hold I or O (domain.md section 1 [V]), so these are always misreadings.
_SERIAL_LOOK_ALIKE: Final = str.maketrans("IO", "10")

_P: Final = f"[{''.join(PROVINCES)}]"
_L: Final = "[A-HJ-NP-Z]"  # issuing letter; U (provincial government) is among them
_S: Final = "[A-HJ-NP-Z0-9]"
_NEV: Final = "[DABCEFGHJK]"  # BEV D A B C E, others F G H J K

_PRC_TABLE: Final[tuple[tuple[PlateClass, str], ...]] = (
    ("civil", f"{_P}{_L}{_S}{{5}}"),
    ("small-nev", f"{_P}{_L}{_NEV}{_S}[0-9]{{4}}"),
    ("large-nev", f"{_P}{_L}[0-9]{{5}}{_NEV}"),
    ("police", f"{_P}(?:{_L}|O){_S}{{4}}警"),
    ("trainer", f"{_P}{_L}{_S}{{4}}学"),
    ("trailer", f"{_P}{_L}{_S}{{4}}挂"),
    ("consulate", f"{_P}{_L}{_S}{{4}}领|{_P}{_L}?[0-9]{{4,5}}领"),
    ("test", f"{_P}{_L}{_S}{{4}}试"),
    ("oversize", f"{_P}{_L}{_S}{{4}}超"),
    ("hk-macau", f"粤Z{_S}{{4}}[港澳]"),
    ("embassy", "使[0-9]{6}"),
    ("armed-police", f"WJ{_P}?[0-9]{{4}}[0-9TDSHBXJ]"),
    # Digits only: otherwise UNKNOWN and NOPLATE, which cameras do send, would be plates.
    ("military", "[A-Z]{2}[0-9]{5}"),
    ("civil-aviation", f"民航{_S}{{5}}"),
)
"""The first row that matches wins: WJ12345 is armed police, not military."""

_PRC_CLASSES: Final = tuple(plate_class for plate_class, _ in _PRC_TABLE)
_PRC: Final = re.compile("|".join(f"({pattern})" for _, pattern in _PRC_TABLE))
_PROVINCE: Final = re.compile(_P)


def normalise(raw: str, grammar: str = "prc") -> Plate:
    """The canonical plate that `raw` stands for.

    "prc": NFKC, upper case, separators stripped, look-alike Han mapped, I→1 and O→0 in the serial.
    The older order 123456使 becomes 使123456, so that old lists match new plates.
    "any": NFKC, upper case, separators stripped; 1–16 letters and digits of any script.

    Idempotent: `normalise(normalise(x, g).text, g) == normalise(x, g)`.  Raises PlateProblem, and
    nothing else, for a text that is no plate and for an unknown grammar.
    """
    if grammar == "prc":
        # Most reads are canonical already; one match accepts them.
        match = _PRC.fullmatch(raw)
        if match is None:
            return _parse_prc(_strip(raw))
        return _plate_of(match)
    if grammar == "any":
        return _parse_any(_strip(raw))
    raise PlateProblem(f"the plate grammar {grammar[:_RAW_LIMIT]!a} is unknown")


def _strip(raw: str) -> str:
    """NFKC, upper case, without separators; refuses what is empty, over-long or invisible."""
    if len(raw) > _RAW_LIMIT:
        raise PlateProblem(f"longer than {_RAW_LIMIT} characters")
    text = unicodedata.normalize("NFKC", raw)
    if not text.isprintable():
        raise PlateProblem("contains a control, bidirectional or other invisible character")
    # Upper case may decompose and stripping may bring parts together, so compose once more.
    text = unicodedata.normalize("NFKC", text.upper().translate(_STRIP))
    if not text:
        raise PlateProblem("is empty")
    return text


def _parse_any(text: str) -> Plate:
    if len(text) > _ANY_LIMIT:
        raise PlateProblem(f"has {len(text)} characters; a plate has at most {_ANY_LIMIT}")
    for character in text:
        visible = character not in _HANGUL_FILLERS
        if not visible or not (character.isalpha() or character.isdecimal()):
            raise PlateProblem(f"{character!a} is neither a letter nor a digit")
    return Plate(text, "any", None)


def _parse_prc(stripped: str) -> Plate:
    text = stripped
    match = _PRC.fullmatch(text)  # a separator is the usual difference: 浙F·12345
    if match is None:
        text = _map_look_alikes(stripped)
        match = _PRC.fullmatch(text)
    if match is None:
        raise PlateProblem(_reason(text))
    return _plate_of(match)


def _map_look_alikes(stripped: str) -> str:
    text = stripped.translate(_LOOK_ALIKE_HAN)
    if text.endswith("使"):
        text = "使" + text[:-1]
    # The head is 使, 民航, WJ, two letters, or a province and its issuing letter.
    head = 1 if text.startswith("使") else 2
    return text[:head] + text[head:].translate(_SERIAL_LOOK_ALIKE)


def _plate_of(match: re.Match[str]) -> Plate:
    text = match[0]
    row = match.lastindex
    assert row is not None  # every row of the table is a group
    if row == 1:
        return Plate(text, "civil", text[0])
    province = _PROVINCE.search(text)
    return Plate(text, _PRC_CLASSES[row - 1], None if province is None else province[0])


def _reason(text: str) -> str:
    """Why the stripped and mapped text fits no row of the table."""
    first, letter = text[0], text[1:2]
    if first not in PROVINCES:
        if first.isascii() or first in "使民":
            return "has no province character and the form of no other mainland plate"
        return f"starts with {first!r}, which is no province character of mainland plates"
    if letter == "O":
        return "the issuing letter O stands on police plates only (…O…警)"
    if not re.fullmatch(_L, letter):
        return "the province character is not followed by an issuing letter (A–Z without I and O)"
    if text[-1] in "港澳":
        return "港 and 澳 end only plates of the form 粤Z and four characters"
    if not 7 <= len(text) <= 8:
        return f"has {len(text)} characters; a mainland plate has 7, a new-energy plate 8"
    for character in text[2:]:
        if not re.fullmatch(f"{_S}|[警学挂领试超]", character):
            return f"{character!r} cannot stand in the serial of a plate"
    if len(text) == 8:
        return "has 8 characters, but not the form of a new-energy plate"
    return "a suffix character stands within the serial"
