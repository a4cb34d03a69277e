"""The packed table: it says what a dict would, however much is put, changed and dropped."""

from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh64_intdigest

from services.alerts.engine.packed_table import PackedTable

# Signed, as `hash` gives them.
KEYS = st.integers(0, 300).map(lambda n: xxh64_intdigest(str(n).encode()) - (1 << 63))
VALUES = st.binary(min_size=1, max_size=40)


@given(st.lists(st.tuples(KEYS, VALUES), max_size=200))
def test_it_holds_what_was_put_last(entries: list[tuple[int, bytes]]) -> None:
    table, plain = PackedTable(), dict[int, bytes]()
    for key, value in entries:
        table.put(key, value)
        plain[key] = value
        assert table.get(key) == value
    assert len(table) == len(plain)
    assert {key: table.get(key) for key in plain} == plain


def test_it_grows_bucket_by_bucket_and_loses_nothing() -> None:
    table = PackedTable()
    for number in range(10_000):
        table.put(hash(f"plate-{number}"), f"{number}".encode())
    assert len(table) == 10_000
    assert all(table.get(hash(f"plate-{n}")) == f"{n}".encode() for n in range(10_000))
    assert table.get(hash("another")) == b""


def test_each_part_is_rewritten_once_and_what_is_empty_goes() -> None:
    table = PackedTable()
    for number in range(1_000):
        table.put(hash(f"plate-{number}"), b"odd" if number % 2 else b"even")
    for part in range(24):
        table.rewrite(lambda value: b"" if value == b"odd" else value + b"!", part, 24)
    assert len(table) == 500
    assert table.get(hash("plate-1")) == b""
    assert table.get(hash("plate-2")) == b"even!"
    table.put(hash("plate-1"), b"back")
    assert (len(table), table.get(hash("plate-1"))) == (501, b"back")
