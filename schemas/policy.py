"""Which thresholds a policy may set, and within which bounds.

The defaults stand with each rule; a test holds the two together. A value beyond a bound would
not be a stricter policy but a broken one: the engine forgets what no bound lets it need.
"""

from collections.abc import Mapping
from typing import Any, Final

# By rule and parameter: the smallest and the largest value. Units are in the names.
BOUNDS: Final[dict[str, dict[str, tuple[float, float]]]] = {
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
            low, high = bounds[name]
            if isinstance(value, bool) or not isinstance(value, int | float):
                return field, "must be a number"
            if not low <= value <= high:
                return field, f"must be from {low} to {high}"
    return None
