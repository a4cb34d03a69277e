"""The report as a page and as a PDF, both made of the same tables."""

from collections.abc import Sequence
from html import escape
from io import BytesIO
from typing import Any, Final

from services.api.handover.words import Table

_FONT: Final = "STSong-Light"
_STYLE: Final = (
    "body{font:14px sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "table{border-collapse:collapse;margin:.5em 0 1.5em}"
    "td,th{border:1px solid #bbb;padding:.25em .6em;text-align:left;vertical-align:top}"
    "h1{font-size:1.4em}h2{font-size:1.1em}"
)


def html_of(title: str, tables: Sequence[Table]) -> str:
    """Return the report as a page that needs nothing else."""
    parts = [
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>"
    ]
    for table in tables:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
        )
        body = f"<table><tr>{head}</tr>{rows}</table>" if table.rows else "<p>–</p>"
        parts.append(f"<h2>{escape(table.title)}</h2>{body}")
    return "".join([*parts, "</body></html>"])


def pdf_of(title: str, tables: Sequence[Table]) -> bytes:
    """Return the report as a PDF on A4. Its font is one that every reader of PDF has for Chinese,
    so none is carried along."""
    # Whoever asks for no PDF does not wait for this.
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
    from reportlab.platypus import Table as Grid

    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    plain = ParagraphStyle("plain", fontName=_FONT, fontSize=8, leading=11, wordWrap="CJK")
    heading = ParagraphStyle("heading", parent=plain, fontSize=11, leading=16, spaceBefore=8)
    top = ParagraphStyle("top", parent=plain, fontSize=14, leading=20)
    lines: list[Any] = [
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    width = A4[0] - 30 * mm
    story: list[Any] = [Paragraph(escape(title), top)]
    for table in tables:
        story.append(Paragraph(escape(table.title), heading))
        if not table.rows:
            story.append(Paragraph("–", plain))
            continue
        cells = [
            [Paragraph(escape(cell), plain) for cell in row] for row in (table.head, *table.rows)
        ]
        columns = len(table.head)
        # A wide table gives most of its room to the text in the middle.
        widths = [width / columns] * columns
        if columns == 6:
            widths = [width * share for share in (0.13, 0.13, 0.18, 0.3, 0.14, 0.12)]
        story += [Grid(cells, colWidths=widths, repeatRows=1, style=lines), Spacer(1, 4)]
    into = BytesIO()
    page = SimpleDocTemplate(
        into,
        pagesize=A4,
        title=title,
        author="Cordon",
        leftMargin=15 * mm,
        rightMargin=15 * mm,
        topMargin=15 * mm,
        bottomMargin=15 * mm,
        invariant=True,
    )
    page.build(story)
    return into.getvalue()
