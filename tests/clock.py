"""A clock that stands still until a test moves it."""

from dataclasses import dataclass


@dataclass
class Clock:
    """A clock in ms UTC."""

    now_ms: int = 1_650_000_000_000

    def __call__(self) -> int:
        return self.now_ms
