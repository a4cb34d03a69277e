"""What the county's devices send: frames of cameras, scans of checkpoints, checks of persons."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from deploy.county.places import Site
from deploy.county.registers import identifier
from schemas.confusion import neighbours
from schemas.times import DAY_MS, HOUR_MS, format_ms

MISREAD_SHARE: Final = 0.1
# A misread that is as sure of itself as a good read; the rules meet such ones too.
_SURE_MISREAD_SHARE: Final = 0.05
# Good reads with little confidence: rain, dirt, the low sun.
_DIM_SHARE: Final = 0.04
_MOST_PREVIEWS: Final = 3
_COLOURS: Final = ("white", "black", "silver", "grey", "blue", "red")

Direction = Literal["in", "out", "internal"]
Proof = Literal["document", "code"]
Colour = Literal["green", "yellow", "red", "none"]


class Sent(Struct, frozen=True):
    """One event on its way: `recorded_ms` is when it arrives, which orders a timeline."""

    recorded_ms: int
    event: dict[str, Any]


class Seen(Struct, frozen=True):
    """What a check finds of a person; the temperature is drawn where none is given.

    `pass_id` is the pass that is shown, `passport` the number of a passport in place of an ID.
    """

    temperature: float | None = None
    colour: Colour = "green"
    code_age_ms: int = HOUR_MS
    pass_id: str | None = None
    refusal: bool = False
    passport: str | None = None


HEALTHY: Final = Seen()


def passage(
    site: Site,
    direction: Direction,
    plate: str,
    at_ms: int,
    rng: random.Random,
    *,
    sure: bool = False,
    painted: int = 0,
) -> Iterator[Sent]:
    """Yield what one camera sends of one vehicle: previews, then the result over all frames.

    A tenth of the readings is wrong by one confusable character. `sure` = the result is right and
    confident, for what is planted to be found. `painted` = another vehicle under the same plate.
    """
    # Of one vehicle every camera sees the same body.
    colour = _COLOURS[(sum(map(ord, plate)) + painted) % len(_COLOURS)]
    previews = rng.randint(0, _MOST_PREVIEWS)
    # Frames of one camera arrive in their order, over one connection.
    delay_ms, moment_ms = rng.randint(80, 700), at_ms
    for frame in range(previews + 1):
        is_preview = frame < previews
        confidence = rng.uniform(0.5, 0.85) if is_preview else rng.uniform(0.92, 0.985)
        read = plate
        if sure and not is_preview:
            confidence = 0.99
        elif rng.random() < MISREAD_SHARE:
            read = _misread(plate, rng)
            if rng.random() >= _SURE_MISREAD_SHARE:
                confidence = min(confidence, rng.uniform(0.55, 0.89))
        elif rng.random() < _DIM_SHARE:
            confidence = min(confidence, rng.uniform(0.5, 0.84))
        data = {
            "site": site.id,
            "direction": direction,
            "plate": _as_painted(read, rng),
            "confidence": round(confidence, 3),
            "lane": "1",
            "vehicle": {"colour": colour},
            "frames": frame + 1,
        }
        if is_preview:
            data["is_preview"] = True
        yield _sent("cordon.plate-hit.v1", f"camera/{site.id}", moment_ms, delay_ms, data, rng)
        moment_ms += rng.randint(300, 900)


def check(
    site: Site,
    direction: Direction,
    id_number: str,
    proof: Proof,
    at_ms: int,
    rng: random.Random,
    *,
    seen: Seen = HEALTHY,
    source: str | None = None,
) -> Sent:
    """Return the check of one person on foot, by the site's own device unless another is named."""
    data = {
        "site": site.id,
        "direction": direction,
        "person": _person(id_number, proof, at_ms, rng, seen),
    }
    source, delay_ms = source or f"phone/{site.id}", rng.randint(80, 700)
    return _sent("cordon.health-check.v1", source, at_ms, delay_ms, data, rng)


