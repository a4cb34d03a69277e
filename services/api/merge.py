"""Findings and people's acts, merged into alerts: the one place where an alert's state is decided.

Pure: no clock, no I/O, no database.  The store and backtest run this same code.  What an alert
shows is a function of two things that never mix: the newest finding (the engine's whole view of an
episode) and the acts (what people did).  So a finding cannot lower what a person did, and what a
clearing hid comes back when the engine takes the clearing back.  Beside them stands the level that
an alert has reached because people did nothing (overdue.py), as long as it waits for the same, the
silences that hide it, and the alerts that inhibit it.

A person's resolution holds against the evidence that there was; a newer match reopens the alert. An
acknowledgement ends when the alert ends by itself; when newer evidence brings it back, it is open.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec import Struct

from schemas.alerts import (
    Alert,
    AlertEvent,
    AlertVerb,
    Finding,
    FindingEvent,
    FindingVerb,
    Outcome,
    State,
    alert_type,
)
from schemas.times import format_ms, parse_ms
from services.api.acts import NO_ACTS, STANCES, Act, Acts, Refused, acted, joined, standing
from services.api.incidents.incident import incident_of
from services.api.overdue import Step, kept_level
from services.api.rate_cap import RateCap

SOURCE = "cordon/api"


class Record(Struct, frozen=True, kw_only=True):
    """An alert with what it does not show: the acts behind it and the newest finding's verb."""

    alert: Alert
    acts: Acts
    verb: FindingVerb

    @property
    def survivor(self) -> str | None:
        """The alert that took this one's place, if it was withdrawn as a duplicate."""
        alert = self.alert
        if self.verb == "withdrawn" and alert.outcome == "duplicate" and alert.related:
            return alert.related[0]
        return None


def _nobody(alert: Alert) -> list[str] | None:
    return None


def _no_alert(alert: Alert, before: list[str] | None) -> list[str] | None:
    return None


def _unheard(was: Alert | None, now: Alert) -> None:
    return None


class Around(Struct, frozen=True):
    """What an alert shows besides finding and acts: `silenced` names the silences that hide it now,
    `inhibited` the alerts that inhibit it now, given those that did before; `households` the
    household of an order. `kept` is told of every alert that has changed, at once."""

    silenced: Callable[[Alert], list[str] | None] = _nobody
    inhibited: Callable[[Alert, list[str] | None], list[str] | None] = _no_alert
    households: Mapping[str, str] = {}
    kept: Callable[[Alert | None, Alert], None] = _unheard


NOTHING_AROUND = Around()


class Change(Struct, frozen=True):
    """A record that changed, and the events that tell of it (none where nothing visible did)."""

    record: Record
    events: list[AlertEvent]


def merge(
    record: Record | None,
    finding: FindingEvent,
    inherited: Acts | None,
    capped_by: str | None = None,
    around: Around = NOTHING_AROUND,
) -> Change | None:
    """Return the change that a finding makes, or None when it changes nothing.

    `inherited` are the acts of alerts that were already withdrawn in favour of this one;
    `capped_by` is the summary that stands for it. Both count only when this finding raises it.
    """
    data, events = finding.data, []
    if record is None:
        incident = incident_of(data, around.households)
        alert = _marked(_shown(data, 1, "opened", NO_ACTS, capped_by, incident), None, around)
        record = Record(alert=alert, acts=NO_ACTS, verb="opened")
        events.append(_event(alert, "raised", finding.time, finding.recordedtime))
        if inherited is not None and (taken := inherit(record, inherited, finding, around)):
            record = taken.record
            events += taken.events
    old = record.alert
    incident = old.incident or incident_of(data, around.households)
    acts = _ended(record, data)
    shown = _shown(data, old.revision, data.verb, acts, old.capped_by, incident)
    new = Record(alert=shown, acts=acts, verb=data.verb)
    stepped = _stepped(record, new, finding.time, finding.recordedtime, around)
    if stepped is not None:
        return Change(stepped.record, events + stepped.events)
    return Change(record, events) if events else None


