"""The kit that proves a subscriber: it lets the example pass, and finds what is wrong in others."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
KIT = DOCS / "subscriber-kit"
EXAMPLE = (sys.executable, str(DOCS / "examples/subscriber.py"), "--stdin")
# Keeps what comes last, and whatever comes.
NAIVE = """
import json, sys
alerts = {}
for line in sys.stdin:
    event = json.loads(line)
    alert = event["data"]
    if "id" in alert:
        alerts[alert["id"]] = {name: alert[name] for name in ("revision", "state", "severity")}
print(json.dumps({"alerts": alerts, "retracted": {}, "reread": [], "cursor": event["cursor"]}))
"""


def module(name: str) -> Any:
    """Return a script of the kit as a module."""
    spec = importlib.util.spec_from_file_location(f"kit_{name}", KIT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def check(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(KIT / "check.py"), *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_kit_is_what_its_script_makes() -> None:
    for name, text in module("make").files().items():
        assert (KIT / name).read_text(encoding="utf-8") == text, "run docs/subscriber-kit/make.py"


def test_the_example_passes() -> None:
    done = check(*EXAMPLE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all right\n", "")


def test_a_naive_subscriber_fails_and_is_told_why() -> None:
    done = check(sys.executable, "-c", NAIVE)
    assert done.returncode == 1
    for part in ("alerts.late", "alerts.withdrawn", "alerts.merged", "retracted.merged", "reread"):
        assert re.search(rf"^{re.escape(part)}[\w.]*: must be", done.stderr, re.MULTILINE), part
    assert "an older revision that comes after a newer one changes nothing" in done.stderr
    assert "alerts.repeated" not in done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((), "COMMAND"),
        (("/nothing/there",), "did not run"),
        ((sys.executable, "-c", "pass"), "no JSON"),
    ],
)
def test_what_is_no_subscriber(command: tuple[str, ...], said: str) -> None:
    done = check(*command)
    assert done.returncode == 2
    assert said in done.stderr


def test_every_part_of_the_expected_state_says_why() -> None:
    kit, expected = module("check"), module("make").EXPECTED
    places = [f"{part}.{name}" for part in ("alerts", "retracted") for name in expected[part]] + [
        "reread",
        "cursor",
    ]
    assert set(places) <= set(kit.WHY)
