"""What `cordon backtest` makes of lines, keys and files that are not as they should be."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy import backtest
from schemas.persons import PseudonymKey

FROM = "2020-01-01T00:00:00+08:00"
HIT: dict[str, Any] = {
    "specversion": "1.0",
    "type": "cordon.plate-hit.v1",
    "source": "camera",
    "data": {"direction": "internal", "confidence": 0.97, "plate": "皖K12345"},
}


def site(name: str, role: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": "cordon.site.put.v1",
        "source": "office",
        "id": name,
        "time": FROM,
        "data": {
            "id": name,
            "valid_from": FROM,
            "source": "office",
            "reason": "test",
            "purpose": "outbreak-control",
            "name": name,
            "role": role,
            "zones": [],
        },
    }


def hit(name: str, direction: str, time: str) -> dict[str, Any]:
    data = {**HIT["data"], "site": name, "direction": direction}
    return {**HIT, "id": f"{name}-{time}", "source": name, "time": time, "data": data}


@pytest.fixture
def timeline(tmp_path: Path) -> Path:
    """An arrival: its alert is low, until the clock says that two hours have passed."""
    lines = [
        site("bound", "boundary"),
        site("inner", "inner"),
        hit("bound", "in", "2020-02-10T10:00:00+08:00"),
        hit("inner", "internal", "2020-02-10T10:30:00+08:00"),
    ]
    path = tmp_path / "arrival.ndjson"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def run(file: Path, *, strict: bool = True, data_dir: Path | None = None) -> int:
    return backtest.main(file, policy=None, from_warm=True, data_dir=data_dir, strict=strict)


def last(output: str) -> Any:
    return json.loads(output.splitlines()[-1])["data"]


def test_a_timeline_without_authors_is_good(
    timeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(timeline) == 0
    assert last(capsys.readouterr().out)["severity"] == "low"


@pytest.mark.parametrize("kind", ["cordon.weather-report.v1", "cordon.queue.v1"])
def test_what_nothing_reads_yet_moves_the_clock(
    timeline: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with timeline.open("a") as lines:
        lines.write(json.dumps({"type": kind, "time": "2020-02-10T13:00:00+08:00", "data": {}}))
    assert run(timeline) == 0
    out, err = capsys.readouterr()
    assert last(out)["severity"] == "medium"
    assert f"{kind}: 1 passed over" in err


def test_a_register_that_nothing_reads_yet_moves_nothing(
    timeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change = {"type": "cordon.calendar.put.v1", "time": "2020-02-10T13:00:00+08:00", "data": {}}
    with timeline.open("a") as lines:
        lines.write(json.dumps(change))
    assert run(timeline) == 0
    assert last(capsys.readouterr().out)["severity"] == "low"


@pytest.mark.parametrize(
    "line", ['{"type": "cordon.alert.raised.v1", "time": "2020-02-10T13:00:00Z"}', "{nope", "{}"]
)
def test_a_malformed_line_is_told_with_its_number(
    timeline: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with timeline.open("a") as lines:
        lines.write(line)
    assert run(timeline, strict=False) == 0
    assert "line 5: " in capsys.readouterr().err
    assert run(timeline) == 1


def test_a_type_that_stands_elsewhere_in_a_line_misleads_nobody(
    timeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = {"note": HIT["type"], "type": "cordon.clock.v1", "time": "2020-02-10T13:00:00+08:00"}
    with timeline.open("a") as lines:
        lines.write(json.dumps(clock))
    assert run(timeline) == 0
    assert last(capsys.readouterr().out)["severity"] == "medium"


def test_what_lies_in_the_future_is_set_aside(
    timeline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ahead = hit("inner", "internal", "2020-02-10T10:45:00+08:00")
    with timeline.open("a") as lines:
        lines.write(json.dumps({**ahead, "recordedtime": "2020-02-10T10:39:00+08:00"}))
    assert run(timeline) == 0
    out, err = capsys.readouterr()
    assert last(out)["count"] == 1
    assert f"event {ahead['id']}: set aside: more than 5 minutes in the future" in err


def test_a_malformed_line_has_no_effect() -> None:
    run = backtest.Backtest(PseudonymKey.fixed_for_tests())
    run.feed(json.dumps(site("bound", "boundary")).encode())
    with pytest.raises(backtest.Malformed, match="at data.direction"):
        run.feed(json.dumps(hit("bound", "sideways", FROM)).encode())
    run.feed(json.dumps(site("inner", "inner")).encode())
    run.flush()
    assert run.book.clock < FROM


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "nowhere") == 2
    assert "cannot read" in capsys.readouterr().err


def test_the_key_is_the_deployments_the_settings_or_the_fixed_one(
    timeline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(timeline) == 0
    assert "fixed test key" in capsys.readouterr().err
    monkeypatch.setenv("CORDON_PSEUDONYM_KEY_FILE", str(tmp_path / "key"))
    assert run(timeline) == 2
    assert f"no pseudonym key at {tmp_path / 'key'}" in capsys.readouterr().err
    PseudonymKey.load_or_create(tmp_path / "key")
    assert run(timeline) == 0
    assert "fixed test key" not in capsys.readouterr().err
