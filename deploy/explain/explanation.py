"""From an alert and what is on file to its explanation. Pure: no clock, no files, no network."""

import inspect
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from rules.catalogue import BY_NAME
from rules.entries import names_of
from rules.rule import Rule
from schemas.alerts import Alert, Reason, alert_id
from schemas.events import Instant
from schemas.registers import REGISTERS
from schemas.suppressions import Effect, Suppressor, against
from schemas.times import format_ms, parse_ms
from schemas.versions import FOREVER, in_force
from services.api.registers.stored import StoredVersion

# All filed versions of entries, each in order of filing, by register and id.
Versions = Mapping[tuple[str, str], Sequence[StoredVersion]]
_WITHDRAWN: Final = re.compile(r"Withdrawn: .* \(([^()]+)\)\.$")


class Thresholds(Struct, frozen=True, omit_defaults=True):
    """The parameters that the rule was asked with; `filed` are those that the policy set.

    `missing` = the policy entry of this version is not on file here; the values are defaults.
    """

    policy_version: str
    values: dict[str, Any]
    filed: dict[str, Any] = {}
    missing: bool = False


class OnFile(Struct, frozen=True, omit_defaults=True):
    """An entry about the alert's subject, its order or its places, as it was filed.

    `in_force` is whether it held at the alert's last match by what is filed now; `filings` is how
    many versions there are, of which the one in force is shown, else the newest.
    """

    register: str
    id: str
    filed: Instant
    filings: int
    in_force: bool
    data: dict[str, Any]
    deleted: bool = False


class Considered(Struct, frozen=True, omit_defaults=True):
    """A row of the suppression table that may speak against the rule, and what came of it.

    `looked_at` are the entries about it that are on file, None where it is not filed anywhere.
    """

    by: str
    effect: Effect
    reason: Reason
    applied: bool
    looked_at: list[str] | None = None
    rests_on: str | None = None


class Identity(Struct, frozen=True, omit_defaults=True):
    """The id, made again from the evidence; None where the alert does not say its dedupe key."""

    rule: str
    major: int
    dedupe: str | None
    first_match: Instant
    recomputed: str | None
    same: bool | None


class RuleTold(Struct, frozen=True):
    """A rule, and what its own text says."""

    code: str
    name: str
    version: str
    says: str


class Explanation(Struct, frozen=True):
    """All that is to be said about an alert."""

    alert: Alert
    rule: RuleTold
    thresholds: Thresholds
    on_file: list[OnFile]
    considered: list[Considered]
    identity: Identity


class UnknownRule(Exception):
    """The alert is of a rule that this version of Cordon does not have."""


def explain(alert: Alert, versions: Versions) -> Explanation:
    """Return the explanation of an alert; raises UnknownRule."""
    rule = BY_NAME.get(alert.rule)
    if rule is None:
        raise UnknownRule(f"this version has no rule {alert.rule!r}")
    on_file = _on_file(alert, versions)
    return Explanation(
        alert=alert,
        rule=RuleTold(rule.code, rule.name, alert.rule_version, _says(rule)),
        thresholds=_thresholds(alert, rule, versions),
        on_file=on_file,
        considered=[_considered(row, alert, rule, on_file) for row in against(rule.name)],
        identity=_identity(alert, rule),
    )


def names_in(alert: Alert) -> tuple[set[str], set[str]]:
    """Return the ids that an alert names (sites, an order, what its dedupe key is made of) and the
    names by which entries may be about it (also its plate or person)."""
    name = alert.subject.key.removeprefix(f"{alert.subject.kind}:")
    subject = alert.subject.key if alert.subject.kind == "person" else name
    sites = {site for each in alert.evidence if (site := each.site)} | {alert.site or ""}
    filed = {each.id.partition("/")[2] for each in alert.evidence if _is_entry(each.type)}
    parts = set((alert.dedupe or "").split("/"))
    ids = {alert.order or "", *sites, *filed, *parts, *(part.partition(":")[2] for part in parts)}
    names = {subject, name, alert.order or "", *filed, *parts} - sites
    return ids - {""}, names - {""}


def concerns(register: str, entry_id: str, data: bytes, ids: set[str], names: set[str]) -> bool:
    """Tell whether an entry, its data as filed, is named or is about one of these names."""
    if entry_id in ids:
        return True
    try:
        entry = msgspec.json.decode(data, type=REGISTERS[register])
    except msgspec.ValidationError:
        # Another version of the schema filed it: it can be asked for by its id alone.
        return False
    return not names.isdisjoint(names_of(register, entry))


