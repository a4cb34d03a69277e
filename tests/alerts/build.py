"""What happens in a small county in 2020, in sentences: lines of a timeline, and facts for rules.

A moment is written `02-10 10:00` or `02-10 10:00:05.250`, in local time (UTC+8); or it is a
number, ms UTC.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from rules.facts import Check, Code, Read, SiteFacts
from rules.match import Match
from rules.registers import Registers
from schemas.events import KIND_BY_TYPE
from schemas.filing import Filing
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.registers import parse_register_type
from schemas.times import format_ms, parse_ms
from services.alerts.engine.decode import Event, Tick, sort_out

Moment = str | int
Line = dict[str, Any]

ALWAYS = "01-01 00:00"
FOREVER_MS = -(1 << 62)
_INTAKE = Intake(PseudonymKey.fixed_for_tests())
_FILING = Filing(_INTAKE)


def ms(moment: Moment) -> int:
    """Return a moment as ms UTC."""
    if isinstance(moment, int):
        return moment
    day, _, clock = moment.partition(" ")
    clock = clock if clock.count(":") == 2 else f"{clock}:00"
    return parse_ms(f"2020-{day}T{clock}+08:00")


def text(moment: Moment) -> str:
    """Return a moment as Cordon writes it."""
    return format_ms(ms(moment))


# People.

NUMBERS = {"wang": 11, "li": 13, "zhao": 15, "qian": 17}


def id_number(who: str, region: str = "330421") -> str:
    """Return the resident ID of somebody born on New Year's Day of 1980."""
    body = f"{region}19800101{NUMBERS[who]:03d}"
    return body + "10X98765432"[2 * int(body, 13) % 11]


def identifier(who: str, region: str = "330421") -> Line:
    """Return who somebody is."""
    return {"id_type": "resident_id", "id_number": id_number(who, region)}


def person(who: str) -> str:
    """Return somebody's pseudonym."""
    pseudonym = _INTAKE.pseudonym(None, "resident_id", id_number(who))
    assert pseudonym is not None
    return pseudonym


# Registers.


def _line(
    kind: str, event_id: str, source: str, when: Moment, data: Line, recorded: Moment | None = None
) -> Line:
    line = {
        "specversion": "1.0",
        "type": kind,
        "source": source,
        "id": event_id,
        "time": text(when),
        "data": data,
    }
    if recorded is not None:
        line["recordedtime"] = text(recorded)
    return line


def _maybe(moment: Moment | None) -> str | None:
    return None if moment is None else text(moment)


def put(register: str, entry_id: str, filed: Moment, since: Moment, /, **data: Any) -> Line:
    """An entry is filed; fields that are None are left out."""
    entry = {
        "id": entry_id,
        "valid_from": text(since),
        "author": "test",
        "source": "test",
        "reason": "test",
        "purpose": "outbreak-control",
        **{key.rstrip("_"): value for key, value in data.items() if value is not None},
    }
    return _line(f"cordon.{register}.put.v1", f"{register}/{entry_id}", "register", filed, entry)


def deletion(name: str, entry_id: str, filed: Moment) -> Line:
    """An entry is deleted."""
    data = {"id": entry_id, "author": "test"}
    return _line(f"cordon.{name}.delete.v1", f"-{name}/{entry_id}", "register", filed, data)


def zone(zone_id: str, kind: str = "community", filed: Moment = ALWAYS) -> Line:
    """A zone is filed."""
    return put(
        "zone", zone_id, filed, ALWAYS,
        kind=kind, crs="wgs84", centre=[120.9, 30.9], radius_m=500,
    )  # fmt: skip


def site(
    site_id: str,
    role: str = "inner",
    zones: Sequence[str] = ("county",),
    *,
    filed: Moment = ALWAYS,
    since: Moment = ALWAYS,
    until: Moment | None = None,
    warm_until: Moment | None = None,
    grid: str | None = None,
    heartbeat_s: int = 0,
    **more: Any,
) -> Line:
    """A site is filed."""
    return put(
        "site", site_id, filed, since,
        valid_to=_maybe(until), name=site_id, role=role, zones=list(zones), grid=grid,
        warm_until=_maybe(warm_until), heartbeat_s=heartbeat_s, **more,
    )  # fmt: skip


