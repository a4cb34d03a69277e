"""The rooms of the code, and the one direction in which they see each other.

`schemas ← rules ← engine ← agents`, `rules ← sightings`, `rules ← ingest`, `schemas ← api`. A
service never imports another; only deploy, which runs everything on one machine, sees all. What
decides (rules, engine) knows no broker, no web, no clock and no chance, so that a timeline gives
the same alerts anywhere.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rules.catalogue import CATALOGUE

ROOT = Path(__file__).parent.parent
PARTS = ("schemas", "rules", "services", "deploy", "tests")

RULES, ENGINE, AGENTS = "rules", "services.alerts.engine", "services.alerts.agents"
SIGHTINGS = "services.alerts.sightings"
# Each room, and the rooms that it may import from. Tests may import everything.
SEES: dict[str, tuple[str, ...]] = {
    "schemas": ("schemas",),
    RULES: ("schemas", RULES),
    ENGINE: ("schemas", RULES, ENGINE),
    AGENTS: ("schemas", RULES, ENGINE, AGENTS),
    SIGHTINGS: ("schemas", RULES, SIGHTINGS),
    "services.ingest": ("schemas", RULES, "services.ingest"),
    "services.api": ("schemas", "services.api"),
    "deploy": ("schemas", RULES, "services", "deploy"),
    "tests": PARTS,
}
PURE = (RULES, ENGINE)
IMPURE_LIBRARIES = {
    "aiokafka",
    "asyncio",
    "fastapi",
    "faust",
    "logging",
    "random",
    "secrets",
    "structlog",
    "time",
    "uuid",
}
CLOCK_METHODS = {"now", "today", "utcnow"}
NAMELESS = {"common", "core", "helper", "helpers", "util", "utils"}


def modules(root: Path) -> Iterator[tuple[str, Path, ast.Module]]:
    """Yield the dotted name, the path and the syntax tree of every module of a tree."""
    for part in PARTS:
        for path in sorted((root / part).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
            yield name.removesuffix(".__init__"), path, tree


def imports(name: str, path: Path, tree: ast.Module, root: Path) -> Iterator[str]:
    """Yield the dotted name of every module that a module imports, at any depth of its code."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            for alias in node.names:
                inner = root.joinpath(*module.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                yield f"{module}.{alias.name}" if is_module else module


def within(name: str, room: str) -> bool:
    """Tell whether a module is a room or lies in it."""
    return name == room or name.startswith(f"{room}.")


def wrong_directions(root: Path) -> list[str]:
    """Return every import that looks into a room which its own room must not see."""
    found = []
    for name, path, tree in modules(root):
        sees = next((seen for room, seen in SEES.items() if within(name, room)), ())
        for target in imports(name, path, tree, root):
            first_party = target.split(".")[0] in PARTS
            if first_party and not any(within(target, room) for room in sees):
                found.append(f"{name} imports {target}")
    return found


def impurities(root: Path) -> list[str]:
    """Return every library of the outside world and every clock in what decides."""
    found = []
    for name, path, tree in modules(root):
        if not any(within(name, room) for room in PURE):
            continue
        for target in imports(name, path, tree, root):
            if target.split(".")[0] in IMPURE_LIBRARIES:
                found.append(f"{name} imports {target}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in CLOCK_METHODS:
                found.append(f"{name} reads a clock in line {node.lineno}")
    return found


def nameless(root: Path) -> list[str]:
    """Return every module and folder whose name says nothing of what it holds."""
    return [name for name, _, _ in modules(root) if NAMELESS & set(name.split("."))]


def rules_of(tree: ast.Module) -> int:
    """Return how many rules a module makes."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sum(isinstance(call.func, ast.Name) and call.func.id == "Rule" for call in calls)


def crowded(root: Path) -> list[str]:
    """Return every file that holds more than one detector."""
    found = []
    for name, _, tree in modules(root):
        detectors = [
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("detect")
        ]
        if within(name, RULES) and max(rules_of(tree), len(detectors)) > 1:
            found.append(name)
    return found


def prints(root: Path) -> list[str]:
    """Return every use of `print`."""
    return [
        f"{name} prints in line {node.lineno}"
        for name, _, tree in modules(root)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "print"
    ]


CHECKS: tuple[Callable[[Path], list[str]], ...] = (
    wrong_directions,
    impurities,
    nameless,
    crowded,
    prints,
)


@pytest.mark.parametrize("check", CHECKS)
def test_the_tree(check: Callable[[Path], list[str]]) -> None:
    assert check(ROOT) == []


def test_every_room_is_known() -> None:
    homes = [name for name, _, _ in modules(ROOT) if name.count(".") > 1]
    unknown = {name for name in homes if not any(within(name, room) for room in SEES)}
    assert unknown == set()
    # A room that is gone must not stay in the list.
    for room in SEES:
        assert ROOT.joinpath(*room.split(".")).is_dir(), room


def test_every_rule_is_in_the_catalogue() -> None:
    files = [name for name, _, tree in modules(ROOT) if within(name, RULES) and rules_of(tree)]
    assert len(files) == len(CATALOGUE) == len({rule.name for rule in CATALOGUE})


@pytest.mark.parametrize(
    ("check", "path", "code", "expected"),
    [
        # Each part looks where it must not.
        (wrong_directions, "schemas/a.py", "import services.api", "schemas.a imports services.api"),
        (wrong_directions, "schemas/a.py", "import deploy.cli", "schemas.a imports deploy.cli"),
        (wrong_directions, "schemas/a.py", "from tests import x", "schemas.a imports tests"),
        (
            wrong_directions,
            "rules/a.py",
            "from services.alerts.engine.book import Book",
            "rules.a imports services.alerts.engine.book",
        ),
        (
            wrong_directions,
            "rules/a.py",
            "from services.alerts import engine",
            "rules.a imports services.alerts.engine",
        ),
        (
            wrong_directions,
            "rules/a.py",
            "from services.alerts.engine.book import x as y",
            "rules.a imports services.alerts.engine.book",
        ),
        (
            wrong_directions,
            "services/alerts/engine/__init__.py",
            "from ..agents.app import x",
            "services.alerts.engine imports services.alerts.agents.app",
        ),
        (
            wrong_directions,
            "services/alerts/engine/a.py",
            "def f():\n    import services.alerts.agents",
            "services.alerts.engine.a imports services.alerts.agents",
        ),
        (
            wrong_directions,
            "services/ingest/a.py",
            "from services.api.store import Store",
            "services.ingest.a imports services.api.store",
        ),
        (
            wrong_directions,
            "services/api/a.py",
            "if TYPE_CHECKING:\n    from rules import rule",
            "services.api.a imports rules",
        ),
        (
            wrong_directions,
            "services/alerts/agents/a.py",
            "import services.ingest.producer as p",
            "services.alerts.agents.a imports services.ingest.producer",
        ),
        # What decides reaches out.
        *(
            (
                impurities,
                f"{room}/a.py",
                f"import {library}",
                f"{room.replace('/', '.')}.a imports {library}",
            )
            for room in ("rules", "services/alerts/engine")
            for library in ("faust", "aiokafka", "fastapi", "time", "random", "logging")
        ),
        (
            impurities,
            "rules/a.py",
            "from time import monotonic",
            "rules.a imports time",
        ),
        (
            impurities,
            "services/alerts/engine/a.py",
            "from datetime import datetime\nx = datetime.now(UTC)",
            "services.alerts.engine.a reads a clock in line 2",
        ),
        # A name that says nothing.
        (nameless, "services/api/utils.py", "", "services.api.utils"),
        (nameless, "services/common/a.py", "", "services.common.a"),
        (nameless, "schemas/core.py", "", "schemas.core"),
        (nameless, "tests/helpers.py", "", "tests.helpers"),
        # Two in one file.
        (
            crowded,
            "rules/a.py",
            "A = Rule()\nB = Rule()",
            "rules.a",
        ),
        (
            crowded,
            "rules/a.py",
            "def detect_a(): ...\ndef detect_b(): ...",
            "rules.a",
        ),
        (prints, "deploy/a.py", "def f():\n    print(1)", "deploy.a prints in line 2"),
    ],
)
def test_a_check_can_fail(
    check: Callable[[Path], list[str]], path: str, code: str, expected: str, tmp_path: Path
) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code)
    for room in ("rules", "services/alerts/engine", "services/alerts/agents"):
        (tmp_path / room).mkdir(parents=True, exist_ok=True)
    assert check(tmp_path) == [expected]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("schemas/a.py", "from schemas import times\nimport msgspec, time"),
        ("rules/a.py", "from schemas.times import parse_ms\nA = Rule()"),
        ("rules/a.py", "from . import b\nfrom .b import c"),
        ("services/alerts/engine/a.py", "from rules import rule"),
        ("services/alerts/agents/a.py", "import aiokafka, time, services.alerts.engine.book"),
        ("services/ingest/a.py", "from schemas.intake import Intake\nimport fastapi"),
        ("services/ingest/decisions.py", "from rules.registers import Registers"),
        ("services/ingest/cores.py", "x = datetime.now(UTC)\nsys.stdout.write('print')"),
        ("deploy/a.py", "from services.api import app\nfrom services.alerts.engine import book"),
        ("tests/a.py", "import services.api.app, deploy.cli, schemas"),
    ],
)
def test_a_check_lets_pass_what_is_right(path: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(code)
    for check in CHECKS:
        assert check(tmp_path) == []
