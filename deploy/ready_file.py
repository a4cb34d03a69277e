"""The ready file: where a system answers and with which tokens (contracts: Command line)."""

from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.private_file import write_private


class Ready(Struct, frozen=True):
    """Addresses of the API, of ingest, of the workers' health pages and of the sighting store's,
    the broker's bootstrap, and three tokens."""

    api: str
    ingest: str
    kafka: str
    admin_token: str
    device_token: str
    replay_token: str
    workers: list[str] = []
    sightings: str = ""

    @classmethod
    def load(cls, path: Path) -> "Ready":
        """Read the file; raises FileNotFoundError or msgspec.ValidationError."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Write the file at once and for its owner alone, since it holds tokens."""
        write_private(path, msgspec.json.format(msgspec.json.encode(self)) + b"\n")
