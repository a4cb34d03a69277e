"""One `cordon up` for each data folder: a second one must not even touch the first one's files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another `cordon up` has the folder."""


@contextmanager
def sole_owner(data_dir: Path) -> Iterator[None]:
    """Hold the folder, made if it is not there; raises AlreadyRunning.

    The system lets go of it when this process ends, however it ends.
    """
    # What lies in it is for its owner alone: tokens, the key of the pseudonyms, every record.
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "up.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(
                f"another `cordon up` runs on {data_dir}; stop it or choose another --data-dir"
            ) from error
        yield
