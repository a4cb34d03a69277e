"""A repeat has no second effect: within a request, beside another one, after a restart."""

import asyncio
from pathlib import Path

import pytest

from services.ingest.producer import Undelivered
from tests.ingest.desk import Desk, check, hit, scan

HIT = "cordon.plate-hit.v1"


async def test_a_repeat_is_counted_and_not_written(desk: Desk) -> None:
    await desk.post_event(hit())
    answer = await desk.post_event(hit())
    assert (answer.status_code, answer.json()["duplicates"]) == (202, 1)
    assert answer.json()["accepted"] == 0
    assert len(desk.producer.submitted) == 1
    assert desk.count("duplicates_total", type=HIT) == 1
    assert desk.count("conflicting_repeats_total", type=HIT) == 0


async def test_the_same_id_of_another_source_is_no_repeat(desk: Desk) -> None:
    assert (await desk.post_event(hit(source="cam-1"))).json()["accepted"] == 1
    assert (await desk.post_event(hit(source="cam-2"))).json()["accepted"] == 1


async def test_a_repeat_with_another_body_is_counted_apart(desk: Desk) -> None:
    await desk.post_event(hit())
    await desk.post_event(hit(data_confidence=0.5))
    await desk.post_event(check("p1", source="cam-1"))
    assert desk.count("duplicates_total", type=HIT) == 1
    assert desk.count("conflicting_repeats_total", type=HIT) == 1
    assert desk.count("conflicting_repeats_total", type="cordon.health-check.v1") == 1
    assert len(desk.producer.submitted) == 1


async def test_when_it_was_recorded_and_how_it_is_spelt_makes_no_other_body(desk: Desk) -> None:
    await desk.post_event(hit())
    event = hit()
    await desk.post_event({**dict(reversed(event.items())), "recordedtime": event["time"]})
    assert desk.count("duplicates_total", type=HIT) == 1
    assert desk.count("conflicting_repeats_total", type=HIT) == 0


async def test_an_item_repeated_within_a_request(desk: Desk) -> None:
    body = (await desk.post("/v1/plate-hits", [hit("a"), hit("a"), hit("b")])).json()
    assert (body["accepted"], body["duplicates"]) == (2, 1)
    assert len(desk.producer.submitted) == 2


async def test_a_rejected_item_does_not_use_up_its_id(desk: Desk) -> None:
    body = (await desk.post("/v1/plate-hits", [hit("a", time="?"), hit("a")])).json()
    assert (body["accepted"], body["duplicates"], len(body["rejected"])) == (1, 0, 1)


@pytest.mark.parametrize("delivered", [True, False])
async def test_beside_a_first_one_under_way_the_second_waits_for_its_outcome(
    desk: Desk, delivered: bool
) -> None:
    desk.producer.hold = True
    first = asyncio.create_task(desk.post_event(hit()))
    acknowledgement = await desk.producer.waiting.get()
    # It has an event of its own, and so shows when it has come to wait for the first.
    second = asyncio.create_task(desk.post("/v1/plate-hits", [hit(), hit("own")]))
    await desk.producer.acknowledge()
    assert not second.done()
    if delivered:
        acknowledgement.set_result(None)
        assert (await first).json()["accepted"] == 1
        assert (await second).json()["duplicates"] == 1
        assert (await second).json()["accepted"] == 1
        return
    acknowledgement.set_exception(Undelivered("lost"))
    assert (await first).status_code == 503
    assert (await second).status_code == 503
    desk.producer.hold = False
    body = (await desk.post("/v1/plate-hits", [hit(), hit("own")])).json()
    assert (body["accepted"], body["duplicates"]) == (1, 1)


async def test_many_at_once_are_accepted_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.post_event(scan(persons=2)) for _ in range(20)))
    assert sorted(answer.json()["accepted"] for answer in answers) == [0] * 19 + [1]
    assert len(desk.producer.submitted) == 3


async def test_a_restart_knows_what_was_accepted(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        await desk.post("/v1/plate-hits", [hit("a"), hit("b")])
        desk.producer.hold = True
        lost = asyncio.create_task(desk.post_event(hit("c")))
        await desk.producer.fail()
        assert (await lost).status_code == 503
    async with Desk(tmp_path) as desk:
        again = [hit("a"), hit("b", data_lane="2"), hit("c")]
        body = (await desk.post("/v1/plate-hits", again)).json()
        assert (body["accepted"], body["duplicates"]) == (1, 2)
        assert desk.count("conflicting_repeats_total", type=HIT) == 1


async def test_after_a_day_an_id_is_new(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        await desk.post_event(hit())
        desk.now_ms += 24 * 3_600_000
        assert (await desk.post_event(hit())).json()["duplicates"] == 1
        desk.now_ms += 3_600_000
        assert (await desk.post_event(hit())).json()["accepted"] == 1
