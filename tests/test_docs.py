"""What the docs say exists: links, settings, commands, targets, tests, metrics, rules.

A page that names what is gone misleads whoever needs it most, so every name is looked up in the
code that it comes from.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer.main

from deploy import rule_pages
from deploy.cli import app
from deploy.county.people import settle
from rules.catalogue import CATALOGUE
from rules.match import CEILING
from rules.rule import Rule
from schemas.alerts import SEVERITIES
from schemas.events import HEALTH_CHECK
from schemas.intake import Intake
from schemas.persons import PseudonymKey
from schemas.settings import Settings
from tests.declared_metrics import names

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PATH = re.compile(
    r"(?:schemas|rules|services|deploy|tests|docs)/[\w./-]*|\.ci/run|docker-compose\.yml"
)
# Read before there are settings: the file that they lie in.
_BESIDE_SETTINGS = {"CORDON_CONFIG"}


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCED.sub("", text)


def code(text: str) -> Iterator[str]:
    """Yield every line of code of a page: of its blocks, and what stands between backquotes."""
    for block in _FENCED.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from _SPAN.findall(prose(text))


def read(name: str) -> str:
    """Return a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def anchor(heading: str) -> str:
    """Return the name under which a heading is linked to."""
    kept = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", kept.strip())


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in _LINK.findall(prose(read(name))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        if fragment:
            headings = _HEADING.findall(prose(other.read_text(encoding="utf-8")))
            assert fragment in {anchor(heading) for heading in headings}, target


@pytest.mark.parametrize("name", NAMES)
def test_settings_exist(name: str) -> None:
    known = {f"CORDON_{field.upper()}" for field in Settings.model_fields} | _BESIDE_SETTINGS
    assert set(re.findall(r"CORDON_[A-Z_]*[A-Z]", read(name))) <= known


def test_the_settings_beside_the_settings_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cordon.toml").write_text("api_port = 1\n")
    monkeypatch.setenv("CORDON_CONFIG", str(tmp_path / "cordon.toml"))
    monkeypatch.delenv("CORDON_API_PORT", raising=False)
    assert Settings().api_port == 1


@pytest.mark.parametrize("name", NAMES)
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    for line in code(read(name)):
        assert set(re.findall(r"^make ([a-z-]+)", line.strip())) <= targets, line


def test_every_make_target_is_told() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))
    assert targets == set(
        re.findall(r"^\| `make ([a-z-]+)`", read("CONTRIBUTING.md"), re.MULTILINE)
    )


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str) -> None:
    for line in code(read(name)):
        for words in re.findall(r"(?:^|[\s/])cordon((?: [\w./<>:-]+)+)", line):
            command: Any = typer.main.get_command(app)
            given = words.split()
            while given and hasattr(command, "commands"):
                assert given[0] in command.commands or given[0].startswith("-"), line
                command = command.commands.get(given.pop(0), command)
            options = {option for each in command.params for option in each.opts} | {"--help"}
            assert {word for word in given if word.startswith("--")} <= options, line


@pytest.mark.parametrize("name", NAMES)
def test_files_and_tests_exist(name: str) -> None:
    for span in _SPAN.findall(prose(read(name))):
        path, _, test = span.partition("::")
        if _PATH.fullmatch(path):
            assert (ROOT / path).exists(), span
            assert not test or re.search(rf"def {test}\(", read(path)), span


# Metrics.


def test_every_metric_is_listed() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", read("docs/metrics.md"), re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == names()


@pytest.mark.parametrize("name", NAMES)
def test_metrics_exist(name: str) -> None:
    assert set(re.findall(r"cordon_(?:ingest|worker|api)_\w+", read(name))) <= names()


# Rules.


def test_the_pages_of_the_rules_are_fresh() -> None:
    assert rule_pages.main(["--check"]) == 0, "run `make schemas`"


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: str(rule.code))
def test_every_threshold_of_a_rule_is_told(rule: Rule) -> None:
    assert rule_pages.meanings(rule).keys() == rule.defaults.keys()


def test_the_ceilings_are_told() -> None:
    rows = re.findall(r"^\| (\w+) \| .* \| (\w+) \|$", read("docs/rules.md"), re.MULTILINE)
    assert {name: top for name, top in rows if top in SEVERITIES} == CEILING


# Decisions.


def test_decisions_are_numbered_and_listed() -> None:
    assert [path.name[:4] for path in DECISIONS] == [
        f"{number:04d}" for number in range(1, len(DECISIONS) + 1)
    ]
    index = read("docs/index.md")
    assert all(f"(decisions/{path.name})" in index for path in DECISIONS)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: str(path.stem))
def test_a_decision_has_its_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    title, quoted = text.split("\n## ")[0].strip().split("\n\n")
    assert title.startswith(f"# {path.name[:4]} ")
    assert all(line.startswith("> ") for line in quoted.splitlines())
    assert [heading for heading in _HEADING.findall(text) if not heading.startswith("0")] == [
        "Context",
        "Decision",
        "Consequences",
        "Check",
    ]


@pytest.mark.parametrize("name", ["docs/" + path.name for path in (ROOT / "docs").glob("*.md")])
def test_every_page_can_be_found(name: str) -> None:
    assert name == "docs/index.md" or f"({Path(name).name})" in read("docs/index.md")


# The example of the README.


def test_the_example_is_accepted_and_is_of_the_county() -> None:
    (body,) = re.findall(r"-d '(\{.*?\})'$", read("README.md"), re.MULTILINE | re.DOTALL)
    shell = {r"'\$\(date \+%s\)'": "7", r"'\$\(date -u \S+\)'": "2026-03-02T01:00:00Z"}
    for command, answer in shell.items():
        body = re.sub(command, answer, body)
    accepted = Intake(PseudonymKey.fixed_for_tests()).accept(HEALTH_CHECK, body.encode(), 0)
    assert accepted.warnings == []
    data = msgspec.json.decode(body)["data"]
    people = settle(1)
    first = people.ordered[0]
    assert (data["person"]["id_number"], "order-01") == (first.id_number, first.order)
    (site,) = [site for site in people.places.sites if site.id == data["site"]]
    assert first.zone not in site.zones


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert version in read("CHANGELOG.md")
