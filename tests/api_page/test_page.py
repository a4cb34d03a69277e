"""The page's files, and the policy that they are served under."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.api import problems
from services.api.page.routes import STATIC, router

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
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(router())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client


async def test_the_page_and_all_it_names_are_served(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    named = set(re.findall(r'(?:href|src)="(/page/[^"]+)"', page.text))
    for script in SCRIPTS:
        named |= {f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', script.read_text())}
    assert {f"/page/{path.name}" for path in STATIC.iterdir()} - named == {"/page/index.html"}
    for path in named:
        assert (await client.get(path)).status_code == 200, path


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/page/page.css"])
async def test_nothing_runs_or_frames_but_the_page_itself(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_page_that_is_current_is_not_sent_again(client: httpx.AsyncClient) -> None:
    etag = (await client.get("/")).headers["etag"]
    answer = await client.get("/", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2froutes.py", "routes.py"])
async def test_only_the_parts_of_the_page_are_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/page/{name}")).status_code == 404


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


def test_every_text_is_there_in_both_languages() -> None:
    source = (STATIC / "texts.js").read_text()
    blocks = re.search(r"\n  en: \{(.*?)\n  \},\n  zh: \{(.*?)\n  \},\n\};", source, re.DOTALL)
    assert blocks is not None
    english, chinese = (set(re.findall(r"(\w+): \"", block)) for block in blocks.groups())
    assert english == chinese
    page = (STATIC / "index.html").read_text()
    used = set(re.findall(r'data-(?:text|label)="(\w+)"', page))
    for script in SCRIPTS:
        used |= set(re.findall(r'\bsay\("(\w+)"', script.read_text()))
    assert used <= english
