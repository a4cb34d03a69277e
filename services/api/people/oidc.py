"""Signing in at an OpenID provider: authorization code with PKCE, state and nonce."""

import base64
import hashlib
import secrets
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, HTTPException, Query, Request, Response
from sqlalchemy import Connection, delete, insert

from schemas.access import digest
from schemas.settings import Settings
from schemas.times import MINUTE_MS
from services.api.metrics import SIGN_INS
from services.api.people.claims import Mapped, NotLetIn, check, grant_of
from services.api.people.provider import Client, Disbelieved, Provider, ProviderFailed
from services.api.people.tables import oidc_flows
from services.api.sign_in import Doors, redirect

# It binds the way back to the browser that went; Lax, since the provider's page leads back.
COOKIE: Final = "cordon_oidc"
_PATH: Final = "/v1/session/oidc"
_LASTS_MS: Final = 10 * MINUTE_MS
_log = structlog.get_logger(__name__)


class Elsewhere:
    """A provider, and what its claims stand for here."""

    def __init__(self, provider: Provider, mapped: Mapped) -> None:
        self.provider = provider
        self.mapped = mapped


def elsewhere_of(settings: Settings) -> Elsewhere | None:
    """Return the provider that the settings name, None = there is none.

    Raises ValueError, which names the setting, for half of a provider.
    """
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None or settings.oidc_redirect_url is None:
        raise ValueError(
            "CORDON_OIDC_ISSUER needs CORDON_OIDC_CLIENT_ID and CORDON_OIDC_REDIRECT_URL"
        )
    mapped = Mapped(
        settings.oidc_name_claim,
        settings.oidc_role_claim,
        settings.oidc_roles,
        settings.oidc_area_claim,
    )
    check(mapped)
    secret = settings.oidc_client_secret
    client = Client(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_redirect_url,
        settings.oidc_scopes,
        None if secret is None else secret.get_secret_value(),
    )
    return Elsewhere(Provider(client), mapped)


def router(doors: Doors, elsewhere: Elsewhere | None) -> APIRouter:
    """Return the routes; they answer 404 where there is no provider."""
    routes = APIRouter(tags=["session"], include_in_schema=False)

    def there() -> Elsewhere:
        if elsewhere is None:
            raise HTTPException(404, "no OpenID provider is set up")
        return elsewhere

    @routes.get(f"{_PATH}/start")
    async def start(request: Request) -> Response:
        """Lead on to the provider."""
        provider = there().provider
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = hashlib.sha256(verifier.encode()).digest()
        encoded = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        try:
            answer = redirect(await provider.address(state, nonce, encoded))
        except ProviderFailed as error:
            raise _failed(error) from error
        now_ms = doors.clock_ms()

        def begin(connection: Connection) -> None:
            connection.execute(delete(oidc_flows).where(oidc_flows.c.expires_ms <= now_ms))
            row = {"digest": digest(state), "nonce": nonce, "verifier": verifier}
            connection.execute(insert(oidc_flows), row | {"expires_ms": now_ms + _LASTS_MS})

        await doors.database.write(begin)
        answer.set_cookie(
            COOKIE,
            state,
            max_age=_LASTS_MS // 1000,
            path=_PATH,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer

    @routes.get(f"{_PATH}/callback")
    async def callback(
        request: Request,
        state: Annotated[str, Query(max_length=200)] = "",
        code: Annotated[str, Query(max_length=4000)] = "",
        error: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """Take somebody in who comes back from the provider."""
        provider, mapped = there().provider, there().mapped
        # Another browser, or somebody else's way back: nobody may be signed in by a link.
        ours = secrets.compare_digest(request.cookies.get(COOKIE, "").encode(), state.encode())
        query = (
            delete(oidc_flows)
            .where(oidc_flows.c.digest == digest(state), oidc_flows.c.expires_ms > doors.clock_ms())
            .returning(oidc_flows.c.nonce, oidc_flows.c.verifier)
        )
        flow = None
        if ours and state:
            flow = await doors.database.write(lambda c: c.execute(query).one_or_none())
        if flow is None or error or not code:
            return _refused(error or "no sign-in of this browser is under way")
        try:
            grant = grant_of(await provider.claims(code, flow.nonce, flow.verifier), mapped)
        except ProviderFailed as failure:
            raise _failed(failure) from failure
        except (Disbelieved, NotLetIn) as failure:
            return _refused(str(failure))
        answer = await doors.let_in(redirect("/"), request, grant, "oidc")
        answer.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="lax")
        return answer

    return routes


def _refused(why: str) -> Response:
    SIGN_INS.labels("oidc", "refused").inc()
    _log.warning("oidc_refused", why=why)
    return redirect("/#sign-in-refused")


def _failed(error: ProviderFailed) -> HTTPException:
    SIGN_INS.labels("oidc", "failed").inc()
    _log.error("oidc_failed", error=str(error))
    return HTTPException(503, str(error), headers={"Retry-After": "5"})
