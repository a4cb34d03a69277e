"""Many old matches as few: each fold stands for matches that differ in nothing but time and id.

A match is folded with those of the same source, site, severity, evidence and excuse, and the fold
keeps its parts, packed. So what is filed later is judged part by part, as if nothing had been
folded: counts, evidence and withdrawals stay exact. An episode keeps `MOST_PARTS` parts; of more,
those of one kind that lie close together become one, which is withdrawn only where one excuse
covers both of its ends.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from rules.match import Match, rank
from schemas.alerts import EvidenceClass
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS

# With ids of 36 letters 250 kB, a quarter of what a record of the state may have.
MOST_PARTS = 4096
FOREVER_MS = 1 << 62
# Within how much time parts of one kind become one, until there are few enough.
_WIDTHS_MS = (MINUTE_MS, HOUR_MS, DAY_MS, FOREVER_MS)

_CLASS_RANK: dict[EvidenceClass, int] = {
    "system": 0,
    "tip": 1,
    "vehicle": 2,
    "digital": 3,
    "person": 4,
}

# First and last instant, ms UTC; the event's id; how many: 1, or more where some became one.
Part = tuple[int, int, str, int]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Part]).decode


def class_rank(match: Match) -> int:
    """Return how strongly a match is proved, from 0."""
    return _CLASS_RANK[match.evidence_class]


def is_fold(match: Match) -> bool:
    """Tell whether a match stands for several, or may."""
    return bool(match.parts) or match.count > 1


def _parts(match: Match) -> list[Part]:
    if match.parts:
        return _unpack(match.parts)
    return [(match.first_ms, match.last_ms, match.id, match.count)]


def _alone(fold: Match, part: Part) -> Match:
    first_ms, last_ms, event_id, count = part
    return msgspec.structs.replace(
        fold, first_ms=first_ms, last_ms=last_ms, id=event_id, count=count, parts=b""
    )


def _fold(kind: Match, parts: list[Part]) -> Match:
    """Return the fold of some parts of a kind, which are in order."""
    return msgspec.structs.replace(
        kind,
        first_ms=parts[0][0],
        last_ms=max(part[1] for part in parts),
        id=parts[0][2],
        count=sum(part[3] for part in parts),
        parts=_pack(parts),
    )


def within(match: Match, since_ms: int, until_ms: int) -> Iterator[Match]:
    """Yield the matches that a match stands for and that reach into a span."""
    if match.last_ms >= since_ms and match.first_ms <= until_ms:
        for part in _parts(match):
            if part[1] >= since_ms and part[0] <= until_ms:
                yield _alone(match, part)


def of_event(match: Match, source: str, ids: frozenset[str]) -> list[Match]:
    """Return the matches that a match stands for and that came of an event."""
    if match.source != source:
        return []
    return [_alone(match, part) for part in _parts(match) if part[2] in ids]


def newest(match: Match, most: int) -> list[Match]:
    """Return the last of the matches that a match stands for, in order."""
    return [_alone(match, part) for part in _parts(match)[-most:]] if match.parts else [match]


def without(match: Match, gone: Collection[Match]) -> Iterator[Match]:
    """Yield what is left of a match without some of those that it stands for, if anything is."""
    if not match.parts:
        if match not in gone:
            yield match
        return
    out = {(each.source, each.id, each.first_ms) for each in gone}
    parts = _parts(match)
    rest = [part for part in parts if (match.source, part[2], part[0]) not in out]
    if rest:
        yield match if len(rest) == len(parts) else _fold(match, rest)


def judged(
    match: Match, judge: Callable[[Match], str | None], since_ms: int, until_ms: int
) -> Iterator[Match]:
    """Yield a match, split by what `judge` says of each part that reaches into a span."""
    if match.last_ms < since_ms or match.first_ms > until_ms:
        yield match
        return
    kinds: dict[str | None, list[Part]] = {}
    for part in _parts(match):
        excuse = match.withdrawn
        if part[1] >= since_ms and part[0] <= until_ms:
            excuse = _excuse(_alone(match, part), judge)
        kinds.setdefault(excuse, []).append(part)
    if kinds.keys() == {match.withdrawn}:
        yield match
        return
    for excuse, parts in kinds.items():
        kind = msgspec.structs.replace(match, withdrawn=excuse)
        yield _fold(kind, parts) if match.parts else kind


def _excuse(match: Match, judge: Callable[[Match], str | None]) -> str | None:
    excuse = judge(match)
    if excuse is None or match.count == 1:
        return excuse
    # Several that became one: what does not cover its last instant does not cover all of them.
    end = judge(msgspec.structs.replace(match, first_ms=match.last_ms))
    return excuse if excuse == end else None


def alike(matches: Iterable[Match]) -> list[Match]:
    """Return the folds of matches of one episode that differ in nothing but time and id."""
    kinds: dict[Match, list[Part]] = {}
    for match in matches:
        kind = msgspec.structs.replace(
            match, first_ms=0, last_ms=0, recorded_ms=0, id="", count=1, parts=b"", frames=b""
        )
        kinds.setdefault(kind, []).extend(_parts(match))
    for width_ms in _WIDTHS_MS:
        if sum(map(len, kinds.values())) <= MOST_PARTS:
            break
        kinds = {kind: _merged(parts, width_ms) for kind, parts in kinds.items()}
    return [_fold(kind, sorted(parts)) for kind, parts in kinds.items()]


def _merged(parts: Iterable[Part], width_ms: int) -> list[Part]:
    merged: dict[int, Part] = {}
    for first_ms, last_ms, event_id, count in sorted(parts):
        bucket = first_ms // width_ms
        start_ms, end_ms, head, before = merged.get(bucket, (first_ms, last_ms, event_id, 0))
        merged[bucket] = (start_ms, max(end_ms, last_ms), head, before + count)
    return list(merged.values())


def whole(matches: list[Match]) -> list[Match]:
    """Return one fold of matches of one episode: bounds, count and the worst of them."""
    return [
        msgspec.structs.replace(
            matches[0],
            last_ms=max(match.last_ms for match in matches),
            severity=max((match.severity for match in matches), key=rank),
            evidence_class=max(matches, key=class_rank).evidence_class,
            historical=all(match.historical for match in matches),
            count=sum(match.count for match in matches),
            frames=b"",
        )
    ]