def order(
    order_id: str,
    who: str = "wang",
    home: str = "home-1",
    start: Moment = "02-01 10:00",
    *,
    filed: Moment | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    vehicles: Sequence[str] = (),
    region: str = "330421",
    exposure_date: str = "2020-01-31",
    **more: Any,
) -> Line:
    """Somebody has to stay in a zone from a start on."""
    return put(
        "order", order_id, start if filed is None else filed, start if since is None else since,
        valid_to=_maybe(until), subject=identifier(who, region), class_="home-isolation",
        kind="home", zone=home, start=text(start), exposure_date=exposure_date,
        vehicles=list(vehicles) or None, **more,
    )  # fmt: skip


def permit(
    permit_id: str,
    of: str,
    start: Moment,
    end: Moment,
    *,
    filed: Moment,
    places: Sequence[str] | None = None,
    since: Moment | None = None,
) -> Line:
    """An order's person may go out."""
    return put(
        "permit", permit_id, filed, start if since is None else since,
        order=of, from_=text(start), to=text(end), places=places and list(places),
    )  # fmt: skip


def transfer(
    transfer_id: str,
    start: Moment,
    end: Moment,
    eta: Moment,
    *,
    filed: Moment,
    orders: Sequence[str] | None = None,
    people: Sequence[str] | None = None,
    vehicle: str | None = None,
) -> Line:
    """Somebody is moved to the facility."""
    return put(
        "transfer", transfer_id, filed, ALWAYS,
        orders=orders and list(orders), persons=people and [identifier(who) for who in people],
        from_zone="home-1", to_zone="facility", window_from=text(start), window_to=text(end),
        eta=text(eta), vehicle=vehicle,
    )  # fmt: skip


def link(
    link_id: str,
    who: str,
    plate: str,
    role: str = "driver",
    strength: float = 0.9,
    *,
    filed: Moment = ALWAYS,
    since: Moment = ALWAYS,
    until: Moment | None = None,
) -> Line:
    """Somebody uses a vehicle."""
    return put(
        "vehicle-link", link_id, filed, since,
        valid_to=_maybe(until), person=identifier(who), plate=plate, role=role, strength=strength,
    )  # fmt: skip


def resident(plate: str, *, filed: Moment = ALWAYS, since: Moment = ALWAYS) -> Line:
    """A vehicle is at home here."""
    return put("resident-vehicle", plate, filed, since, plate=plate)


def watch(
    entry_id: str,
    whom: str,
    category: str = "confirmed",
    *,
    filed: Moment = ALWAYS,
    since: Moment = ALWAYS,
    until: Moment = "12-31 00:00",
    sites: Sequence[str] | None = None,
    direction: str | None = None,
) -> Line:
    """Somebody asks to look out for a person (one of NUMBERS) or a plate."""
    return put(
        "watch-entry", entry_id, filed, since,
        valid_to=text(until), category=category, direction=direction,
        sites=sites and list(sites), **_whom(whom),
    )  # fmt: skip


def exempt(
    entry_id: str,
    whom: str,
    kind: str = "green-channel",
    *,
    filed: Moment = ALWAYS,
    since: Moment = ALWAYS,
    until: Moment | None = None,
    corridor: Sequence[str] | None = None,
    stops: Sequence[str] | None = None,
) -> Line:
    """A person (one of NUMBERS) or a plate need not be stopped."""
    return put(
        "exemption", entry_id, filed, since,
        valid_to=_maybe(until), kind=kind, corridor=corridor and list(corridor),
        stops=stops and list(stops), **_whom(whom),
    )  # fmt: skip


def _whom(whom: str) -> Line:
    return {"person": identifier(whom)} if whom in NUMBERS else {"plate": whom}


def policy(
    rule: str, *, filed: Moment, since: Moment | None = None, name: str = "p", **parameters: Any
) -> Line:
    """A rule's thresholds are changed."""
    return put(
        "policy", name, filed, filed if since is None else since,
        response_level="1", rules={rule: parameters},
    )  # fmt: skip


