"""What imports count, what it means and what to do about it."""

from prometheus_client import Counter

from services.api.metrics import REGISTRY

ROWS = Counter(
    "cordon_api_import_rows_total",
    "Rows of imports, by what became of them. Many `rejected`: look at the import's rows and at "
    "who fills in the table.",
    ["register", "outcome"],
    registry=REGISTRY,
)
FAILED = Counter(
    "cordon_api_imports_failed_total",
    "Imports that ended before their last row; send the table again when the broker and the store "
    "answer: what was filed is unchanged then.",
    ["register"],
    registry=REGISTRY,
)
LEFT_BEHIND = Counter(
    "cordon_api_imports_stopped_total",
    "Imports that a stop of the service cut short; send the table again.",
    registry=REGISTRY,
)