def _is_entry(event_type: str) -> bool:
    return event_type.endswith(".put.v1")


def _says(rule: Rule) -> str:
    """Return what the rule's file and its detector say first of themselves."""
    assess = rule.dossiers.assess if rule.dossiers else None
    detector = rule.on_check or rule.on_read or assess
    texts = [
        inspect.getdoc(sys.modules[rule.describe.__module__]),
        inspect.getdoc(detector) if detector is not None else None,
    ]
    return "\n\n".join(text.partition("\n\nRaises")[0] for text in texts if text)


def _thresholds(alert: Alert, rule: Rule, versions: Versions) -> Thresholds:
    entry_id, _, filed_at = alert.policy_version.rpartition("@")
    if entry_id == "default":
        return Thresholds(alert.policy_version, dict(rule.defaults))
    for version in versions.get(("policy", entry_id), ()):
        if version.facts is not None and format_ms(version.recorded_ms) == filed_at:
            rules = msgspec.json.decode(version.body, type=dict[str, Any])["rules"]
            filed = rules.get(rule.name, {})
            return Thresholds(alert.policy_version, {**rule.defaults, **filed}, filed)
    return Thresholds(alert.policy_version, dict(rule.defaults), missing=True)


def _on_file(alert: Alert, versions: Versions) -> list[OnFile]:
    ids, names = names_in(alert)
    # Whoever an order binds may have come by under their own name only.
    for _, found in sorted(_about(versions, ids, names)):
        if found[0] == "order":
            for version in versions[found]:
                if version.facts is not None:
                    names |= _bound(version)
    at_ms = parse_ms(alert.last_seen)
    return [
        _shown(register, entry_id, versions[register, entry_id], at_ms)
        for _, (register, entry_id) in sorted(_about(versions, ids, names))
    ]


def _about(
    versions: Versions, ids: set[str], names: set[str]
) -> Iterable[tuple[int, tuple[str, str]]]:
    order = {register: place for place, register in enumerate(REGISTERS)}
    for (register, entry_id), filed in versions.items():
        if register != "policy" and any(
            concerns(register, entry_id, each.body.encode(), ids, names)
            for each in filed
            if each.facts is not None
        ):
            yield order[register], (register, entry_id)


def _bound(version: StoredVersion) -> set[str]:
    try:
        order = msgspec.json.decode(version.body, type=REGISTERS["order"])
    except msgspec.ValidationError:
        # As in `concerns`: what another version of the schema filed names nobody here.
        return set()
    person = order.subject.person  # type: ignore[attr-defined]
    return {person} if person else set()


def _shown(register: str, entry_id: str, filed: Sequence[StoredVersion], at_ms: int) -> OnFile:
    standing = in_force(filed, at_ms, FOREVER)
    shown = standing or filed[-1]
    return OnFile(
        register=register,
        id=entry_id,
        filed=format_ms(shown.recorded_ms),
        filings=len(filed),
        in_force=standing is not None,
        data=msgspec.json.decode(shown.body, type=dict[str, Any]),
        deleted=shown.deleted,
    )


def _considered(row: Suppressor, alert: Alert, rule: Rule, on_file: Sequence[OnFile]) -> Considered:
    rests_on = None
    if row.effect == "lowers":
        applied = rule.lowered_by[row.name].en in alert.reason.en
    else:
        given = _WITHDRAWN.search(alert.reason.en)
        applied = given is not None and given[1].partition(":")[0] == row.name
        rests_on = given[1].partition(":")[2] or None if applied and given else None
    looked_at = None
    if row.register is not None:
        looked_at = [
            f"{each.register}/{each.id}: {'in force' if each.in_force else 'not in force'} then"
            for each in on_file
            if each.register == row.register
        ]
    return Considered(row.name, row.effect, Reason(row.en, row.zh), applied, looked_at, rests_on)


def _identity(alert: Alert, rule: Rule) -> Identity:
    first = alert.began or alert.evidence[0].time
    made = None
    if alert.dedupe is not None:
        made = alert_id(rule.name, rule.major, alert.dedupe, parse_ms(first))
    same = None if made is None else made == alert.id
    return Identity(rule.name, rule.major, alert.dedupe, first, made, same)
