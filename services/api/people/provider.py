"""An OpenID provider: found by its issuer, asked for a token, and believed only what is signed."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

# Only signatures by a key pair: with a shared secret whoever can check can also forge.
_ALGORITHMS: Final = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
]
_LEEWAY_S: Final = 60
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=5)
_MOST_BYTES: Final = 1 << 20


class ProviderFailed(Exception):
    """The provider did not answer, or not as OpenID providers do."""


class Disbelieved(Exception):
    """What came back is not what this provider says to us about this sign-in."""


class Client(Struct, frozen=True):
    """Cordon as the provider knows it; `secret` None = a public client, which PKCE protects."""

    issuer: str
    id: str
    redirect_url: str
    scopes: str
    secret: str | None = None


class _Described(Struct):
    """What is read of the provider's description (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Provider:
    """Its description and its keys are asked for when they are needed first."""

    def __init__(self, client: Client, now_s: Callable[[], int] = lambda: int(time.time())) -> None:
        self._client = client
        self._now_s = now_s
        self._described: _Described | None = None
        self._keys: KeySet | None = None

    async def address(self, state: str, nonce: str, challenge: str) -> str:
        """Return where somebody goes to sign in; raises ProviderFailed."""
        described = await self._description()
        asked = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_url,
            "scope": self._client.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in described.authorization_endpoint else "?"
        return f"{described.authorization_endpoint}{separator}{urlencode(asked)}"

    async def claims(self, code: str, nonce: str, verifier: str) -> dict[str, Any]:
        """Return what the provider says of who came back with `code`.

        Raises ProviderFailed, and Disbelieved for a code or a token that is not good.
        """
        described = await self._description()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_url,
            "client_id": self._client.id,
            "code_verifier": verifier,
        }
        if self._client.secret is not None:
            form["client_secret"] = self._client.secret
        answer = await _asked("POST", described.token_endpoint, form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Disbelieved("the provider gave no id_token for this code")
        return await self._believed(token, nonce)

    async def _believed(self, token: str, nonce: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=self._now_s,
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._client.issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._client.id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = await self._signed(token)
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise Disbelieved(f"the id_token is not good: {type(error).__name__}") from error
        party = claims.get("azp", self._client.id)
        if party != self._client.id:
            raise Disbelieved("the id_token was made for another party")
        return claims

    async def _signed(self, token: str) -> dict[str, Any]:
        if self._keys is not None:
            try:
                return jwt.decode(token, self._keys, algorithms=_ALGORITHMS).claims
            except (JoseError, ValueError):
                # The provider may sign by a new key by now: what it has at present decides below.
                self._keys = None
        described = await self._description()
        self._keys = KeySet.import_key_set(await _asked("GET", described.jwks_uri))  # type: ignore[arg-type]
        return jwt.decode(token, self._keys, algorithms=_ALGORITHMS).claims

    async def _description(self) -> _Described:
        if self._described is None:
            base = self._client.issuer.rstrip("/")
            answer = await _asked("GET", f"{base}/.well-known/openid-configuration")
            try:
                described = msgspec.convert(answer, _Described)
            except msgspec.ValidationError as error:
                raise ProviderFailed(f"the provider's description: {error}") from error
            if described.issuer != self._client.issuer:
                raise ProviderFailed("the provider describes itself as another issuer")
            self._described = described
        return self._described


async def _asked(method: str, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON object that an address answers with."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(method, url, data=form, allow_redirects=False) as answer,
        ):
            body = await answer.content.read(_MOST_BYTES)
            if answer.status == 400 and form is not None:
                raise Disbelieved("the provider does not take the code")
            if answer.status != 200:
                raise ProviderFailed(f"the provider answered {answer.status}")
            return msgspec.json.decode(body, type=dict[str, Any])
    except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
        raise ProviderFailed(f"the provider: {type(error).__name__}") from error