def act(
    record: Record,
    act: Act,
    actor: str,
    note: str | None,
    at_ms: int,
    around: Around = NOTHING_AROUND,
) -> Change:
    """Return the change that a person makes at `at_ms`. Raises Refused when it does not fit."""
    alert = record.alert
    over = record.verb in ("cleared", "withdrawn")
    if act.name == "undo" and over:
        raise Refused(f"the alert is {alert.state} by itself")
    if alert.state in ("resolved", "retracted") and act.name not in ("note", "undo"):
        raise Refused(f"the alert is {alert.state}")
    if act.of == alert.id:
        raise Refused("an alert is no duplicate of itself")
    acts = acted(record.acts, act, actor, note, at_ms, parse_ms(alert.last_seen))
    at = format_ms(at_ms)
    changed = _stepped(record, _with_acts(record, acts), at, at, around, actor)
    if changed is None or not changed.events:
        raise Refused("the act changes nothing")
    return changed


def mark(record: Record, at_ms: int, around: Around) -> Change | None:
    """Return the change that silences make, which begin or end at `at_ms`, or alerts that inhibit
    this one; None = no change."""
    at = format_ms(at_ms)
    return _stepped(record, record, at, at, around)


def escalate(record: Record, step: Step, at_ms: int) -> Change:
    """Return the change of an alert that has reached a level, which the store notes at `at_ms`."""
    old = record.alert
    alert = msgspec.structs.replace(old, revision=old.revision + 1, escalation=step.level)
    event = _event(alert, "escalated", format_ms(step.due_ms), format_ms(at_ms))
    return Change(Record(alert=alert, acts=record.acts, verb=record.verb), [event])


def inherit(
    record: Record, acts: Acts, finding: FindingEvent, around: Around = NOTHING_AROUND
) -> Change | None:
    """Return the change of a survivor that takes over a duplicate's acts."""
    new = _with_acts(record, joined(record.acts, acts))
    return _stepped(record, new, finding.time, finding.recordedtime, around)


