"""How every process of ours logs: one event a line on standard error, whoever wrote it."""

import logging
import sys
from pathlib import Path
from typing import Literal

import structlog
from structlog.typing import Processor

LogForm = Literal["json", "console", "auto"]

# These tell every fetch, heartbeat and rebalance at info.
_QUIET = ("aiokafka", "faust", "mode", "httpx", "alembic")


def configure(form: LogForm = "auto") -> None:
    """Send structlog's and the standard library's logs to standard error in one form.

    `auto` is for people where they look (a terminal) and JSON everywhere else. Python's warnings
    become log records of the logger `py.warnings`.
    """
    person = sys.stderr.isatty() if form == "auto" else form == "console"
    _configure(logging.StreamHandler(sys.stderr), person=person)


def configure_file(path: Path) -> None:
    """Send the logs to the end of a file, as JSON: standard output is for people then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _configure(logging.FileHandler(path, encoding="utf-8"), person=False)


def _configure(handler: logging.Handler, *, person: bool) -> None:
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if person
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Not below info: Faust's notes measured 10 to 16 % of the CPU for debug records.
    root.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
