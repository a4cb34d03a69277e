"""Lets the API look into the sighting store, which is another service's: by the files it keeps."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.times import format_ms
from services.api.trails.routes import Seen

if TYPE_CHECKING:
    from services.alerts.sightings.sighting import Sighting
    from services.alerts.sightings.store import Reader


class Trails:
    """Sightings of a folder, which may not be there yet; opened by whoever asks first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opening = threading.Lock()
        self._reader: Reader | None = None

    def __call__(self, subject: str, from_ms: int, to_ms: int) -> Sequence[Seen]:
        """Return the sightings of a subject, by time. Raises OSError."""
        # Only who asks needs a database of columns; an API that starts does not wait for it.
        import duckdb

        try:
            return [_seen(each) for each in self._opened().of(subject, from_ms, to_ms)]
        except duckdb.Error as error:
            raise OSError(f"the sightings cannot be asked: {error}") from error

    def close(self) -> None:
        """Let go of the memory."""
        if self._reader is not None:
            self._reader.close()

    def _opened(self) -> "Reader":
        from services.alerts.sightings.store import Reader

        with self._opening:
            if self._reader is None:
                if not self._folder.is_dir():
                    raise FileNotFoundError(f"there is no folder of sightings at {self._folder}")
                self._reader = Reader(self._folder)
            return self._reader


def _seen(sighting: "Sighting") -> Seen:
    """Return what the API tells of a sighting: nothing of who else was there."""
    return Seen(
        time=format_ms(sighting.time_ms),
        site=sighting.site,
        direction=sighting.direction,
        type=sighting.type,
        source=sighting.source,
        id=sighting.id,
        lane=sighting.lane,
        confidence=sighting.confidence,
    )