def risk_area(
    entry_id: str,
    area: str = "330300",
    level: str = "high",
    *,
    filed: Moment = "01-20 00:00",
    since: Moment | None = None,
    until: Moment | None = None,
) -> Line:
    """An area is put on the risk list."""
    return put(
        "risk-area", entry_id, filed, filed if since is None else since,
        valid_to=_maybe(until), area=area, level=level,
    )  # fmt: skip


def notice(
    entry_id: str,
    people: Sequence[str],
    when: Moment = "01-23 10:00",
    *,
    household: str = "h1",
    area: str = "330327",
    stay: tuple[str, str] = ("2020-01-15", "2020-01-22"),
    arrival: str = "2020-01-22",
    recorded: Moment | None = None,
) -> Line:
    """A household is said to have come from an area."""
    line = put(
        "arrival-notice", entry_id, when, ALWAYS,
        household=household, persons=[identifier(who) for who in people], area=area,
        stay_from=stay[0], stay_to=stay[1], arrival=arrival,
    )  # fmt: skip
    return line if recorded is None else {**line, "recordedtime": text(recorded)}


def residence(
    entry_id: str,
    who: str,
    household: str | None = "h1",
    *,
    filed: Moment = ALWAYS,
    since: Moment = ALWAYS,
    grid: str | None = "g1",
    **more: Any,
) -> Line:
    """Somebody lives somewhere."""
    return put(
        "residence", entry_id, filed, since,
        person=identifier(who), address=f"{entry_id} Lane", household=household, grid=grid, **more,
    )  # fmt: skip


def worker(
    entry_id: str,
    who: str,
    enterprise: str = "e1",
    *,
    filed: Moment = ALWAYS,
    since: Moment = ALWAYS,
    until: Moment | None = None,
) -> Line:
    """Somebody is on the roster of an enterprise."""
    return put(
        "worker", entry_id, filed, since,
        valid_to=_maybe(until), enterprise=enterprise, person=identifier(who),
    )  # fmt: skip


def approval(
    entry_id: str,
    premises: str,
    since: Moment = ALWAYS,
    until: Moment | None = None,
    *,
    filed: Moment | None = None,
) -> Line:
    """Premises may be open."""
    return put(
        "approval", entry_id, since if filed is None else filed, since,
        valid_to=_maybe(until), premises=premises,
    )  # fmt: skip


COUNTY: tuple[Line, ...] = (
    zone("county", "region"),
    zone("home-1"),
    zone("home-2"),
    zone("facility", "facility"),
    site("bound", "boundary"),
    site("bound-2", "boundary"),
    site("exit", "checkpoint"),
    site("inner", grid="g1"),
    site("inner-2"),
    site("gate-1", "community", ("county", "home-1")),
    site("gate-2", "community", ("county", "home-2")),
    site("facility-gate", "community", ("county", "facility")),
)


# Events.


def check(
    who: str | None,
    where: str,
    when: Moment,
    *,
    by: str = "document",
    recorded: Moment | None = None,
    pass_: str | None = None,
    code: str | None = None,
    issuer: str = "330000",
    issued: Moment = ALWAYS,
    temperature: float | None = None,
    event_id: str | None = None,
    region: str = "330421",
    desk: str | None = None,
) -> Line:
    """A person is checked at a site. A code is stale where nobody says when it was `issued`."""
    seen: Line = {"verified_by": by, **(identifier(who, region) if who else {})}
    if pass_:
        seen["pass"] = pass_
    if code:
        seen["code"] = {
            "issuer": issuer,
            "colour": code,
            "issued_at": text(issued),
            "expires_at": text("12-31 00:00"),
        }
    if temperature is not None:
        seen["temperature"] = temperature
    return _line(
        "cordon.health-check.v1", event_id or f"{who}@{when}", desk or f"desk-{where}", when,
        {"site": where, "person": seen}, recorded,
    )  # fmt: skip


def hit(
    plate: str | None,
    where: str,
    when: Moment,
    direction: str = "internal",
    *,
    confidence: float = 0.97,
    recorded: Moment | None = None,
    preview: bool = False,
    event_id: str | None = None,
    **more: Any,
) -> Line:
    """A camera reads a plate; `more` is what else it saw."""
    data = {
        "site": where, "direction": direction, "plate": plate, "confidence": confidence, **more,
    }  # fmt: skip
    if preview:
        data["is_preview"] = True
    return _line(
        "cordon.plate-hit.v1", event_id or f"{plate}@{when}", f"camera-{where}", when, data,
        recorded,
    )  # fmt: skip


