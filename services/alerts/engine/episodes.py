"""Matches of one dedupe key, their episodes, and what becomes of the alerts' ids.

Everything here is a function of the set of matches, never of their order of arrival
(contracts: Episodes and ids).
"""

from bisect import insort
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct

from rules.match import Match, lower, rank, weigh
from rules.rule import Rule
from schemas.alerts import (
    Evidence,
    Finding,
    FindingVerb,
    Reason,
    Subject,
    alert_id,
)
from schemas.suppressions import row_of
from schemas.times import format_ms, parse_ms
from services.alerts.engine import folds, frames

NEWEST_EVIDENCE = 4
FOREVER_MS = 1 << 62
# Beyond this many matches the old ones are folded (folds.py), which bounds an episode's memory.
MOST_MATCHES = 96
FOLD_TO = 48

# Where a match stands among others: its first instant, the source and the id of its event.
Place = tuple[int, str, str]


# A condition that makes matches count for less or more, and when it held, both ends included.
Doubt = tuple[str, int, int]
# An alert of an incident, and from when to when others belong to it.
Linked = tuple[str, int, int]


class History(Struct):
    """All that one rule found under one dedupe key, and each alert that came of it so far.

    `told` keeps the last finding that left for each alert id, so that only changes leave. `noted`
    holds the alerts as they stood before a change within this batch: an id that vanishes (its
    episode was joined to another or lost its ground) is withdrawn as it last stood, and alerts do
    not depend on where one batch ends and the next begins. From `changed_ms` on matches are new
    since the last flush. `doubts` are the conditions that lower its matches, or bear them out.
    `linked` are alerts that its own may belong together with, and `spans` where its own stand, as
    that was told (incidents.py).
    """

    rule: str
    dedupe: str
    subject: Subject
    matches: list[Match]
    told: dict[str, Finding]
    noted: dict[str, Finding]
    revision: int
    changed_ms: int = FOREVER_MS
    doubts: list[Doubt] = []
    linked: list[Linked] = []
    spans: dict[str, list[tuple[int, int]]] = {}


def place(match: Match) -> Place:
    """Return where a match stands among others."""
    return match.first_ms, match.source, match.id


def group(matches: list[Match], rule: Rule) -> list[list[Match]]:
    """Return the episodes: a new one starts where the step exceeds the quiet gap, and for a rule
    of the form "until X" behind every X."""
    episodes: list[list[Match]] = []
    end_ms = 0
    for match in matches:
        ended = rule.until and episodes and episodes[-1][-1].outcome is not None
        if episodes and not ended and match.first_ms - end_ms <= rule.quiet_gap_ms:
            episodes[-1].append(match)
            end_ms = max(end_ms, match.last_ms)
        else:
            episodes.append([match])
            end_ms = match.last_ms
    return episodes


def add(history: History, match: Match, rule: Rule) -> bool:
    """Add a match in order of time; return False where it is on record already.

    A read of the same source within the rule's `coalesce_ms` belongs to the passage on record and
    only widens it. Before anything but an append, the ids as they stand are settled.
    """
    matches = history.matches
    if rule.coalesce_ms:
        from_ms, to_ms = match.first_ms - rule.coalesce_ms, match.last_ms + rule.coalesce_ms
        near = [
            part
            for other in matches
            if other.source == match.source
            for part in folds.within(other, from_ms, to_ms)
        ]
        if near:
            return _widen(history, match, near, rule)
    where = place(match)
    if matches and where <= place(matches[-1]):
        since_ms = match.first_ms
        near = [part for other in matches for part in folds.within(other, since_ms, since_ms)]
        if any(place(other) == where for other in near):
            return False
        settle(history, rule, match.first_ms, match.last_ms)
    insort(matches, match, key=place)
    history.changed_ms = min(history.changed_ms, match.first_ms)
    if sum(not folds.is_fold(other) for other in matches) > MOST_MATCHES:
        _fold(history, rule)
    return True


def put(
    history: History, where: Place, match: Match | None, rule: Rule, *, fresh: bool, why: str
) -> bool:
    """Let what one event gave be this match, None = nothing; return False where that is so already.

    `fresh` = the event is new; one that is looked at again and was folded into others stays there.
    `why` is told of an alert that loses its last match.
    """
    for index, other in enumerate(history.matches):
        if place(other) == where:
            if match is None:
                _drop(history, index, rule, why)
                return True
            match = msgspec.structs.replace(match, withdrawn=other.withdrawn)
            if other.count > 1 or match == other:
                return False
            settle(history, rule, match.first_ms, match.last_ms)
            history.matches[index] = match
            return True
    if match is None or (not fresh and _is_folded(history, match)):
        return False
    return add(history, match, rule)


