"""Who is on duty, from the shifts that are filed."""

import msgspec

from schemas.times import HOUR_MS, format_ms
from schemas.versions import FOREVER
from services.api.outward import on_duty
from services.api.registers.stored import StoredVersion
from tests.api.examples import AT


def shift(place: str, from_h: int, to_h: int, *members: object) -> StoredVersion:
    data = {
        "id": f"{place}-{from_h}",
        "place": place,
        "start": format_ms(AT + from_h * HOUR_MS),
        "end": format_ms(AT + to_h * HOUR_MS),
        "members": members,
    }
    body = msgspec.json.encode(data).decode()
    return StoredVersion(AT, AT, FOREVER, body, str(data["id"]), 0, body)


def test_whoever_has_begun_and_not_ended_in_the_order_of_the_shift() -> None:
    shifts = [
        shift("gate", -8, 0, "early"),
        shift("gate", 0, 8, "li", {"person": "person:1:ab"}, {"id_type": "other"}),
        shift("gate", 8, 16, "late"),
        shift("road", -1, 1, "wang"),
    ]
    assert on_duty(shifts, AT) == {"gate": ["li", "person:1:ab"], "road": ["wang"]}
    assert on_duty(shifts, AT - 1) == {"gate": ["early"], "road": ["wang"]}
    assert on_duty([], AT) == {}
