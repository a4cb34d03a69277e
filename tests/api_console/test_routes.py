"""The console as it is served: its files, what caches may keep, and the policy over all of it."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.api import problems
from services.api.console.routes import policy, router

PAGE = b"<!doctype html><title>Cordon</title>"
SCRIPT = b"console.log(1);" * 100


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "phone").mkdir()
    (folder / "index.html").write_bytes(PAGE)
    (folder / "mark.svg").write_bytes(b"<svg/>")
    (folder / "assets" / "index-x1.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-x1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "phone" / "worker.js").write_bytes(b"self;")
    (folder / "built-from").write_text("no part of the console")
    return folder


def serving(folder: Path) -> httpx.AsyncClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(router(folder))
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


@pytest.fixture
async def client(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(built) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/board", "/alerts/3f", "/desk/registers/site/a%20b"])
async def test_every_path_of_a_view_gives_the_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["cache-control"] == "no-cache"
    again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/v1/nothing", "/assets/nothing.js", "/built-from", "/assets/..%2fbuilt-from"],
)
async def test_nothing_else_is_the_console(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_is_named_by_its_content_is_kept_for_good(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/index-x1.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.content == SCRIPT
    plain = await client.get("/assets/index-x1.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == SCRIPT
    assert "accept-encoding" in plain.headers["vary"].lower()


async def test_the_files_of_a_view_lie_beside_its_paths(client: httpx.AsyncClient) -> None:
    worker = await client.get("/phone/worker.js")
    assert worker.content == b"self;"
    assert worker.headers["cache-control"] == "no-cache"
    assert (await client.get("/mark.svg")).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("path", ["/", "/board", "/assets/index-x1.js", "/phone/worker.js"])
async def test_nothing_runs_or_frames_but_the_console_itself(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers
    said = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert said == {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self'",
        "worker-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_tiles_may_come_from_where_the_setting_says_and_code_may_not() -> None:
    said = policy(["https://tiles.example"])["Content-Security-Policy"]
    assert "connect-src 'self' https://tiles.example;" in said
    assert "script-src 'self';" in said


async def test_a_console_that_is_not_built_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as client:
        answer = await client.get("/board")
    assert answer.status_code == 503
    assert "make console" in answer.text
