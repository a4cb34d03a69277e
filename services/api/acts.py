"""What people did with an alert, in a form that joins in any order.

Each part carries its own time, and the join of two of them is the greater one, or all of both.  So
when an alert turns out to be a duplicate, its acts can be handed to the survivor twice, or in any
order, with the same end.  To take something back is a step forward too: it begins a new turn.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from schemas.alerts import Outcome, State

ActName = Literal["ack", "assign", "dispatch", "resolve", "note", "undo"]

# The order in which people carry an alert forward: within a turn a stance never falls back.
STANCES: tuple[State, ...] = ("open", "acked", "dispatched", "resolved")
# How long somebody may take back their own last act.
UNDO_MS: Final = 30_000
# More notes than this on one alert are refused: all of them are read and written with it.
MOST_NOTES: Final = 200
_RESOLVED: Final = 3


class Stance(Struct, frozen=True, order=True, omit_defaults=True):
    """How far people have carried an alert; `rank` is a place in STANCES.

    A turn ends with evidence that overtakes the stance, or with an undo. `covers_ms` is the newest
    evidence that whoever acted could know of: the time of the act, or of a match of a clock that
    runs ahead. `of` names the alert that a duplicate repeats.
    """

    turn: int = 0
    rank: int = 0
    at_ms: int = 0
    covers_ms: int = 0
    by: str = ""
    outcome: Outcome | Literal[""] = ""
    of: str = ""


class Said(Struct, frozen=True, order=True, omit_defaults=True):
    """A note, or the newest assignee."""

    at_ms: int = 0
    by: str = ""
    text: str = ""


class Last(Struct, frozen=True, order=True, omit_defaults=True):
    """The newest act, and what it changed: as it was before."""

    at_ms: int = 0
    by: str = ""
    name: ActName | Literal[""] = ""
    stance: Stance = Stance()
    assignee: str = ""


class Acts(Struct, frozen=True, omit_defaults=True):
    """Everything that people did with one alert.

    `notes` are in order of time. `reopened_ms` is the evidence that last brought the alert back
    after it had ended by itself: an acknowledgement from before ended with it.
    """

    stance: Stance = Stance()
    assignee: Said = Said()
    notes: tuple[Said, ...] = ()
    last: Last = Last()
    reopened_ms: int = 0

    @property
    def note(self) -> str | None:
        """The newest note."""
        return self.notes[-1].text if self.notes else None


NO_ACTS = Acts()


def joined(left: Acts, right: Acts) -> Acts:
    """Return both together: commutative, associative, idempotent."""
    return Acts(
        stance=max(left.stance, right.stance),
        assignee=max(left.assignee, right.assignee),
        notes=tuple(sorted({*left.notes, *right.notes})),
        last=max(left.last, right.last),
        reopened_ms=max(left.reopened_ms, right.reopened_ms),
    )


class Act(Struct, frozen=True, kw_only=True):
    """One thing that a person does with an alert; `outcome` goes with resolve, `of` with it where
    the outcome is `duplicate`."""

    name: ActName
    assignee: str | None = None
    outcome: Outcome | None = None
    of: str | None = None


class Refused(Exception):
    """An act does not fit the alert's state; the text says why."""


_STANCE_OF: dict[ActName, int] = {"ack": 1, "dispatch": 2, "resolve": _RESOLVED}


def standing(acts: Acts, newest_ms: int) -> Stance:
    """Return the stance as far as it holds against the newest evidence, which is of `newest_ms`.

    A resolution holds until a match that is newer than what it covers; one as a duplicate holds
    always, because the other alert stands for both. An acknowledgement or a dispatch goes on
    through any evidence until the alert ends.
    """
    stance = acts.stance
    if stance.rank == _RESOLVED:
        holds = stance.outcome == "duplicate" or newest_ms <= stance.covers_ms
    else:
        holds = acts.reopened_ms <= stance.covers_ms
    return stance if holds else Stance(turn=stance.turn)


def acted(acts: Acts, act: Act, actor: str, note: str | None, at_ms: int, newest_ms: int) -> Acts:
    """Return the acts with one more, on an alert whose newest evidence is of `newest_ms`.

    Raises Refused for an act that would lead nowhere.
    """
    # The order of acts is kept, also within a millisecond, and where a clock goes back.
    at_ms = max(at_ms, acts.last.at_ms + 1) if acts.last.name else at_ms
    if act.name == "undo":
        return _undone(acts, actor, note, at_ms, newest_ms)
    stance, assignee = standing(acts, newest_ms), acts.assignee
    rank = _STANCE_OF.get(act.name)
    if rank is not None:
        if rank <= stance.rank:
            raise Refused(f"the alert is {STANCES[stance.rank]} already")
        turn = stance.turn if stance == acts.stance else stance.turn + 1
        covers_ms = max(at_ms, newest_ms)
        stance = Stance(turn, rank, at_ms, covers_ms, actor, act.outcome or "", act.of or "")
    elif act.name == "assign":
        assignee = max(assignee, Said(at_ms, actor, act.assignee or actor))
    return Acts(
        stance=acts.stance if rank is None else stance,
        assignee=assignee,
        notes=_noted(acts, actor, note, at_ms),
        last=Last(at_ms, actor, act.name, acts.stance, acts.assignee.text),
        reopened_ms=acts.reopened_ms,
    )


def _undone(acts: Acts, actor: str, note: str | None, at_ms: int, newest_ms: int) -> Acts:
    """Return the acts without what the newest one changed; its note stays, as all notes do."""
    last = acts.last
    if last.name in ("", "undo", "note"):
        raise Refused("there is no act to take back")
    if last.by != actor:
        raise Refused("the last act is somebody else's")
    if at_ms - last.at_ms > UNDO_MS:
        raise Refused(f"an act can be taken back for {UNDO_MS // 1000} s")
    stance, assignee = acts.stance, acts.assignee
    if last.name == "assign":
        assignee = Said(at_ms, actor, last.assignee)
    else:
        # What a duplicate brought meanwhile may be somebody else's stance.
        if (stance.at_ms, stance.by) != (last.at_ms, last.by):
            raise Refused("the last act does not stand any more")
        stance = msgspec.structs.replace(last.stance, turn=stance.turn + 1)
    return Acts(
        stance=stance,
        assignee=assignee,
        notes=_noted(acts, actor, note, at_ms),
        last=Last(at_ms, actor, "undo"),
        reopened_ms=acts.reopened_ms,
    )


def _noted(acts: Acts, actor: str, note: str | None, at_ms: int) -> tuple[Said, ...]:
    if not note:
        return acts.notes
    if len(acts.notes) >= MOST_NOTES:
        raise Refused(f"the alert has {MOST_NOTES} notes already")
    return tuple(sorted({*acts.notes, Said(at_ms, actor, note)}))
