#!/usr/bin/env python3
"""Tests a subscriber: `check.py COMMAND [ARGUMENT …]`.

The command gets the events of `events.jsonl` on standard input, one in each line, and must end
when the input ends. The last line that it prints must be a JSON object in the form of
`expected.json`. Exit 0: everything is right; 1: something is not, and which; 2: it did not run.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
TIMEOUT_S = 60

# What each part of the expected state is there to prove.
WHY = {
    "alerts.repeated": "the same event twice is one",
    "alerts.late": "an older revision that comes after a newer one changes nothing",
    "alerts.unknown": "members, values and types that nobody knows yet are taken as they are",
    "alerts.survivor": "what takes the place of a merged alert stands, with the acts of both",
    "alerts.reopened": "a resolved alert may open again, and change its severity",
    "alerts.withdrawn": "a retracted alert does not come back by a repeat of older events",
    "alerts.merged": "a retracted alert does not come back by a repeat of older events",
    "retracted.withdrawn": "a retracted alert is none any more",
    "retracted.merged": "an alert retracted as a duplicate names its survivor in `related`",
    "reread": "after a gap the state of all alerts has to be read again",
    "cursor": "the cursor of the last event is where to resume",
}


def differences(expected: Any, got: Any, path: str = "") -> Iterator[str]:
    """Yield every place where two values differ, and why it matters."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted({*expected, *got}):
            inner = f"{path}.{name}" if path else name
            yield from differences(expected.get(name), got.get(name), inner)
    elif expected != got:
        why = next((text for place, text in WHY.items() if path.startswith(place)), "")
        yield f"{path}: must be {json.dumps(expected)}, is {json.dumps(got)}. {why}".rstrip()


def main(command: list[str]) -> int:
    """Run a subscriber and compare; return the exit code."""
    if not command:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    events = (FOLDER / "events.jsonl").read_bytes()
    try:
        done = subprocess.run(command, input=events, stdout=subprocess.PIPE, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"the subscriber did not run: {error}\n")
        return 2
    lines = done.stdout.decode(errors="replace").strip().splitlines()
    try:
        got = json.loads(lines[-1])
    except (IndexError, ValueError):
        sys.stderr.write(f"no JSON in the last line printed (exit code {done.returncode})\n")
        return 2
    expected = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
    wrong = list(differences(expected, got))
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"{len(wrong)} wrong\n" if wrong else "all right\n")
    return 1 if wrong or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
