"""The demo as a process: `python -m deploy.county.launch READY_FILE SINCE PARENT_PID`, or by
hand `cordon demo`."""

import sys
import time
from pathlib import Path
from typing import Final

import structlog

from deploy import logs
from deploy.caller import Caller
from deploy.county.feeder import Feeder, Refused
from deploy.county.people import settle
from deploy.county.stream import LIVE
from deploy.launch import die_with
from deploy.ready_file import Ready
from schemas.times import DAY_MS, parse_ms

SEED: Final = 1
_log = structlog.get_logger(__name__)


def run(ready: Ready, since_ms: int) -> int:
    """Feed the county into a system until the process is ended; return the exit code.

    `since_ms` is when the deployment began: orders are counted back from that day, so that a
    demo that is started again files nothing new.
    """
    people = settle(SEED)
    with (
        Caller(ready.api, ready.admin_token) as api,
        Caller(ready.ingest, ready.device_token) as ingest,
    ):
        feeder = Feeder(api, ingest)
        try:
            feeder.file(people, since_ms // DAY_MS * DAY_MS)
            feeder.feed(people, SEED, LIVE, time.time_ns() // 1_000_000)
        except Refused as error:
            _log.error("county_refused", error=str(error))
            return 1
        except KeyboardInterrupt:
            return 0
    return 0


def main(arguments: list[str]) -> int:
    """Run as a child of `cordon up`."""
    ready_file, since, parent_pid = arguments
    die_with(int(parent_pid))
    logs.configure("json")
    return run(Ready.load(Path(ready_file)), parse_ms(since))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
