"""The command itself: whom to talk to, and the summary at the end."""

import sys
import time
from pathlib import Path

from msgspec import Struct

from deploy.caller import Caller
from deploy.ready_file import Ready
from deploy.replay.sender import ReplayError, Sender, Summary


class Target(Struct, frozen=True):
    """A running system and a token for it."""

    api: str
    ingest: str
    token: str


def find_target(api: str | None, ingest: str | None, token: str | None, ready_file: Path) -> Target:
    """Return the system that the options name, the rest from the ready file; raises ReplayError."""
    if api and ingest and token:
        return Target(api.rstrip("/"), ingest.rstrip("/"), token)
    try:
        ready = Ready.load(ready_file)
    except FileNotFoundError as error:
        raise ReplayError(
            f"no system runs here ({ready_file} is missing): start `cordon up --clock events`, or "
            "name one with --ready-file, or with --api, --ingest and --token"
        ) from error
    return Target(
        (api or ready.api).rstrip("/"),
        (ingest or ready.ingest).rstrip("/"),
        token or ready.replay_token,
    )


def main(file: Path, target: Target, *, speed: float | None) -> int:
    """Send the file; return the exit code. The summary goes to standard output."""
    began_s = time.monotonic()
    with (
        file.open("rb") as lines,
        Caller(target.api, target.token) as api,
        Caller(target.ingest, target.token) as ingest,
    ):
        sender = Sender(
            api,
            ingest,
            sleep=time.sleep,
            clock_s=time.monotonic,
            complain=_complain,
        )
        keep_times = sender.keeps_times()
        if not keep_times:
            sys.stderr.write(
                "this system's clock is the wall's, or the token is not of the role replay: "
                "recorded times are dropped and clock lines skipped\n"
            )
        summary = sender.run(lines, keep_times=keep_times, speed=speed)
    sys.stdout.write(f"{told(summary)} in {time.monotonic() - began_s:.1f} s\n")
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def told(summary: Summary) -> str:
    """Return a summary as a sentence."""
    counts = (
        (summary.accepted, "accepted"),
        (summary.duplicates, "duplicates"),
        (summary.rejected, "rejected"),
        (summary.set_aside, f"fields set aside (first {summary.first_aside})"),
        (summary.filed, "filed"),
        (summary.unchanged, "unchanged"),
        (summary.skipped, "clock lines skipped"),
        (summary.passed_over, "passed over, nothing reads them yet"),
        (summary.malformed, "malformed"),
    )
    return ", ".join(
        f"{count} {name}" for count, name in counts if count or name in ("accepted", "rejected")
    )
