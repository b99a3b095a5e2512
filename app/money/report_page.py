"""The funder's report as a page that prints: a small picture, its table, and the rows."""

import base64
import hashlib
from html import escape
from typing import Final, NamedTuple

from app.money.report import PotReport, ReportRow
from app.wording import number, on_day, pounds

STYLE: Final = (
    "body{font:16px/1.5 arial,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;"
    "color:#0b0c0c;background:#fff}h1{font-size:1.6em;line-height:1.2}h2{font-size:1.2em}"
    "table{border-collapse:collapse;width:100%;margin:1em 0}"
    "th,td{text-align:left;padding:.3em .6em .3em 0;border-bottom:1px solid #b1b4b6;"
    "vertical-align:top}td.n,th.n{text-align:right}caption{text-align:left;font-weight:bold}"
    "svg{max-width:100%;height:auto}footer{margin-top:2em;font-size:.85em}"
    "@media print{@page{size:A4 landscape;margin:14mm}body{margin:0;max-width:none;"
    "font-size:10pt}tr{break-inside:avoid}}"
)
STYLE_POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""What the page may load: its own style, and nothing else."""
WIDTH, HEIGHT, LEFT = 640, 28, 110
COLOURS: Final = ("#b1b4b6", "#12436d", "#28a197", "#801650")


class Bar(NamedTuple):
    name: str
    pence: int
    colour: str


def bars_of(report: PotReport) -> list[Bar]:
    """Budget, committed, claimed and paid, each within the one before."""
    sums = (
        report.budget_pence,
        report.committed_pence,
        report.claimed_pence,
        report.paid_pence,
    )
    names = ("Budget", "Committed", "Claimed", "Paid")
    return [Bar(*each) for each in zip(names, sums, COLOURS, strict=True)]


def picture(report: PotReport) -> str:
    """The bars as SVG; the table beside them says the same."""
    bars = bars_of(report)
    most = max(1, *(bar.pence for bar in bars))
    room = WIDTH - LEFT
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT * len(bars)}" width="{WIDTH}" role="img" '
        'aria-label="Budget, committed, claimed and paid, as in the table">'
    ]
    for at, bar in enumerate(bars):
        top = at * HEIGHT
        width = bar.pence * room / most
        parts.append(
            f'<text x="0" y="{top + 19}" font-size="15">{bar.name}</text>'
            f'<rect x="{LEFT}" y="{top + 4}" width="{width:.1f}" height="{HEIGHT - 8}" '
            f'fill="{bar.colour}"/>'
        )
    return "".join(parts) + "</svg>"


def as_html(report: PotReport) -> str:
    """A whole page, with nothing that has to be loaded."""
    title = f"{report.name}: report"
    of = f"support planned for {report.period}" if report.period else "all support"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(title)}</h1>",
        f"<p>Pot {escape(report.pot)}, held by {escape(report.holder_name)}. This report is on "
        f"{escape(of)}, as of {on_day(report.as_of)}.</p>",
        "<h2>The money</h2>",
        picture(report),
        _sums(report),
        "<h2>What it paid for</h2>",
        _rows(report),
        f"</main><footer>Givetake, {on_day(report.as_of)}</footer></body></html>\n",
    ]
    return "\n".join(parts)


def _sums(report: PotReport) -> str:
    sums = [(bar.name, bar.pence) for bar in bars_of(report)]
    sums.append(("Left to commit", report.left_pence))
    cells = "".join(
        f'<tr><th scope="row">{name}</th><td class="n">{pounds(pence)}</td></tr>'
        for name, pence in sums
    )
    return f"<table><caption>Budget and what became of it</caption><tbody>{cells}</tbody></table>"


def _rows(report: PotReport) -> str:
    if not report.rows:
        return "<p>Nothing is committed yet.</p>"
    heads = ("School", "Expertise")
    figures = (
        *("Days agreed", "Days delivered", "Committed", "Claimed", "Paid"),
        *("Needs met", "Said to have worked"),
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    head += "".join(f'<th scope="col" class="n">{name}</th>' for name in figures)
    body = "".join(_row(row) for row in report.rows)
    return (
        "<table><caption>By school and expertise</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(row: ReportRow) -> str:
    figures = (
        number(row.days_agreed),
        number(row.days_delivered),
        pounds(row.committed_pence),
        pounds(row.claimed_pence),
        pounds(row.paid_pence),
        f"{row.needs_met} of {row.needs}",
        f"{row.worked} of {row.supports}",
    )
    cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
    return (
        f'<tr><th scope="row">{escape(row.school_name)}</th>'
        f"<td>{escape(row.expertise_name)}</td>{cells}</tr>"
    )
