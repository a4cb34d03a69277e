"""Writes the events of the kit and the state that they lead to: `python make.py`.

The events are made of the project's own forms, so a change of those changes the kit.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas.alerts import Alert, AlertEvent, AlertVerb, Evidence, Reason, Subject, alert_type
from schemas.times import format_ms
from services.api.feed.frames import GAP, LINES, OPEN, POSITION, Gap, Opened, Position, notice
from services.api.merge import SOURCE

FOLDER = Path(__file__).parent
_AT_MS = 1_640_000_000_000


def cursor(n: int) -> str:
    """Return the cursor of the event `n`."""
    return f"c0ffee00-{n}"


def event(n: int, ident: str, revision: int, verb: AlertVerb, **fields: Any) -> dict[str, Any]:
    """Return an event of an alert as the feed sends it; `fields` change the alert."""
    at = format_ms(_AT_MS + 1_000 * n)
    alert = Alert(
        id=ident,
        revision=revision,
        rule="quarantine-breach",
        rule_version="1.0.0",
        policy_version="default@1",
        severity="critical",
        evidence_class="person",
        state="open",
        subject=Subject("person", f"person:1:{ident}", "330421…001X"),
        site="north-gate",
        order="order-01",
        first_seen=at,
        last_seen=at,
        count=1,
        historical=False,
        evidence=[Evidence("desk-1", f"check-{n}", "cordon.health-check.v1", at, "north-gate")],
        reason=Reason("A person under order was checked at the gate.", "隔离人员出现在卡口。"),
    )
    changed = msgspec.structs.replace(alert, **fields)
    made = AlertEvent(
        specversion="1.0",
        id=f"{ident}/{revision}",
        source=SOURCE,
        type=alert_type(verb),
        time=at,
        recordedtime=at,
        cursor=cursor(n),
        data=changed,
    )
    return json.loads(msgspec.json.encode(made))


def feed(kind: str, n: int, data: Opened | Gap | Position) -> dict[str, Any]:
    """Return an event of the feed itself."""
    return json.loads(notice(LINES, kind, data, cursor(n), _AT_MS + 1_000 * n))


def events() -> list[dict[str, Any]]:
    """Return everything that a subscriber of the kit is sent, in order."""
    raised = event(1, "repeated", 1, "raised")
    newer = event(4, "late", 3, "acked", state="acked", count=2)
    older = event(3, "late", 2, "updated", count=2)
    unknown = event(6, "unknown", 2, "updated")
    # What a later version may write: members, a severity, a state and an act that nobody knows yet.
    unknown |= {"type": "cordon.alert.parked.v1", "weather": {"fog": True}}
    unknown["data"] |= {"severity": "severe", "state": "parked", "parked_by": ["li"]}
    withdrawn = event(8, "withdrawn", 2, "retracted", state="retracted", outcome="authorised")
    survivor = event(9, "survivor", 1, "raised")
    merged = event(
        11, "merged", 3, "retracted", state="retracted", outcome="duplicate", related=["survivor"]
    )
    inherited = event(12, "survivor", 2, "acked", state="acked")
    before_gap = event(15, "reopened", 2, "resolved", state="resolved", outcome="transit")
    return [
        feed(OPEN, 0, Opened(cursor(0))),
        raised,
        raised,
        event(2, "late", 1, "raised"),
        newer,
        older,
        event(5, "unknown", 1, "raised", severity="high"),
        unknown,
        event(7, "withdrawn", 1, "raised"),
        withdrawn,
        survivor,
        event(10, "merged", 2, "acked", state="acked"),
        merged,
        inherited,
        # After a failure a stretch of the log comes twice; nothing may come back to life by it.
        event(7, "withdrawn", 1, "raised"),
        withdrawn,
        survivor,
        event(10, "merged", 2, "acked", state="acked"),
        merged,
        inherited,
        feed(POSITION, 13, Position(cursor(13))),
        event(14, "reopened", 1, "raised", severity="low"),
        before_gap,
        feed(GAP, 40, Gap(cursor(15), cursor(40))),
        feed("cordon.feed.weather.v1", 40, Position(cursor(40))),
        event(41, "reopened", 5, "reopened", severity="medium"),
        event(42, "reopened", 6, "noted", severity="medium", note='{"cursor":"bait-1"}'),
    ]


EXPECTED: dict[str, Any] = {
    "alerts": {
        "late": {"revision": 3, "state": "acked", "severity": "critical"},
        "reopened": {"revision": 6, "state": "open", "severity": "medium"},
        "repeated": {"revision": 1, "state": "open", "severity": "critical"},
        "survivor": {"revision": 2, "state": "acked", "severity": "critical"},
        "unknown": {"revision": 2, "state": "parked", "severity": "severe"},
    },
    "retracted": {"merged": "survivor", "withdrawn": None},
    "reread": [cursor(40)],
    "cursor": cursor(42),
}


def files() -> dict[str, str]:
    """Return the text of each file of the kit that is made."""
    lines = (json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in events())
    return {
        "events.jsonl": "".join(f"{line}\n" for line in lines),
        "expected.json": json.dumps(EXPECTED, indent=2) + "\n",
    }


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