def scan(
    where: str,
    when: Moment,
    *,
    plate: str | None = None,
    people: Sequence[str] = (),
    direction: str = "in",
    by: str = "document",
    recorded: Moment | None = None,
    **more: Any,
) -> Line:
    """A vehicle with its people is scanned; the plate is typed."""
    data: Line = {
        "site": where,
        "direction": direction,
        "persons": [{**identifier(who), "verified_by": by} for who in people],
        **more,
    }
    if plate:
        data["plate"] = plate
    return _line(
        "cordon.checkpoint-scan.v1", f"{where}@{when}", f"desk-{where}", when, data, recorded
    )


def report(
    kind: str,
    source: str,
    when: Moment,
    /,
    *,
    recorded: Moment | None = None,
    event_id: str | None = None,
    **data: Any,
) -> Line:
    """A field report or a code change: `kind` as in `cordon.<kind>.v1`."""
    return _line(
        f"cordon.{kind}.v1",
        event_id or f"{kind}-{source}-{ms(when)}",
        source,
        when,
        data,
        recorded,
    )


def gate(
    site_id: str, when: Moment, kind: str = "forced", mode: str | None = None, **more: Any
) -> Line:
    """A gate tells what happened to it."""
    data = {"site": site_id, "kind": kind, **({"mode": mode} if mode else {})}
    return report("gate-event", f"gate-{site_id}", when, **data, **more)


def arrived(
    transfer_id: str,
    people: Sequence[str | None],
    when: Moment,
    *,
    by: str = "document",
    pass_: str | None = None,
    **more: Any,
) -> Line:
    """People arrive with a transfer; None = somebody without an identifier."""
    seen: Line = {"verified_by": by, **({"pass": pass_} if pass_ else {})}
    persons = [{**seen, **(identifier(who) if who else {})} for who in people]
    return report(
        "transfer-arrival", "desk-facility", when, transfer=transfer_id, persons=persons, **more
    )


def at_work(
    who: str | None,
    when: Moment,
    result: str = "well",
    *,
    enterprise: str = "e1",
    **more: Any,
) -> Line:
    """An enterprise reports a worker."""
    return report(
        "worker-health", enterprise, when,
        event_id=f"{who}@{when}", enterprise=enterprise, person=identifier(who) if who else {},
        result=result, **more,
    )  # fmt: skip


def code_change(who: str | None, when: Moment, colour: str, **more: Any) -> Line:
    """The authority gives somebody a code."""
    code = {
        "issuer": "330000", "colour": colour, "issued_at": text(when),
        "expires_at": text("12-31 00:00"),
    }  # fmt: skip
    return report(
        "code-change", "authority", when,
        event_id=f"{who}@{when}", person=identifier(who) if who else {}, code=code, **more,
    )  # fmt: skip


def looked(premises: str, when: Moment, is_open: bool = True, **more: Any) -> Line:
    """Somebody looks whether premises are open."""
    return report(
        "shop-observation", "street-camera", when,
        event_id=f"{premises}@{when}", premises=premises, open=is_open, **more,
    )  # fmt: skip


def clock(when: Moment) -> Line:
    """The clock is told."""
    return {"type": "cordon.clock.v1", "time": text(when)}


# What becomes of lines.


def recorded_ms(line: Line) -> int:
    """Return when a line was accepted."""
    accepted: str = line.get("recordedtime") or line["time"]
    return parse_ms(accepted)


def filed(line: Line) -> bytes:
    """Return the record of a register topic that a line becomes."""
    return _FILING.event(msgspec.json.encode(line)).value


def events(*lines: Line) -> list[tuple[str, Event]]:
    """Return what partitions would be brought: subjects and events (a tick has no subject)."""
    found: list[tuple[str, Event]] = []
    for line in lines:
        kind = KIND_BY_TYPE.get(line["type"])
        if kind is None:
            found.append(("", Tick(line["time"])))
            continue
        accepted = _INTAKE.accept(kind, msgspec.json.encode(line), 0, keep=True)
        assert not accepted.warnings, accepted.warnings
        for record in accepted.records:
            decoded, refused = sort_out(record.topic, [record.value])
            assert all(each.held for each in refused), refused
            found += [(record.subject, event) for event in decoded if event is not None]
    return found


