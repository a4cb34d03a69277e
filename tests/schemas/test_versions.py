"""The project's bitemporal rule, by examples and by its laws."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.versions import FOREVER, Version, first_filed, governing, in_force, insert, newest

Versions = list[Version[str]]


def put(recorded: int, begins: int, ends: int = FOREVER, says: str = "") -> Version[str]:
    return Version(recorded, begins, ends, says or f"filed at {recorded}")


def deletion(recorded: int) -> Version[str]:
    return Version(recorded, recorded, FOREVER, None)


def filed(*versions: Version[str]) -> Versions:
    """Return versions as they stand after they came in this order."""
    made: Versions = []
    for version in versions:
        insert(made, version)
    return made


def test_the_last_filed_of_overlapping_versions_governs() -> None:
    early, late = put(1, 0), put(2, 0)
    versions = filed(late, early)
    assert in_force(versions, at_ms=5, known_ms=5) is late
    assert in_force(versions, at_ms=5, known_ms=1) is early
    assert in_force(versions, at_ms=5, known_ms=0) is None
    assert governing(versions, at_ms=5, known_ms=1) == "filed at 1"
    assert governing(versions, at_ms=5, known_ms=0) is None


def test_of_two_filed_in_one_millisecond_the_one_that_came_later_governs() -> None:
    versions = filed(put(1, 0, says="first"), put(1, 0, says="second"))
    assert governing(versions, at_ms=1, known_ms=1) == "second"


def test_a_version_from_a_later_instant_leaves_the_time_before_to_the_other() -> None:
    versions = filed(put(1, 0), put(2, 100))
    assert governing(versions, at_ms=99, known_ms=50) == "filed at 1"
    assert governing(versions, at_ms=100, known_ms=50) == "filed at 2"


def test_an_end_holds_even_where_an_earlier_version_had_none() -> None:
    versions = filed(put(1, 0), put(2, 0, ends=10))
    assert governing(versions, at_ms=9, known_ms=50) == "filed at 2"
    assert governing(versions, at_ms=10, known_ms=50) is None


def test_a_deletion_ends_validity_from_its_filing_and_not_before() -> None:
    versions = filed(put(1, 0), deletion(20))
    assert governing(versions, at_ms=19, known_ms=50) == "filed at 1"
    assert in_force(versions, at_ms=20, known_ms=50) is None
    versions = filed(*versions, put(30, 0))
    assert governing(versions, at_ms=25, known_ms=50) == "filed at 30"


def test_the_first_filed_is_the_earliest_that_holds() -> None:
    versions = filed(put(1, 50), put(2, 0, ends=10), deletion(3), put(4, 0))
    assert first_filed(versions, at_ms=5) == put(2, 0, ends=10)
    assert first_filed(versions, at_ms=10) == put(4, 0)
    assert first_filed(versions[:3], at_ms=20) is None


def test_the_newest_is_a_deletion_too() -> None:
    versions = filed(put(1, 0), deletion(20))
    assert newest(versions, known_ms=20) == deletion(20)
    assert newest(versions, known_ms=19) == put(1, 0)
    assert newest(versions, known_ms=0) is None


def test_what_repeats_the_filing_before_it_is_no_version() -> None:
    versions: Versions = []
    assert insert(versions, put(1, 0, says="a"))
    assert not insert(versions, put(2, 0, says="a"))
    assert insert(versions, put(3, 1, says="a"))
    assert insert(versions, deletion(5))
    assert not insert(versions, deletion(6))
    assert insert(versions, put(7, 0, says="a"))
    assert [version.recorded_ms for version in versions] == [1, 3, 5, 7]


def test_a_late_filing_repeats_what_stood_before_it_and_not_what_was_filed_since() -> None:
    versions = filed(put(1, 0, says="a"), put(5, 0, says="b"))
    assert insert(versions, put(3, 0, says="b"))
    assert governing(versions, at_ms=9, known_ms=4) == "b"
    assert not insert(versions, put(2, 0, says="a"))


_instants = st.integers(0, 30)
_puts = st.builds(
    lambda recorded, begins, length: put(recorded, begins, begins + length),
    _instants,
    _instants,
    st.integers(1, 20) | st.just(FOREVER),
)
# Of one filing in a millisecond each, and none that repeats another: the order of filing is total.
_some = st.lists(_puts | st.builds(deletion, _instants), max_size=8).map(
    lambda made: list({version.recorded_ms: version for version in made}.values())
)
_without_deletions = st.lists(_puts, max_size=8, unique_by=lambda version: version.recorded_ms)


@given(_without_deletions.flatmap(lambda made: st.tuples(st.just(made), st.permutations(made))))
def test_the_order_in_which_versions_come_does_not_matter(
    orders: tuple[Versions, Versions],
) -> None:
    left, right = (filed(*order) for order in orders)
    assert left == right


@given(_some, _instants, _instants)
def test_what_governs_holds_and_nothing_filed_later_says_otherwise(
    made: Versions, at_ms: int, known_ms: int
) -> None:
    versions = filed(*sorted(made, key=lambda version: version.recorded_ms))
    found = in_force(versions, at_ms, known_ms)
    rivals = [one for one in made if one.recorded_ms <= known_ms and one.from_ms <= at_ms]
    last = max(rivals, key=lambda version: version.recorded_ms, default=None)
    if found is None:
        assert last is None or last.facts is None or last.to_ms <= at_ms
    else:
        assert found == last
        assert found.from_ms <= at_ms < found.to_ms


@given(_some, _instants, st.builds(put, st.integers(31, 60), _instants))
def test_what_is_filed_later_does_not_change_what_was_known(
    made: Versions, at_ms: int, later: Version[str]
) -> None:
    versions = filed(*made)
    known = in_force(versions, at_ms, 30)
    insert(versions, later)
    assert in_force(versions, at_ms, 30) == known
