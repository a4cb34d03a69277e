"""What the desk counts, what it means and what to do about it."""

from prometheus_client import Counter

from services.api.metrics import REGISTRY

FILED = Counter(
    "cordon_api_register_changes_total",
    "Register changes asked for, by what became of them.",
    ["register", "outcome"],
    registry=REGISTRY,
)
UNREADABLE = Counter(
    "cordon_api_register_unreadable_total",
    "Records of a register topic that are no register change and were skipped; "
    "look for who writes to the topic besides the API.",
    ["register"],
    registry=REGISTRY,
)
LINK_FAILURES = Counter(
    "cordon_api_register_link_failures_total",
    "Times the link to the register topics broke and was made anew; steady growth = look at "
    "the broker, then at the log's register_link_failed.",
    ["part"],
    registry=REGISTRY,
)
LATE_VIEWS = Counter(
    "cordon_api_register_late_views_total",
    "Changes answered before the API's own view had them, because reading back took too long.",
    registry=REGISTRY,
)
REBUILDS = Counter(
    "cordon_api_register_rebuilds_total",
    "Registers read anew because their topic is shorter than what had been read of it: "
    "the broker has lost its data or was replaced.",
    ["register"],
    registry=REGISTRY,
)
