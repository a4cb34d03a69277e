"""Whatever is posted, the fault is never ours."""

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.desk import PATHS, Desk, check, hit, scan

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
moments = st.text(max_size=30) | st.datetimes().map(lambda moment: f"{moment.isoformat()}+14:00")


@st.composite
def nearly_events(draw: st.DrawFn) -> Any:
    """An event with a few of its values replaced by anything."""
    event = draw(st.sampled_from([hit(), check(), scan(persons=2)]))
    place = event
    while True:
        name = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict) or draw(st.booleans()):
            break
        place[name] = dict(place[name])
        place = place[name]
    place[name] = draw(moments if name == "time" else json_values)
    return event


bodies = st.binary() | json_values | nearly_events() | st.lists(nearly_events(), max_size=3)
media = st.sampled_from(["application/json", "application/x-ndjson"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([*PATHS.values(), "/v1/clock"]), bodies, media)
async def test_no_body_is_our_fault(path: str, body: Any, content_type: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Desk(Path(folder), events_clock=True) as desk:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = await desk.post(path, raw, token="replay", content_type=content_type)
            assert answer.status_code in (202, 400, 422)
            problems = [answer.json()] if answer.status_code != 202 else []
            problems += [item["problem"] for item in answer.json().get("rejected", ())]
            for problem in problems:
                assert problem["status"] in (400, 422)
            assert desk.count("in_flight_bytes") == 0
