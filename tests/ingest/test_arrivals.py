"""Whoever arrived by a transfer is where they have to be, at the barrier too."""

from typing import Any

import pytest

from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS, format_ms
from schemas.topics import ARRIVALS, FIELD_REPORTS
from services.ingest.arrivals import Arrivals
from tests.ingest.desk import NOON_MS, Desk, person, report, scan
from tests.ingest.test_decisions import PATH, order, zone

EARLIER, LATER = format_ms(NOON_MS - 10 * HOUR_MS), format_ms(NOON_MS - 9 * HOUR_MS)


@pytest.fixture
def barrier(desk: Desk) -> Desk:
    """The gate of a facility, s1, where somebody was to be moved ten hours ago; so was their order
    filed for their home."""
    for name, kind in (("county", "region"), ("home", "community"), ("ward", "facility")):
        desk.registers.put("zone", **zone(name, kind))
    desk.registers.put("site", id="s1", name="Ward", role="community", zones=["county", "ward"])
    desk.registers.put("site", id="s2", name="Home", role="community", zones=["county", "home"])
    desk.registers.put("order", **order())
    desk.registers.put(
        "transfer", id="t1", orders=["order-1"], from_zone="home", to_zone="ward",
        window_from=EARLIER, window_to=LATER, eta=LATER, valid_from=EARLIER,
        filed_ms=NOON_MS - 11 * HOUR_MS,
    )  # fmt: skip
    return desk


async def arrive(
    desk: Desk, ident: str = "r1", arrivals: Arrivals | None = None, **more: Any
) -> Arrivals:
    """Report an arrival, and let it take effect as the reader does."""
    arrivals = arrivals or Arrivals(desk.registers.registers)
    before = len(desk.producer.submitted)
    data = {"transfer": "t1", "persons": [person()], **more}
    corrects = data.pop("corrects", None)
    event = report("transfer-arrival", ident, **data)
    if corrects:
        event["corrects"] = corrects
    answer = await desk.post("/v1/field-reports", event)
    assert answer.json()["accepted"] == 1, answer.text
    for record in desk.producer.submitted[before:]:
        if record.topic == ARRIVALS:
            arrivals.apply(record.value)
    return arrivals


async def verdict(desk: Desk, site: str, ident: str) -> str:
    """What an officer at a site is told about the person."""
    event = scan(ident, data_site=site, data_plate=None, data_persons=[person()])
    answer = await desk.post(PATH, event)
    told: str = answer.json()["verdict"]
    return told


async def test_an_arrival_moves_the_order(barrier: Desk) -> None:
    assert await verdict(barrier, "s1", "1") == "hold"
    assert await verdict(barrier, "s2", "2") == "pass"
    await arrive(barrier, time=format_ms(NOON_MS - MINUTE_MS))
    assert await verdict(barrier, "s1", "3") == "pass"
    assert await verdict(barrier, "s2", "4") == "hold"


async def test_a_correction_takes_it_back_whichever_is_read_first(barrier: Desk) -> None:
    at = format_ms(NOON_MS - MINUTE_MS)
    arrivals = await arrive(barrier, "r1", time=at)
    await arrive(barrier, "r2", arrivals, time=at, corrects="r1", persons=[])
    assert await verdict(barrier, "s1", "1") == "hold"
    copies = [each.value for each in barrier.producer.submitted if each.topic == ARRIVALS]
    anew = Arrivals(barrier.registers.registers)
    for value in reversed(copies):
        anew.apply(value)
    assert await verdict(barrier, "s1", "2") == "hold"


async def test_a_second_report_changes_nothing_and_stands_alone(barrier: Desk) -> None:
    at = format_ms(NOON_MS - MINUTE_MS)
    arrivals = await arrive(barrier, "r1", time=at)
    await arrive(barrier, "r2", arrivals, time=at)
    await arrive(barrier, "r3", arrivals, time=at, corrects="r1", persons=[])
    assert await verdict(barrier, "s1", "1") == "pass"


async def test_who_is_not_expected_or_unknown_moves_nobody(barrier: Desk) -> None:
    at = format_ms(NOON_MS - MINUTE_MS)
    nobody = {"verified_by": "none"}
    arrivals = await arrive(barrier, "r1", time=at, persons=[nobody])
    await arrive(barrier, "r2", arrivals, time=at, transfer="t2")
    assert await verdict(barrier, "s1", "1") == "hold"


@pytest.mark.parametrize("at_ms", [NOON_MS - 15 * DAY_MS, NOON_MS + 6 * MINUTE_MS])
async def test_what_the_worker_passes_over_moves_nobody_here(barrier: Desk, at_ms: int) -> None:
    await arrive(barrier, time=format_ms(at_ms))
    assert await verdict(barrier, "s1", "1") == "hold"


async def test_only_arrivals_and_corrections_are_copied(desk: Desk) -> None:
    await desk.post("/v1/field-reports", report("check-in", "c1", order="order-1", result="ok"))
    corrected = {**report("check-in", "c2", order="order-1", result="ok"), "corrects": "c1"}
    await desk.post("/v1/field-reports", corrected)
    topics = [record.topic for record in desk.producer.submitted]
    assert topics == [FIELD_REPORTS, FIELD_REPORTS, ARRIVALS]
    arrivals = Arrivals(desk.registers.registers)
    arrivals.apply(desk.producer.submitted[-1].value)
