"""Where an alert and what is on file come from: a running system, or a timeline."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from deploy.backtest import FOREVER_MS, Backtest, Malformed
from deploy.caller import Caller
from deploy.explain.explanation import Versions, concerns, names_in
from schemas.alerts import Alert
from schemas.filing import Filing
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.registers import REGISTERS, parse_register_type
from schemas.settings import Settings
from schemas.times import parse_ms
from schemas.versions import FOREVER
from services.api.registers.stored import StoredVersion, version_of

_PAGE: Final = 1000


class NotExplained(Exception):
    """The alert or what is needed to explain it cannot be had; the text says why."""


class _Typed(msgspec.Struct):
    type: str


_type_of = msgspec.json.Decoder(_Typed).decode


def from_timeline(
    alert_id: str,
    file: Path,
    settings: Settings,
    key: PseudonymKey,
    *,
    from_warm: bool,
    complain: Callable[[str], None],
) -> tuple[Alert, Versions]:
    """Run a timeline and return the alert as it ends, and all that was filed.

    Raises NotExplained where no such alert comes of it, OSError for a file that can't be read.
    """
    backtest = Backtest(
        key,
        grammar=settings.plate_grammar,
        timezone=settings.timezone,
        history_since_ms=FOREVER_MS if from_warm else None,
    )
    filing = Filing(Intake(key, settings.plate_grammar))
    versions: dict[tuple[str, str], list[StoredVersion]] = defaultdict(list)
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                backtest.feed(line)
            except Malformed as error:
                complain(f"line {number}: {error}")
                continue
            register = parse_register_type(_type_of(line).type)
            if register is not None:
                version = version_of(register[0], filing.event(line).value, number)
                versions[register[0], version.id].append(version)
    backtest.flush()
    record = backtest.alerts.records.get(alert_id)
    if record is None:
        raise NotExplained(f"no alert {alert_id} comes of {file}")
    return record.alert, versions


def from_system(alert_id: str, api: Caller) -> tuple[Alert, Versions]:
    """Ask a running system for the alert and for what is on file about it.

    Raises NotExplained where it has no such alert or refuses, Unreachable where nobody answers.
    """
    body = _asked(api, f"/v1/alerts/{quote(alert_id, safe='')}", f"the alert {alert_id}")
    alert = msgspec.json.decode(body, type=Alert)
    policy = alert.policy_version.rpartition("@")[0]
    versions: dict[tuple[str, str], list[StoredVersion]] = {}
    for register in REGISTERS:
        ids = {policy} if register == "policy" else _concerned(api, register, alert)
        for entry_id in sorted(ids - {"default"}):
            versions[register, entry_id] = _history(api, register, entry_id)
    # A second look: whoever an order binds may be in other registers under their own name.
    bound = _persons(versions)
    for register in REGISTERS if bound else ():
        for entry_id in sorted(_concerned(api, register, alert, bound)):
            if register != "policy" and (register, entry_id) not in versions:
                versions[register, entry_id] = _history(api, register, entry_id)
    return alert, versions


def _persons(versions: Versions) -> set[str]:
    return {
        person
        for (register, _), filed in versions.items()
        if register == "order"
        for each in filed
        if (person := msgspec.json.decode(each.body).get("subject", {}).get("person"))
    }


def _concerned(api: Caller, register: str, alert: Alert, more: set[str] | None = None) -> set[str]:
    """Return the ids of a register's entries about an alert, that govern now or did at its last
    match."""
    ids, names = names_in(alert) if more is None else (set(), more)
    found: set[str] = set()
    for as_of in ({}, {"as_of": alert.last_seen}):
        cursor: str | None = ""
        while cursor is not None:
            query = urlencode({"limit": _PAGE, **as_of, **({"cursor": cursor} if cursor else {})})
            page = msgspec.json.decode(
                _asked(api, f"/v1/registers/{register}?{query}", f"the register {register}")
            )
            for item in page["items"]:
                if concerns(register, item["id"], msgspec.json.encode(item), ids, names):
                    found.add(item["id"])
            cursor = page["next"]
    return found


def _history(api: Caller, register: str, entry_id: str) -> list[StoredVersion]:
    path = f"/v1/registers/{register}/{quote(entry_id, safe='')}/history?limit={_PAGE}"
    items = msgspec.json.decode(_asked(api, path, f"{register}/{entry_id}"))["items"]
    return [_version(item, place) for place, item in enumerate(reversed(items))]


def _version(item: dict[str, Any], place: int) -> StoredVersion:
    recorded_ms = parse_ms(item.pop("recordedtime"))
    deleted = item.pop("deleted", False)
    body = msgspec.json.encode(item).decode()
    if deleted:
        return StoredVersion(recorded_ms, recorded_ms, FOREVER, None, item["id"], place, body)
    from_ms = parse_ms(item["valid_from"])
    to_ms = parse_ms(item["valid_to"]) if item.get("valid_to") else FOREVER
    return StoredVersion(recorded_ms, from_ms, to_ms, body, item["id"], place, body)


def _asked(api: Caller, path: str, what: str) -> bytes:
    answer = api.call("GET", path)
    if answer.status == 404:
        raise NotExplained(f"this system does not have {what}")
    if answer.status != 200:
        detail = answer.body[:300].decode("utf-8", "replace")
        raise NotExplained(f"{what} was refused with {answer.status}: {detail}")
    return answer.body
