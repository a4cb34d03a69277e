"""`python -m deploy.broker.lock` resolves the broker with jgo and writes the lock anew.

Run it to move to another Kafka: change KAFKA_VERSION, run it, read the difference, commit.
"""

import tempfile
from pathlib import Path

import structlog

from deploy.broker.lockfile import LOCK_PATH, Lock, LockedJar, render_lock, sha256_of
from deploy.broker.maven import maven_context, resolve_jars

KAFKA_VERSION = "4.3.1"
LOG4J_VERSION = "2.26.1"

# The `!` matters.  Without it jgo also reads each of them as a bill of materials, and the
# one of log4j then forces an old kafka-clients and an old jackson upon the broker.
COORDINATES = [
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!",
    # Kafka logs through slf4j 1.7 and brings no binding; without one it logs nothing.
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}!",
]


class MixedVersionsError(Exception):
    """The resolved set has jars of Kafka of more than one version."""


def build_lock(work_dir: Path) -> Lock:
    """Resolve COORDINATES into a lock; `work_dir` takes the downloads.

    Raises MixedVersionsError, and what `resolve_jars` raises.
    """
    jars = []
    for coordinate, path in resolve_jars(maven_context(work_dir), COORDINATES):
        group, artifact, version, classifier = coordinate.split(":")
        size = path.stat().st_size
        jars.append(LockedJar(group, artifact, version, classifier, size, sha256_of(path)))
    versions = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
    if versions != {KAFKA_VERSION}:
        raise MixedVersionsError(f"jars of Kafka in versions {sorted(versions)}")
    return Lock(KAFKA_VERSION, tuple(jars))


def main() -> None:
    """Resolve from an empty folder, so that nothing on this machine slips into the lock."""
    with tempfile.TemporaryDirectory(prefix="cordon-lock-") as work_dir:
        lock = build_lock(Path(work_dir))
    LOCK_PATH.write_text(render_lock(lock), encoding="utf-8")
    structlog.get_logger().info(
        "broker_lock_written", path=str(LOCK_PATH), kafka=lock.kafka, jars=len(lock.jars)
    )


if __name__ == "__main__":
    main()
