"""Imported detections in a running system: all accepted, and the second time all known."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.imports import command as imports
from deploy.replay import command as replay
from tests.system import RunningSystem

pytestmark = pytest.mark.broker
_PLATES, _SITES = 150, 8


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    """A system whose time comes from timelines, for plates of any form."""
    running = RunningSystem(tmp_path / "data", "--clock", "events", plate_grammar="any")
    yield running
    running.kill()


def detections() -> str:
    """Detections sorted by vehicle, as such files are: four of each within two minutes."""
    return "".join(
        f"A{plate},2020/03/20,00:{at_s // 60:02d}:{at_s % 60:02d},2020/03/20,00:09:00,"
        f"e{place}_in,{'abcdefgh'[(plate + place) % _SITES]},e{place}_out\n"
        for plate in range(_PLATES)
        for place in range(4)
        for at_s in ((plate * 7 + place * 23) % 120,)
    )


def test_the_second_time_everything_is_known(
    system: RunningSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, timeline = tmp_path / "detections.csv", tmp_path / "detections.ndjson"
    file.write_text(detections())
    taken = imports.main(
        file, out=timeline, format_name="mrc-com", columns=None, timezone=None, strict=True
    )
    assert taken == 0
    ready = system.start()
    target = replay.Target(ready.api, ready.ingest, ready.replay_token)
    capsys.readouterr()
    count = 4 * _PLATES
    assert replay.main(timeline, target, speed=None) == 0
    assert capsys.readouterr().out.startswith(f"{count} accepted, 0 rejected, {_SITES} filed in ")
    assert replay.main(timeline, target, speed=None) == 0
    assert capsys.readouterr().out.startswith(
        f"0 accepted, {count} duplicates, 0 rejected, {_SITES} unchanged in "
    )
    # What ingest remembers outlives it.
    system.stop()
    ready = system.start()
    target = replay.Target(ready.api, ready.ingest, ready.replay_token)
    assert replay.main(timeline, target, speed=None) == 0
    assert capsys.readouterr().out.startswith(f"0 accepted, {count} duplicates, 0 rejected")
    system.stop()
