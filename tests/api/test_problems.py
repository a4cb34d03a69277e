"""Errors of the API: what is wrong with a request, and what with the service."""

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from services.api import problems


@pytest.mark.parametrize(
    ("path", "status", "said"), [("/half", 422, "not valid Unicode"), ("/header", 500, "a fault")]
)
async def test_half_a_character_is_the_callers_and_a_header_our_own(
    path: str, status: int, said: str
) -> None:
    app = FastAPI()
    problems.install(app)
    app.add_api_route("/half", lambda: "\ud800".encode(), response_class=Response)
    app.add_api_route("/header", lambda: Response(headers={"Location": "第一批"}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.get(path)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
