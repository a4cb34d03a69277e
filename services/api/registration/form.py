"""The public form: one page in both languages that works without any script.

Where a field is wrong the page comes back with the problem; what was typed is not repeated, since
the page may be a stranger's telephone.
"""

import base64
import hashlib
from html import escape
from typing import Final

from services.api.imports.wording import Wording

CONSENT: Final = "2026-11"
PURPOSE: Final = Wording(
    "Purpose: outbreak control. What you enter is kept encrypted, is seen only by officers who "
    "need it for a named case, and is not used for anything else. A pseudonym, where you stayed "
    "and when you arrive are passed on when an officer has confirmed your registration.",
    "用途：疫情防控。您填写的信息加密保存，仅限因具体事由需要的工作人员查阅，不作他用。"
    "工作人员确认登记后，仅传递化名、停留地区和到达日期。",
)
_TYPES: Final = (
    ("resident_id", "居民身份证 · resident ID"),
    ("passport", "护照 · passport"),
    ("hk_macau_permit", "港澳居民通行证 · Hong Kong/Macau permit"),
    ("tw_permit", "台湾居民通行证 · Taiwan permit"),
    ("foreign_permit", "外国人永久居留证 · permanent residence"),
)
# Field, its label, the type of its input, its attributes.
_INPUTS: Final = (
    ("name", "姓名 · name", "text", 'required maxlength="100" autocomplete="name"'),
    ("id_number", "证件号码 · document number", "text", 'required maxlength="64"'),
    ("telephone", "手机号码 · telephone", "tel", 'required maxlength="32" autocomplete="tel"'),
    ("address", "到达后住址 · address after arrival", "text", 'required maxlength="300"'),
    ("area", "来源地区划代码 · area you come from (6 digits)", "text",
     'required pattern="[1-9][0-9]{5}" inputmode="numeric"'),
    ("stay_from", "停留开始 · stayed there from", "date", "required"),
    ("stay_to", "停留结束 · until", "date", "required"),
    ("arrival", "到达日期 · day of arrival", "date", "required"),
    ("plate", "车牌号（可不填） · plate (optional)", "text", 'maxlength="16"'),
    ("companions", "同行人数 · people with you", "number", 'min="0" max="50" value="0"'),
)  # fmt: skip
_STYLE: Final = (
    "body{font:17px/1.5 sans-serif;max-width:34em;margin:1em auto;padding:0 1em;color:#111;"
    "background:#fff}label{display:block;margin:.8em 0 .2em}input,select{font:inherit;width:100%;"
    "box-sizing:border-box;min-height:44px;padding:.5em;border:1px solid #666;border-radius:4px}"
    "input[type=checkbox]{width:24px;min-height:24px;margin-right:.6em;vertical-align:middle}"
    "button{font:inherit;min-height:48px;padding:.7em 2em;width:100%;"
    "margin:1.2em 0;border:0;border-radius:4px;background:#0b5;color:#000}"
    ".wrong{border-left:5px solid #c00;padding:.5em 1em;background:#fee}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TITLE: Final = "来（返）人员登记 · Registration before arrival"


def form(code: str, wrong: Wording | None = None) -> bytes:
    """Return the form of a site, with what is wrong with what was sent before."""
    told = "" if wrong is None else f'<p class="wrong" role="alert">{_both(wrong)}</p>'
    types = "".join(f'<option value="{value}">{said}</option>' for value, said in _TYPES)
    inputs = "".join(
        f'<label for="{name}">{said}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" {attributes}>'
        for name, said, kind, attributes in _INPUTS
    )
    return _page(
        f'{told}<form method="post" action="/v1/self-registrations">'
        f'<input type="hidden" name="code" value="{escape(code)}">'
        f'<label for="id_type">证件类型 · document</label><select id="id_type" name="id_type">'
        f"{types}</select>{inputs}<p>{_both(PURPOSE)}</p>"
        '<label><input type="checkbox" name="consent" value="yes" required>'
        "同意 · I agree</label><button>提交 · Send</button></form>"
    )


def thanks(reference: str) -> bytes:
    """Return what is shown when a registration was received; it is the same for everybody."""
    said = Wording(
        f"Received. Your reference is {reference}. An officer will confirm it.",
        f"已收到。您的登记编号为 {reference}，将由工作人员确认。",
    )
    return _page(f"<p>{_both(said)}</p>")


def closed() -> bytes:
    """Return what is shown behind a code that is made up or over."""
    said = Wording(
        "This code is not valid any more. Ask at the site for a new one.",
        "此二维码已失效，请在现场索取新的二维码。",
    )
    return _page(f'<p class="wrong">{_both(said)}</p>')


def _both(wording: Wording) -> str:
    zh, en = escape(wording.zh), escape(wording.en)
    return f'<span lang="zh">{zh}</span><br><span lang="en">{en}</span>'


def _page(body: str) -> bytes:
    return (
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_TITLE}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{_TITLE}</h1>{body}</body></html>"
    ).encode()
