"""How far all partitions have come: nothing is forgotten that one of them may still speak of.

Each partition has a clock of its own. Live they agree within seconds; after a partition was without
a worker for days, or in a replay at full speed, one may be far ahead of what another has yet to
tell. So each tells its clock behind everything that it told by then, and then up to which clock it
has heard all others, and so on round by round: what follows from a fact may go through several
partitions. The last round is the **joint clock**. By then nothing earlier is on its way any more.
"""

from typing import Final

from schemas.joins import ClockTold
from schemas.times import DAY_MS, HOUR_MS
from services.alerts.engine.book import Book

# A fact leads on at most so often: a camera's sign of life to its device, to the silences of the
# site, as a condition to the checks there, as a missed check to the vehicle, to an incident.
ROUNDS: Final = 6
# For so many hours of its own clock, in which something happened, a partition waits for another
# one that says nothing. By then the topics have lost what that one has not read (30 days).
PATIENCE_H: Final = 30 * 24
# A partition that has heard of no other one reckons with what the topics may hold.
_UNHEARD_MS: Final = 30 * DAY_MS


class Clocks:
    """The clocks of all partitions, as one of them has heard of them."""

    def __init__(self, book: Book, partition: int, partitions: int) -> None:
        self._book = book
        self._partition = partition
        # For how many hours of the own clock each other one has said nothing.
        self._silent_h = {other: 0 for other in range(partitions) if other != partition}
        self._told: list[int] = []
        self._is_new = True

    def take(self, told: ClockTold) -> None:
        """Take in how far another partition has come."""
        if told.partition in self._silent_h:
            self._silent_h[told.partition] = 0
            self._book.clocks[told.partition] = told.rounds_ms
            self._book.changed.add(("q", str(told.partition)))
            self._is_new = True

    def advance(self, clock_ms: int) -> None:
        """Let the joint clock follow, which never goes back; call it once in an hour."""
        for other in self._silent_h:
            self._silent_h[other] += 1
        self._is_new = True
        *_, joint_ms = self._rounds(clock_ms)
        if not self._book.joint_ms:
            joint_ms = max(joint_ms, clock_ms - _UNHEARD_MS)
        self._book.joint_ms = max(self._book.joint_ms, joint_ms)

    def tell(self, clock_ms: int) -> ClockTold | None:
        """Return what the others have to know, if any round has come into another hour."""
        if not self._is_new or not self._silent_h:
            return None
        self._is_new = False
        rounds_ms = self._rounds(clock_ms)[:ROUNDS]
        hours = [each // HOUR_MS for each in rounds_ms]
        if hours == self._told:
            return None
        self._told = hours
        return ClockTold(partition=self._partition, rounds_ms=rounds_ms)

    def _rounds(self, clock_ms: int) -> list[int]:
        """Return the own clock, up to when all are heard, up to when all have heard all, …"""
        unheard = [0] * ROUNDS
        others = [
            self._book.clocks.get(other, unheard)
            for other, silent_h in self._silent_h.items()
            if silent_h <= PATIENCE_H
        ]
        rounds_ms = [clock_ms]
        for number in range(ROUNDS):
            rounds_ms.append(min([rounds_ms[-1], *(other[number] for other in others)]))
        return rounds_ms
