"""Which thresholds a policy may set, and within which bounds.

The defaults stand with each rule; a test holds the two together. A value beyond a bound would
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
    "quarantine-breach": {"grace_s": (0, 86_400)},
    "quarantined-vehicle-moving": {
        "grace_s": (0, 86_400),
        "min_strength": (0, 1),
        "min_confidence": (0, 1),
    },
    "first-seen-vehicle": {
        "look_back_d": (1, 90),
        "min_confidence": (0, 1),
        "dwell_s": (60, 86_400),
        "visit_h": (1, 72),
        "passage_s": (0, 120),
    },
    "read-quality": {
        "readings": (5, 50),
        "lowest_median_c": (20, 37),
        "highest_median_c": (36, 50),
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
