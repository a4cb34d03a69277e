"""The identities of a day: bounded, kept on disk, and whole after a torn write."""

import os
from pathlib import Path

import pytest

from schemas.times import HOUR_MS
from services.ingest.metrics import Metrics
from services.ingest.window import Window, WindowProblem

HOUR = 500_000


def ident(number: int) -> bytes:
    return number.to_bytes(16, "little")


def test_above_its_limit_the_oldest_hour_goes(tmp_path: Path) -> None:
    metrics = Metrics()
    window = Window.open(tmp_path, metrics, limit=4)
    for hour in range(3):
        window.add((HOUR + hour) * HOUR_MS, {ident(2 * hour): 1, ident(2 * hour + 1): 2})
    assert [window.get(ident(number)) for number in range(6)] == [None, None, 1, 2, 1, 2]
    assert metrics.registry.get_sample_value("cordon_ingest_identities_forgotten_early_total") == 2
    window.close()
    assert len(list(tmp_path.glob("*-v1"))) == 2
    smaller = Window.open(tmp_path, Metrics(), limit=2)
    assert [smaller.get(ident(number)) for number in range(2, 6)] == [None, None, 1, 2]
    smaller.close()


def test_what_is_recorded_late_lives_with_the_present_hour(tmp_path: Path) -> None:
    window = Window.open(tmp_path, Metrics())
    window.add(HOUR * HOUR_MS, {ident(1): 1})
    window.add((HOUR - 100) * HOUR_MS, {ident(2): 2})
    window.expire((HOUR + 24) * HOUR_MS)
    assert window.get(ident(2)) == 2
    window.expire((HOUR + 25) * HOUR_MS)
    assert window.get(ident(2)) is None
    assert list(tmp_path.glob("*-v1")) == []
    window.add((HOUR + 25) * HOUR_MS, {ident(2): 3})
    assert window.get(ident(2)) == 3
    window.close()


@pytest.mark.parametrize("torn", [1, 23])
def test_a_torn_tail_is_cut_off(tmp_path: Path, torn: int) -> None:
    window = Window.open(tmp_path, Metrics())
    window.add(HOUR * HOUR_MS, {ident(1): 1})
    window.close()
    (path,) = tmp_path.glob("*-v1")
    with path.open("ab") as file:
        file.write(b"x" * torn)
    window = Window.open(tmp_path, Metrics())
    window.add(HOUR * HOUR_MS, {ident(2): 2})
    window.close()
    assert path.stat().st_size == 48
    window = Window.open(tmp_path, Metrics())
    assert (window.get(ident(1)), window.get(ident(2))) == (1, 2)
    window.close()


def test_hours_that_were_over_are_not_loaded(tmp_path: Path) -> None:
    window = Window.open(tmp_path, Metrics())
    window.add(HOUR * HOUR_MS, {ident(1): 1})
    window.add((HOUR + 30) * HOUR_MS, {ident(2): 2})
    window.close()
    window = Window.open(tmp_path, Metrics())
    assert (window.get(ident(1)), window.get(ident(2))) == (None, 2)
    window.close()


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    window = Window.open(tmp_path, Metrics())
    with pytest.raises(WindowProblem, match="another ingest"):
        Window.open(tmp_path, Metrics())
    window.close()
    Window.open(tmp_path, Metrics()).close()


def test_a_write_that_is_cut_short_leaves_whole_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = Window.open(tmp_path, Metrics())
    window.add(HOUR * HOUR_MS, {ident(1): 1})
    whole = os.write
    # The one patch: no disk of a test can be filled to the byte.
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:30]))
    with pytest.raises(OSError, match="a part"):
        window.add(HOUR * HOUR_MS, {ident(2): 2, ident(3): 3})
    monkeypatch.undo()
    assert window.get(ident(2)) is None
    window.add(HOUR * HOUR_MS, {ident(3): 3})
    window.close()
    window = Window.open(tmp_path, Metrics())
    assert [window.get(ident(number)) for number in (1, 2, 3)] == [1, None, 3]
    window.close()