def _is_folded(history: History, match: Match) -> bool:
    return any(
        other.count > 1 and other.first_ms <= match.first_ms <= other.last_ms
        for other in history.matches
    )


def take_out(history: History, source: str, ids: frozenset[str], rule: Rule, why: str) -> bool:
    """Take out what came of one event; `why` is told of an alert that loses its last match."""
    passages = [m for m in history.matches if m.source == source and frames.has(m, ids)]
    gone = [
        *passages,
        *(
            each
            for match in history.matches
            if match not in passages
            for each in folds.of_event(match, source, ids)
        ),
    ]
    for match in gone:
        settle(history, rule, match.first_ms, match.last_ms)
    if gone:
        history.matches = [rest for match in history.matches for rest in folds.without(match, gone)]
        for match in gone:
            _tell_why(history, match, why)
    for passage in passages:
        # What is left may be two passages, as if the frame between them had never been.
        for frame in frames.without(passage, ids):
            add(history, frame, rule)
    return bool(gone)


def _drop(history: History, index: int, rule: Rule, why: str) -> None:
    match = history.matches[index]
    settle(history, rule, match.first_ms, match.last_ms)
    del history.matches[index]
    _tell_why(history, match, why)


def _tell_why(history: History, match: Match, why: str) -> None:
    lost = format_ms(match.first_ms)
    for alert, noted in list(history.noted.items()):
        if not noted.first_seen <= lost <= noted.last_seen:
            continue
        if alert not in history.told:
            # Nobody has heard of it, so that there is nothing to take back.
            del history.noted[alert]
            continue
        reason = _withdrawn_reason(history.rule, noted.reason, why)
        history.noted[alert] = msgspec.structs.replace(noted, reason=reason)


def _widen(history: History, match: Match, near: list[Match], rule: Rule) -> bool:
    parts = [*near, match]
    first = min(parts, key=place)
    joined = msgspec.structs.replace(
        first,
        count=sum(part.count for part in parts) - len(parts) + 1,
        last_ms=max(part.last_ms for part in parts),
        historical=all(part.historical for part in parts),
        severity=max((part.severity for part in parts), key=rank),
        frames=frames.packed(parts),
    )
    if near == [joined]:
        return False
    settle(history, rule, joined.first_ms, joined.last_ms)
    history.matches = [rest for other in history.matches for rest in folds.without(other, near)]
    insort(history.matches, joined, key=place)
    return True


