"""Every metric of ingest: what it means and what to do when it moves."""

import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_INDEX = re.compile(r"\[\d+\]")
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        # Events answered as accepted. A source that stops counting here has gone silent.
        self.accepted = Counter(
            "cordon_ingest_accepted", "Events accepted.", ["type"], registry=registry
        )
        # Events refused by a check. A rise means that a device was changed or is misconfigured.
        self.rejected = Counter(
            "cordon_ingest_rejected",
            "Events rejected, by the field to blame.",
            ["type", "field"],
            registry=registry,
        )
        # Repeats that were not written again. A steady rate means that answers get lost.
        self.duplicates = Counter(
            "cordon_ingest_duplicates", "Repeated events.", ["type"], registry=registry
        )
        # Repeats whose body is another. A source numbers its events twice: find it and repair it,
        # since its second event is lost.
        self.conflicts = Counter(
            "cordon_ingest_conflicting_repeats",
            "Repeated ids with another body.",
            ["type"],
            registry=registry,
        )
        # Fields set aside in accepted events. Look at how the device reads that field.
        self.warnings = Counter(
            "cordon_ingest_warnings",
            "Fields set aside in accepted events.",
            ["type", "field"],
            registry=registry,
        )
        # Whole requests by status. 429 and 503 mean that the broker does not keep up or is away.
        self.requests = Histogram(
            "cordon_ingest_request_seconds",
            "From the head of a request to its answer.",
            ["path", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        # A rise of its upper end is the broker's, not ours.
        self.produce = Histogram(
            "cordon_ingest_produce_seconds",
            "From handing records to the broker to its acknowledgement of all.",
            buckets=_SECONDS,
            registry=registry,
        )
        # Bytes of bodies that were read and not yet answered; at its limit requests get 429.
        self.in_flight = Gauge(
            "cordon_ingest_in_flight_bytes", "Bodies not yet answered.", registry=registry
        )
        self.broker_up = Gauge(
            "cordon_ingest_broker_up", "1 while the broker takes records.", registry=registry
        )
        # Deliveries that failed, and probes of the broker that did; the log names the error.
        self.broker_errors = Counter(
            "cordon_ingest_broker_errors", "Failures of the broker.", ["error"], registry=registry
        )
        # Remembered identities, and those forgotten before their 24 h for want of room: the
        # worker still recognises those repeats, so a rise costs only work.
        self.remembered = Gauge(
            "cordon_ingest_remembered_identities", "Identities held.", registry=registry
        )
        self.forgotten = Counter(
            "cordon_ingest_identities_forgotten_early",
            "Identities dropped before 24 h.",
            registry=registry,
        )
        # The disk does not take the identities: events are refused until it does.
        self.window_errors = Counter(
            "cordon_ingest_window_errors", "Failed writes of identities.", registry=registry
        )
        # What officers were told. Mostly `verify` for a while: look at its reasons.
        self.decisions = Counter(
            "cordon_ingest_decisions", "Decisions, by verdict.", ["verdict"], registry=registry
        )
        # Why. `registers-stale` and `not-stored` are ours to repair, `plate-unreadable` and
        # `identity-unreadable` are the devices'.
        self.decision_reasons = Counter(
            "cordon_ingest_decision_reasons", "Reasons given.", ["kind"], registry=registry
        )
        # Infinite until the registers have been read; above five seconds decisions say `verify`.
        self.registers_age = Gauge(
            "cordon_ingest_registers_age_seconds",
            "Since the registers were known to be complete.",
            registry=registry,
        )
        # Questions that the broker left open, and records that are no change; the log names them.
        self.register_errors = Counter(
            "cordon_ingest_register_errors",
            "Failures of reading the registers.",
            ["error"],
            registry=registry,
        )
        # Reports of what devices sent that the broker did not take; the console lacks a moment.
        self.untold = Counter(
            "cordon_ingest_reports_untold",
            "Reports of devices' state that were not written.",
            registry=registry,
        )
        # A defect of ours: the log holds its trace.
        self.defects = Counter("cordon_ingest_defects", "Answers 500.", registry=registry)


def field_label(field: str | None) -> str:
    """Return a field path without its indexes, so that a label has few values."""
    return _INDEX.sub("[]", field) if field else "$"
