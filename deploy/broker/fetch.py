"""Bring the jars of the lock into the cache, once; afterwards no network is needed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import stamina
import structlog
from jgo.maven import MavenContext

from deploy.broker.errors import FetchError, JarVerificationError
from deploy.broker.lockfile import Lock, LockedJar, missing_jars, sha256_of, verify_jars
from deploy.broker.maven import MAVEN_CENTRAL, download_jar, maven_context
from deploy.broker.settings import ProgressCallback

_log = structlog.get_logger(__name__)

# Enough to hide the latency of one request behind another, few enough to be polite.
_PARALLEL_DOWNLOADS = 4
_ATTEMPTS = 3


def broker_cache(cache_dir: Path, lock: Lock) -> Path:
    """The folder of one exact set of jars: a change of the lock never meets older files."""
    return cache_dir / "kafka" / f"{lock.kafka}-{lock.fingerprint}"


def ensure_jars(
    lock: Lock,
    cache_dir: Path,
    progress: ProgressCallback,
    repository: str = MAVEN_CENTRAL,
) -> list[Path]:
    """Return the verified class path, downloading first what the cache does not hold.

    Every jar is hashed in any case.  Several processes may call this at the same time.  Raises
    FetchError when something is missing and cannot be had, and JarVerificationError when what
    is there, or what was sent, is not what the lock says.
    """
    folder = broker_cache(cache_dir, lock)
    jars = folder / "jars"
    jars.mkdir(parents=True, exist_ok=True)
    with _exclusively(folder / "fetch.lock"):
        missing = missing_jars(lock, jars)
        if missing:
            _download(missing, len(lock.jars), folder, progress, repository)
        return verify_jars(lock, jars)


@contextmanager
def _exclusively(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the system drops it when the holder dies."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _download(
    missing: list[LockedJar],
    total: int,
    folder: Path,
    progress: ProgressCallback,
    repository: str,
) -> None:
    """Download jars into a side folder, check each, and only then move it into place."""
    staging = folder / "staging"
    # A killed process may have left half a file there.
    shutil.rmtree(staging, ignore_errors=True)
    context = maven_context(staging, repository)
    done = total - len(missing)
    progress(f"downloading kafka {done}/{total} jars …")
    pool = ThreadPoolExecutor(max_workers=_PARALLEL_DOWNLOADS, thread_name_prefix="kafka-jar")
    try:
        pending = {pool.submit(_download_one, context, jar): jar for jar in missing}
        for future in as_completed(pending):
            _admit(future.result(), pending[future], folder / "jars")
            done += 1
            progress(f"downloading kafka {done}/{total} jars …")
    finally:
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(staging, ignore_errors=True)


def _download_one(context: MavenContext, jar: LockedJar) -> Path:
    """Download one jar, with a few attempts.  Raises FetchError naming it."""
    try:
        # The HTTP client's own errors are all OSError; jgo answers with RuntimeError for any
        # status but 200, so a passing 503 looks like a missing jar and deserves a retry too.
        for attempt in stamina.retry_context(on=(OSError, RuntimeError), attempts=_ATTEMPTS):
            with attempt:
                return download_jar(context, jar.coordinate)
    except (OSError, RuntimeError) as error:
        _log.warning("kafka_jar_download_failed", jar=jar.filename, error=str(error))
        raise FetchError(f"could not download {jar.filename}: {error}") from error
    raise FetchError(f"could not download {jar.filename}")


def _admit(downloaded: Path, jar: LockedJar, folder: Path) -> None:
    """Move a downloaded jar into the cache if it is the one of the lock."""
    found = sha256_of(downloaded)
    if found != jar.sha256:
        raise JarVerificationError(
            [f"{jar.filename} as downloaded has SHA-256 {found} but the lock says {jar.sha256}"]
        )
    os.replace(downloaded, folder / jar.filename)
