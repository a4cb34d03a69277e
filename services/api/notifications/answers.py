"""Links in messages that acknowledge alerts: signed, for one use, and only when confirmed.

Gateways and mail programs fetch links to show a preview. So opening one changes nothing: it shows
a page, and the page's button posts.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from html import escape
from typing import Any, Final

import structlog
from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse
from msgspec import Struct
from sqlalchemy import Connection

from schemas.alerts import Alert
from schemas.times import HOUR_MS
from services.api.acts import Act, Refused
from services.api.audit.chain import Entry, record
from services.api.metrics import ACTS
from services.api.notifications import ledger
from services.api.notifications.lines import Contact, Language
from services.api.openapi import problems_of
from services.api.store.database import Database
from services.api.store.store import AlertStore
from services.api.store.transactions import StaleRevision, UnknownAlert

LASTS_MS: Final = 12 * HOUR_MS
_MAC_BYTES: Final = 16
_TOKEN: Final = re.compile(r"([0-9a-f]{24})\.(\d{1,15})\.([\w-]{22})", re.ASCII)
# Somebody else may change an alert in the same moment; so often it is looked at anew.
_TRIES: Final = 5
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    # The link is a secret: it must not travel on, nor stay in a cache.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "title": "Acknowledge alerts",
        "button": "I take it on",
        "done": "Acknowledged. Thank you.",
        "nothing": "Somebody else has taken them on already.",
        "used": "This link was used already.",
    },
    "zh": {
        "title": "确认告警",
        "button": "我来处理",
        "done": "已确认,谢谢。",
        "nothing": "已有其他人确认。",
        "used": "此链接已使用。",
    },
}
_log = structlog.get_logger(__name__)


class AnswerLinks:
    """Makes links and knows its own."""

    def __init__(self, key: bytes, public_url: str | None, lasts_ms: int = LASTS_MS) -> None:
        """`public_url` is where people reach the API; without it messages carry no link."""
        self.lasts_ms = lasts_ms
        self._key = key
        self._public_url = public_url

    def url_of(self, link_id: str, expires_ms: int) -> str | None:
        """Return the address of a link."""
        if self._public_url is None:
            return None
        return f"{self._public_url.rstrip('/')}/v1/answers/{self.token_of(link_id, expires_ms)}"

    def token_of(self, link_id: str, expires_ms: int) -> str:
        """Return what a link carries."""
        return f"{link_id}.{expires_ms}.{self._mac(link_id, expires_ms)}"

    def id_of(self, token: str) -> str | None:
        """Return which link a token is of, None for one that was not made here."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        mac = self._mac(found[1], int(found[2]))
        return found[1] if hmac.compare_digest(mac, found[3]) else None

    def _mac(self, link_id: str, expires_ms: int) -> str:
        whole = hmac.digest(self._key, f"{link_id}.{expires_ms}".encode(), "sha256")
        return urlsafe_b64encode(whole[:_MAC_BYTES]).decode().rstrip("=")


class _Opened(Struct, frozen=True):
    id: str
    contact: Contact
    alerts: list[Alert]
    used: bool


def router(
    database: Database, store: AlertStore, links: AnswerLinks, clock_ms: Callable[[], int]
) -> APIRouter:
    """Return the two routes of a link; whoever has the link needs no login."""
    routes = APIRouter(prefix="/v1/answers", tags=["notifications"])
    answers: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/html": {}}},
        **problems_of(404, 410),
    }

    async def opened(token: str) -> _Opened:
        link_id = links.id_of(token)
        if link_id is None:
            raise HTTPException(404, "no such link")

        def read(connection: Connection) -> _Opened:
            found = ledger.link(connection, link_id)
            stored = None if found is None else ledger.contact(connection, found[0])
            if found is None or stored is None or found[2] <= clock_ms():
                raise HTTPException(410, "the link has expired")
            alerts = ledger.alerts_of(connection, found[1])
            shown = [alerts[key] for key in found[1] if key in alerts]
            return _Opened(link_id, stored.said, shown, found[3] is not None)

        return await database.read(read)

    @routes.get("/{token}", response_class=HTMLResponse, responses=answers)
    async def show(token: str) -> HTMLResponse:
        """Show which alerts the link acknowledges, and a button; opening it changes nothing."""
        one = await opened(token)
        words = _WORDS[one.contact.language]
        if one.used:
            return _page(one.contact.language, words["used"])
        button = f'<form method="post"><button>{words["button"]}</button></form>'
        return _page(one.contact.language, _listed(one), button)

    @routes.post("/{token}", response_class=HTMLResponse, responses=answers)
    async def answer(token: str) -> HTMLResponse:
        """Acknowledge the link's alerts, as its contact. It works once."""
        one = await opened(token)
        words, now_ms = _WORDS[one.contact.language], clock_ms()
        actor = one.contact.user or one.contact.name

        def use(connection: Connection) -> bool:
            if not ledger.use_link(connection, one.id, now_ms):
                return False
            detail = {"alerts": len(one.alerts), "contact": one.contact.id}
            action = "notification.answer"
            entry = Entry(
                at_ms=now_ms, actor=actor, role="contact", action=action, about=one.id,
                detail=detail,
            )  # fmt: skip
            record(connection, entry)
            return True

        if not await database.write(use):
            return _page(one.contact.language, words["used"])
        taken = [await _acknowledge(store, alert.id, actor, now_ms) for alert in one.alerts]
        return _page(one.contact.language, words["done" if any(taken) else "nothing"])

    return routes


async def _acknowledge(store: AlertStore, alert_id: str, actor: str, now_ms: int) -> bool:
    """Acknowledge an alert at whatever revision it is; return False where it needs no answer."""
    for _ in range(_TRIES):
        found = await store.get(alert_id)
        if found is None:
            return False
        try:
            await store.act(alert_id, found[0], Act(name="ack"), actor, None, now_ms, "contact")
        except StaleRevision:
            continue  # It is counted below, should it never come to an end.
        except (UnknownAlert, Refused):
            ACTS.labels("ack", "refused").inc()
            return False
        ACTS.labels("ack", "done").inc()
        return True
    ACTS.labels("ack", "stale").inc()
    _log.error("answer_lost", alert=alert_id, actor=actor)
    return False


def _listed(one: _Opened) -> str:
    chinese = one.contact.language == "zh"
    return "".join(
        f"<li>{escape(alert.subject.label)}: "
        f"{escape(alert.reason.zh if chinese else alert.reason.en)}</li>"
        for alert in one.alerts
    )


def _page(language: Language, content: str, button: str = "") -> HTMLResponse:
    title = _WORDS[language]["title"]
    body = f"<ul>{content}</ul>{button}" if button else f"<p>{content}</p>"
    html = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{title}</title><style>body{{font:1.1em sans-serif;margin:2em auto;max-width:36em;"
        "padding:0 1em}button{font:inherit;padding:.6em 1.4em}</style></head>"
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
    return HTMLResponse(html, headers=_HEADERS)
