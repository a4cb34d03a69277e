"""Waiting for what must come true, with a deadline instead of a fixed time."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")
_POLL_S = 0.05


class TooLate(AssertionError):
    """What had to come true has not."""


def until(
    question: Callable[[], T | None],
    what: str,
    deadline_s: float,
    *,
    poll_s: float = _POLL_S,
    explain: Callable[[], object] | None = None,
) -> T:
    """Ask again and again, and return the first answer that is true.

    Raises TooLate after `deadline_s`, with what `explain` says then. What the question raises
    goes through.
    """
    pause = Event()
    end_s = time.monotonic() + deadline_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end_s:
            told = "" if explain is None else f": {explain()}"
            raise TooLate(f"not within {deadline_s:.0f} s: {what}{told}")
        pause.wait(poll_s)
