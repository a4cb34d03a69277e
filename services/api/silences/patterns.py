"""Regular expressions that cannot run away: matched in time linear in the text.

People write them into silences, and each is tried on every alert; an engine that backtracks could
be stopped by one of them. This one follows all possibilities at once (Thompson's construction). It
takes literals, `.`, classes, groups, `|`, and the repetitions `* + ? {m} {m,} {m,n}`; what it does
not know, such as look-ahead or back-references, is refused. A pattern always means the whole text.
"""

from typing import Final

from msgspec import Struct

LONGEST: Final = 200
_MOST_STEPS: Final = 2_000
_MOST_TIMES: Final = 100
_ENDLESS: Final = -1
_LAST: Final = chr(0x10FFFF)
_CLASSES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "d": (("0", "9"),),
    "w": (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z")),
    "s": ((" ", " "), ("\t", "\r")),
}


class BadPattern(ValueError):
    """The text is no pattern, or one of a kind that is not taken; it says why."""


class _Step(Struct, frozen=True):
    """Take one character of some ranges (or none of them), or go on at one or two places."""

    ranges: tuple[tuple[str, str], ...] = ()
    negated: bool = False
    takes: bool = False
    goes: tuple[int, ...] = ()


class _Node(Struct, frozen=True):
    """A part of a pattern: `one` character, `all` of its parts, `any` of them, or a part that is
    repeated from `least` to `most` times."""

    kind: str
    parts: tuple["_Node", ...] = ()
    step: _Step | None = None
    least: int = 0
    most: int = 0


class Pattern:
    """A pattern, ready to be matched."""

    def __init__(self, text: str) -> None:
        """Raises BadPattern."""
        if len(text) > LONGEST:
            raise BadPattern(f"a pattern has at most {LONGEST} characters")
        self._steps: list[_Step] = []
        self._emit(_Parser(text).parse())

    def matches(self, text: str) -> bool:
        """Return whether the pattern means the whole text."""
        at = self._closure({0})
        for character in text:
            at = self._closure(
                {place + 1 for place in at if self._takes(self._steps_at(place), character)}
            )
            if not at:
                return False
        return len(self._steps) in at

    def _steps_at(self, place: int) -> _Step | None:
        return self._steps[place] if place < len(self._steps) else None

    @staticmethod
    def _takes(step: _Step | None, character: str) -> bool:
        if step is None or not step.takes:
            return False
        return any(low <= character <= high for low, high in step.ranges) != step.negated

    def _closure(self, places: set[int]) -> set[int]:
        """Return the places and all that can be reached from them without a character."""
        waiting, found = [*places], set(places)
        while waiting:
            step = self._steps_at(waiting.pop())
            for place in () if step is None else step.goes:
                if place not in found:
                    found.add(place)
                    waiting.append(place)
        return found

    def _add(self, step: _Step) -> int:
        if len(self._steps) >= _MOST_STEPS:
            raise BadPattern("the pattern is too large")
        self._steps.append(step)
        return len(self._steps) - 1

    def _emit(self, node: _Node) -> None:
        """Append the steps of a node; what follows it stands behind them."""
        steps = self._steps
        if node.kind == "one":
            assert node.step is not None
            self._add(node.step)
        elif node.kind == "all":
            for part in node.parts:
                self._emit(part)
        elif node.kind == "any":
            ends = []
            for part in node.parts[:-1]:
                fork = self._add(_Step())
                self._emit(part)
                ends.append(self._add(_Step()))
                steps[fork] = _Step(goes=(fork + 1, len(steps)))
            self._emit(node.parts[-1])
            for end in ends:
                steps[end] = _Step(goes=(len(steps),))
        else:
            self._repeat(node)

    def _repeat(self, node: _Node) -> None:
        steps, part = self._steps, node.parts[0]
        for _ in range(node.least):
            self._emit(part)
        if node.most == _ENDLESS:
            fork = self._add(_Step())
            self._emit(part)
            self._add(_Step(goes=(fork,)))
            steps[fork] = _Step(goes=(fork + 1, len(steps)))
            return
        forks = []
        for _ in range(node.most - node.least):
            forks.append(self._add(_Step()))
            self._emit(part)
        for fork in forks:
            steps[fork] = _Step(goes=(fork + 1, len(steps)))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> _Node:
        node = self._any()
        if self._at < len(self._text):
            raise BadPattern("a bracket closes that was not opened")
        return node

    def _next(self) -> str:
        """The character at the place, or "" at the end."""
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._next()
        if not character:
            raise BadPattern("the pattern ends too early")
        self._at += 1
        return character

    def _any(self) -> _Node:
        parts = [self._all()]
        while self._next() == "|":
            self._at += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else _Node("any", tuple(parts))

    def _all(self) -> _Node:
        parts = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated())
        return _Node("all", tuple(parts))

    def _repeated(self) -> _Node:
        node = self._one()
        times = {"*": (0, _ENDLESS), "+": (1, _ENDLESS), "?": (0, 1)}.get(self._next())
        if times is not None:
            self._at += 1
        elif self._next() == "{":
            times = self._times()
        if times is None:
            return node
        if self._next() in ("*", "+", "?", "{") and self._next():
            raise BadPattern("a repetition follows a repetition")
        return _Node("times", (node,), None, *times)

    def _times(self) -> tuple[int, int]:
        self._at += 1
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at : end].partition(",") if end >= 0 else ("", "", "")
        if not (least.isdecimal() and (most.isdecimal() or not most)):
            raise BadPattern("a repetition is {m}, {m,} or {m,n}")
        self._at = end + 1
        low = int(least)
        high = int(most) if most else (_ENDLESS if comma else low)
        if max(low, high) > _MOST_TIMES or -1 < high < low:
            raise BadPattern(f"a repetition goes up, to {_MOST_TIMES} at most")
        return low, high

    def _one(self) -> _Node:
        character = self._take()
        if character == "(":
            if self._next() == "?":
                self._at += 1
                if self._take() != ":":
                    raise BadPattern("of groups with a question mark only (?: is taken")
            node = self._any()
            if self._take() != ")":
                raise BadPattern("a group is not closed")
            return node
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escaped()
        if character == ".":
            return _one((("\x00", _LAST),))
        if character in "*+?{":
            raise BadPattern("there is nothing to repeat")
        if character in "^$":
            raise BadPattern("a pattern means the whole text without ^ and $")
        return _one(((character, character),))

    def _escaped(self) -> _Node:
        character = self._take()
        if character.lower() in _CLASSES:
            return _one(_CLASSES[character.lower()], character.isupper())
        return _one(((self._literal(character),) * 2,))

    def _literal(self, escaped: str) -> str:
        if escaped.isalnum():
            raise BadPattern(f"\\{escaped} is not taken")
        return escaped

    def _class(self) -> _Node:
        negated = self._next() == "^"
        self._at += negated
        ranges: list[tuple[str, str]] = []
        while not ranges or self._next() != "]":
            low = self._take()
            if low == "\\":
                low = self._take()
                if low in _CLASSES:
                    ranges += _CLASSES[low]
                    continue
                low = self._literal(low)
            high = low
            if self._next() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._take()
                if high == "\\":
                    high = self._literal(self._take())
            if high < low:
                raise BadPattern("a range of a class goes up")
            ranges.append((low, high))
        self._at += 1
        return _one(tuple(ranges), negated)


def _one(ranges: tuple[tuple[str, str], ...], negated: bool = False) -> _Node:
    return _Node("one", (), _Step(ranges, negated, takes=True))
