"""The sheet as a page of its own that prints, and as PDF."""

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final

from app.consent.sheet import Sheet
from app.wording import on_day

STYLE: Final = (
    "body{font:16px/1.5 arial,sans-serif;max-width:44em;margin:2em auto;padding:0 1em;"
    "color:#0b0c0c;background:#fff}h1{font-size:1.6em;line-height:1.2}h2{font-size:1.1em;"
    "margin:1.1em 0 .2em}p{margin:.3em 0}footer{margin-top:2em;font-size:.85em}"
    "@media print{@page{size:A4;margin:16mm}body{margin:0;font-size:11pt}h2{break-after:avoid}}"
)
STYLE_POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""What such a page may load: its own style, and nothing else."""
MARGIN_MM: Final = 18
FAMILY: Final = "sheet"


def as_html(sheet: Sheet) -> str:
    """A whole page, with nothing that has to be loaded."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(sheet.title)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(sheet.title)}</h1><p>{escape(sheet.lead)}</p>",
    ]
    for section in sheet.sections:
        parts.append(f"<section><h2>{escape(section.heading)}</h2>")
        parts += [f"<p>{escape(line)}</p>" for line in section.lines]
        parts.append("</section>")
    parts.append(f"</main><footer>{escape(foot_of(sheet))}</footer></body></html>\n")
    return "\n".join(parts)


def foot_of(sheet: Sheet) -> str:
    return f"Proposal {sheet.proposal_id}, as of {on_day(sheet.as_of)}. Givetake"


@cache
def _fonts() -> dict[str, Path]:
    """The files of a typeface that has the letters of every language of these islands."""
    folder = Path(str(files("font_source_sans_pro").joinpath("files")))
    return {"": folder / "SourceSansPro-Regular.ttf", "B": folder / "SourceSansPro-Bold.ttf"}


def as_pdf(sheet: Sheet) -> bytes:
    """The same as a PDF of A4 pages: one, unless names are very long."""
    # Only here: it takes as long to load as a page to answer.
    from fpdf import FPDF
    from fpdf.enums import XPos, YPos

    pdf = FPDF(format="A4")
    pdf.set_title(sheet.title)
    pdf.set_lang("en-GB")
    pdf.set_creator("Givetake")
    pdf.set_margin(MARGIN_MM)
    pdf.set_auto_page_break(True, MARGIN_MM)
    for style, file in _fonts().items():
        pdf.add_font(FAMILY, style, file)
    pdf.add_page()

    def write(text: str, size: float, style: str = "", above: float = 0.0) -> None:
        pdf.set_font(FAMILY, style, size)
        pdf.ln(above)
        pdf.multi_cell(
            0, size * 0.46, _printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    write(sheet.title, 17, "B")
    write(sheet.lead, 10.5, above=2)
    for section in sheet.sections:
        write(section.heading, 11.5, "B", above=2.4)
        for line in section.lines:
            write(line, 10.5)
    write(foot_of(sheet), 8.5, above=4)
    return bytes(pdf.output())


def _printable(text: str) -> str:
    """Without what no font draws: control characters, and the halves of broken letters."""
    return "".join(each if each.isprintable() else " " for each in text)
