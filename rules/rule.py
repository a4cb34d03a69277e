"""What a rule is: the functions that the engine asks, and what it knows of when to ask them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from rules.dossier import Dossiers
from rules.facts import Check, Cover, Parameters, Read, SiteFacts, World
from rules.match import Match
from schemas.alerts import EvidenceClass, Reason, Severity, Subject

# What a detector yields: a dedupe key with its match (None = the event at hand is none, or no
# longer), or what kept it from being one.
Found = tuple[str, Match | None] | Cover
OnCheck = Callable[[Check, World, Parameters, str], Iterable[Found]]
OnRead = Callable[[Read, SiteFacts, World, Parameters, str], Iterable[Found]]
# Given a match, and the plate, person or source that it is about: what filed by now takes its
# ground away, None = nothing.
Excuse = Callable[[Match, str, World], str | None]


class BorneOut(Struct, frozen=True):
    """What a match counts for when something else bears it out, and what is said then."""

    severity: Severity
    evidence_class: EvidenceClass
    reason: Reason


class Rule(Struct, frozen=True):
    """One rule of the catalogue, with its functions.

    `on_check` is asked about every check of an identified person, `on_read` about every reading
    of a plate that some order, link or watch entry names; `dossiers` is how a rule is asked that
    rests on more than one event, or on registers and the clock; a rule with none of these has a
    stage of its own in the engine. `looks_around` = `on_check` reads the checks around one, and
    is asked about those anew when another comes. `excuse` is asked when a match is filed, and
    again whenever a register changes that may concern it. `quiet_gap_ms` separates episodes; with
    `until` a match with an outcome also ends its own. Matches of one source within `coalesce_ms`
    are one passage. `lowered_by` are the conditions of a subject under which its matches are one
    severity lower, and what is said then (domain: suppression matrix). `borne_out_by` are those of
    a match's order under which it counts for more; such a rule has a dedupe key for each order.
    """

    code: str
    name: str
    major: int
    version: str
    quiet_gap_ms: int
    defaults: dict[str, Any]
    describe: Callable[[Match, Subject], Reason]
    on_check: OnCheck | None = None
    on_read: OnRead | None = None
    looks_around: bool = False
    excuse: Excuse | None = None
    coalesce_ms: int = 0
    dossiers: Dossiers | None = None
    until: bool = False
    lowered_by: Mapping[str, Reason] = {}
    borne_out_by: Mapping[str, BorneOut] = {}
