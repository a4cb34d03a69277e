"""D02 fuzzy-plate-hit, 疑似命中: a doubtful reading that may be of a plate on the watch list.

A reading matches when its plate

1. differs from a watched plate by one character of a common confusion group
   (`schemas/confusion.py`), and is as long;
2. was read with less than `below_confidence`;
3. is on no entry itself (that is D01's), is not **established** here (read for a week), and no
   resident vehicle;
4. was read where and in the direction in which the entry looks out.

- Severity: low; medium where the watched plate is a resident vehicle whose `attributes` `colour`
  and `type` are those that the camera saw.
- One alert per entry and site; quiet gap 30 minutes. Of several entries the first by its id is
  told.
- With more than 10,000 watch entries no look-alikes are looked for.
- A look-alike never lets anybody through: whitelists and passes are matched exactly.

Thresholds:

- `below_confidence`: a reading that is surer means what it says
"""

from collections.abc import Iterator
from typing import Final

from rules.dossier import Dossier, Dossiers, Kept, Raised, of_fact
from rules.facts import NEWEST, WatchFacts, known_by
from rules.match import Match
from rules.rule import Rule
from schemas.alerts import Reason, Severity, Subject
from schemas.confusion import neighbours
from schemas.joins import Fact
from schemas.persons import plate_label
from schemas.times import DAY_MS, MINUTE_MS

NAME: Final = "fuzzy-plate-hit"


def describe(match: Match, subject: Subject) -> Reason:
    """Say why, for people: with what was read, what is listed, and how sure the camera was."""
    category, confidence, listed, alike, entry = match.detail.split("/", 4)
    en, zh = (
        ("; colour and type are those of that vehicle", "，颜色与车型一致") if alike else ("", "")
    )
    return Reason(
        f"The plate read as {subject.label} at {match.site} (confidence {confidence}) may be "
        f"{listed} on the watch list ({category}, entry {entry}): one character is easily taken "
        f"for another{en}. It is no established vehicle here. Look at the image before acting.",
        f"{match.site} 识别为 {subject.label}（置信度 {confidence}）的号牌可能是布控名单中的 "
        f"{listed}（条目 {entry}）：仅一个易混淆字符不同{zh}；该号牌在本地无稳定记录。"
        "请先核对图像。",
    )


def assess(dossier: Dossier) -> Iterator[Raised | Kept]:
    """Raise a doubtful reading one confusable character away from a watched plate (domain: D02).

    Facts are readings of a plate that is not established. One that is listed itself is D01's; one
    that is at home here is no misreading. Of several entries the first by its id is told.
    """
    plate = dossier.name
    for fact in dossier.facts:
        parameters, policy = dossier.policy(fact.time_ms, fact.recorded_ms)
        if fact.value >= parameters["below_confidence"]:
            continue
        known_ms = known_by(fact.time_ms, fact.recorded_ms)
        if any(_watching(dossier, plate, fact, known_ms)):
            continue
        found = min(
            (
                (entry_id, listed, entry)
                for listed in neighbours(plate)
                for entry_id, entry in _watching(dossier, listed, fact, known_ms)
            ),
            key=lambda each: each[:2],
            default=None,
        )
        if found is None:
            continue
        if _is_at_home(dossier, plate, fact.time_ms):
            yield Kept("resident-vehicle", fact)
            continue
        entry_id, listed, entry = found
        if not any(_watching(dossier, listed, fact)):
            yield Kept("entry-ended", fact)
            continue
        alike = _looks_like(dossier, listed, fact)
        severity: Severity = "medium" if alike else "low"
        site = dossier.entry("site", fact.site, fact.time_ms)
        match = of_fact(
            fact,
            severity,
            policy,
            proof="vehicle",
            grid=site.grid if site else None,
            detail="/".join(
                (
                    entry.category,
                    f"{fact.value:.2f}",
                    plate_label(listed),
                    "alike" if alike else "",
                    entry_id,
                )
            ),
        )
        # By plate too: what one dossier found under a key takes the place of all that was there.
        yield Raised(f"{entry_id}/{fact.site}/{plate}", "vehicle", plate, match)


def _watching(
    dossier: Dossier, plate: str, fact: Fact, known_ms: int = NEWEST
) -> Iterator[tuple[str, WatchFacts]]:
    """Yield the entries that look out for a plate where a reading was made, as D01 takes them."""
    for entry_id, entry in dossier.about("watch-entry", plate, fact.time_ms, known_ms):
        direction = fact.what.partition("\n")[0]
        if entry.subject != plate or (entry.sites and fact.site not in entry.sites):
            continue
        if entry.direction is None or entry.direction == direction:
            yield entry_id, entry


def _is_at_home(dossier: Dossier, plate: str, at_ms: int) -> bool:
    return any(home.plate == plate for _, home in dossier.about("resident-vehicle", plate, at_ms))


def _looks_like(dossier: Dossier, listed: str, fact: Fact) -> bool:
    """Tell whether colour and type are those with which the listed vehicle is registered."""
    _, _, type_, colour = fact.what.split("\n")
    return any(
        bool(type_ and colour) and (home.type, home.colour) == (type_, colour)
        for _, home in dossier.about("resident-vehicle", listed, fact.time_ms)
    )


RULE = Rule(
    code="D02",
    name=NAME,
    major=1,
    version="1.0",
    quiet_gap_ms=30 * MINUTE_MS,
    defaults={"below_confidence": 0.95},
    describe=describe,
    dossiers=Dossiers(assess=assess, keep_ms=DAY_MS),
)
