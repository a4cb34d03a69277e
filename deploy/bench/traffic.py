"""The traffic of the gate benchmark: the records that ingest would write, made beforehand."""

import random
from collections.abc import Iterable, Iterator

import msgspec

from schemas.events import PLATE_HIT
from schemas.filing import Filing
from schemas.intake import Intake, Record
from schemas.persons import PseudonymKey
from schemas.times import DAY_MS, format_ms, parse_ms

SITES = 60
VEHICLES = 50_000
ORDERS = 10_000
ORDERS_WITH_CARS = 1_000
START_MS = parse_ms("2020-02-10T00:00:00Z")
# Long enough before the start for every vehicle to be established by then.
WARM_MS = START_MS - 10 * DAY_MS
FILED_MS = START_MS - 40 * DAY_MS
STEP_MS = 77

_encode = msgspec.json.Encoder().encode


def plate(number: int) -> str:
    """Return the plate of one of 1,500,000 vehicles; no two of a province are look-alikes."""
    letters = "ABEFHJKMNPRTWXY"
    province = "浙沪苏皖闽赣鲁豫鄂湘"[number // 150_000]
    return f"{province}{letters[number // 10_000 % 15]}{_digits(number % 10_000)}"


def _digits(number: int) -> str:
    # Characters of which no two share a confusion group.
    symbols = "0823196EFH"
    head = "EFHJKMNPRT"[number // 1000 % 10]
    return head + "M" + "".join(symbols[int(digit)] for digit in f"{number % 1000:03d}")


def person(number: int) -> dict[str, str]:
    """Return the identifier of a person; the number is valid and nobody's."""
    body = f"330421{1950 + number % 50}{number // 50 % 12 + 1:02d}{number // 600 % 28 + 1:02d}"
    body += f"{number // 16_800:03d}"
    total = sum(int(digit) * pow(2, 17 - place) for place, digit in enumerate(body))
    return {"id_type": "resident_id", "id_number": body + "10X98765432"[total % 11]}


def entries(
    *, orders: int, cars: int, since_ms: int, placed: bool = False
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (register, data as one files it); the first `cars` orders name a car. `placed` = it is
    known where the sites are."""
    common = {
        "valid_from": format_ms(since_ms),
        "author": "bench",
        "source": "bench",
        "reason": "bench",
        "purpose": "outbreak-control",
    }
    circle = {**common, "crs": "wgs84", "centre": [120.9, 30.9], "radius_m": 500}
    yield "zone", {"id": "county", "kind": "region", **circle}
    yield "zone", {"id": "home", "kind": "community", **circle}
    for number in range(SITES):
        role = "boundary" if number < 8 else "inner"
        name = f"site-{number:03d}"
        site: dict[str, object] = {
            **common,
            "id": name,
            "name": name,
            "role": role,
            "zones": ["county"],
        }
        if placed:
            # A grid of some kilometres, as in a county: readings there are kept in tracks.
            lon, lat = 120.8 + number % 10 * 0.03, 30.8 + number // 10 * 0.03
            site["position"] = {"lon": lon, "lat": lat, "crs": "wgs84"}
        yield "site", site
    for number in range(orders):
        order: dict[str, object] = {
            **common,
            "id": f"order-{number:05d}",
            "subject": person(number),
            "class": "home-isolation",
            "kind": "home",
            "zone": "home",
            "start": format_ms(since_ms),
            "exposure_date": format_ms(since_ms)[:10],
            # All of them are in force: none is due for release while it is measured.
            "last_day": format_ms(since_ms + 365 * DAY_MS)[:10],
        }
        if number < cars:
            order["vehicles"] = [plate(number * (VEHICLES // cars))]
        yield "order", order


def registers(
    orders: int = ORDERS, cars: int = ORDERS_WITH_CARS, *, placed: bool = False
) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield (topic, key, value) of every register record of a benchmark."""
    filing = Filing(Intake(PseudonymKey.fixed_for_tests()))
    for name, data in entries(orders=orders, cars=cars, since_ms=FILED_MS, placed=placed):
        entry = filing.entry(name, data)
        filed = filing.filed_put(name, entry, FILED_MS, f"{name}/{entry.id}", "bench")
        yield filed.topic, entry.id.encode(), filed.value


class Camera:
    """Makes plate hits through the intake that ingest uses."""

    def __init__(self) -> None:
        # The stamp's plate is none, and `any` lets it pass.
        self._intake = Intake(PseudonymKey.fixed_for_tests(), "any")
        self._number = 0

    def hit(self, text: str, site: int, at_ms: int, *, number: int | None = None) -> Record:
        """Return the record of one hit, accepted a second after it happened."""
        self._number += 1
        event = {
            "specversion": "1.0",
            "id": identity(number) if number is not None else f"01J{self._number:013d}",
            "source": f"camera-{site:03d}",
            "type": PLATE_HIT.type,
            "time": format_ms(at_ms),
            "data": {
                "site": f"site-{site:03d}",
                "direction": "internal",
                "plate": text,
                "confidence": 0.97,
                "lane": "2",
                "plate_colour": "blue",
                "speed_kmh": 61.5,
                "frames": 7,
            },
        }
        return self._intake.accept(PLATE_HIT, _encode(event), at_ms + 1000).records[0]


def warm_up() -> Iterator[Record]:
    """Yield one hit of each vehicle, ten days before the start."""
    camera = Camera()
    for number in range(VEHICLES):
        yield camera.hit(plate(number), 10 + number % 50, WARM_MS + number)


def hits(count: int, seed: int = 7) -> Iterator[Record]:
    """Yield the hits that are measured: a day's traffic of known vehicles, at an even pace."""
    chance = random.Random(seed)
    plates = [plate(number) for number in range(VEHICLES)]
    return _stamped(
        (plates[chance.randrange(VEHICLES)], chance.randrange(SITES)) for _ in range(count)
    )


def first_hits(count: int, reads: int = 1) -> Iterator[Record]:
    """Yield one hit of each of so many vehicles (at most 1,500,000), and so many times, each at
    another site."""
    return _stamped(
        (plate(number), (number + 7 * read) % SITES)
        for read in range(reads)
        for number in range(count)
    )


def _stamped(passages: Iterable[tuple[str, int]]) -> Iterator[Record]:
    """Yield the hits of passages (plate, site), one every 77 ms: a million in nine tenths of a day.

    Values are stamped from a record that intake wrote, because a million passes through intake
    would take longer than the benchmark; every ten thousandth is compared with intake's own.
    """
    camera = Camera()
    stamp = camera.hit("PLATE", 0, START_MS, number=0).value.decode()
    stamp = stamp.replace("{", "{{").replace("}", "}}")
    for old, new in (
        (identity(0), "{id}"),
        ("camera-000", "camera-{site:03d}"),
        ("site-000", "site-{site:03d}"),
        (format_ms(START_MS + 1000), "{recorded}"),
        (format_ms(START_MS), "{time}"),
        ('"PLATE"', '"{plate}"'),
    ):
        stamp = stamp.replace(old, new)
    for number, (text, site) in enumerate(passages, 1):
        at_ms = START_MS + number * STEP_MS
        value = stamp.format(
            id=identity(number),
            site=site,
            time=format_ms(at_ms),
            recorded=format_ms(at_ms + 1000),
            plate=text,
        ).encode()
        if number % 10_000 == 0 and value != camera.hit(text, site, at_ms, number=number).value:
            raise AssertionError("the stamp differs from what intake writes")
        yield Record(
            PLATE_HIT.topic, f"vehicle:{text}", f"camera-{site:03d}", identity(number), value
        )


def identity(number: int) -> str:
    """Return the id of a measured hit."""
    return f"01K{number:013d}"