def is_register(line: Line) -> bool:
    """Tell whether a line changes a register."""
    return parse_register_type(line["type"]) is not None


def world(*lines: Line, county: Iterable[Line] = COUNTY) -> Registers:
    """Return the registers of the county with some more lines."""
    registers = Registers()
    for line in (*county, *lines):
        registers.apply(filed(line))
    return registers


def site_facts(site_id: str, registers: Registers | None = None) -> SiteFacts:
    """Return what is known of a site in the middle of February."""
    facts = (registers or world()).site(site_id, ms("02-15 00:00"), ms("02-15 00:00"))
    assert facts is not None
    return facts


def seen(
    who: str,
    where: str,
    when: Moment,
    *,
    by: str = "document",
    recorded: Moment | None = None,
    has_pass: bool = False,
    direction: str = "unknown",
    temperature: float | None = None,
    code: Code | None = None,
    biased: bool = False,
    around: Sequence[Check] = (),
) -> Check:
    """A person was seen at a site: what a rule is given."""
    return Check(
        source=f"desk-{where}",
        id=f"{who}@{when}",
        type="cordon.health-check.v1",
        time_ms=ms(when),
        recorded_ms=ms(when if recorded is None else recorded),
        person=person(who),
        verified_by=by,
        has_pass=has_pass,
        site=site_facts(where),
        direction=direction,
        temperature=temperature,
        code=code,
        biased=biased,
        around=tuple(around),
    )


def read(
    plate: str,
    where: str,
    when: Moment,
    direction: str = "internal",
    *,
    role: str | None = None,
    confidence: float = 0.97,
    recorded: Moment | None = None,
    region: str = "county",
    warming: bool = False,
    source: str | None = None,
) -> Read:
    """A plate was read: what a rule is given."""
    return Read(
        ms(when),
        ms(when if recorded is None else recorded),
        source or f"camera-{where}",
        f"{plate}@{when}",
        "cordon.plate-hit.v1",
        plate,
        confidence,
        direction,
        where,
        region,
        None,
        role or ("boundary" if where.startswith("bound") else "inner"),
        warming,
    )


def match(
    when: Moment, *, until: Moment | None = None, source: str = "desk", **changes: Any
) -> Match:
    """Something was found."""
    found = Match(
        first_ms=ms(when),
        last_ms=ms(when if until is None else until),
        recorded_ms=ms(when),
        source=source,
        id=f"at {when}",
        type="cordon.health-check.v1",
        site="inner",
        grid=None,
        severity="critical",
        evidence_class="person",
        historical=False,
        policy="default@1",
        order="o1",
        detail="home-isolation/home-1",
    )
    return msgspec.structs.replace(found, **changes)


def heartbeat(
    source: str, when: Moment, where: str | None = None, status: str = "ok", **more: Any
) -> Line:
    """A device says that it lives."""
    site_named = {"site": where} if where else {}
    return report("heartbeat", source, when, status=status, **site_named, **more)


def device(
    source: str, where: str, *, filed: Moment = ALWAYS, heartbeat_s: int | None = None
) -> Line:
    """A device is filed."""
    secret = "a secret of thirty-two characters"
    return put("device", source, filed, ALWAYS, site=where, heartbeat_s=heartbeat_s, secret=secret)


def route(
    start: str,
    end: str,
    least: float = 48,
    half: float = 60,
    *,
    via: Sequence[str] = (),
    filed: Moment = ALWAYS,
    since: Moment = ALWAYS,
    until: Moment | None = None,
) -> Line:
    """A way between two sites is filed; it takes so many minutes at least, and half of all."""
    return put(
        "route", f"{start}-{end}", filed, since,
        valid_to=_maybe(until), from_=start, to=end, min_s=least * 60, p50_s=half * 60,
        via=list(via) or None,
    )  # fmt: skip


def at(lon: float, lat: float = 30.0, crs: str = "wgs84") -> Line:
    """A position."""
    return {"lon": lon, "lat": lat, "crs": crs}