def scan(
    site: Site,
    direction: Direction,
    plate: str | None,
    id_numbers: Sequence[str],
    proof: Proof,
    at_ms: int,
    rng: random.Random,
    **more: Any,
) -> Sent:
    """Return the scan of a vehicle, or of people on foot, with everybody; `more` is what else they
    declare."""
    data = {
        "site": site.id,
        "direction": direction,
        "lane": "1",
        **({} if plate is None else {"plate": plate}),
        "persons": [_person(number, proof, at_ms, rng, HEALTHY) for number in id_numbers],
        **more,
    }
    source, delay_ms = f"scanner/{site.id}", rng.randint(80, 700)
    return _sent("cordon.checkpoint-scan.v1", source, at_ms, delay_ms, data, rng)


def reading(
    site: Site, direction: Direction, plate: str, confidence: float, at_ms: int, rng: random.Random
) -> Sent:
    """Return one reading by a camera, as sure as is said."""
    data = {"site": site.id, "direction": direction, "plate": plate, "confidence": confidence,
            "lane": "1"}  # fmt: skip
    delay_ms = rng.randint(80, 700)
    return _sent("cordon.plate-hit.v1", f"camera/{site.id}", at_ms, delay_ms, data, rng)


def unread(
    site: Site, direction: Direction, looks: tuple[str, str], at_ms: int, rng: random.Random
) -> Sent:
    """Return what a camera sends of a vehicle of a type and a colour whose plate it can't read."""
    data = {"site": site.id, "direction": direction, "plate": None, "confidence": 0.0, "lane": "1",
            "vehicle": {"type": looks[0], "colour": looks[1]}}  # fmt: skip
    return _sent("cordon.plate-hit.v1", f"camera/{site.id}", at_ms, rng.randint(80, 700), data, rng)


def report(kind: str, source: str, data: dict[str, Any], at_ms: int, rng: random.Random) -> Sent:
    """Return a field report of a kind such as `gate-event`."""
    return _sent(f"cordon.{kind}.v1", source, at_ms, rng.randint(80, 700), data, rng)


def filing(name: str, entry: dict[str, Any], at_ms: int) -> Sent:
    """Return the filing of a register entry."""
    return Sent(
        at_ms,
        {
            "specversion": "1.0",
            "type": f"cordon.{name}.put.v1",
            "source": "register",
            "id": f"{name}-{entry['id']}-{at_ms}",
            "time": format_ms(at_ms),
            "data": entry,
        },
    )


def _sent(
    event_type: str,
    source: str,
    at_ms: int,
    delay_ms: int,
    data: dict[str, Any],
    rng: random.Random,
) -> Sent:
    recorded_ms = at_ms + delay_ms
    return Sent(
        recorded_ms,
        {
            "specversion": "1.0",
            "type": event_type,
            "source": source,
            "id": f"{at_ms}-{rng.getrandbits(40):010x}",
            "time": format_ms(at_ms),
            "recordedtime": format_ms(recorded_ms),
            "data": data,
        },
    )


def _person(
    id_number: str, proof: Proof, at_ms: int, rng: random.Random, seen: Seen
) -> dict[str, Any]:
    drawn = min(max(rng.gauss(36.5, 0.2), 35.7), 37.1)
    issued_ms = at_ms - seen.code_age_ms
    who = identifier(id_number)
    if seen.passport is not None:
        who = {"id_type": "passport", "id_number": seen.passport}
    shown: dict[str, Any] = {} if seen.pass_id is None else {"pass": seen.pass_id}
    if seen.refusal:
        shown["refusal"] = True
    return {
        **who,
        **shown,
        "verified_by": proof,
        "temperature": round(drawn, 1) if seen.temperature is None else seen.temperature,
        "code": {
            "issuer": "330000",
            "colour": seen.colour,
            "issued_at": format_ms(issued_ms),
            "expires_at": format_ms(issued_ms + 3 * DAY_MS),
        },
    }


def _misread(plate: str, rng: random.Random) -> str:
    """Return the plate with one confusable character; never the province's or the city's."""
    return rng.choice([other for other in neighbours(plate) if other[:2] == plate[:2]] or [plate])


def _as_painted(plate: str, rng: random.Random) -> str:
    # Some cameras send the dot that is painted behind the city's letter.
    return f"{plate[:2]}·{plate[2:]}" if rng.random() < 0.1 else plate
