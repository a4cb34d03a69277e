"""Which thresholds a policy may set, and within which bounds.

The defaults stand with each rule (those of `overdue` in services/api/overdue.py); a test holds
the two together. A value beyond a bound would
not be a stricter policy but a broken one: the engine forgets what no bound lets it need.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

# The table of mutual recognition: by issuer (a GB/T 2260 region, or * for everybody), the colours
# that count here.
COLOURS_BY_ISSUER: Final = "colours by issuer"
_ISSUER = re.compile(r"\*|[0-9]{6}")

# By rule and parameter: the smallest and the largest value, or the kind of what is no number.
# Units are in the names.
Bound = tuple[float, float] | Literal["colours by issuer"]
BOUNDS: Final[dict[str, dict[str, Bound]]] = {
    "watch-list-hit": {"min_confidence": (0, 1)},
    "downstream-warning": {
        "min_confidence": (0, 1),
        "slowest": (1, 10),
        # Not beyond what its facts are kept for.
        "within_s": (60, 86_400),
    },
    "retrospective-hit": {},
    "fuzzy-plate-hit": {"below_confidence": (0, 1)},
    "adverse-health-code": {
        "fresh_h": (1, 72),
        # Not above the hour in which checks of a person are looked at together (rules.facts).
        "changed_s": (0, 3600),
        "skew_s": (0, 3600),
        "issuers": COLOURS_BY_ISSUER,
    },
    "fever": {
        # Lower ones are not kept for when a thermometer turns out to be sound after all.
        "fever_c": (37.0, 39.0),
        "high_c": (37.0, 42.0),
        "apart_s": (0, 3600),
        "within_s": (0, 3600),
        "lowest_c": (20, 37),
        "highest_c": (38, 50),
    },
    "health-code-invalid": {"skew_s": (0, 3600)},
    "pass-invalid": {"skew_s": (0, 3600)},
    "forced-gate": {},
    # Facts are filed for no wider a span, and thinned out for no narrower one (rules).
    "check-incomplete": {"within_min": (5, 30)},
    "quarantine-breach": {"grace_s": (0, 86_400)},
    "quarantined-vehicle-moving": {
        "grace_s": (0, 86_400),
        "min_strength": (0, 1),
        "min_confidence": (0, 1),
    },
    "transfer-not-arrived": {"margin_s": (0, 86_400), "most_moved_s": (0, 86_400)},
    "risk-area-arrival": {"look_back_d": (1, 28)},
    "zone-crossing": {
        "least_m": (0, 1000),
        "accuracies": (0, 10),
        "max_accuracy_m": (1, 5000),
        "outside_s": (0, 3600),
        "start_s": (0, 86_400),
    },
    "missed-check-in": {
        "times_a_day": (1, 8),
        "first_due_h": (0, 23),
        "last_due_h": (0, 23),
        "missed_s": (0, 7200),
        "bears_out_s": (0, 43_200),
        "device_off_s": (60, 86_400),
        "quiet_from_h": (0, 24),
        "quiet_to_h": (0, 24),
    },
    "watch-gap": {"keepers": (1, 8), "gap_s": (0, 7200)},
    "release-due": {"observation_d": (1, 90), "overdue_h": (1, 720)},
    "breach-tip": {},
    "first-seen-vehicle": {
        "look_back_d": (1, 90),
        "min_confidence": (0, 1),
        "dwell_s": (60, 86_400),
        "visit_h": (1, 72),
        "passage_s": (0, 120),
    },
    "overnight-stay": {
        "min_confidence": (0, 0.95),
        "least_s": (60, 18_000),
        # Not beyond the time in which readings elsewhere are looked for.
        "longest_h": (24, 72),
    },
    # Readings further apart than a day are never compared (services/alerts/engine/tracks.py).
    "unregistered-resident": {"stay_h": (1, 168), "lag_h": (0, 72)},
    "arrival-not-followed-up": {"receipt_h": (1, 48), "arrival_h": (1, 72)},
    "foreign-resident-unregistered": {"within_h": (1, 72)},
    "checkpoint-bypass": {"window_s": (60, 86_400), "share": (0, 1)},
    "cloned-plate": {
        "share": (0.1, 1),
        "window_h": (1, 24),
        "wait_s": (0, 3600),
        "often": (1, 64),
    },
    "identity-conflict": {"share": (0.1, 1)},
    "inflow-surge": {"at_least": (1, 100_000), "sigmas": (0, 100), "times_medium": (1, 1000)},
    # A break of fewer heartbeats is not told (rules.source_silent).
    "source-silent": {"missed": (2, 60)},
    # Below ten seconds nothing is told apart (rules.tallies).
    "clock-skew": {"events": (1, 10_000), "skew_s": (10, 86_400)},
    "read-quality": {
        "readings": (5, 50),
        "lowest_median_c": (20, 37),
        "highest_median_c": (36, 50),
        "min_reads": (1, 10_000),
        "min_share": (0, 1),
        "times_baseline": (1, 100),
    },
    "opened-without-approval": {"apart_s": (0, 86_400), "within_h": (1, 72)},
    "worker-non-compliant": {"roster_lag_h": (0, 72), "observation_d": (0, 28)},
    "risk-round-trip": {"away_h": (1, 336)},
    "no-plate": {"window_s": (60, 3600)},
    "green-channel-deviation": {
        "min_confidence": (0, 1),
        "stop_s": (60, 86_400),
        "trip_h": (1, 48),
    },
    "nil-report-missing": {"grace_s": (0, 14_400)},
    "duty-no-show": {"grace_s": (0, 7200)},
    # Down to a second: a drill need not take half an hour.
    "overdue": {
        "ack_critical_s": (1, 86_400),
        "ack_high_s": (1, 86_400),
        "ack_medium_s": (1, 86_400),
        "dispatch_critical_s": (1, 86_400),
        "task_critical_s": (1, 604_800),
        "task_high_s": (1, 604_800),
        "task_medium_s": (1, 604_800),
        "task_low_s": (1, 2_592_000),
    },
}


def problem(rules: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    """Return (field, what is wrong) of the first threshold that no rule can use, if any."""
    for rule, parameters in rules.items():
        bounds = BOUNDS.get(rule)
        if bounds is None:
            return f"rules.{rule}", f"no such rule; there are {', '.join(BOUNDS)}"
        for name, value in parameters.items():
            field = f"rules.{rule}.{name}"
            if name not in bounds:
                return field, f"no such parameter; there are {', '.join(bounds)}"
            bound = bounds[name]
            if bound == COLOURS_BY_ISSUER:
                wrong = _table_problem(value)
                if wrong is not None:
                    return field + wrong[0], wrong[1]
                continue
            low, high = bound
            if isinstance(value, bool) or not isinstance(value, int | float):
                return field, "must be a number"
            if not low <= value <= high:
                return field, f"must be from {low} to {high}"
    return None


def _table_problem(table: object) -> tuple[str, str] | None:
    if not isinstance(table, dict):
        return "", "must be an object of colours by issuer"
    for issuer, colours in table.items():
        if not _ISSUER.fullmatch(issuer):
            return f".{issuer}", "must be a region of six digits, or *"
        if not isinstance(colours, list) or not all(each in ("red", "yellow") for each in colours):
            return f".{issuer}", "must be a list of red and yellow"
    return None
