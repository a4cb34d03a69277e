"""The law of the direct way: what intake splits is what its records decode to."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from schemas.events import KIND_BY_TYPE, Event, EventKind
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.problems import Rejected
from services.alerts.engine.decode import AHEAD, Hit, lies_ahead, sort_out
from services.alerts.engine.direct import as_decoded
from tests.schemas.sampled import POSTED, sample_text

INTAKE = Intake(PseudonymKey.fixed_for_tests())
TIMES = ["2020-02-10T10:00:00Z", "2020-02-10T10:04:59.999Z", "2020-02-10T18:00:01.5+08:00"]
TEXTS = [*TIMES, "浙F12345", "浙F·l2345", "2020-02-10", "resident_id", "11010519491231002X", "é"]


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return values that a field of this type may be posted with, most of them plausible."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return values(inner[0])
    if origin in (Union, UnionType):
        return st.one_of([values(each) for each in inner])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is list:
        return st.lists(values(inner[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(st.sampled_from(TEXTS), values(inner[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return st.fixed_dictionaries(
            {f.encode_name: values(f.type) for f in msgspec.structs.fields(kind) if f.required},
            optional={
                f.encode_name: values(f.type)
                for f in msgspec.structs.fields(kind)
                if not f.required
            },
        )
    return {
        str: st.sampled_from(TEXTS),
        float: st.floats(20, 50) | st.floats(0, 1),
        int: st.integers(0, 40),
        bool: st.booleans(),
        NoneType: st.none(),
    }[kind]


def posted(kind: EventKind) -> st.SearchStrategy[dict[str, Any]]:
    """Return events of a kind as devices might post them."""
    return st.fixed_dictionaries(
        {
            "specversion": st.just("1.0"),
            "id": st.sampled_from(["e-1", "e-2"]),
            "source": st.just("gate-7"),
            "type": st.just(kind.type),
            "time": st.sampled_from(TIMES),
            "data": values(kind.data),
        },
        optional={
            "recordedtime": st.sampled_from(TIMES),
            "corrects": st.just("e-0"),
            "partof": st.just("e-9"),
        },
    )


def assert_same(kind: EventKind, item: bytes) -> None:
    """Check that both ways give the same for every record of an item."""
    parts, _ = INTAKE.split(kind, INTAKE.decode(kind, item), 0, keep=True)
    written = INTAKE.accept(kind, item, 0, keep=True).records
    for (subject, event), record in zip(parts, written, strict=True):
        assert (subject, event.id) == (record.subject, record.id)
        (decoded,), refused = sort_out(record.topic, [record.value])
        seen = as_decoded(event)
        if lies_ahead(seen):
            assert [each.reason for each in refused] == [AHEAD]
        else:
            assert seen == decoded
            assert type(seen) is type(decoded)


@pytest.mark.parametrize("kind", KIND_BY_TYPE.values(), ids=lambda kind: kind.type)
def test_whatever_is_posted_is_what_its_records_decode_to(kind: EventKind) -> None:
    @settings(max_examples=60)
    @given(posted(kind))
    def law(event: dict[str, Any]) -> None:
        item = msgspec.json.encode(event)
        try:
            INTAKE.accept(kind, item, 0, keep=True)
        except Rejected:
            return
        assert_same(kind, item)

    law()


@pytest.mark.parametrize("stem", POSTED)
def test_the_samples_are_the_same_both_ways(stem: str) -> None:
    kind = KIND_BY_TYPE.get(msgspec.json.decode(sample_text(stem))["type"])
    if kind is not None:
        assert_same(kind, sample_text(stem).encode())


def test_what_is_not_said_has_the_readers_default() -> None:
    data = {"site": "cam", "direction": "in", "plate": None, "confidence": 1}
    item = {"specversion": "1.0", "id": "e", "source": "s", "type": "cordon.plate-hit.v1"}
    event = msgspec.convert({**item, "time": TIMES[0], "data": data}, Event[Any])
    kind = KIND_BY_TYPE["cordon.plate-hit.v1"]
    parts, _ = INTAKE.split(kind, INTAKE.decode(kind, msgspec.json.encode(event)), 0, keep=True)
    seen = as_decoded(parts[0][1])
    assert isinstance(seen, Hit)
    assert seen.data.is_preview is False
    assert seen.data.capture_mode == "online"
