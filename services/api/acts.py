"""What people did with an alert, in a form that joins in any order.

Each part carries its own time, and the join of two of them is the greater one.  So when an alert
turns out to be a duplicate, its acts can be handed to the survivor twice, or in any order, with
the same end.
"""

from typing import Literal

from msgspec import Struct

from schemas.alerts import Outcome, State

ActName = Literal["ack", "assign", "dispatch", "resolve", "note"]

# The order in which people carry an alert forward: a stance never falls back.
STANCES: tuple[State, ...] = ("open", "acked", "dispatched", "resolved")


class Stance(Struct, frozen=True, order=True):
    """How far people have carried an alert; `rank` is a place in STANCES."""

    rank: int = 0
    at_ms: int = 0
    by: str = ""
    outcome: Outcome | Literal[""] = ""


class Said(Struct, frozen=True, order=True):
    """The newest note, or the newest assignee."""

    at_ms: int = 0
    by: str = ""
    text: str = ""


class Acts(Struct, frozen=True, omit_defaults=True):
    """Everything that people did with one alert."""

    stance: Stance = Stance()
    assignee: Said = Said()
    note: Said = Said()


NO_ACTS = Acts()


def joined(left: Acts, right: Acts) -> Acts:
    """Return both together: commutative, associative, idempotent."""
    return Acts(
        stance=max(left.stance, right.stance),
        assignee=max(left.assignee, right.assignee),
        note=max(left.note, right.note),
    )


class Act(Struct, frozen=True, kw_only=True):
    """One thing that a person does with an alert; `outcome` goes with resolve."""

    name: ActName
    assignee: str | None = None
    outcome: Outcome | None = None


class Refused(Exception):
    """An act does not fit the alert's state; the text says why."""


_STANCE_OF: dict[ActName, int] = {"ack": 1, "dispatch": 2, "resolve": 3}


def acted(acts: Acts, act: Act, actor: str, note: str | None, at_ms: int) -> Acts:
    """Return the acts with one more. Raises Refused for one that would lead nowhere."""
    stance, assignee, said = acts.stance, acts.assignee, acts.note
    rank = _STANCE_OF.get(act.name)
    if rank is not None:
        if rank <= stance.rank:
            raise Refused(f"the alert is {STANCES[stance.rank]} already")
        stance = Stance(rank, at_ms, actor, act.outcome or "")
    if act.name == "assign":
        assignee = max(assignee, Said(at_ms, actor, act.assignee or actor))
    if note:
        said = max(said, Said(at_ms, actor, note))
    return Acts(stance=stance, assignee=assignee, note=said)