class AlertBook:
    """All alerts of a history in memory. The store fills one with what a batch touches.

    `clock_ms` is the newest instant of the engine's clock so far; without `caps` nothing is capped.
    """

    def __init__(
        self,
        records: Iterable[Record] = (),
        caps: RateCap | None = None,
        clock_ms: int = 0,
        around: Around = NOTHING_AROUND,
    ) -> None:
        self.clock_ms = clock_ms
        self._around = around
        self.records: dict[str, Record] = {}
        self._caps = caps
        self._duplicates: dict[str, set[str]] = {}
        self.take_in(records)

    def take_in(self, records: Iterable[Record]) -> None:
        """Add records as they stand."""
        for record in records:
            self._file(record)

    def apply(self, finding: FindingEvent) -> list[AlertEvent]:
        """Merge one finding; return the events in order (of the survivor too, if acts move)."""
        alert_id = finding.data.alert_id
        record = self.records.get(alert_id)
        capped_by = self._capped_by(record, finding)
        change = merge(record, finding, self._inheritance(alert_id), capped_by, self._around)
        if change is None:
            return []
        self._keep(change.record)
        return change.events + self._hand_on(change.record, finding)

    def settle(self, clock_ms: int = 0) -> list[AlertEvent]:
        """End a batch, at the latest instant so far or a later one: return the events of the
        summaries that changed in it."""
        if self._caps is None:
            return []
        self.clock_ms = max(self.clock_ms, clock_ms)
        events: list[AlertEvent] = []
        for summary in self._caps.take_told(self.clock_ms):
            old = self.records.get(summary.data.alert_id)
            change = merge(old, summary, None, None, self._around)
            if change is not None:
                self._keep(change.record)
                events += change.events
        return events

    def act(
        self, alert_id: str, deed: Act, actor: str, note: str | None, at_ms: int
    ) -> list[AlertEvent]:
        """Apply a person's act. Raises KeyError for an unknown alert, Refused if it cannot be."""
        change = act(self.records[alert_id], deed, actor, note, at_ms, self._around)
        self._keep(change.record)
        return change.events

    def mark(self, alert_id: str, at_ms: int) -> list[AlertEvent]:
        """Look anew what silences and inhibits an alert. Raises KeyError for an unknown alert."""
        change = mark(self.records[alert_id], at_ms, self._around)
        if change is None:
            return []
        self._keep(change.record)
        return change.events

    def escalate(self, step: Step, at_ms: int) -> list[AlertEvent]:
        """Let an alert reach a level. Raises KeyError for an unknown alert."""
        change = escalate(self.records[step.alert_id], step, at_ms)
        self._keep(change.record)
        return change.events

    def _capped_by(self, record: Record | None, finding: FindingEvent) -> str | None:
        """Return what stands for an alert that is new; tell it of the severity of an older one."""
        if self._caps is None:
            return None
        self.clock_ms = max(self.clock_ms, parse_ms(finding.time))
        if record is None:
            return self._caps.admit(finding.data, self.clock_ms)
        severity, summary = finding.data.severity, record.alert.capped_by
        if summary is not None and severity != "critical":
            self._caps.rise(summary, severity, self.clock_ms)
        return None

    def _keep(self, record: Record) -> None:
        """File a record that has changed."""
        was = self.records.get(record.alert.id)
        self._around.kept(None if was is None else was.alert, record.alert)
        self._file(record)

    def _file(self, record: Record) -> None:
        alert_id = record.alert.id
        old = self.records.get(alert_id)
        if old is not None and old.survivor is not None:
            self._duplicates[old.survivor].discard(alert_id)
        if record.survivor is not None:
            self._duplicates.setdefault(record.survivor, set()).add(alert_id)
        self.records[alert_id] = record

    def _inheritance(self, alert_id: str) -> Acts | None:
        acts = NO_ACTS
        for duplicate in self._duplicates.get(alert_id, ()):
            acts = joined(acts, self.records[duplicate].acts)
        return acts if acts != NO_ACTS else None

    def _hand_on(self, record: Record, finding: FindingEvent) -> list[AlertEvent]:
        """Pass a duplicate's acts to its survivor, and on if that is a duplicate itself."""
        events: list[AlertEvent] = []
        passed = {record.alert.id}
        while record.survivor is not None and record.survivor not in passed:
            passed.add(record.survivor)
            heir = self.records.get(record.survivor)
            if heir is None:
                break  # It takes them when it is raised.
            change = inherit(heir, record.acts, finding, self._around)
            if change is not None:
                heir = change.record
                self._keep(heir)
                events += change.events
            record = heir
        return events


def _ended(record: Record, finding: Finding) -> Acts:
    """Return the acts; of those from before an end, newer evidence leaves no acknowledgement."""
    if record.verb != "cleared" or finding.verb in ("cleared", "withdrawn"):
        return record.acts
    newest_ms = parse_ms(finding.last_seen)
    if newest_ms <= parse_ms(record.alert.last_seen):
        # The engine takes the clearing back: what it hid is there again.
        return record.acts
    return joined(record.acts, Acts(reopened_ms=newest_ms))


def _marked(alert: Alert, before: Alert | None, around: Around) -> Alert:
    hidden_by = around.silenced(alert)
    inhibited_by = around.inhibited(alert, None if before is None else before.inhibited_by)
    if (hidden_by, inhibited_by) == (alert.silenced_by, alert.inhibited_by):
        return alert
    return msgspec.structs.replace(alert, silenced_by=hidden_by, inhibited_by=inhibited_by)


