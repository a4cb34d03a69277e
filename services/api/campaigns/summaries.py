"""What a kind of campaign adds up besides its counts. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.api.campaigns.campaign import CampaignKind
from services.api.campaigns.manifests import manifest
from services.api.tasks.task import Task
from services.api.tasks.transactions import Count

# Of these the items themselves are looked at; the others are told by their counts alone.
OF_ITEMS: Final[frozenset[CampaignKind]] = frozenset(
    ("placement", "coach", "contacts", "notice", "worker-health", "opening", "passes")
)
_DONE: Final = ("done", "evaluated")


def summary(kind: CampaignKind, total: Count, items: Sequence[Task]) -> dict[str, Any]:
    """Return the figures of a campaign; `items` are given for the kinds of OF_ITEMS only."""
    wanted = total.total - total.cancelled
    done = total.done + total.evaluated
    # Without items nothing is covered, and nothing is missing either.
    found: dict[str, Any] = {"coverage": round(done / wanted, 4) if wanted else None}
    standing = [task for task in items if task.state != "cancelled"]
    if kind == "contacts":
        told = [task for task in standing if task.result == "notified"]
        found |= {
            "found": len(standing),
            "notified": len(told),
            "untold": len(standing) - len(told),
            "transferred": sum(task.answers.get("transferred") is True for task in told),
            "retrospective": sum(task.facts.get("retrospective") is True for task in standing),
        }
    elif kind == "coach":
        found |= msgspec.structs.asdict(manifest(items))
    elif kind == "placement":
        planned = [task for task in standing if "bed" in task.facts]
        found |= {
            "planned": len(planned),
            "without_bed": len(standing) - len(planned),
            "placed": sum(task.state in _DONE for task in standing),
        }
    elif kind == "notice":
        found["reached"] = sum(task.answers.get("reached", 0) for task in standing)
    elif kind == "worker-health":
        found["health"] = dict(Counter(task.answers.get("health", "untold") for task in standing))
    elif kind in ("opening", "passes"):
        found["decisions"] = dict(Counter(task.result or "undecided" for task in standing))
    return found
