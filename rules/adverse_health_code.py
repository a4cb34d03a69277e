"""D03 adverse-health-code, 红码·黄码: a person shows a red or a yellow code.

A check matches when its code

1. is red or yellow, and this colour of this issuer **counts here**: see `issuers`;
2. is valid at the time of the check, give or take `skew_s`;
3. was issued at most `fresh_h` hours before.

- `issuers` is asked for the issuer itself, its prefecture (`330400`), its province (`330000`) and
  everybody (`*`), in this order; the first line that is there decides. Without any, both colours
  count.
- Severity: red high, yellow medium. If another scan of the same person within `changed_s` after it
  shows a green code of the same issuer that holds, it is medium and its reason says *changed*.
- A code is digital evidence at least; with a verified identity the class is person.
- One alert per person and colour; quiet gap 12 hours. The subject is the person.
- A code that is missing, expired or stale raises nothing here.

Thresholds:

- `fresh_h`: hours after its issue in which a result counts
- `changed_s`: seconds in which a second scan may change it; at most an hour
- `skew_s`: seconds by which the clocks of issuer and device may differ
- `issuers`: mutual recognition: the colours that count, by issuer
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rules.facts import Check, Code, Parameters, World, evidence_class
from rules.match import Match, of_check
from rules.rule import Rule
from schemas.alerts import EvidenceClass, Reason, Severity, Subject
from schemas.times import HOUR_MS, SECOND_MS

_SEVERITY: Final[dict[str, Severity]] = {"red": "high", "yellow": "medium"}
_IN_CHINESE: Final = {"red": "红码", "yellow": "黄码"}


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people."""
    colour, issuer, changed = match.detail.split("/", 2)
    return Reason(
        f"A {colour} health code (issuer {issuer}) was shown at {match.site}."
        + (" Changed: a second scan within minutes was green." if changed else ""),
        f"在 {match.site} 出示{_IN_CHINESE[colour]}（发码地 {issuer}）。"
        + ("已变化：数分钟内复扫为绿码。" if changed else ""),
    )


def counts(code: Code, parameters: Parameters) -> bool:
    """Tell whether a colour of this issuer counts here: the table of mutual recognition.

    The issuer's own line decides, else that of its prefecture, of its province, of everybody (`*`).
    """
    table: Mapping[str, Sequence[str]] = parameters["issuers"]
    issuer = code.issuer
    for region in (issuer, f"{issuer[:4]}00", f"{issuer[:2]}0000", "*"):
        if region in table:
            return code.colour in table[region]
    return True


def holds(code: Code, at_ms: int, parameters: Parameters) -> bool:
    """Tell whether a code was valid and its result fresh, give or take a clock's error."""
    skew_ms = parameters["skew_s"] * SECOND_MS
    return bool(
        code.issued_ms - skew_ms <= at_ms < code.expires_ms + skew_ms
        and at_ms - code.issued_ms <= parameters["fresh_h"] * HOUR_MS
    )


def detect(
    check: Check, world: World, parameters: Parameters, policy: str
) -> Iterator[tuple[str, Match]]:
    """Yield (dedupe key, match) for a red or yellow code that counts.

    Red is high, yellow medium. If the same issuer's code is green in another scan within
    `changed_s` after, it is medium and marked as changed; nothing else takes it back. The code is
    digital evidence at least, however the identity was verified (contracts: Person).
    """
    code = check.code
    if code is None or code.colour not in _SEVERITY:
        return
    if not (counts(code, parameters) and holds(code, check.time_ms, parameters)):
        return
    changed_ms = check.time_ms + parameters["changed_s"] * SECOND_MS
    changed = any(
        check.time_ms < other.time_ms <= changed_ms
        and other.code is not None
        and (other.code.colour, other.code.issuer) == ("green", code.issuer)
        and holds(other.code, other.time_ms, parameters)
        for other in check.around
    )
    proof: EvidenceClass = evidence_class(check)
    if proof == "tip":
        proof = "digital"
    severity: Severity = "medium" if changed else _SEVERITY[code.colour]
    detail = f"{code.colour}/{code.issuer}/{'changed' if changed else ''}"
    yield f"{check.person}/{code.colour}", of_check(check, severity, proof, policy, detail=detail)


RULE = Rule(
    code="D03",
    name="adverse-health-code",
    major=1,
    version="1.0",
    quiet_gap_ms=12 * HOUR_MS,
    defaults={
        "fresh_h": 24,
        "changed_s": 300,
        "skew_s": 600,
        "issuers": {"*": ["red", "yellow"]},
    },
    describe=describe,
    on_check=detect,
    looks_around=True,
)
