"""A pass as it is printed: what stands on it, as a page for browsers and as a PDF.

No name is printed: it stands in the vault only. The line for it is filled in by hand by whoever
hands the pass over, with the holder's document in view.
"""

import base64
import hashlib
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

import segno
from msgspec import Struct
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfgen.canvas import Canvas

from schemas.persons import label
from schemas.registers import Pass
from schemas.times import SECOND_MS, parse_ms

_FONT: Final = "STSong-Light"
_STYLE: Final = (
    "body{font-family:sans-serif;margin:8mm}"
    "section{border:1px solid #000;padding:6mm;margin:0 0 8mm;break-inside:avoid;width:120mm}"
    "h1{font-size:16pt;margin:0 0 4mm}svg{float:right;width:38mm;height:38mm}"
    "dt{font-size:9pt;color:#333}dd{margin:0 0 2mm;font-size:11pt}p{font-size:8pt;clear:both}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
TITLE: Final = "通行证 PASS"
_HINT: Final = "须与本人有效证件一并出示。 Valid with the holder's own document only."


class Paper(Struct, frozen=True):
    """What stands on one pass: its lines, (label, text), and its code."""

    pass_id: str
    lines: tuple[tuple[str, str], ...]
    code: str


def last_day(entry: Pass, zone: ZoneInfo) -> datetime | None:
    """Return the last instant that a pass is valid at, local to `zone`; None = no end."""
    if entry.valid_to is None:
        return None
    last = datetime.fromtimestamp(parse_ms(entry.valid_to) / SECOND_MS, zone)
    return last - timedelta(milliseconds=1)


def paper_of(entry: Pass, code: str, zone: ZoneInfo) -> Paper:
    """Return what is printed of a pass."""
    begins = datetime.fromtimestamp(parse_ms(entry.valid_from) / SECOND_MS, zone)
    last = last_day(entry, zone)
    until = "无期限 no end" if last is None else f"{last:%Y-%m-%d %H:%M}"
    holders = "持证人 bearer"
    if entry.holders:
        holders = ", ".join(label(each.person or "") for each in entry.holders)
    return Paper(
        entry.id,
        (
            ("编号 No.", entry.id),
            ("姓名 Name (by hand)", "_" * 20),
            ("持证人 Holder", holders),
            ("通行范围 Scope", ", ".join(entry.scope)),
            ("有效期 Valid", f"{begins:%Y-%m-%d %H:%M} – {until}"),
        ),
        code,
    )


def html(papers: Sequence[Paper]) -> bytes:
    """Return a page with passes, which a browser prints."""
    sections = "".join(_section(paper) for paper in papers)
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{TITLE}</title>'
        f"<style>{_STYLE}</style></head><body>{sections}</body></html>"
    ).encode()


def pdf(papers: Sequence[Paper]) -> bytes:
    """Return a PDF with four passes on a page of A4."""
    registerFont(UnicodeCIDFont(_FONT))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    canvas.setTitle(TITLE)
    width, height = A4[0], A4[1] / 4
    for place, paper in enumerate(papers):
        if place and place % 4 == 0:
            canvas.showPage()
        _draw(canvas, paper, A4[1] - (place % 4 + 1) * height, width, height)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _section(paper: Paper) -> str:
    code = segno.make(paper.code, error="m", micro=False).svg_inline(scale=4, border=2)
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in paper.lines)
    return f"<section>{code}<h1>{TITLE}</h1><dl>{lines}</dl><p>{_HINT}</p></section>"


def _draw(canvas: Canvas, paper: Paper, bottom: float, width: float, height: float) -> None:
    canvas.setDash(2, 2)
    canvas.line(0, bottom, width, bottom)
    canvas.setDash()
    top = bottom + height - 14 * mm
    canvas.setFont(_FONT, 16)
    canvas.drawString(15 * mm, top, TITLE)
    for number, (name, said) in enumerate(paper.lines, 1):
        canvas.setFont(_FONT, 8)
        canvas.drawString(15 * mm, top - number * 8 * mm, name)
        canvas.setFont(_FONT, 10)
        canvas.drawString(50 * mm, top - number * 8 * mm, said[:70])
    canvas.setFont(_FONT, 7)
    canvas.drawString(15 * mm, bottom + 5 * mm, _HINT)
    matrix = segno.make(paper.code, error="m", micro=False).matrix
    side = 42 * mm
    module = side / (len(matrix) + 4)
    left, low = width - side - 12 * mm, bottom + 10 * mm
    for line, modules in enumerate(reversed(matrix)):
        for place, dark in enumerate(modules):
            if dark:
                canvas.rect(
                    left + (place + 2) * module, low + (line + 2) * module, module, module,
                    stroke=0, fill=1,
                )  # fmt: skip
