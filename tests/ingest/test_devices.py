"""Devices that were filed: let in by their secret, for their sites, until their end."""

from pathlib import Path

import pytest

from tests.ingest.desk import ENTRY, NOON, NOON_MS, PATHS, Desk, check, hit, report, scan

TOKEN = "a-secret-of-the-gate-camera"


def filed(desk: Desk, **data: object) -> None:
    desk.registers.put("device", **{"id": "cam-1", "site": "s1", "secret": TOKEN, **data})


async def test_a_device_posts_events_of_its_sites_alone(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        filed(desk, sites=["s2"])
        assert (await desk.post_event(hit("p1"), token=TOKEN)).status_code == 202
        assert (await desk.post_event(hit("p2", data_site="s2"), token=TOKEN)).status_code == 202
        refused = await desk.post_event(hit("p3", data_site="s3"), token=TOKEN)
        assert (refused.status_code, refused.json()["field"]) == (403, "data.site")
        assert len(desk.producer.submitted) == 2
        both = await desk.post(
            "/v1/plate-hits", [hit("p4"), hit("p5", data_site="s3")], token=TOKEN
        )
        assert both.json()["accepted"] == 1
        assert [each["problem"]["status"] for each in both.json()["rejected"]] == [403]
        assert desk.count("rejected_total", type="cordon.plate-hit.v1", field="data.site") == 2


async def test_a_decision_is_for_its_sites_too(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        filed(desk)
        assert (await desk.post("/v1/decisions", scan("a"), token=TOKEN)).status_code == 200
        elsewhere = scan("b", data_site="s3")
        assert (await desk.post("/v1/decisions", elsewhere, token=TOKEN)).status_code == 403


async def test_of_no_site_it_says_only_that_it_is_alive(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        filed(desk)
        alive = report("heartbeat", "h1")
        told = await desk.post("/v1/field-reports", alive, token=TOKEN)
        assert told.status_code == 202
        forged = report("check-in", "c1", order="o1", result="ok")
        assert (await desk.post("/v1/field-reports", forged, token=TOKEN)).status_code == 403
        assert (await desk.post("/v1/field-reports", forged)).status_code == 202


async def test_a_token_ends_with_its_entry(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        filed(desk, valid_to="2026-11-22T13:00:00+08:00")
        assert (await desk.post_event(hit("p1"), token=TOKEN)).status_code == 202
        desk.now_ms = NOON_MS + 3_600_000
        assert (await desk.post_event(hit("p2", time=NOON), token=TOKEN)).status_code == 401


async def test_a_new_secret_shuts_the_old_one_out(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        filed(desk)
        assert (await desk.post_event(hit("p1"), token=TOKEN)).status_code == 202
        other = "another-secret-of-the-camera"
        filed(desk, secret=other, filed_ms=NOON_MS)
        assert (await desk.post_event(hit("p2"), token=TOKEN)).status_code == 401
        assert (await desk.post_event(hit("p3"), token=other)).status_code == 202


async def test_what_stands_in_the_topic_is_no_token(tmp_path: Path) -> None:
    async with Desk(tmp_path) as desk:
        filed(desk)
        [version] = desk.registers.registers.versions("device")["cam-1"]
        assert version.facts is not None
        sealed = version.facts.secret
        assert sealed.startswith("sealed:")
        assert (await desk.post_event(hit("p1"), token=sealed)).status_code == 401


async def test_until_the_register_is_read_nobody_is_told_that_they_are_unknown(
    tmp_path: Path,
) -> None:
    async with Desk(tmp_path) as desk:
        desk.registers.complete = False
        answer = await desk.post_event(hit("p1"), token=TOKEN)
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert (await desk.post_event(hit("p1"), token=None)).status_code == 401
        assert (await desk.post_event(hit("p1"))).status_code == 202


@pytest.mark.parametrize("event", [hit("p1"), check("h1")])
async def test_tokens_of_the_file_are_bound_to_nothing(
    tmp_path: Path, event: dict[str, object]
) -> None:
    async with Desk(tmp_path) as desk:
        assert ENTRY["purpose"] == "outbreak-control"
        answer = await desk.post(PATHS[str(event["type"])], event)
        assert answer.status_code == 202
