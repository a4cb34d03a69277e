"""The store on the disk: all of a batch or none of it, and the answers that a plain list gives."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.intake import Record
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS
from services.alerts.sightings import manifest as manifests
from services.alerts.sightings.manifest import ManifestProblem
from services.alerts.sightings.memory import MemorySightings
from services.alerts.sightings.merging import CLOSED_AFTER_MS, FAN_IN, FINAL, QUIET_MS
from services.alerts.sightings.sighting import Sighting
from services.alerts.sightings.store import InUse, Reader, Store
from services.alerts.sightings.tables import Asked
from tests.sightings.records import (
    OTHER,
    PERSON,
    PLATE,
    T0,
    VEHICLE,
    by_topic,
    hit,
    plainly,
    scan,
)

TOPIC = "cordon.plate-hits.v1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store(tmp_path / "sightings", retention_d=30)
    yield opened
    opened.close()


def again(store: Store) -> Store:
    """Open the folder of a closed store."""
    return Store(store._folder, retention_d=30)  # noqa: SLF001


def names(store: Reader) -> list[str]:
    """Return what lies in the folder, without the lock."""
    folder = store._folder  # noqa: SLF001
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != "_lock")


def test_what_is_written_is_found_in_order(store: Store) -> None:
    written = store.write(
        by_topic(hit("b", T0 + 2), hit("a", T0 + 1), scan("s", T0), hit("c", plate=OTHER)),
        {TOPIC: {0: 3}},
    )
    assert (written.rows, written.files, written.counts["kept"]) == (5, 1, 5)
    assert [each.id for each in store.of(VEHICLE, 0)] == ["s", "a", "b"]
    assert [each.id for each in store.of(PERSON, 0)] == ["s#1"]
    assert [each.id for each in store.of(VEHICLE, T0 + 1, T0 + 2)] == ["a"]
    assert store.of("vehicle:nobody", 0) == []
    assert store.of_all([]) == []


def test_many_are_asked_for_at_once(store: Store) -> None:
    store.write(by_topic(hit("a"), hit("b", T0 + 5), hit("c", plate=OTHER)), {})
    asked = [Asked(f"vehicle:{OTHER}", 0), Asked(VEHICLE, T0 + 1), Asked(VEHICLE, 0, T0 + 1)]
    assert [[each.id for each in found] for found in store.of_all(asked)] == [["c"], ["b"], ["a"]]


def test_a_repeat_counts_once_and_the_first_accepted_stands(store: Store) -> None:
    later = hit("a", site="site-2", recorded_ms=T0 + MINUTE_MS)
    store.write(by_topic(later), {})
    store.write(by_topic(hit("a"), hit("a")), {})
    (seen,) = store.of(VEHICLE, 0)
    assert seen.site == "site-1"


def test_what_was_not_known_yet_is_left_out(store: Store) -> None:
    store.write(by_topic(hit("a"), hit("b", T0 + 9, recorded_ms=T0 + 10)), {})
    store.write(by_topic(hit("c", T0 + 11, corrects="a", recorded_ms=T0 + 2000)), {})
    assert [each.id for each in store.of(VEHICLE, 0)] == ["b", "c"]
    # By then the correction had not been accepted.
    assert [each.id for each in store.of(VEHICLE, 0, known_ms=T0 + 2000)] == ["a", "b"]
    assert [each.id for each in store.of(VEHICLE, 0, known_ms=T0 + 1000)] == ["b"]


def test_days_are_folders(store: Store) -> None:
    # The second is another day of UTC, though the same one in China.
    store.write(by_topic(hit("a", T0), hit("b", T0 + 16 * HOUR_MS)), {TOPIC: {1: 9}})
    assert names(store) == [
        "_manifest.json",
        "day=2020-02-10/000000000001.parquet",
        "day=2020-02-11/000000000002.parquet",
    ]
    assert [each.id for each in store.of(VEHICLE, T0 + DAY_MS // 2)] == ["b"]


def test_any_engine_reads_it_as_a_table_of_days(store: Store) -> None:
    store.write(by_topic(hit("a", T0), hit("b", T0 + DAY_MS)), {})
    folder = store._folder  # noqa: SLF001
    rows = duckdb.execute(
        f"SELECT day::VARCHAR, subject, epoch_ms(time), confidence "
        f"FROM read_parquet('{folder}/day=*/*.parquet', hive_partitioning = true) ORDER BY day"
    ).fetchall()
    assert [(row[0], row[2]) for row in rows] == [("2020-02-10", T0), ("2020-02-11", T0 + DAY_MS)]


def test_positions_are_as_the_last_flush_left_them(store: Store) -> None:
    store.write(by_topic(hit("a")), {TOPIC: {0: 1, 1: 0}})
    store.write({}, {TOPIC: {1: 7}, "other": {0: 2}})
    store.note_filings({"registers": 4})
    store.close()
    opened = again(store)
    assert opened.manifest.positions == {TOPIC: {0: 1, 1: 7}, "other": {0: 2}}
    assert opened.manifest.filings == {"registers": 4}
    assert opened.manifest.clock_ms == T0 + 1000
    assert [each.id for each in opened.of(VEHICLE, 0)] == ["a"]
    opened.close()


# Crashes and failures.


@pytest.mark.parametrize("step", ["copy", "sync", "manifest"])
def test_an_unfinished_flush_leaves_nothing(
    store: Store, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(by_topic(hit("a")), {TOPIC: {0: 1}})
    before = names(store)

    def broken(*_: object, **__: object) -> Any:
        raise OSError("no space left")

    records, positions = by_topic(hit("b", T0 + 1), hit("c", T0 + DAY_MS)), {TOPIC: {0: 3}}
    with monkeypatch.context() as patched:
        if step == "copy":
            patched.setattr("services.alerts.sightings.store.register", broken)
        elif step == "sync":
            patched.setattr(os, "fsync", broken)
        else:
            patched.setattr(manifests, "save", broken)
        with pytest.raises(OSError, match="no space left"):
            store.write(records, positions)
    assert [each.id for each in store.of(VEHICLE, 0)] == ["a"]
    # Tried again it succeeds, once.
    store.write(records, positions)
    assert [each.id for each in store.of(VEHICLE, 0)] == ["a", "b", "c"]
    assert {name for name in names(store) if name.endswith(".tmp")} == set()
    assert len(names(store)) == len(before) + 2


def test_what_a_crash_left_over_is_removed_at_the_start(store: Store) -> None:
    store.write(by_topic(hit("a")), {})
    whole = names(store)
    store.close()
    folder = store._folder  # noqa: SLF001
    (folder / "day=2020-02-10" / "000000000002.parquet").write_bytes(b"whole, but in no manifest")
    (folder / "day=2020-02-11").mkdir()
    (folder / "day=2020-02-11" / ".000000000003.parquet.tmp").write_bytes(b"half")
    (folder / "._manifest.json.tmp").write_bytes(b"{")
    (folder / "day=2020-02-10" / "notes.txt").write_text("somebody else's")
    opened = again(store)
    opened.write({}, {})
    assert names(opened) == [*whole, "day=2020-02-10/notes.txt"]
    assert not (folder / "day=2020-02-11").exists()
    opened.close()


def test_a_folder_has_one_writer_and_any_number_of_readers(store: Store) -> None:
    store.write(by_topic(hit("a")), {})
    folder = store._folder  # noqa: SLF001
    with pytest.raises(InUse, match=str(folder)):
        Store(folder, retention_d=30)
    reader = Reader(folder)
    assert [each.id for each in reader.of(VEHICLE, 0)] == ["a"]
    reader.close()


def test_files_without_a_manifest_are_not_taken_for_leftovers(store: Store) -> None:
    store.write(by_topic(hit("a")), {})
    store.close()
    folder = store._folder  # noqa: SLF001
    text = (folder / "_manifest.json").read_bytes()
    (folder / "_manifest.json").unlink()
    with pytest.raises(ManifestProblem, match="put it back"):
        again(store)
    (folder / "_manifest.json").write_bytes(b"{")
    with pytest.raises(ManifestProblem, match="cannot be read"):
        again(store)
    (folder / "_manifest.json").write_bytes(text.replace(b'"version":1', b'"version":2'))
    with pytest.raises(ManifestProblem, match="version 2"):
        again(store)
    (folder / "_manifest.json").write_bytes(text)
    opened = again(store)
    assert len(opened.of(VEHICLE, 0)) == 1
    opened.close()


def test_a_reader_finds_what_was_merged_under_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(FAN_IN):
        store.write(by_topic(hit(f"{number:02d}", T0 + number)), {})
    old = store.manifest
    reader = Reader(store._folder)  # noqa: SLF001
    assert store.sweep().merged == FAN_IN
    states = iter([old])
    load = manifests.load
    monkeypatch.setattr(manifests, "load", lambda folder: next(states, None) or load(folder))
    assert len(reader.of(VEHICLE, 0)) == FAN_IN
    reader.close()


# Merging and retention.


def test_merging_changes_no_answer_and_drops_repeats(store: Store) -> None:
    for number in range(FAN_IN):
        store.write(by_topic(hit(f"{number % 5}", T0 + number % 5), hit("x", corrects="3")), {})
    before = store.of(VEHICLE, 0)
    assert store.sweep().merged == FAN_IN
    assert store.of(VEHICLE, 0) == before
    (file,) = store.manifest.files
    assert (file.rows, file.corrections, file.level) == (6, 1, 1)
    assert names(store) == ["_manifest.json", file.path]
    assert store.sweep().merged == 0
    # Whatever is written next does not take its name.
    store.write(by_topic(hit("new", T0 + 99)), {})
    assert len(store.of(VEHICLE, 0)) == len(before) + 1


def test_a_merge_that_breaks_off_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(FAN_IN):
        store.write(by_topic(hit(f"{number:02d}", T0 + number)), {})
    files = store.manifest.files

    def broken(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(manifests, "save", broken)
        with pytest.raises(OSError, match="no space left"):
            store.sweep()
    assert store.manifest.files == files
    assert len(store.of(VEHICLE, 0)) == FAN_IN
    store.close()
    opened = again(store)
    assert opened.sweep().merged == FAN_IN
    assert len(opened.of(VEHICLE, 0)) == FAN_IN
    opened.close()


def test_a_day_that_is_over_is_one_file(tmp_path: Path) -> None:
    clock = [0]
    store = Store(tmp_path, retention_d=30, now_ms=lambda: clock[0])
    store.write(by_topic(hit("a")), {})
    store.write(by_topic(hit("b", T0 + 1)), {})
    assert store.sweep().merged == 0
    clock[0] = T0 + DAY_MS + CLOSED_AFTER_MS + QUIET_MS
    assert store.sweep().merged == 2
    assert [file.level for file in store.manifest.files] == [FINAL]
    store.close()


def test_whole_days_go_and_what_comes_too_late_is_counted(store: Store) -> None:
    store.write(by_topic(hit("old", T0), hit("next", T0 + DAY_MS)), {})
    assert store.sweep().days == 0
    store.write(by_topic(hit("new", T0 + 31 * DAY_MS)), {})
    assert store.sweep().days == 1
    assert [each.id for each in store.of(VEHICLE, 0)] == ["next", "new"]
    assert not (store._folder / "day=2020-02-10").exists()  # noqa: SLF001
    late = store.write(by_topic(hit("later", T0, recorded_ms=T0 + 31 * DAY_MS)), {})
    assert (late.rows, late.counts["expired"], late.counts["kept"]) == (0, 1, 0)


# The law: whatever was written in whatever pieces, the answers are those of a plain list.

_EVENTS = st.tuples(
    st.sampled_from("abcdef"),
    st.sampled_from([PLATE, OTHER, None]),
    st.integers(0, 3),
    st.integers(0, 5),
    st.sampled_from([None, None, None, "a", "b"]),
    st.sampled_from(["camera-1", "camera-2"]),
)


# Each example writes and syncs files, so there are fewer of them than of other laws.
@settings(max_examples=20)
@given(st.lists(st.lists(_EVENTS, max_size=6), max_size=4), st.integers(0, 8), st.booleans())
def test_law_the_answers_are_those_of_a_plain_list(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[Any]],
    known: int,
    merged: bool,
) -> None:
    with (
        closing(Store(tmp_path_factory.mktemp("law"), retention_d=30)) as store,
        closing(MemorySightings()) as memory,
    ):
        for batch in batches:
            records = by_topic(*(_event(*each) for each in batch))
            store.write(records, {})
            for topic, values in records.items():
                memory.add(topic, values)
        everything = _all(store)
        if merged:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("services.alerts.sightings.merging.FAN_IN", 2)
                while store.sweep().merged:
                    pass
        for subject in (VEHICLE, f"vehicle:{OTHER}"):
            for asked in (
                Asked(subject, T0, T0 + 2 * DAY_MS),
                Asked(subject, 0, known_ms=T0 + DAY_MS + known * MINUTE_MS),
            ):
                plain = plainly(everything, subject, asked.from_ms, asked.to_ms, asked.known_ms)
                assert store.of_all([asked]) == [plain]
                assert memory.of_all([asked]) == [plain]


def _event(
    id_: str, plate: str | None, day: int, late: int, corrects: str | None, source: str
) -> list[Record]:
    at_ms = T0 + day * DAY_MS
    recorded_ms = at_ms + late * MINUTE_MS
    return hit(id_, at_ms, plate=plate, source=source, recorded_ms=recorded_ms, corrects=corrects)


def _all(store: Store) -> list[Sighting]:
    """Return every row, repeats and what was corrected too."""
    found = []
    for file in store.manifest.files:
        path = store._folder / file.path  # noqa: SLF001
        columns = "* REPLACE (epoch_ms(time) AS time, epoch_ms(recordedtime) AS recordedtime)"
        rows = duckdb.execute(
            f"SELECT {columns} FROM read_parquet(?, hive_partitioning = false)", [str(path)]
        )
        named = [name for name, *_ in rows.description or ()]
        new = {"time": "time_ms", "recordedtime": "recorded_ms"}
        for row in rows.fetchall():
            fields = {new.get(name, name): each for name, each in zip(named, row, strict=True)}
            found.append(msgspec.convert(fields, Sighting))
    return found
