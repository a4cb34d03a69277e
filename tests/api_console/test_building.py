"""When the console is built anew, and how large the first load of what is built may be."""

import re
from pathlib import Path

import pytest

from services.api.console import building
from services.api.console.building import DIST, stale

_FIRST_LOAD_BYTES = 150_000


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in ("src/paraglide", "src/app", "messages/app", "public", "project.inlang", "dist"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        "index.html",
        "package.json",
        "package-lock.json",
        "project.inlang/settings.json",
        "svelte.config.js",
        "tsconfig.json",
        "vite.config.ts",
        "src/app/main.ts",
    ):
        (tmp_path / name).write_text(name)
    return tmp_path


def built(folder: Path) -> None:
    """Note what the sources are now, as a build does at its end."""
    (folder / "dist" / "built-from").write_text(building.digest(folder))


def test_what_was_never_built_is_stale(sources: Path) -> None:
    assert stale(sources)
    built(sources)
    assert not stale(sources)


@pytest.mark.parametrize("name", ["src/app/main.ts", "package-lock.json", "messages/app/new.json"])
def test_a_changed_source_makes_it_stale(sources: Path, name: str) -> None:
    built(sources)
    (sources / name).write_text("changed")
    assert stale(sources)


def test_what_is_generated_or_touched_does_not(sources: Path) -> None:
    built(sources)
    (sources / "src" / "paraglide" / "runtime.js").write_text("generated")
    (sources / "project.inlang" / "README.md").write_text("generated")
    (sources / "src" / "app" / "main.ts").touch()
    assert not stale(sources)


def test_a_source_that_goes_makes_it_stale(sources: Path) -> None:
    built(sources)
    (sources / "src" / "app" / "main.ts").rename(sources / "src" / "app" / "other.ts")
    assert stale(sources)


def test_the_first_load_is_small() -> None:
    if not (DIST / "index.html").is_file():
        pytest.skip("needs a built console: make console")
    page = (DIST / "index.html").read_text(encoding="utf-8")
    names = set(re.findall(r'(?:href|src)="/(assets/[^"]+)"', page))
    # The board is what comes first; the map comes with a chunk of its own.
    names |= {path.relative_to(DIST).as_posix() for path in DIST.glob("assets/Board-*.??")}
    names |= {path.relative_to(DIST).as_posix() for path in DIST.glob("assets/Board-*.???")}
    assert any(name.endswith(".js") for name in names)
    packed = {name: DIST / f"{name}.gz" for name in names}
    sizes = {
        name: (path if path.is_file() else DIST / name).stat().st_size
        for name, path in packed.items()
    }
    assert sum(sizes.values()) <= _FIRST_LOAD_BYTES, sizes
