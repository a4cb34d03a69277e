"""Writes what is made out of the structs: JSON Schema, AsyncAPI, and three pages of docs/.

    python -m schemas.generate             write; refuses a change that breaks readers
    python -m schemas.generate --check     write nothing; exit 1 if something drifted
    python -m schemas.generate --breaking  write even so: for a new major version

The files are committed, so that a change of the contracts is seen in review and by CI.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from schemas import asyncapi, jsonschema, tables
from schemas.compatibility import breaking_changes

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = PurePosixPath("schemas/generated/json")
_SUFFIX: Final = ".schema.json"


def render() -> dict[PurePosixPath, str]:
    """Return every generated file's text by its path in the repository."""
    files = {
        FOLDER / f"{name}{_SUFFIX}": _text(schema)
        for name, schema in jsonschema.documents().items()
    }
    files[FOLDER.parent / "asyncapi.json"] = _text(asyncapi.document())
    files[PurePosixPath("docs/topics.md")] = tables.topics_page()
    files[PurePosixPath("docs/settings.md")] = tables.settings_page()
    files[PurePosixPath("docs/suppressions.md")] = tables.suppressions_page()
    return files


def drift(root: Path, files: dict[PurePosixPath, str]) -> list[str]:
    """Return what differs between the files of a tree and fresh ones, one line for each."""
    found = []
    for path, text in files.items():
        if not (root / path).is_file():
            found.append(f"{path}: missing")
        elif (root / path).read_text(encoding="utf-8") != text:
            found.append(f"{path}: differs")
    return found + [f"{path}: nothing makes it any more" for path in _stale(root, files)]


def broken(root: Path, files: dict[PurePosixPath, str]) -> list[str]:
    """Return what the fresh schemas break for those who rely on the tree's, one line for each."""
    found = [f"{path}: removed" for path in _stale(root, files)]
    for path, text in files.items():
        if path.parent == FOLDER and (root / path).is_file():
            old = json.loads((root / path).read_text(encoding="utf-8"))
            found += [f"{path}: {change}" for change in breaking_changes(old, json.loads(text))]
    return found


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if something drifted")
    parser.add_argument("--breaking", action="store_true", help="write a breaking change too")
    arguments = parser.parse_args(argv)
    files = render()
    if arguments.check:
        return _report("drifted; run `make schemas`", drift(root, files))
    if not arguments.breaking:
        changes = broken(root, files)
        if changes:
            return _report("breaks readers; nothing was written", changes)
    for path in _stale(root, files):
        (root / path).unlink()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return 0


def _stale(root: Path, files: dict[PurePosixPath, str]) -> list[PurePosixPath]:
    there = sorted((root / FOLDER).glob(f"*{_SUFFIX}"))
    return [FOLDER / file.name for file in there if FOLDER / file.name not in files]


def _report(headline: str, lines: list[str]) -> int:
    for line in lines:
        sys.stderr.write(f"{line}\n")
    if lines:
        sys.stderr.write(f"{len(lines)} {headline}\n")
    return 1 if lines else 0


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
