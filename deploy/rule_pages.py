"""Writes a page for each rule: from its docstrings, policy, suppressions and timelines.

python -m deploy.rule_pages           write docs/rules/*.md and the list in docs/rules.md
python -m deploy.rule_pages --check   write nothing; exit 1 if something drifted
"""

import argparse
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from rules.catalogue import CATALOGUE
from rules.rule import Rule
from schemas.policy import BOUNDS, COLOURS_BY_ISSUER
from schemas.suppressions import SUPPRESSORS
from schemas.times import DAY_MS, HOUR_MS, MINUTE_MS

ROOT: Final = Path(__file__).parent.parent
INDEX: Final = "docs/rules.md"
BEGIN: Final = "<!-- the list: python -m deploy.rule_pages -->"
END: Final = "<!-- end of the list -->"
_TITLE = re.compile(r"(?P<code>D\d+\w?) (?P<name>[\w-]+), (?P<zh>[^:]+): (?P<what>.+)", re.DOTALL)
_MEANING = re.compile(r"^- `(\w+)`: (.+(?:\n  .+)*)", re.MULTILINE)
_EFFECTS: Final = {
    "prevents": "raises nothing",
    "withdraws": "raises nothing, or takes the alert back when it is filed later",
    "lowers": "is one severity lower, and its reason says so",
}


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return the text of every page by its path, and that of the list's page."""
    examples = _examples(root)
    found = {
        f"docs/rules/{rule.code}-{rule.name}.md": _page(rule, examples.get(rule.name, []))
        for rule in CATALOGUE
    }
    index = (root / INDEX).read_text("utf-8")
    before, _, rest = index.partition(BEGIN)
    _, _, after = rest.partition(END)
    found[INDEX] = f"{before}{BEGIN}\n\n{_list()}\n{END}{after}"
    return found


def told(rule: Rule) -> tuple[str, str, str]:
    """Return a rule's Chinese name, its first sentence, and the rest of its module's docstring.

    Raises ValueError where the docstring does not begin with code, name and Chinese name.
    """
    text = inspect.getdoc(sys.modules[rule.describe.__module__]) or ""
    first, _, rest = text.partition("\n\n")
    title = _TITLE.fullmatch(first)
    if title is None or (title["code"], title["name"]) != (rule.code, rule.name):
        raise ValueError(f"{rule.name}: the docstring begins otherwise: {first[:60]!r}")
    what = " ".join(title["what"].split())
    return title["zh"], what[0].upper() + what[1:], rest


def meanings(rule: Rule) -> dict[str, str]:
    """Return what each threshold means, as the rule's docstring lists them."""
    listed = told(rule)[2].partition("Thresholds:")[2]
    return {name: " ".join(text.split()) for name, text in _MEANING.findall(listed)}


def _page(rule: Rule, examples: Sequence[tuple[str, str]]) -> str:
    zh, what, rest = told(rule)
    spec = rest.partition("Thresholds:")[0].strip()
    parts = [f"# {rule.code} {rule.name}", f"{zh}. {what}", spec]
    parts += [text for ask in _asked(rule) if (text := inspect.getdoc(ask))]
    parts += ["## Thresholds", _thresholds(rule), "## One alert", _episode(rule)]
    quiet = [each for each in SUPPRESSORS if rule.name in each.rules]
    if quiet:
        parts += ["## What speaks against it"]
        parts += [
            "\n".join(f"- `{each.name}`: {each.en}; it {_EFFECTS[each.effect]}." for each in quiet)
        ]
    if examples:
        parts += ["## Examples", "Timelines that `cordon backtest` runs, with what they end in:"]
        parts += ["\n".join(f"- [{name}](../../{name}): {about}" for name, about in examples)]
    made = f"_Made from `{rule.describe.__module__.replace('.', '/')}.py` by `make schemas`._"
    return "\n\n".join([*(part for part in parts if part), made]) + "\n"


def _asked(rule: Rule) -> Iterator[Callable[..., Any]]:
    """Yield the functions that say when a rule raises, each once."""
    module = sys.modules[rule.describe.__module__]
    assess = rule.dossiers.assess if rule.dossiers is not None else None
    for ask in (rule.on_check, rule.on_read, assess):
        if ask is not None and ask.__module__ == module.__name__ and inspect.getdoc(ask):
            yield ask


def _thresholds(rule: Rule) -> str:
    if not rule.defaults:
        return "None: there is nothing to set."
    rows = ["| threshold | default | bounds | |", "|-|-|-|-|"]
    said = meanings(rule)
    for name, default in rule.defaults.items():
        bound = BOUNDS[rule.name][name]
        bounds = "a table" if bound == COLOURS_BY_ISSUER else f"{bound[0]} to {bound[1]}"
        value = json.dumps(default) if isinstance(default, dict) else default
        rows.append(f"| `{name}` | `{value}` | {bounds} | {said.get(name, '')} |")
    return "\n".join(rows)


def _episode(rule: Rule) -> str:
    gap_ms = rule.quiet_gap_ms
    units = ((DAY_MS, "days"), (HOUR_MS, "hours"), (MINUTE_MS, "minutes"), (1000, "seconds"))
    gap = next(f"{gap_ms // unit_ms} {name}" for unit_ms, name in units if gap_ms >= unit_ms)
    until = (
        " It ends with what ends it, too: what comes then is another alert." if rule.until else ""
    )
    return f"Its quiet gap is {gap}.{until}"


def _list() -> str:
    rows = ["| | rule | raised when |", "|-|-|-|"]
    for rule in CATALOGUE:
        zh, what, _ = told(rule)
        page = f"rules/{rule.code}-{rule.name}.md"
        rows.append(f"| {rule.code} | [{rule.name}]({page}) {zh} | {what} |")
    return "\n".join(rows) + "\n"


def _examples(root: Path) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((root / "tests/alerts/timelines").glob("*.expect.json")):
        expected = json.loads(path.read_text("utf-8"))
        timeline = path.relative_to(root).as_posix().replace(".expect.json", ".ndjson")
        for name in sorted({want["rule"] for want in expected["expect"]}):
            found.setdefault(name, []).append((timeline, expected["about"]))
    return found


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rule_pages", description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(argv).check
    fresh = pages(root)
    stale = [
        path.relative_to(root).as_posix()
        for path in sorted((root / "docs/rules").glob("*.md"))
        if path.relative_to(root).as_posix() not in fresh
    ]
    drifted = [
        path
        for path, text in fresh.items()
        if not (root / path).exists() or (root / path).read_text("utf-8") != text
    ]
    if check:
        for path in [*drifted, *stale]:
            sys.stderr.write(f"{path}: differs; run `make schemas`\n")
        return 1 if drifted or stale else 0
    (root / "docs/rules").mkdir(exist_ok=True)
    for path in drifted:
        (root / path).write_text(fresh[path], "utf-8")
    for path in stale:
        (root / path).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
