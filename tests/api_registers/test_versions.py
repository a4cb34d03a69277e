"""The project's bitemporal rule, by examples and by its laws."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.filing import Filing
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.times import format_ms
from services.api.registers.versions import Version, governing, newest, restates, version_of


def put(recorded: int, begins: int, ends: int | None = None, place: int | None = None) -> Version:
    return Version("e", recorded if place is None else place, recorded, begins, ends, False, "{}")


def deletion(recorded: int) -> Version:
    return Version("e", recorded, recorded, recorded, None, True, "{}")


def test_the_last_filed_of_overlapping_versions_governs() -> None:
    early, late = put(1, 0), put(2, 0)
    assert governing([late, early], at_ms=5, known_ms=5) == late
    assert governing([late, early], at_ms=5, known_ms=1) == early
    assert governing([late, early], at_ms=5, known_ms=0) is None


def test_of_two_filed_in_one_millisecond_the_later_in_the_topic_governs() -> None:
    first, second = put(1, 0, place=7), put(1, 0, place=8)
    assert governing([second, first], at_ms=1, known_ms=1) == second


def test_a_version_from_a_later_instant_leaves_the_time_before_to_the_other() -> None:
    old, coming = put(1, 0), put(2, 100)
    assert governing([old, coming], at_ms=99, known_ms=50) == old
    assert governing([old, coming], at_ms=100, known_ms=50) == coming


def test_an_end_holds_even_where_an_earlier_version_had_none() -> None:
    endless, shortened = put(1, 0), put(2, 0, ends=10)
    assert governing([endless, shortened], at_ms=9, known_ms=50) == shortened
    assert governing([endless, shortened], at_ms=10, known_ms=50) is None


def test_a_deletion_ends_validity_from_its_filing_and_not_before() -> None:
    entry, gone = put(1, 0), deletion(20)
    assert governing([entry, gone], at_ms=19, known_ms=50) == entry
    assert governing([entry, gone], at_ms=20, known_ms=50) is None
    again = put(30, 0)
    assert governing([entry, gone, again], at_ms=25, known_ms=50) == again


_instants = st.integers(0, 30)
_versions = st.lists(
    st.one_of(
        st.builds(
            lambda recorded, begins, length: put(
                recorded, begins, None if length is None else begins + length
            ),
            _instants,
            _instants,
            st.one_of(st.none(), st.integers(1, 20)),
        ),
        st.builds(deletion, _instants),
    ),
    max_size=8,
).map(lambda made: [msgspec.structs.replace(one, place=place) for place, one in enumerate(made)])


@given(_versions.flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
def test_the_order_in_which_versions_are_read_does_not_matter(
    orders: tuple[list[Version], list[Version]],
) -> None:
    for at_ms in range(0, 31, 5):
        for known_ms in range(0, 31, 5):
            left, right = (governing(order, at_ms, known_ms) for order in orders)
            assert left == right


@given(_versions, _instants, _instants)
def test_what_governs_holds_and_nothing_filed_later_says_otherwise(
    versions: list[Version], at_ms: int, known_ms: int
) -> None:
    version = governing(versions, at_ms, known_ms)
    rivals = [v for v in versions if v.recorded_ms <= known_ms and v.valid_from_ms <= at_ms]
    if version is None:
        last = max(rivals, key=lambda v: v.filed, default=None)
        assert last is None or last.deleted or (last.valid_to_ms or 0) <= at_ms
    else:
        assert version.valid_from_ms <= at_ms
        assert version.valid_to_ms is None or at_ms < version.valid_to_ms
        assert all(rival.filed <= version.filed for rival in rivals)


@given(_versions, _instants, st.builds(put, st.integers(31, 60), _instants))
def test_what_is_filed_later_does_not_change_what_was_known(
    versions: list[Version], at_ms: int, later: Version
) -> None:
    assert governing(versions, at_ms, 30) == governing([*versions, later], at_ms, 30)


@given(_versions)
def test_the_newest_is_a_deletion_too(versions: list[Version]) -> None:
    last = newest(versions, 30)
    assert last == max(versions, key=lambda version: version.filed, default=None)


FILING = Filing(Intake(PseudonymKey.fixed_for_tests()))
BODY = {"source": "s", "reason": "r", "purpose": "outbreak-control", "plate": "浙F70002"}


def filed(recorded_ms: int, **fields: object) -> Version:
    body = msgspec.json.encode({**BODY, **fields})
    entry = FILING.put("resident-vehicle", "v", body, "first", recorded_ms)
    change = FILING.filed_put("resident-vehicle", entry, recorded_ms, "e", "test")
    return version_of("resident-vehicle", change.value, 0)


@pytest.mark.parametrize(
    ("existing", "fields", "same"),
    [
        (filed(1_000), {}, True),
        (filed(1_000, valid_from=format_ms(500)), {}, True),
        (filed(1_000), {"plate": "浙F 70002"}, True),
        (filed(1_000), {"grid": "g-1"}, False),
        (filed(1_000), {"valid_from": format_ms(900)}, False),
        (filed(1_000, valid_from=format_ms(900)), {"valid_from": format_ms(900)}, True),
        (filed(1_000, valid_from=format_ms(9_000)), {}, False),
        (filed(1_000, valid_to=format_ms(9_000)), {}, False),
        (deletion(1_000), {}, False),
        (None, {}, False),
        (msgspec.structs.replace(filed(1_000), body='{"of": "an older schema"}'), {}, False),
    ],
)
def test_restating_is_no_change(
    existing: Version | None, fields: dict[str, object], same: bool
) -> None:
    body = msgspec.json.encode({**BODY, **fields})
    entry = FILING.put("resident-vehicle", "v", body, "second", 2_000)
    assert restates(existing, "resident-vehicle", entry, 2_000) is same
