"""The command itself: an explanation as text for people, or as JSON."""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from deploy.caller import Caller, Unreachable
from deploy.explain.explanation import Considered, Explanation, Identity, UnknownRule, explain
from deploy.explain.sources import NotExplained, from_system, from_timeline
from deploy.ready_file import Ready
from schemas.persons import PseudonymKey
from schemas.settings import Settings


def of_timeline(
    alert_id: str, file: Path, settings: Settings, *, own_key: bool, from_warm: bool, as_json: bool
) -> int:
    """Explain an alert that a timeline leads to; return the exit code (1 = it cannot be explained,
    or its id is not the one that its evidence gives)."""
    key = PseudonymKey.fixed_for_tests()
    if own_key:
        path = settings.pseudonym_key_path
        if not path.exists():
            return _failed(f"no pseudonym key at {path}")
        key = PseudonymKey.load_or_create(path)
    try:
        found = from_timeline(
            alert_id, file, settings, key, from_warm=from_warm, complain=_complain
        )
        return _tell(explain(*found), as_json)
    except OSError as error:
        return _failed(f"cannot read {file}: {error.strerror}")
    except (NotExplained, UnknownRule) as error:
        return _failed(str(error))


def of_system(
    alert_id: str, ready_file: Path, api: str | None, token: str | None, *, as_json: bool
) -> int:
    """Explain an alert of a running system; return the exit code, as `of_timeline` does."""
    if api is None or token is None:
        try:
            ready = Ready.load(ready_file)
        except FileNotFoundError:
            return _failed(
                f"no system runs here ({ready_file} is missing): name one with --ready-file, or "
                "with --api and --token, or give the history with --timeline"
            )
        api, token = api or ready.api, token or ready.admin_token
    try:
        with Caller(api, token) as caller:
            return _tell(explain(*from_system(alert_id, caller)), as_json)
    except (NotExplained, UnknownRule, Unreachable) as error:
        return _failed(str(error))


def _tell(explanation: Explanation, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(explanation)).decode() + "\n")
    else:
        sys.stdout.write("\n".join(text(explanation)) + "\n")
    return 1 if explanation.identity.same is False else 0


def text(explanation: Explanation) -> Iterator[str]:
    """Yield the lines for people."""
    alert, rule, thresholds = explanation.alert, explanation.rule, explanation.thresholds
    outcome = f" ({alert.outcome})" if alert.outcome else ""
    historical = ", historical" if alert.historical else ""
    yield f"{alert.severity} {alert.rule}: {alert.subject.label}"
    yield f"  alert      {alert.id}, revision {alert.revision}, {alert.state}{outcome}"
    yield f"  when       {alert.first_seen} to {alert.last_seen}, {alert.count} matches{historical}"
    yield f"  where      site {alert.site or '-'}, grid {alert.grid or '-'}"
    yield f"  order      {alert.order or '-'}"
    yield f"  proof      {alert.evidence_class}"
    yield f"  why        {alert.reason.en}"
    yield f"             {alert.reason.zh}"
    yield ""
    yield f"Rule {rule.code} {rule.name}, version {rule.version}"
    yield from (f"  {line}" if line else "" for line in rule.says.splitlines())
    yield ""
    yield f"Thresholds, policy {thresholds.policy_version}"
    if thresholds.missing:
        yield "  this version of the policy is not on file here; these are the defaults"
    for name, value in thresholds.values.items():
        yield f"  {name} = {value}" + (" (policy)" if name in thresholds.filed else "")
    yield ""
    yield "Evidence (the first match and the newest)"
    for each in alert.evidence:
        yield f"  {each.time}  {each.type}  {each.source} {each.id}  {each.site or ''}".rstrip()
    yield ""
    yield "On file about it (at the last match)"
    for entry in explanation.on_file:
        state = "in force" if entry.in_force else "ended" if entry.deleted else "not in force"
        filed = f"filed {entry.filed}, {entry.filings} version(s)"
        yield f"  {entry.register}/{entry.id}: {state}; {filed}"
        yield f"    {msgspec.json.encode(entry.data).decode()}"
    if not explanation.on_file:
        yield "  nothing"
    yield ""
    yield "Considered against it"
    for row in explanation.considered:
        yield f"  {row.by}: {_came_of(row)} — {row.reason.en}; {row.reason.zh}"
        yield from (f"    {each}" for each in row.looked_at or ())
    yield ""
    yield from _identity(explanation.identity)


def _came_of(row: Considered) -> str:
    if row.applied:
        on = f", by {row.rests_on}" if row.rests_on else ""
        return f"APPLIED ({row.effect}{on})"
    if row.looked_at is None:
        return "did not hold"
    return "on file, did not apply" if row.looked_at else "nothing on file"


def _identity(identity: Identity) -> Iterator[str]:
    yield "Id"
    if identity.recomputed is None:
        yield "  recomputed: not possible; an earlier version raised it without its dedupe key"
        return
    yield f"  hash of {identity.rule}, {identity.major}, {identity.dedupe}, {identity.first_match}"
    yield f"  = {identity.recomputed}"
    yield f"  recomputed: {'yes' if identity.same else 'NO, the alert has another id'}"


def _complain(what: str) -> None:
    sys.stderr.write(f"{what}\n")


def _failed(why: str) -> int:
    _complain(f"explain: {why}")
    return 1
