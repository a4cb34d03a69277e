"""What is counted of the reports about devices."""

from prometheus_client import Counter

from services.api.metrics import REGISTRY

REPORTS = Counter(
    "cordon_api_intake_reports_total",
    "Reports of ingest about what devices sent, taken in by this process. Each ingest process "
    "writes one a second.",
    registry=REGISTRY,
)
FAILURES = Counter(
    "cordon_api_intake_failures_total",
    "Failures of following those reports, by kind. `broker` is retried for ever; `unreadable`: an "
    "ingest of another version.",
    ["kind"],
    registry=REGISTRY,
)
