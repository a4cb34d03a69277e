"""What an answer of a receiver means, and when to try again. No clock and no chance in here."""

from typing import Final, Literal

from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS

Verdict = Literal["taken", "refused", "gone", "failed"]

# An event is tried for longer than a day: whoever repairs a receiver sleeps in between.
GIVE_UP_MS: Final = 28 * HOUR_MS
# A receiver that answers so will not take this event tomorrow either.
_REFUSALS: Final = (400, 413, 422)
_REFUSALS_TAKEN: Final = 3
_WAITS_MS: Final = (
    5 * SECOND_MS,
    30 * SECOND_MS,
    2 * MINUTE_MS,
    10 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
)
_LONGEST_MS: Final = 2 * HOUR_MS


def verdict_of(status: int | None) -> Verdict:
    """Return what a status means; None = there was no answer. A redirect is not followed."""
    if status is None:
        return "failed"
    if 200 <= status < 300:
        return "taken"
    if status == 410:
        return "gone"
    return "refused" if status in _REFUSALS else "failed"


def wait_ms(failures: int, chance: float, asked_s: float | None) -> int:
    """Return how long to wait after so many failures in a row.

    `chance` in [0, 1) spreads it by a fifth, so that receivers that fell together are not woken
    together; `asked_s` is the receiver's own Retry-After.
    """
    base = _WAITS_MS[min(failures, len(_WAITS_MS)) - 1]
    spread = int(base * (0.8 + 0.4 * chance))
    asked = 0 if asked_s is None else int(asked_s * SECOND_MS)
    return min(max(spread, asked), _LONGEST_MS)


def gives_up(
    verdict: Verdict, failures: int, failing_ms: int, committed_ms: int, now_ms: int
) -> bool:
    """Return whether an event is given up; `failures` counts this one too."""
    if verdict == "refused" and failures >= _REFUSALS_TAKEN:
        return True
    return max(failing_ms, committed_ms) <= now_ms - GIVE_UP_MS
