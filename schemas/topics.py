"""Every topic, its key, its partitions and how long it keeps what (contracts: Topics)."""

from dataclasses import dataclass
from typing import Literal

from schemas.registers import REGISTERS, register_topic
from schemas.times import DAY_MS

CHECKPOINT_SCANS = "cordon.checkpoint-scans.v1"
PLATE_HITS = "cordon.plate-hits.v1"
HEALTH_CHECKS = "cordon.health-checks.v1"
FIELD_REPORTS = "cordon.field-reports.v1"
JOINS = "cordon.joins.v1"
CLOCK = "cordon.clock.v1"
FINDINGS = "cordon.findings.v1"
ALERTS = "cordon.alerts.v1"
ALERT_STATE = "cordon.alert-state.v1"
DEAD_LETTERS = "cordon.dead-letters.v1"
HELD = "cordon.held.v1"
WORKER_STATE = "cordon.worker-state.v1"
ARRIVALS = "cordon.arrivals.v1"
INTAKE = "cordon.intake.v1"

EVENT_TOPICS = (CHECKPOINT_SCANS, PLATE_HITS, HEALTH_CHECKS, FIELD_REPORTS)
# Partition n of all of these is one unit of work and belongs to one worker.
UNIT_TOPICS = (*EVENT_TOPICS, JOINS, CLOCK)
HEADERS = [("content-type", b"application/cloudevents+json")]

DEFAULT_PARTITIONS = 4

# Who writes and who reads: the folders of services/, and whoever subscribes from outside.
INGEST, WORKER, API, SUBSCRIBERS = "ingest", "alerts", "api", "subscribers"


@dataclass(frozen=True)
class Topic:
    """One topic. `partitions` None = as many as the deployment's event topics have.

    `written_by` and `read_by` name services; the generated documents tell them.
    """

    name: str
    key: str
    about: str
    partitions: int | None
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None = None
    min_compaction_lag_ms: int | None = None
    written_by: tuple[str, ...] = ()
    read_by: tuple[str, ...] = ()

    def config(self) -> dict[str, str]:
        """Return the broker's settings of this topic."""
        entries = {"cleanup.policy": self.cleanup, "compression.type": "producer"}
        if self.retention_ms is not None:
            entries["retention.ms"] = str(self.retention_ms)
        if self.min_compaction_lag_ms is not None:
            entries["min.compaction.lag.ms"] = str(self.min_compaction_lag_ms)
        return entries


def _events(name: str, about: str) -> Topic:
    return Topic(name, "subject", about, None, "delete", 30 * DAY_MS, None, (INGEST,), (WORKER,))


TOPICS: tuple[Topic, ...] = (
    _events(CHECKPOINT_SCANS, "Scans of vehicles at checkpoints, without their persons."),
    _events(PLATE_HITS, "Readings of plates by cameras."),
    _events(HEALTH_CHECKS, "Checks of one person each, posted or of a scan; code changes."),
    _events(FIELD_REPORTS, "Reports of people and devices in the field."),
    Topic(
        name=ARRIVALS,
        key="subject",
        about="Reports of arrivals by transfer once more, for decisions at the barrier.",
        partitions=None,
        cleanup="delete",
        # As long as an order may rest on an arrival (rules/transfer_not_arrived.py).
        retention_ms=60 * DAY_MS,
        written_by=(INGEST,),
        read_by=(INGEST,),
    ),
    Topic(
        name=INTAKE,
        key="process",
        about="What each ingest process took from which device and site, without naming anybody.",
        partitions=None,
        cleanup="delete",
        retention_ms=DAY_MS,
        written_by=(INGEST,),
        read_by=(API,),
    ),
    Topic(
        name=JOINS,
        key="join key",
        about="Facts that a rule joins across subjects.",
        partitions=None,
        cleanup="delete",
        retention_ms=3 * DAY_MS,
        written_by=(WORKER,),
        read_by=(WORKER,),
    ),
    Topic(
        name=CLOCK,
        key="clock",
        about="The engine's clock, one record a second, and what a replay keeps.",
        partitions=None,
        cleanup="delete",
        retention_ms=DAY_MS,
        written_by=(WORKER, INGEST),
        read_by=(WORKER,),
    ),
    Topic(
        name=FINDINGS,
        key="alert id",
        about="What the workers found, and what they suppressed and why.",
        partitions=None,
        cleanup="delete",
        retention_ms=90 * DAY_MS,
        written_by=(WORKER,),
        read_by=(API,),
    ),
    Topic(
        name=ALERTS,
        key="alert id",
        about="The log of every revision of an alert.",
        partitions=None,
        cleanup="delete",
        retention_ms=90 * DAY_MS,
        written_by=(API,),
        read_by=(SUBSCRIBERS,),
    ),
    Topic(
        name=ALERT_STATE,
        key="alert id",
        about="The newest revision of every alert.",
        partitions=None,
        cleanup="compact",
        written_by=(API,),
        read_by=(SUBSCRIBERS,),
    ),
    Topic(
        name=DEAD_LETTERS,
        key="as source",
        about="Records that could not be read.",
        partitions=None,
        cleanup="delete",
        retention_ms=30 * DAY_MS,
        written_by=(WORKER, API),
    ),
    Topic(
        name=HELD,
        key="as source",
        about="Events from the future, set aside.",
        partitions=None,
        cleanup="delete",
        retention_ms=30 * DAY_MS,
        written_by=(WORKER,),
    ),
    Topic(
        name=WORKER_STATE,
        key="state key",
        about="The workers' own state; not for others.",
        partitions=None,
        cleanup="compact",
        written_by=(WORKER,),
        read_by=(WORKER,),
    ),
    *(
        Topic(
            name=register_topic(name),
            key="id",
            about=f"The register {name}.",
            # One partition keeps the filing order of a register; its lag keeps 30 days of versions.
            partitions=1,
            cleanup="compact",
            min_compaction_lag_ms=30 * DAY_MS,
            written_by=(API,),
            read_by=(WORKER, INGEST, API),
        )
        for name in REGISTERS
    ),
)
