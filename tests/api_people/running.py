"""The whole API on a real broker, with a token of each role that is the role's own name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx

from deploy import topics
from schemas.access import ROLES, Grant, add_token
from schemas.settings import Settings
from services.api.main import serve


@asynccontextmanager
async def running_api(
    kafka: str, folder: Path, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve while the block runs; yield a client without a token."""
    await topics.apply(kafka, 4)
    set_up = Settings(data_dir=folder, kafka=kafka, api_port=0, **settings)
    for role in ROLES:
        add_token(set_up.tokens_path, role, Grant(f"the {role}", role))
    for area in ("south", "austral"):
        add_token(set_up.tokens_path, area, Grant(area, "supervisor", areas=(area,)))
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    process = asyncio.create_task(serve(set_up, ready=listening.set_result))
    try:
        async with asyncio.timeout(90):
            either: list[asyncio.Future[Any]] = [process, listening]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            url = f"http://127.0.0.1:{listening.result()}"
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:
            # One call must not sign the next one in.
            client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            yield client
    finally:
        process.cancel()
        await asyncio.gather(process, return_exceptions=True)
