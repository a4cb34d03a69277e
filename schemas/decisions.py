"""What an officer at the barrier is told: the answer of `POST /v1/decisions` (contracts: HTTP)."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from schemas.events import Instant
from schemas.problems import Problem

Verdict = Literal["pass", "expedite", "verify", "hold"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the least to the most serious; the most serious one speaks for the whole scan."""

ReasonKind = Literal[
    "order-breach",
    "listed-person",
    "listed-vehicle",
    "linked-vehicle",
    "code-red",
    "code-yellow",
    "code-expired",
    "fever",
    "recheck",
    "temperature-implausible",
    "symptoms",
    "refusal",
    "covered",
    "whitelist",
    "green-channel",
    "fleet",
    "no-identity",
    "identity-unreadable",
    "plate-unreadable",
    "plate-uncertain",
    "site-unknown",
    "registers-stale",
    "clock-ahead",
    "not-stored",
    "id-used-twice",
    "historical",
]


class DecisionReason(Struct, omit_defaults=True, frozen=True):
    """Why, in one short sentence each. It names no disease and nobody who is not at the barrier.

    `kind` is for machines; a later version may have more of them. `person` is the place in
    `persons`, from 1; without it the reason is about the vehicle or the scan.
    """

    en: str
    zh: str
    kind: ReasonKind | None = None
    person: Annotated[int, Meta(ge=1)] | None = None


class Decision(Struct, omit_defaults=True, kw_only=True):
    """One verdict for the whole scan and one for each of its persons, in their order.

    `expires` is until when it may be relied on. `stored` tells whether the scan is written: while
    it is false the device keeps the scan and sends it again. `historical` = the scan is more than
    30 minutes old, and the verdict is for its time and not for now. `warnings` name the fields
    that were set aside.
    """

    verdict: Verdict
    persons: list[Verdict]
    reasons: list[DecisionReason]
    expires: Instant
    stored: bool
    historical: bool
    warnings: list[Problem] = []


class SiteName(Struct, frozen=True):
    """A site as a handheld shows it."""

    id: str
    name: str


class OfflineList(Struct, kw_only=True):
    """What a handheld keeps for when it has no network (decision 0015).

    `plates` are digests of plates that are to be verified: the first `digest_hex` hex digits of
    SHA-256(salt + plate), the salt as text. They are short on purpose: several plates share each
    of them, so that whoever finds the handheld learns no plate. `as_of` is when it was complete,
    and `max_age_s` for how long a handheld may say "pass" by it.
    """

    as_of: Instant
    max_age_s: int
    salt: str
    digest_hex: int
    plates: list[str]
    sites: list[SiteName]
