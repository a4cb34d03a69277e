"""What lies between a device and Cordon: repeats, a lost connection, a clock that is fast."""

import random
from collections.abc import Iterator
from typing import Any, Final

from deploy.county.devices import Sent
from deploy.county.places import Places
from schemas.times import HOUR_MS, MINUTE_MS, SECOND_MS, format_ms, parse_ms

REPEATED_SHARE: Final = 0.01
_REPEATED_AFTER_MS: Final = 90 * SECOND_MS
SKEW_MS: Final = 45 * SECOND_MS
# One gate has no connection for 45 minutes in every four hours, from half past the first one.
_OUTAGE_EVERY_MS: Final = 4 * HOUR_MS
_OUTAGE_FROM_MS: Final = 30 * MINUTE_MS
_OUTAGE_MS: Final = 45 * MINUTE_MS
# It sends what it kept one after the other, as fast as it can.
_UPLOAD_EACH_MS: Final = 40


def lost_connection(at_ms: int) -> tuple[int, int]:
    """Return from when to when the gate has no connection in the four hours around an instant."""
    begin_ms = at_ms // _OUTAGE_EVERY_MS * _OUTAGE_EVERY_MS + _OUTAGE_FROM_MS
    return begin_ms, begin_ms + _OUTAGE_MS


class Delivery:
    """The way of a county's events to Cordon, for one stream."""

    def __init__(self, places: Places, seed: int) -> None:
        self._offline, self._skewed = places.offline.id, places.skewed.id
        self._rng = random.Random(f"{seed}/delivery")
        self._uploaded_ms = 0

    def deliver(self, sent: Sent) -> Iterator[Sent]:
        """Yield what arrives of one event, and when: perhaps late, perhaps twice."""
        site = sent.event["data"].get("site")
        if site is None:  # A filing comes from a desk.
            yield sent
            return
        if site == self._offline:
            sent = self._buffered(sent)
        elif site == self._skewed:
            shifted_ms = parse_ms(sent.event["time"]) + SKEW_MS
            sent = Sent(sent.recorded_ms, {**sent.event, "time": format_ms(shifted_ms)})
        yield sent
        if self._rng.random() < REPEATED_SHARE:
            yield at(sent, sent.recorded_ms + self._rng.randint(SECOND_MS, _REPEATED_AFTER_MS))

    def _buffered(self, sent: Sent) -> Sent:
        begin_ms, end_ms = lost_connection(sent.recorded_ms)
        if not begin_ms <= sent.recorded_ms < end_ms:
            return sent
        self._uploaded_ms = max(self._uploaded_ms + _UPLOAD_EACH_MS, end_ms)
        return at(sent, self._uploaded_ms, capture_mode="buffered")


def at(sent: Sent, recorded_ms: int, **more: Any) -> Sent:
    """Return an event as it arrives at another time, with what else it says then."""
    event = {**sent.event, "recordedtime": format_ms(recorded_ms)}
    if more:
        event["data"] = {**event["data"], **more}
    return Sent(recorded_ms, event)
