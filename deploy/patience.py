"""How often something may die before it is given up, and how long to wait before each new try."""

from collections import deque
from typing import Final

MOST_DEATHS: Final = 5
WINDOW_S: Final = 60.0
FIRST_DELAY_S: Final = 0.2


class Patience:
    """The deaths of one process. The fifth within a minute is one too many."""

    def __init__(self, first_delay_s: float = FIRST_DELAY_S) -> None:
        self._first_delay_s = first_delay_s
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)

    def after_death(self, now_s: float) -> float | None:
        """Note a death; return the seconds to wait before the next start, None to give up."""
        self._deaths.append(now_s)
        recent = sum(1 for death_s in self._deaths if now_s - death_s < WINDOW_S)
        return None if recent >= MOST_DEATHS else self._first_delay_s * 2 ** (recent - 1)
