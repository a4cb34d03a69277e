"""The page's files, and the policy that they are served under."""

import json
import re
from pathlib import Path

import pytest

from schemas.prefixes import PROVINCES
from services.ingest.page.routes import STATIC
from services.ingest.reasons import TEXTS
from tests.ingest.desk import Desk

SCRIPTS = sorted(STATIC.glob("*.js"))
_WAYS_TO_MARKUP = (
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


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An ingest that is only asked for its page."""
    desk = Desk(tmp_path)
    desk.window.close()
    return desk


async def test_the_page_and_all_it_names_are_served_and_kept(desk: Desk) -> None:
    page = await desk.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    named = set(re.findall(r'(?:href|src)="(/page/[^"]+)"', page.text))
    for script in SCRIPTS:
        named |= {f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', script.read_text())}
    files = {f"/page/{path.name}" for path in STATIC.iterdir()}
    assert named == files - {"/page/index.html", "/page/worker.js"} | {"/page/forms.js"}
    for path in (*named, "/worker.js"):
        assert (await desk.http.get(path)).status_code == 200, path
    worker = (await desk.http.get("/worker.js")).text
    kept = re.findall(r"^const PARTS = (.*);$", worker, re.MULTILINE)
    assert set(json.loads(kept[0])) == {"/", *named}


@pytest.mark.parametrize("path", ["/", "/worker.js", "/page/main.js", "/page/forms.js"])
async def test_nothing_runs_or_frames_but_the_page_itself(desk: Desk, path: str) -> None:
    headers = (await desk.http.get(path)).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=(self)" in headers["permissions-policy"]


async def test_a_part_that_is_current_is_not_sent_again(desk: Desk) -> None:
    etag = (await desk.http.get("/")).headers["etag"]
    answer = await desk.http.get("/", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2froutes.py", "routes.py"])
async def test_only_the_parts_of_the_page_are_served(desk: Desk, name: str) -> None:
    assert (await desk.http.get(f"/page/{name}")).status_code == 404


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_text_can_become_markup(script: Path) -> None:
    source = script.read_text()
    for way in _WAYS_TO_MARKUP:
        assert way not in source


def test_the_page_has_no_code_or_style_of_its_own() -> None:
    page = (STATIC / "index.html").read_text()
    assert "<style" not in page
    assert re.search(r"\s(on\w+|style)=", page) is None
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]


async def test_the_forms_are_those_of_the_server(desk: Desk) -> None:
    forms = (await desk.http.get("/page/forms.js")).text
    values = dict(re.findall(r"^export const (\w+) = (.*);$", forms, re.MULTILINE))
    assert set(json.loads(values["PROVINCES"])) == set(PROVINCES)
    assert json.loads(values["REASONS"]).keys() == TEXTS.keys()


def test_every_text_is_there_in_both_languages() -> None:
    source = (STATIC / "texts.js").read_text()
    blocks = re.search(r"\n  en: \{(.*?)\n  \},\n  zh: \{(.*?)\n  \},\n\};", source, re.DOTALL)
    assert blocks is not None
    english, chinese = (set(re.findall(r'([\w-]+)"?: "', block)) for block in blocks.groups())
    assert english == chinese
    page = (STATIC / "index.html").read_text()
    used = set(re.findall(r'data-(?:text|label)="(\w+)"', page))
    for script in SCRIPTS:
        used |= set(re.findall(r'\bsay\("([\w-]+)"', script.read_text()))
    assert used <= english
    # Nothing stays in the table that no part says.
    everything = page + "".join(each.read_text() for each in SCRIPTS if each.name != "texts.js")
    unused = {word for word in english if not re.search(rf'["?: ]{word}\b', everything)}
    assert unused == set()


def test_the_page_knows_the_kinds_that_it_says_offline() -> None:
    offline = (STATIC / "offline.js").read_text()
    kinds = set(re.findall(r'found\("([\w-]+)"', offline))
    own = {"list-old", "not-looked-up"}
    assert own <= kinds
    assert kinds - own <= TEXTS.keys()
