"""What happens in the tests of the console: real events at ingest, real entries of registers."""

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.county.numbers import resident_id
from tests.system import RunningSystem

# Numbers that the simulated county gives to nobody.
_FIRST = 700_000


class Desk:
    """Lets things happen in a running system."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._numbers = itertools.count(_FIRST)

    def user(self, name: str, role: str, password: str, areas: list[str] | None = None) -> None:
        """Make a user."""
        body = {"name": name, "role": role, "password": password, "areas": areas}
        answer = self._system.api("POST", "/v1/users", body)
        assert answer.status == 201, answer

    def order(self) -> tuple[str, str]:
        """File an order to stay at home; return its id and the number of the person."""
        number = next(self._numbers)
        person = resident_id(number)
        order = f"console-{number}"
        start = datetime.now(UTC) - timedelta(days=2)
        body = {
            "valid_from": start.isoformat(timespec="seconds"),
            "source": "test",
            "reason": "test of the console",
            "purpose": "outbreak-control",
            "subject": {"id_type": "resident_id", "id_number": person},
            "class": "home-isolation",
            "kind": "home",
            "zone": "community-1",
            "exposure_date": start.date().isoformat(),
            "start": start.isoformat(timespec="seconds"),
        }
        answer = self._system.api("PUT", f"/v1/registers/order/{order}", body)
        assert answer.status in (200, 201), answer
        return order, person

    def seen(self, person: str, site: str = "expressway-a") -> str:
        """Let a person be checked by a document at a site, now; return the event's id."""
        event = f"console-{time.time_ns()}"
        self._post(
            "/v1/health-checks",
            event,
            "cordon.health-check.v1",
            {
                "site": site,
                "person": {
                    "id_type": "resident_id",
                    "id_number": person,
                    "verified_by": "document",
                },
            },
        )
        return event

    def listed(self, plate: str, note: str = "test of the console") -> None:
        """Put a plate on the watch list."""
        body = {
            "valid_from": (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds"),
            "source": "test",
            "reason": note,
            "purpose": "outbreak-control",
            "plate": plate,
            "category": "close-contact",
        }
        entry = f"console-{next(self._numbers)}"
        answer = self._system.api("PUT", f"/v1/registers/watch-entry/{entry}", body)
        assert answer.status in (200, 201), answer

    def read(self, plate: str, site: str = "camera-1") -> None:
        """Let a camera read a plate, now."""
        self._post(
            "/v1/plate-hits",
            f"console-{time.time_ns()}",
            "cordon.plate-hit.v1",
            {"site": site, "direction": "in", "plate": plate, "confidence": 0.99},
        )

    def alert(self, **filters: str) -> dict[str, Any]:
        """Return the newest alert that fits, as soon as there is one."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        until_s = time.monotonic() + 20
        while time.monotonic() < until_s:
            answer = self._system.api("GET", f"/v1/alerts?limit=1&{query}")
            items: list[dict[str, Any]] = answer.json()["items"]
            if items:
                return items[0]
        raise AssertionError(f"no alert with {filters}")

    def act(self, alert: dict[str, Any], name: str, body: dict[str, Any]) -> None:
        """Do something with an alert as the administrator."""
        path = "/v1/alerts:act"
        seen = {"id": alert["id"], "revision": alert["revision"]}
        answer = self._system.api("POST", path, {"act": name, "items": [seen], **body})
        assert answer.json()["items"][0]["status"] == 200, answer

    def _post(self, path: str, event: str, kind: str, data: dict[str, Any]) -> None:
        body = {
            "specversion": "1.0",
            "id": event,
            "source": "console-test",
            "type": kind,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "data": data,
        }
        answer = self._system.ingest(path, body)
        assert answer.status == 202, answer
        assert answer.json()["accepted"] == 1, answer
