"""`cordon explain` with real alerts of timelines: what it tells, and that every id is remade."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deploy.backtest import FOREVER_MS, Backtest, Malformed
from deploy.explain import command
from deploy.explain.explanation import UnknownRule, explain
from schemas.alerts import Alert
from schemas.persons import PseudonymKey
from schemas.settings import Settings
from services.api.merge import AlertBook

TIMELINES = Path(__file__).parents[1] / "alerts" / "timelines"
KEY = PseudonymKey.fixed_for_tests()


def backtested(file: Path, *, from_warm: bool = True) -> AlertBook:
    backtest = Backtest(KEY, history_since_ms=FOREVER_MS if from_warm else None)
    for line in file.read_bytes().splitlines():
        try:
            backtest.feed(line)
        except Malformed:
            continue  # Some timelines are dirty on purpose.
    backtest.flush()
    return backtest.alerts


def named(timeline: str, rule: str) -> list[Alert]:
    """The alerts of one rule that a timeline ends with, in order of time."""
    records = backtested(TIMELINES / f"{timeline}.ndjson").records.values()
    found = [record.alert for record in records if record.alert.rule == rule]
    return sorted(found, key=lambda alert: alert.first_seen)


def told(
    capsys: pytest.CaptureFixture[str], timeline: str, alert: str, *, code: int = 0, **options: Any
) -> str:
    asked = {"own_key": False, "from_warm": True, "as_json": False, **options}
    file = TIMELINES / f"{timeline}.ndjson"
    assert command.of_timeline(alert, file, Settings(), **asked) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


@pytest.mark.parametrize("file", sorted(TIMELINES.glob("*.ndjson")), ids=lambda file: file.stem)
def test_every_id_is_remade_from_what_the_alert_says(file: Path) -> None:
    for record in backtested(file).records.values():
        explanation = explain(record.alert, {})
        assert explanation.identity.same is True, record.alert
        assert explanation.rule.says
        json.loads(msgspec.json.encode(explanation))


def test_a_permit_filed_later_is_named_and_shown_as_filed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    standing, withdrawn = named("late-permit", "quarantine-breach")
    text = told(capsys, "late-permit", withdrawn.id)
    assert "permit: APPLIED (withdraws, by p2)" in text
    assert "permit/p2: in force; filed 2020-02-06T00:00:00.000Z" in text
    assert "transfer: nothing on file" in text
    assert "grace_s = 7200" in text
    assert "recomputed: yes" in text
    assert withdrawn.reason.zh in text
    # The other one lost its first match, and its id is made of that one even so.
    assert standing.began is not None
    text = told(capsys, "late-permit", standing.id)
    assert "permit: on file, did not apply" in text
    assert "permit/p2: not in force" in text
    assert standing.began in text
    assert "recomputed: yes" in text


def test_what_lowers_an_alert_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    (alert,) = named("s25-clone", "quarantined-vehicle-moving")
    answer = json.loads(told(capsys, "s25-clone", alert.id, as_json=True))
    came_of = {row["by"]: row["applied"] for row in answer["considered"]}
    assert came_of["clone-suspicion"] is True
    assert came_of["permit"] is False
    on_file = {(each["register"], each["id"]) for each in answer["on_file"]}
    assert {("order", "o1"), ("site", "inner")} <= on_file
    # Whoever the order binds is known by a pseudonym only.
    assert "id_number" not in json.dumps(answer)
    assert answer["identity"]["same"] is True


def test_the_thresholds_are_those_of_the_policys_version(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (TIMELINES / "late-permit.ndjson").read_bytes().splitlines()
    policy = {
        "specversion": "1.0",
        "type": "cordon.policy.put.v1",
        "source": "office",
        "id": "policy-1",
        "time": "2020-01-01T00:00:00+08:00",
        "data": {
            "id": "winter",
            "valid_from": "2020-01-01T00:00:00+08:00",
            "source": "office",
            "reason": "test",
            "purpose": "outbreak-control",
            "response_level": "1",
            "rules": {"quarantine-breach": {"grace_s": 3600}},
        },
    }
    file = tmp_path / "policy.ndjson"
    file.write_bytes(b"\n".join([json.dumps(policy).encode(), b"not a line", *lines]))
    alert = next(iter(backtested(file).records.values())).alert
    assert alert.policy_version == "winter@2019-12-31T16:00:00.000Z"
    asked = {"own_key": False, "from_warm": False}
    assert command.of_timeline(alert.id, file, Settings(), as_json=True, **asked) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("line 2: ")
    thresholds = json.loads(captured.out)["thresholds"]
    assert thresholds["filed"] == {"grace_s": 3600}
    assert thresholds["values"] == {"grace_s": 3600}
    assert command.of_timeline(alert.id, file, Settings(), as_json=False, **asked) == 0
    assert "grace_s = 3600 (policy)" in capsys.readouterr().out
    assert explain(alert, {}).thresholds.missing


def test_an_id_that_is_not_the_evidences_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    alert = named("late-permit", "quarantine-breach")[0]
    forged = msgspec.structs.replace(alert, id="0" * 32)
    assert explain(forged, {}).identity.same is False
    lines = "\n".join(command.text(explain(forged, {})))
    assert "recomputed: NO" in lines
    old = msgspec.structs.replace(alert, dedupe=None)
    assert explain(old, {}).identity.same is None
    assert "recomputed: not possible" in "\n".join(command.text(explain(old, {})))


def test_what_cannot_be_explained_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no alert nobody comes of" in told(capsys, "late-permit", "nobody", code=1)
    assert "cannot read" in told(capsys, "nowhere", "nobody", code=1)
    folder = Settings(data_dir=tmp_path)
    file = TIMELINES / "late-permit.ndjson"
    options: dict[str, Any] = {"from_warm": False, "as_json": False}
    assert command.of_timeline("a", file, folder, own_key=True, **options) == 1
    assert "no pseudonym key" in capsys.readouterr().err
    assert command.of_system("a", tmp_path / "ready.json", None, None, as_json=False) == 1
    assert "no system runs here" in capsys.readouterr().err
    assert command.of_system("a", tmp_path, "http://127.0.0.1:1", "t", as_json=False) == 1
    assert "does not answer" in capsys.readouterr().err
    alert = named("late-permit", "quarantine-breach")[0]
    with pytest.raises(UnknownRule):
        explain(msgspec.structs.replace(alert, rule="of-tomorrow"), {})
