"""One service in a process: what it logs and how it fails."""

import json
import subprocess
import sys
from pathlib import Path

from deploy.service import MODULES, load

PROGRAM = """
import logging, sys, warnings
from pathlib import Path
import structlog
from deploy import logs, service
from schemas.settings import Settings
logs.configure("json")
structlog.get_logger("ours").info("told", number=1)
logging.getLogger("theirs").warning("said %s", "so")
logging.getLogger("aiokafka.consumer").info("every fetch")
warnings.warn("old habit")
sys.exit(service.run("ingest", Settings(data_dir=Path(sys.argv[1]), ingest_port=0)))
"""


def test_every_service_can_be_loaded() -> None:
    assert [load(name).__name__ for name in MODULES] == ["serve"] * len(MODULES)


def test_logs_are_one_json_object_a_line_and_a_failure_is_one_of_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False
    )
    records = [json.loads(line) for line in done.stderr.splitlines()]
    events = [record["event"] for record in records]
    assert done.returncode == 1
    assert done.stdout == ""
    assert events[:2] == ["told", "said so"]
    assert "old habit" in events[2]
    assert "every fetch" not in events
    # There are no tokens in the folder: a file that is missing needs no traceback.
    assert events[-1] == "service_failed"
    assert "tokens.json" in records[-1]["error"]
    assert "exception" not in records[-1]
