"""The committed samples: records as versions of Cordon wrote them, and what was posted for them.

`samples/<type>[.<variant>].json` is a written record; with `.posted` before the end, what a device
or a timeline gave. Readers of every later version must accept them all, so none is ever changed.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "samples"
WRITTEN = sorted(path.stem for path in FOLDER.glob("*.json") if ".posted" not in path.name)
POSTED = sorted(path.stem for path in FOLDER.glob("*.posted.json"))


def sample(stem: str) -> Any:
    """Return the content of one sample."""
    return json.loads(sample_text(stem))


def sample_text(stem: str) -> str:
    """Return the text of one sample."""
    return (FOLDER / f"{stem}.json").read_text(encoding="utf-8")
