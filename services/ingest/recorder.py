"""The clock that stamps `recordedtime`."""

import time
from collections.abc import Callable


def wall_ms() -> int:
    """Return the machine's clock in ms UTC."""
    return time.time_ns() // 1_000_000


class Recorder:
    """Stamps in ms UTC that never go back, even when the machine's clock is set back."""

    def __init__(self, now_ms: Callable[[], int] = wall_ms) -> None:
        self._now_ms = now_ms
        self._last_ms = 0

    def stamp(self) -> int:
        """Return the present instant, or the last one if the clock went back."""
        self._last_ms = max(self._last_ms, self._now_ms())
        return self._last_ms