def _fold(history: History, rule: Rule) -> None:
    """Fold old matches of an episode, so that a stuck camera can't fill the memory."""
    folded: list[Match] = []
    for episode in group(history.matches, rule):
        if len(episode) <= FOLD_TO:
            folded += episode
            continue
        old, new = episode[: -FOLD_TO // 2], episode[-FOLD_TO // 2 :]
        # Without an excuse nothing is ever judged anew, so that one fold keeps all there is to say.
        kept = folds.alike(old) if rule.excuse else folds.whole(old)
        folded += sorted([*kept, *new], key=place)
    history.matches = folded


def replace_all(history: History, matches: list[Match], rule: Rule) -> bool:
    """Put a whole new set of matches in place; return False where nothing changed."""
    if matches == history.matches:
        return False
    settle(history, rule, -FOREVER_MS, FOREVER_MS)
    history.matches = matches
    return True


def review(
    history: History,
    rule: Rule,
    judge: Callable[[Match], str | None],
    since_ms: int = -FOREVER_MS,
    until_ms: int = FOREVER_MS,
) -> bool:
    """Take the ground of each match in a span away, or give it back, as `judge` says.

    A fold is judged part by part. Returns False where nothing changed.
    """
    reviewed: list[Match] = []
    changed: list[Match] = []
    for match in history.matches:
        judged = list(folds.judged(match, judge, since_ms, until_ms))
        reviewed += judged
        if judged != [match]:
            changed.append(match)
    for match in changed:
        settle(history, rule, match.first_ms, match.last_ms)
    if changed:
        history.matches = sorted(reviewed, key=place)
    return bool(changed)


def settle(history: History, rule: Rule, first_ms: int, last_ms: int) -> None:
    """Note the alerts within reach of a change, so that one that vanishes can be withdrawn."""
    since_ms, until_ms = first_ms - rule.quiet_gap_ms, last_ms + rule.quiet_gap_ms
    history.changed_ms = min(history.changed_ms, since_ms)
    for finding in snapshots(history, rule, since_ms, until_ms):
        history.noted[finding.alert_id] = finding


def regard(history: History, rule: Rule, doubts: list[Doubt], linked: list[Linked]) -> None:
    """Let conditions bear on the matches in their spans, and alerts of an incident be named."""
    if doubts != history.doubts or linked != history.linked:
        settle(history, rule, -FOREVER_MS, FOREVER_MS)
        history.doubts, history.linked = doubts, linked


def lowered(
    history: History, rule: Rule, before: list[Doubt], fresh: set[Place]
) -> Iterator[tuple[Match, str]]:
    """Yield each match that stands with what lowers it, as far as that is new: `before` are the
    conditions that were known of those that are not `fresh`."""
    if not rule.lowered_by or not history.doubts:
        return
    for match in history.matches:
        if match.withdrawn is None:
            known = set() if place(match) in fresh else set(_held(match, before))
            for kind in sorted(set(_held(match, history.doubts)) - known):
                if kind in rule.lowered_by:
                    yield match, kind


def standing(
    history: History, rule: Rule, key: Callable[[Match], str]
) -> dict[str, list[tuple[int, int]]]:
    """Return when the alerts that stand began and were last seen, by the key of their newest."""
    found: dict[str, list[tuple[int, int]]] = {}
    for episode in group(history.matches, rule):
        shown = [match for match in episode if match.withdrawn is None]
        if shown and (name := key(shown[-1])):
            last_ms = max(match.last_ms for match in shown)
            found.setdefault(name, []).append((episode[0].first_ms, last_ms))
    return found


def snapshots(
    history: History, rule: Rule, since_ms: int = -FOREVER_MS, until_ms: int = FOREVER_MS
) -> list[Finding]:
    """Return each episode that reaches into a span as it stands, in order of time."""
    return [
        _snapshot(history, episode, rule)
        for episode in group(history.matches, rule)
        if episode[-1].last_ms >= since_ms and episode[0].first_ms <= until_ms
    ]


def newest_ms(history: History) -> int:
    """Return the last instant of its matches, or of its alerts where they lost all of them."""
    if history.matches:
        return max(match.last_ms for match in history.matches)
    return max((parse_ms(finding.last_seen) for finding in history.told.values()), default=0)


def flush(history: History, rule: Rule) -> list[Finding]:
    """Return what has to be told since the last flush.

    An id without an episode of its own is withdrawn: as the duplicate of the episode that took
    its matches in, or for want of any ground.
    """
    findings: list[Finding] = []
    # Episodes that no change could reach stand as they were told.
    since_ms, history.changed_ms = history.changed_ms, FOREVER_MS
    episodes = group(history.matches, rule)
    current = {finding.alert_id: finding for finding in snapshots(history, rule, since_ms)}
    for alert, finding in current.items():
        before = history.told.get(alert)
        if before is None and finding.verb == "matched":
            finding.verb = "opened"
        if before is None or not _same(before, finding):
            findings.append(finding)
            history.told[alert] = finding
    # An id that was gone before may by now be the duplicate of another one.
    gone_before = {alert: last for alert, last in history.told.items() if last.verb == "withdrawn"}
    for alert, last in {**gone_before, **history.noted}.items():
        if alert not in current:
            gone = _withdrawn(last, _survivor(episodes, last, history, rule))
            if gone != history.told.get(alert):
                history.told[alert] = gone
                findings.append(gone)
    history.noted.clear()
    return findings


def _same(before: Finding, after: Finding) -> bool:
    standing = ("opened", "matched")
    verb = after.verb
    if before.verb in standing and verb in standing:
        after.verb = before.verb
    same = before == after
    after.verb = verb
    return same


def _survivor(
    episodes: list[list[Match]], gone: Finding, history: History, rule: Rule
) -> str | None:
    first_ms, last_ms = parse_ms(gone.first_seen), parse_ms(gone.last_seen)
    for episode in episodes:
        begin_ms, end_ms = episode[0].first_ms, max(match.last_ms for match in episode)
        if begin_ms <= last_ms and first_ms <= end_ms:
            survivor = alert_id(rule.name, rule.major, history.dedupe, begin_ms)
            return survivor if survivor != gone.alert_id else None
    return None


def _withdrawn(last: Finding, survivor: str | None) -> Finding:
    return msgspec.structs.replace(
        last,
        verb="withdrawn",
        outcome="duplicate" if survivor else None,
        related=[survivor] if survivor else None,
    )


def _snapshot(history: History, episode: list[Match], rule: Rule) -> Finding:
    standing = [match for match in episode if match.withdrawn is None]
    shown = [_weighed(match, history, rule) for match in standing or episode]
    few = NEWEST_EVIDENCE
    since_ms = shown[-few:][0].first_ms
    late = [match for match in shown if match.last_ms >= since_ms]
    tail = sorted((part for match in late for part in folds.newest(match, few)), key=place)[-few:]
    newest = tail[-1]
    severity = max((match.severity for match in shown), key=rank)
    last_ms = max(match.last_ms for match in shown)
    verb: FindingVerb = "matched"
    if not standing:
        verb = "withdrawn"
    elif newest.outcome is not None:
        verb = "cleared"
    evidence = [shown[0], *(match for match in tail if place(match) != place(shown[0]))]
    return Finding(
        alert_id=alert_id(rule.name, rule.major, history.dedupe, episode[0].first_ms),
        verb=verb,
        rule=rule.name,
        rule_version=rule.version,
        policy_version=newest.policy,
        severity=severity,
        evidence_class=max(shown, key=folds.class_rank).evidence_class,
        subject=history.subject,
        site=newest.site or None,
        grid=newest.grid,
        order=newest.order,
        first_seen=format_ms(shown[0].first_ms),
        last_seen=format_ms(last_ms),
        count=sum(match.count for match in shown),
        historical=all(match.historical for match in shown),
        evidence=[
            Evidence(
                match.source, match.id, match.type, format_ms(match.first_ms), match.site or None
            )
            for match in evidence
        ],
        reason=_reason(newest, shown, history, rule),
        outcome=newest.outcome if verb == "cleared" else None,
        related=_related(history, episode[0].first_ms, last_ms) if standing else None,
        dedupe=history.dedupe,
        began=(format_ms(episode[0].first_ms) if place(shown[0]) != place(episode[0]) else None),
    )


def _weighed(match: Match, history: History, rule: Rule) -> Match:
    """Return a match as what bears it out, and then what speaks against it, leave it."""
    if not history.doubts:
        return match
    kinds = set(_held(match, history.doubts))
    for kind in sorted(kinds & rule.borne_out_by.keys()):
        more = rule.borne_out_by[kind]
        severity = weigh(more.severity, more.evidence_class, match.historical)
        if rank(severity) > rank(match.severity):
            proof = more.evidence_class
            match = msgspec.structs.replace(match, severity=severity, evidence_class=proof)
    if kinds & rule.lowered_by.keys():
        match = msgspec.structs.replace(match, severity=lower(match.severity))
    return match


def _held(match: Match, doubts: list[Doubt]) -> Iterator[str]:
    """Yield the conditions that held when a match began."""
    for kind, first_ms, last_ms in doubts:
        if first_ms <= match.first_ms <= last_ms:
            yield kind


def _related(history: History, first_ms: int, last_ms: int) -> list[str] | None:
    near = {
        alert
        for alert, since_ms, until_ms in history.linked
        if since_ms <= last_ms and until_ms >= first_ms
    }
    return sorted(near) or None


def _reason(match: Match, shown: list[Match], history: History, rule: Rule) -> Reason:
    reason = rule.describe(match, history.subject)
    # The severity is that of the worst, which need not be the newest.
    more = (kind for each in shown for kind in _held(each, history.doubts))
    said = [rule.borne_out_by[kind].reason for kind in more if kind in rule.borne_out_by]
    less = (kind for kind in _held(match, history.doubts) if kind in rule.lowered_by)
    said += [rule.lowered_by[kind] for kind in less]
    for each in dict.fromkeys(said):
        reason = Reason(f"{reason.en} {each.en}", f"{reason.zh}{each.zh}")
    if match.withdrawn is None:
        return reason
    return _withdrawn_reason(rule.name, reason, match.withdrawn)


def _withdrawn_reason(rule: str, reason: Reason, why: str) -> Reason:
    row = row_of(rule, why)
    en, zh = (f"{row.en} ({why})", f"{row.zh}（{why}）") if row else (why, why)
    return Reason(f"{reason.en} Withdrawn: {en}.", f"{reason.zh}已撤回：{zh}。")
