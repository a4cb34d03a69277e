"""The committed list of jars that make up the broker, and the check of what lies on the disk.

jgo has lock files of its own but accepts a jar whose hash differs from them, so this lock and
this check are what decides whether a jar may run.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from deploy.broker.errors import JarVerificationError

LOCK_PATH = Path(__file__).with_name("kafka.lock.toml")

_HEADER = """\
# Every jar of the embedded broker, in the order of its class path.
# Written by `python -m deploy.broker.lock`; not edited by hand.
"""


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One jar: its Maven coordinates, its size in bytes and the SHA-256 of its content in hex."""

    group: str
    artifact: str
    version: str
    classifier: str
    size: int
    sha256: str

    @property
    def coordinate(self) -> str:
        """The coordinate in the form that jgo reads; `!` keeps jgo from treating it as a BOM."""
        parts = [self.group, self.artifact, self.version]
        if self.classifier:
            parts.append(self.classifier)
        return ":".join(parts) + "!"

    @property
    def filename(self) -> str:
        """The name of the file in a Maven repository and in the cache."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{suffix}.jar"


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole broker: the version of Kafka and its jars in class path order."""

    kafka: str
    jars: tuple[LockedJar, ...]

    @property
    def fingerprint(self) -> str:
        """Short name of this exact set of jars; each set has its own folder in the cache."""
        joined = "\n".join(f"{jar.filename} {jar.sha256}" for jar in self.jars)
        return hashlib.sha256(joined.encode()).hexdigest()[:12]


def read_lock(path: Path = LOCK_PATH) -> Lock:
    """Read a lock file.  Raises OSError, tomllib.TOMLDecodeError, KeyError or TypeError."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    jars = tuple(LockedJar(**entry) for entry in content["jar"])
    return Lock(kafka=content["kafka"], jars=jars)


def render_lock(lock: Lock) -> str:
    """The text of a lock file; `read_lock` of it gives the same lock."""
    lines = [_HEADER, f'kafka = "{lock.kafka}"']
    for jar in lock.jars:
        lines += [
            "",
            "[[jar]]",
            f'group = "{jar.group}"',
            f'artifact = "{jar.artifact}"',
            f'version = "{jar.version}"',
            f'classifier = "{jar.classifier}"',
            f"size = {jar.size}",
            f'sha256 = "{jar.sha256}"',
        ]
    return "\n".join(lines) + "\n"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def missing_jars(lock: Lock, folder: Path) -> list[LockedJar]:
    """The jars of the lock that are not in the folder, whatever the others contain."""
    return [jar for jar in lock.jars if not (folder / jar.filename).exists()]


def verify_jars(lock: Lock, folder: Path) -> list[Path]:
    """Check that the folder holds exactly the jars of the lock and return them as a class path.

    Raises JarVerificationError naming every jar that is missing, that differs, or that the
    lock does not know.  Everything is read each time: 60 MB take a tenth of a second, and a
    remembered result could be older than a tampered file.
    """
    problems = []
    for jar in lock.jars:
        path = folder / jar.filename
        if not path.is_file():
            problems.append(f"{jar.filename} is missing from {folder}")
            continue
        found = sha256_of(path)
        if found != jar.sha256:
            problems.append(
                f"{jar.filename} in {folder} has SHA-256 {found} but the lock says {jar.sha256}; "
                "delete the file to download it again"
            )
    known = {jar.filename for jar in lock.jars}
    if folder.is_dir():
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in known)
        problems += [f"{name} in {folder} is not in the lock" for name in strangers]
    if problems:
        raise JarVerificationError(problems)
    return [folder / jar.filename for jar in lock.jars]
