"""Fetching through the real jgo, from a Maven repository on this machine."""

import dataclasses
import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.broker.errors import FetchError, JarVerificationError
from deploy.broker.fetch import broker_cache, ensure_jars
from deploy.broker.lockfile import Lock, LockedJar

# jgo leaves its HTTP connections to the collector, which may come by in any of these tests.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_CONTENT = {"alpha": b"the first jar", "beta": b"the second jar"}
# Nothing listens on the discard port of a machine that runs tests.
_UNREACHABLE = "http://127.0.0.1:9"


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news in a test."""


def _jar(artifact: str, content: bytes) -> LockedJar:
    digest = hashlib.sha256(content).hexdigest()
    return LockedJar("org.example", artifact, "1.0", "", len(content), digest)


LOCK = Lock("4.0.0", tuple(_jar(name, content) for name, content in _CONTENT.items()))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """The address of a Maven repository that has the jars of LOCK."""
    root = tmp_path / "repository"
    for name, content in _CONTENT.items():
        folder = root / "org" / "example" / name / "1.0"
        folder.mkdir(parents=True)
        (folder / f"{name}-1.0.jar").write_bytes(content)
    handler = functools.partial(_QuietHandler, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_empty_cache_is_filled_and_progress_is_shown(tmp_path: Path, repository: str) -> None:
    said: list[str] = []
    class_path = ensure_jars(LOCK, tmp_path / "cache", said.append, repository)
    assert [path.read_bytes() for path in class_path] == list(_CONTENT.values())
    assert said == [f"downloading kafka {done}/2 jars …" for done in (0, 1, 2)]


def test_a_full_cache_needs_no_network(tmp_path: Path, repository: str) -> None:
    said: list[str] = []
    first = ensure_jars(LOCK, tmp_path / "cache", lambda _: None, repository)
    second = ensure_jars(LOCK, tmp_path / "cache", said.append, _UNREACHABLE)
    assert second == first
    assert said == []


def test_only_what_is_missing_is_downloaded(tmp_path: Path, repository: str) -> None:
    said: list[str] = []
    class_path = ensure_jars(LOCK, tmp_path / "cache", lambda _: None, repository)
    class_path[1].unlink()
    ensure_jars(LOCK, tmp_path / "cache", said.append, repository)
    assert said == [f"downloading kafka {done}/2 jars …" for done in (1, 2)]


def test_an_unreachable_repository_names_the_jar(tmp_path: Path) -> None:
    lock = dataclasses.replace(LOCK, jars=LOCK.jars[:1])
    with pytest.raises(FetchError, match=r"alpha-1\.0\.jar"):
        ensure_jars(lock, tmp_path / "cache", lambda _: None, _UNREACHABLE)


def test_a_jar_that_the_repository_lacks_is_named(tmp_path: Path, repository: str) -> None:
    lock = dataclasses.replace(LOCK, jars=(_jar("delta", b"nowhere"),))
    with pytest.raises(FetchError, match=r"delta-1\.0\.jar"):
        ensure_jars(lock, tmp_path / "cache", lambda _: None, repository)


def test_one_wrong_digit_is_refused_and_nothing_of_it_stays(
    tmp_path: Path, repository: str
) -> None:
    beta = LOCK.jars[1]
    digit = "1" if beta.sha256[0] == "0" else "0"
    wrong = dataclasses.replace(beta, sha256=digit + beta.sha256[1:])
    lock = dataclasses.replace(LOCK, jars=(LOCK.jars[0], wrong))
    with pytest.raises(JarVerificationError, match=r"beta-1\.0\.jar as downloaded"):
        ensure_jars(lock, tmp_path / "cache", lambda _: None, repository)
    folder = broker_cache(tmp_path / "cache", lock)
    assert not (folder / "jars" / "beta-1.0.jar").exists()
    assert not (folder / "staging").exists()


def test_a_cached_jar_that_was_changed_is_refused(tmp_path: Path, repository: str) -> None:
    class_path = ensure_jars(LOCK, tmp_path / "cache", lambda _: None, repository)
    class_path[0].write_bytes(b"tampered with")
    with pytest.raises(JarVerificationError, match=r"alpha-1\.0\.jar"):
        ensure_jars(LOCK, tmp_path / "cache", lambda _: None, repository)


def test_half_a_download_of_a_killed_process_is_not_used(tmp_path: Path, repository: str) -> None:
    staged = broker_cache(tmp_path / "cache", LOCK) / "staging" / "org/example/alpha/1.0"
    staged.mkdir(parents=True)
    (staged / "alpha-1.0.jar").write_bytes(b"the fir")
    class_path = ensure_jars(LOCK, tmp_path / "cache", lambda _: None, repository)
    assert class_path[0].read_bytes() == _CONTENT["alpha"]
