"""The console's sources: no way for a text to become markup, every word in both languages."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from services.api.campaigns.kinds import KINDS
from services.api.console.building import HERE
from services.api.console.routes import VIEWS

SOURCE = HERE / "src"
FILES = sorted(
    path
    for path in SOURCE.rglob("*")
    if path.suffix in (".svelte", ".ts", ".js") and "paraglide" not in path.parts
)
MESSAGES = sorted(path.name for path in (HERE / "messages").iterdir())
_WAYS_TO_MARKUP = (
    "{@html",
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "DOMParser",
    "createContextualFragment",
    "setHTML",
    "srcdoc",
    "eval(",
    "new Function",
)
# An attribute `style` in markup is inline style, which the policy forbids.
_INLINE = re.compile(r"<[a-z][^<>]*\s(?:style|on[a-z]+)=\"")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_text_can_become_markup_or_code(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    for way in _WAYS_TO_MARKUP:
        assert way not in source
    if path.suffix == ".svelte":
        assert _INLINE.search(source) is None


@pytest.mark.parametrize("view", MESSAGES)
def test_every_word_is_there_in_both_languages(view: str) -> None:
    english, chinese = (
        json.loads((HERE / "messages" / view / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("en", "zh")
    )
    assert english.keys() == chinese.keys()
    for key in english.keys() - {"$schema"}:
        assert key.startswith(f"{view}_"), key
        # What is filled in is filled in in both, and in each form.
        forms = [form for each in (english, chinese) for form in _forms(each[key])]
        assert len({frozenset(re.findall(r"\{(\w+)\}", form)) for form in forms}) == 1, key


def test_what_is_one_is_told_as_one() -> None:
    for view in MESSAGES:
        words = json.loads((HERE / "messages" / view / "en.json").read_text(encoding="utf-8"))
        for key in words.keys() - {"$schema"}:
            forms = list(_forms(words[key]))
            assert len(forms) > 1 or not re.search(r"\{count\} (?:\w+ )?\w+s\b", forms[0]), key


def _forms(message: str | list[dict[str, dict[str, str]]]) -> Iterable[str]:
    """A message has one form, or one for each kind of number."""
    return [message] if isinstance(message, str) else message[0]["match"].values()


def test_no_word_is_left_over_or_missing() -> None:
    used = set()
    for path in FILES:
        used |= set(re.findall(r"\bm\.(\w+)", path.read_text(encoding="utf-8")))
    written: set[str] = set()
    for view in MESSAGES:
        text = (HERE / "messages" / view / "en.json").read_text(encoding="utf-8")
        written |= json.loads(text).keys() - {"$schema"}
    assert used == written


def test_whatever_a_campaign_lets_one_choose_has_a_name() -> None:
    forms = [field for kind in KINDS.values() for field in (*kind.facts, *kind.answers)]
    options = {option for field in forms for option in field.options}
    text = (SOURCE / "names" / "options.ts").read_text(encoding="utf-8")
    named = set(re.findall(r'^  "?([\w-]+)"?: m\.', text, re.MULTILINE))
    # The number of the police is the same word in every language.
    assert options - {"110"} == named


def test_the_page_has_no_code_or_style_of_its_own() -> None:
    page = (HERE / "index.html").read_text(encoding="utf-8")
    assert "<style" not in page
    assert re.search(r"\s(on\w+|style)=", page) is None
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]


def test_the_api_knows_the_path_of_every_view() -> None:
    views = (SOURCE / "app" / "views.ts").read_text(encoding="utf-8")
    assert set(re.findall(r'\{ name: "(\w+)"', views)) == set(VIEWS)
