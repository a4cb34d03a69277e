"""What is counted of trails."""

from prometheus_client import Counter

from services.api.metrics import REGISTRY

FAILURES = Counter(
    "cordon_api_trail_failures_total",
    "Trails that could not be read: is the folder of sightings (CORDON_SIGHTINGS_DIR) there for "
    "the API?",
    registry=REGISTRY,
)
