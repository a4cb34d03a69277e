"""The rate cap: what one rule raises too often in one place becomes one visible summary alert.

Pure: no clock, no database. The alerts beyond the cap are raised too; they only name the summary
(`capped_by`), so that a list can show one line in the place of hundreds. What comes of findings
depends on their sequence and their times (the engine's clock) alone, not on batches.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from schemas.alerts import (
    FINDING_TYPES,
    SEVERITIES,
    Evidence,
    Finding,
    FindingEvent,
    Reason,
    Severity,
    Subject,
    alert_id,
    alert_type,
)
from schemas.times import MINUTE_MS, format_ms
from schemas.versions import FOREVER

WINDOW_MS: Final = 10 * MINUTE_MS
# A summary is over when no alert was beyond the cap for so long.
CALM_MS: Final = 30 * MINUTE_MS
SOURCE: Final = "cordon/api"
_NEWEST_EVIDENCE: Final = 4


class Group(Struct, kw_only=True):
    """The alerts of one rule in one place: a grid, else a site, else the whole deployment.

    `raised` are the instants, ms UTC, of the newest ones, at most as many as the cap. `summary` is
    the open summary as it stands, `over_ms` when the newest alert came that it stands for.
    """

    key: str
    raised: list[int] = []
    summary: Finding | None = None
    over_ms: int = 0

    @property
    def calm_ms(self) -> int:
        """When the open summary will be over, if nothing more comes; FOREVER where none is open."""
        return FOREVER if self.summary is None else self.over_ms + CALM_MS


class RateCap:
    """The groups that a batch touches. `cap` is how many alerts of a rule and group are raised
    within ten minutes before more of them are capped; 0 = no cap."""

    def __init__(self, cap: int, groups: Iterable[Group] = ()) -> None:
        self.groups = {group.key: group for group in groups}
        self.changed: set[str] = set()
        self._cap = cap
        self._told: dict[str, FindingEvent] = {}

    def admit(self, finding: Finding, clock_ms: int) -> str | None:
        """Count a new alert; return the id of the summary that stands for it, None = it is within
        the cap. A critical alert is counted and never capped."""
        if not self._cap:
            return None
        key = key_of(finding)
        group = self.groups.setdefault(key, Group(key=key))
        self._calm(group, clock_ms)
        oldest_ms = clock_ms - WINDOW_MS
        before = [at_ms for at_ms in group.raised if at_ms > oldest_ms][-self._cap :]
        group.raised = [*before, clock_ms][-self._cap :]
        self.changed.add(key)
        if len(before) < self._cap or finding.severity == "critical":
            return None
        group.over_ms = clock_ms
        group.summary = self._summary(group, finding, clock_ms)
        self._tell(group.summary, clock_ms)
        return group.summary.alert_id

    def rise(self, summary_id: str, severity: Severity, clock_ms: int) -> None:
        """An alert that a summary stands for has this severity now; it shows the highest."""
        for group in self.groups.values():
            summary = group.summary
            if summary is not None and summary.alert_id == summary_id:
                highest = _higher(summary.severity, severity)
                if highest != summary.severity:
                    group.summary = msgspec.structs.replace(summary, severity=highest)
                    self.changed.add(group.key)
                    self._tell(group.summary, clock_ms)

    def take_told(self, clock_ms: int) -> list[FindingEvent]:
        """End the summaries whose storm is over; return each that changed, once."""
        for group in self.groups.values():
            self._calm(group, clock_ms)
        told = list(self._told.values())
        self._told.clear()
        return told

    def _calm(self, group: Group, clock_ms: int) -> None:
        if group.summary is not None and group.calm_ms <= clock_ms:
            over = msgspec.structs.replace(group.summary, verb="cleared", outcome="expired")
            self._tell(over, group.calm_ms)
            group.summary = None
            self.changed.add(group.key)

    def _tell(self, summary: Finding, at_ms: int) -> None:
        at = format_ms(at_ms)
        self._told[summary.alert_id] = FindingEvent(
            specversion="1.0",
            id=f"{summary.alert_id}/{summary.verb}/{summary.count}",
            source=SOURCE,
            type=FINDING_TYPES[summary.verb],
            time=at,
            recordedtime=at,
            data=summary,
        )

    def _summary(self, group: Group, finding: Finding, clock_ms: int) -> Finding:
        at = format_ms(clock_ms)
        capped = Evidence(SOURCE, finding.alert_id, alert_type("raised"), at, finding.site)
        old = group.summary
        major = int(finding.rule_version.partition(".")[0])
        summary_id = (
            alert_id(finding.rule, major, group.key, clock_ms) if old is None else old.alert_id
        )
        count = 1 if old is None else old.count + 1
        first_seen = at if old is None else old.first_seen
        evidence = [] if old is None else old.evidence
        return Finding(
            alert_id=summary_id,
            verb="opened" if old is None else "matched",
            rule=finding.rule,
            rule_version=finding.rule_version,
            policy_version=finding.policy_version,
            severity=finding.severity if old is None else _higher(old.severity, finding.severity),
            evidence_class="system",
            subject=Subject("group", group.key, finding.grid or finding.site or "*"),
            site=None if finding.grid else finding.site,
            grid=finding.grid,
            first_seen=first_seen,
            last_seen=at,
            count=count,
            historical=finding.historical and (old is None or old.historical),
            evidence=[*evidence[:1], *evidence[1:][1 - _NEWEST_EVIDENCE :], capped],
            reason=self._reason(summary_id, count, first_seen, finding),
            dedupe=group.key,
        )

    def _reason(self, summary_id: str, count: int, since: str, finding: Finding) -> Reason:
        en, zh = (
            (f"in grid {finding.grid}", f"网格 {finding.grid} 内")
            if finding.grid
            else (f"at site {finding.site}", f"卡点 {finding.site} ")
            if finding.site
            else ("here", "")
        )
        minutes = WINDOW_MS // MINUTE_MS
        return Reason(
            f"{count} more alerts of this rule {en} since {since}, beyond {self._cap} within "
            f"{minutes} minutes. None is lost: they are in the list, capped_by {summary_id}.",
            f"自 {since} 起，{zh}该规则又产生 {count} 条告警，超过 {minutes} 分钟 {self._cap} 条"
            f"的上限。均未丢弃，可在列表中按 capped_by {summary_id} 查看。",
        )


def key_of(finding: Finding) -> str:
    """Return the key of an alert's group, which is also the summary's dedupe key and subject."""
    if finding.grid:
        return f"group:{finding.rule}/grid:{finding.grid}"
    return (
        f"group:{finding.rule}/site:{finding.site}" if finding.site else f"group:{finding.rule}/*"
    )


def _higher(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=SEVERITIES.index)
