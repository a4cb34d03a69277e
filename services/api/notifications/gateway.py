"""The way out to gateways, through apprise: WeCom, DingTalk, Lark, e-mail, SMS, push, JSON.

A channel is one of apprise's URLs. The list of its kinds is closed: apprise has kinds that write
to this machine, and options that read files of it.
"""

import asyncio
import contextlib
import logging
import socket
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from ipaddress import ip_address
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from services.api.webhooks.addresses import Network, permitted

# Kinds whose gateway is their vendor's, whatever the URL says.
_VENDORS: Final = frozenset(
    ("wecombot", "dingtalk", "lark", "feishu", "twilio", "bulksms", "httpsms", "sns", "ses")
)
# Kinds whose gateway the URL names, and whether the way there is encrypted.
_NAMED: Final = {
    "mailto": True,
    "mailtos": True,
    "json": False,
    "jsons": True,
    "ntfy": False,
    "ntfys": True,
    "gotify": False,
    "gotifys": True,
    "smseagle": False,
    "smseagles": True,
}
KINDS: Final = tuple(sorted(_VENDORS | _NAMED.keys()))
# Options that read files, turn the check of certificates off, or hide where a message goes.
_REFUSED: Final = frozenset(
    ("verify", "redirect", "template", "pgp", "pgpkey", "keyfile", "subfile", "attach", "store")
)
_THREADS: Final = 4
_DETAIL_CHARACTERS: Final = 200

# Two threads that need it first must not both read it.
_LOADING: Final = threading.Lock()

T = TypeVar("T")


class Sent(Struct, frozen=True):
    """Whether a gateway took a message, and if not what it said, as far as that is known."""

    taken: bool
    detail: str


def kind_of(url: str) -> str:
    """Return the kind of a channel."""
    return url.partition(":")[0].lower()


def problem_of(url: str, allowed: Sequence[Network]) -> str | None:
    """Return what is wrong with a channel's URL, which the text does not repeat."""
    kind = kind_of(url)
    if kind not in KINDS:
        return f"must be one of {', '.join(KINDS)}"
    try:
        options = {name.lower() for name, _ in parse_qsl(urlsplit(url).query)}
    except ValueError:
        return "is no URL"
    if options & _REFUSED:
        return f"must not have the option {', '.join(sorted(options & _REFUSED))}"
    channel = _channel(url)
    if channel is None:
        return f"is no channel of the kind {kind}: something is missing in it"
    for host in _hosts(channel, kind):
        try:
            literal = str(ip_address(host))
        except ValueError:
            continue
        if not permitted(literal, secure=_NAMED[kind], allowed=allowed):
            return "names an address that may not be reached (CORDON_WEBHOOK_ALLOW)"
    return None


class Gateway:
    """Sends messages in threads, a few at a time: apprise waits for each gateway."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        """`allowed` are networks that may be reached though they are private, without TLS too."""
        self._allowed = tuple(allowed)
        self._free = asyncio.Semaphore(_THREADS)

    async def problem_of(self, url: str) -> str | None:
        """Return what is wrong with a channel's URL, as the function does."""
        async with self._free:
            return await _in_thread(lambda: problem_of(url, self._allowed))

    async def send(self, url: str, title: str, text: str) -> Sent:
        """Hand a message over; whatever goes wrong is told by the answer."""
        async with self._free:
            return await _in_thread(lambda: self._send(url, title, text))

    def _send(self, url: str, title: str, text: str) -> Sent:
        wrong = problem_of(url, self._allowed)
        if wrong is not None:
            return Sent(False, wrong)
        channel, kind = _channel(url), kind_of(url)
        assert channel is not None
        for host in _hosts(channel, kind):
            inside = self._inside(host, secure=_NAMED[kind])
            if inside is not None:
                return Sent(False, inside)
        with _apprise()[0].LogCapture(level=logging.WARNING) as said:
            taken = bool(channel.notify(body=text, title=title, body_format="text"))
            detail = said.getvalue().strip().rpartition("\n")[2][:_DETAIL_CHARACTERS]
        return Sent(taken, "" if taken else detail or "the gateway did not take it")

    def _inside(self, host: str, *, secure: bool) -> str | None:
        """Return why a host may not be reached. apprise looks the name up again, so this keeps out
        mistakes, and who changes a name between two look-ups only as far as names are cached."""
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            return f"{host}: {error}"
        for *_, address in found:
            if not permitted(str(address[0]), secure=secure, allowed=self._allowed):
                return f"{host}: may not be reached (CORDON_WEBHOOK_ALLOW)"
        return None


async def _in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns. The end of the process does not wait for the thread."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(answer: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer: T | None = None
        error: BaseException | None = None
        try:
            answer = work()
        except Exception as raised:
            error = raised  # It is raised where it is waited for.
        with contextlib.suppress(RuntimeError):  # The loop has ended, and nobody waits any more.
            loop.call_soon_threadsafe(tell, answer, error)

    threading.Thread(target=run, name="notify", daemon=True).start()
    return await done


@cache
def _apprise() -> tuple[Any, Any]:
    """Return apprise and how it is to behave.

    To read it with all its kinds takes seconds: whoever notifies nobody does not wait for it.
    """
    with warnings.catch_warnings():
        # One of its kinds imports what Python will not have for ever.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise
        from apprise.manager_plugins import NotificationManager

        NotificationManager().load_modules()  # type: ignore[no-untyped-call]
    asset = apprise.AppriseAsset(
        app_id="Cordon",
        app_desc="Cordon",
        app_url="",
        secure_logging=True,
        async_mode=False,
        http_redirects=False,
        image_url_mask=None,
        image_path_mask=None,
    )
    return apprise, asset


def _channel(url: str) -> Any:
    with _LOADING:
        apprise, asset = _apprise()
    return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)


def _hosts(channel: Any, kind: str) -> list[str]:
    """Return the hosts that a channel connects to; none for a vendor's."""
    if kind not in _NAMED:
        return []
    if getattr(channel, "mode", None) == "cloud":
        return []  # ntfy's own service
    named = getattr(channel, "smtp_host", None) or channel.host
    return [named.strip("[]")] if named else []
