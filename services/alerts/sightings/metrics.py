"""Every metric of the sighting store: what it means, and what to do about it."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)

RECORDS = Counter(
    "cordon_sightings_records_total",
    "What became of records: kept, unidentified, preview, held, other, expired, unreadable. "
    "Unreadable ones are dead letters of the worker too.",
    ["what"],
)
ROWS = Counter("cordon_sightings_rows_written_total", "Sightings that are on the disk.")
FLUSH_SECONDS = Histogram(
    "cordon_sightings_flush_seconds",
    "Time to bring a batch to the disk. Long: the disk is slow.",
    buckets=SECONDS,
)
WRITE_FAILURES = Counter(
    "cordon_sightings_write_failures_total",
    "Failed attempts to write, tried again for ever. Look at the disk.",
)
SWEEP_FAILURES = Counter(
    "cordon_sightings_sweep_failures_total",
    "Failed rounds of merging and retention, tried again. Look at the disk.",
)
FILES = Gauge("cordon_sightings_files", "Live files. Rising day after day: merging fails.")
BYTES = Gauge("cordon_sightings_bytes", "Bytes of the live files.")
MERGED = Counter("cordon_sightings_files_merged_total", "Files that were merged into others.")
DAYS_DROPPED = Counter("cordon_sightings_days_dropped_total", "Days that the retention removed.")
LAG = Gauge(
    "cordon_sightings_lag_events",
    "Records between what is on the disk and the end as last seen, by topic. Rising: the disk.",
    ["topic"],
)
LOST = Counter(
    "cordon_sightings_records_lost_total",
    "Offsets that the broker forgot before they were read, or that belong to another topic now.",
    ["topic"],
)
QUERY_SECONDS = Histogram(
    "cordon_sightings_query_seconds", "Time of a query, which may ask for many.", buckets=SECONDS
)
LOOK_BACKS = Counter(
    "cordon_sightings_look_backs_total",
    "Look-backs done, by register and whether anything was found.",
    ["register", "found"],
)
LOOK_BACK_FAILURES = Counter(
    "cordon_sightings_look_back_failures_total",
    "Times look-backs could not be done or written, tried again. Steady: the broker.",
)
WAITING = Gauge("cordon_sightings_look_backs_waiting", "Look-backs that are due.")
REGISTER_ERRORS = Counter(
    "cordon_sightings_register_errors_total",
    "Register records that could not be read. Who writes to the topic besides the API?",
    ["topic"],
)