def _shown(
    finding: Finding,
    revision: int,
    verb: FindingVerb,
    acts: Acts,
    capped_by: str | None,
    incident: str,
) -> Alert:
    """Return the alert as the finding and the acts together show it."""
    state, outcome, of = _state(verb, finding.outcome, acts, finding.last_seen)
    return Alert(
        id=finding.alert_id,
        revision=revision,
        rule=finding.rule,
        rule_version=finding.rule_version,
        policy_version=finding.policy_version,
        severity=finding.severity,
        evidence_class=finding.evidence_class,
        state=state,
        outcome=outcome,
        subject=finding.subject,
        site=finding.site,
        grid=finding.grid,
        order=finding.order,
        assignee=acts.assignee.text or None,
        note=acts.note,
        first_seen=finding.first_seen,
        last_seen=finding.last_seen,
        count=finding.count,
        historical=finding.historical,
        evidence=finding.evidence,
        reason=finding.reason,
        related=_related(finding.related, of),
        dedupe=finding.dedupe,
        began=finding.began,
        # Nothing stands for a critical alert, also where it became critical later.
        capped_by=None if finding.severity == "critical" else capped_by,
        incident=incident,
    )


def _state(
    verb: FindingVerb, found: Outcome | None, acts: Acts, last_seen: str
) -> tuple[State, Outcome | None, str]:
    """Withdrawn wins over all, then a person's resolution that holds, then the engine's clearing.

    The third is the alert that a person named as the one that this one repeats, or "".
    """
    if verb == "withdrawn":
        return "retracted", found, ""
    stance = standing(acts, parse_ms(last_seen)) if acts.stance.rank else acts.stance
    state = STANCES[stance.rank]
    if state == "resolved":
        return "resolved", stance.outcome or None, stance.of
    if verb == "cleared":
        return "resolved", found, ""
    return state, None, ""


def _related(found: list[str] | None, of: str) -> list[str] | None:
    """Return the related alerts; the one that a person named comes last."""
    return [*(found or ()), of] if of and of not in (found or ()) else found


def _with_acts(record: Record, acts: Acts) -> Record:
    """Return the record with other acts; the finding stays as it was."""
    alert = record.alert
    state, outcome, of = _state(record.verb, alert.outcome, acts, alert.last_seen)
    before = record.acts.stance.of
    found = [each for each in alert.related or () if each != before] or None
    shown = msgspec.structs.replace(
        alert,
        state=state,
        outcome=outcome,
        assignee=acts.assignee.text or None,
        note=acts.note,
        related=_related(found, of),
    )
    return Record(alert=shown, acts=acts, verb=record.verb)


def _stepped(
    old: Record,
    new: Record,
    time: str,
    recordedtime: str,
    around: Around,
    actor: str | None = None,
) -> Change | None:
    """Return the step from old to new with its event, if it is one; `new` has old's revision."""
    new = Record(alert=_marked(new.alert, old.alert, around), acts=new.acts, verb=new.verb)
    level = kept_level(old.alert, new.alert)
    if level != new.alert.escalation:
        same = msgspec.structs.replace(new.alert, escalation=level)
        new = Record(alert=same, acts=new.acts, verb=new.verb)
    if new == old:
        return None
    if new.alert == old.alert:
        return Change(new, [])
    alert = msgspec.structs.replace(new.alert, revision=old.alert.revision + 1)
    event = _event(alert, _verb(old.alert, alert), time, recordedtime, actor)
    return Change(Record(alert=alert, acts=new.acts, verb=new.verb), [event])


def _verb(old: Alert, new: Alert) -> AlertVerb:
    if new.state != old.state:
        if new.state in ("resolved", "retracted"):
            return new.state
        if old.state in ("resolved", "retracted") or new.state == "open":
            return "reopened"
        return "dispatched" if new.state == "dispatched" else "acked"
    if new.assignee != old.assignee:
        return "assigned" if new.assignee else "updated"
    return "noted" if new.note != old.note else "updated"


def _event(
    alert: Alert, verb: AlertVerb, time: str, recordedtime: str, actor: str | None = None
) -> AlertEvent:
    return AlertEvent(
        specversion="1.0",
        id=f"{alert.id}/{alert.revision}",
        source=SOURCE,
        type=alert_type(verb),
        time=time,
        recordedtime=recordedtime,
        actor=actor,
        data=alert,
    )
