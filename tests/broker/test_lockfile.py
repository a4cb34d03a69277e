"""The lock decides which jars run: one wrong digit, one missing or one more jar is refused."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from deploy.broker.errors import JarVerificationError
from deploy.broker.lock import KAFKA_VERSION
from deploy.broker.lockfile import (
    Lock,
    LockedJar,
    missing_jars,
    read_lock,
    render_lock,
    verify_jars,
)

_CONTENT = {"alpha": b"the first jar", "beta": b"the second jar"}


def locked(artifact: str, content: bytes) -> LockedJar:
    digest = hashlib.sha256(content).hexdigest()
    return LockedJar("org.example", artifact, "1.0", "", len(content), digest)


LOCK = Lock("4.0.0", tuple(locked(name, content) for name, content in _CONTENT.items()))


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    """A folder with exactly the jars of LOCK."""
    for name, content in _CONTENT.items():
        (tmp_path / f"{name}-1.0.jar").write_bytes(content)
    return tmp_path


def other_digit(sha256: str) -> str:
    return ("1" if sha256[0] == "0" else "0") + sha256[1:]


def test_right_jars_are_a_class_path_in_the_order_of_the_lock(jars: Path) -> None:
    assert verify_jars(LOCK, jars) == [jars / "alpha-1.0.jar", jars / "beta-1.0.jar"]


def test_one_wrong_digit_in_the_lock_is_refused(jars: Path) -> None:
    first = LOCK.jars[0]
    wrong = dataclasses.replace(first, sha256=other_digit(first.sha256))
    with pytest.raises(JarVerificationError, match=r"alpha-1\.0\.jar"):
        verify_jars(dataclasses.replace(LOCK, jars=(wrong, LOCK.jars[1])), jars)


def test_one_changed_byte_on_the_disk_is_refused(jars: Path) -> None:
    (jars / "beta-1.0.jar").write_bytes(b"the second jaR")
    with pytest.raises(JarVerificationError, match=r"beta-1\.0\.jar") as caught:
        verify_jars(LOCK, jars)
    assert len(caught.value.problems) == 1


def test_a_missing_jar_is_refused_and_listed(jars: Path) -> None:
    (jars / "alpha-1.0.jar").unlink()
    assert missing_jars(LOCK, jars) == [LOCK.jars[0]]
    with pytest.raises(JarVerificationError, match=r"alpha-1\.0\.jar is missing"):
        verify_jars(LOCK, jars)


def test_a_jar_too_many_is_refused(jars: Path) -> None:
    (jars / "gamma-1.0.jar").write_bytes(b"a stranger")
    with pytest.raises(JarVerificationError, match=r"gamma-1\.0\.jar .* is not in the lock"):
        verify_jars(LOCK, jars)


def test_every_wrong_jar_is_named(jars: Path) -> None:
    (jars / "alpha-1.0.jar").unlink()
    (jars / "gamma-1.0.jar").write_bytes(b"a stranger")
    with pytest.raises(JarVerificationError) as caught:
        verify_jars(LOCK, jars)
    assert len(caught.value.problems) == 2


def test_a_written_lock_reads_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "lock.toml"
    path.write_text(render_lock(LOCK), encoding="utf-8")
    assert read_lock(path) == LOCK


def test_the_committed_lock_is_of_one_kafka_and_has_a_log_binding() -> None:
    lock = read_lock()
    assert lock.kafka == KAFKA_VERSION
    assert {jar.version for jar in lock.jars if jar.group == "org.apache.kafka"} == {KAFKA_VERSION}
    assert "log4j-slf4j-impl" in {jar.artifact for jar in lock.jars}
    assert len({jar.filename for jar in lock.jars}) == len(lock.jars)


def test_another_set_of_jars_has_another_folder() -> None:
    first = LOCK.jars[0]
    changed = dataclasses.replace(first, sha256=other_digit(first.sha256))
    other = dataclasses.replace(LOCK, jars=(changed, LOCK.jars[1]))
    assert LOCK.fingerprint != other.fingerprint
