"""The charts of a report: drawn here and now as SVG, each with its figures as a table."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from io import StringIO
from typing import Any

import altair as alt

from app.insight.report import Figures, ReportData, Symbol, needs_of
from app.insight.report_map import LADDER_COLOURS, LADDER_NAMES

INK, GRID, ACCENT, PALE = "#0b0c0c", "#d4d8da", "#12436d", "#7b95ab"
WIDTH, FULL_WIDTH = 536, 1072
MOST_EXPERTISE = 14
MILES_PER_BAND = 2
LAST_BAND = 30


@dataclass(frozen=True, slots=True)
class Chart:
    """`svg` is trusted markup made here; title, statement and table are plain text."""

    title: str
    statement: str
    svg: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    wide: bool = False


def _svg(chart: Any, width: int = WIDTH) -> str:
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    styled = (
        chart.properties(width=width, background="transparent", autosize=fit, padding=2)
        .configure(font="Arial, Helvetica, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, titleColor=INK, labelFontSize=15, titleFontSize=15,
            titleFontWeight="normal", gridColor=GRID, domainColor=INK, tickColor=INK,
            labelLimit=330,
        )
        .configure_legend(
            labelColor=INK, titleColor=INK, labelFontSize=15, titleFontSize=15, orient="top",
            titleFontWeight="normal", title=None, symbolType="square",
        )
    )  # fmt: skip
    drawn = StringIO()
    styled.save(drawn, format="svg")
    # Inside an HTML page namespaces are known, and the picture takes the width it is given.
    bare = re.sub(r' xmlns(:xlink)?="[^"]*"', "", drawn.getvalue())
    return re.sub(r'(<svg[^>]*?) width="[\d.]+" height="[\d.]+"', r"\1", bare, count=1)


def _of(values: list[dict[str, Any]]) -> Any:
    return alt.Chart(alt.InlineData(values=values))


def _days(days: float) -> str:
    return f"{days:,.1f}".removesuffix(".0")


def _ladder(figures: Figures) -> Chart:
    total = figures.days_planned or 1
    rows = [
        (LADDER_NAMES[step], days, f"{days / total:.0%}") for step, days in figures.days_by_ladder
    ]
    chart = (
        _of([{"step": name, "days": days} for name, days, _ in rows])
        .mark_bar(size=22)
        .encode(
            x=alt.X("days:Q", title="Days planned"),
            y=alt.Y("step:N", sort=[name for name, _, _ in rows], title=None),
            color=alt.Color("step:N", legend=None).scale(
                domain=[LADDER_NAMES[step] for step, _ in figures.days_by_ladder],
                range=[LADDER_COLOURS[step] for step, _ in figures.days_by_ladder],
            ),
        )
        .properties(height=max(1, len(rows)) * 34)
    )
    name, days, share = max(rows, key=lambda row: row[1])
    return Chart(
        "Where support comes from",
        f"Most comes from: {name.lower()}, {_days(days)} days, {share} of all.",
        _svg(chart),
        ("Step, nearest first", "Days", "Share"),
        tuple((name, _days(days), share) for name, days, share in rows),
    )


def _travel(data: ReportData) -> Chart | None:
    miles = [
        p.distance_miles for p in data.pairings if p.distance_miles is not None and not p.remote
    ]
    if not miles:
        return None
    bands = Counter(min(int(each // MILES_PER_BAND) * MILES_PER_BAND, LAST_BAND) for each in miles)
    lowest = list(range(0, max(bands) + 1, MILES_PER_BAND))
    names = {
        low: f"{low} and more" if low == LAST_BAND else f"{low} to {low + MILES_PER_BAND}"
        for low in lowest
    }
    chart = (
        _of([{"from": low, "to": low + MILES_PER_BAND, "pairings": bands[low]} for low in lowest])
        .mark_bar(color=ACCENT, binSpacing=2)
        .encode(
            x=alt.X("from:Q", title="Miles between giver and taker", bin="binned"),
            x2="to",
            y=alt.Y("pairings:Q", title="Pairings", axis=alt.Axis(tickMinStep=1)),
        )
        .properties(height=190)
    )
    near = sum(each <= 10 for each in miles)
    return Chart(
        "How far it travels",
        f"{near:,} of {len(miles):,} pairings on site are within 10 miles.",
        _svg(chart),
        ("Miles", "Pairings"),
        tuple((names[low], bands[low]) for low in lowest),
    )


def _balance(data: ReportData, figures: Figures) -> Chart | None:
    schools = {p.reference for p in data.participants if p.symbol is not Symbol.ORGANISATION}
    spots = Counter((b.given, b.taken) for b in figures.balances if b.reference in schools)
    if not spots:
        return None
    highest = max(max(spot) for spot in spots)
    scale = alt.Scale(domain=[0, highest], nice=True)
    dots = (
        _of([{"given": g, "taken": t, "number": n} for (g, t), n in sorted(spots.items())])
        .mark_circle(color=ACCENT, opacity=0.65, stroke="white", strokeWidth=0.6)
        .encode(
            x=alt.X("given:Q", title="Days given", scale=scale),
            y=alt.Y("taken:Q", title="Days taken", scale=scale),
            size=alt.Size("number:Q", legend=None, scale=alt.Scale(range=[30, 420])),
        )
    )
    even = (
        _of([{"g": 0, "t": 0}, {"g": highest, "t": highest}])
        .mark_line(color=INK, strokeDash=[4, 4], strokeWidth=1)
        .encode(x="g:Q", y="t:Q")
    )
    groups = {"gives more than it takes": 0, "takes as much as it gives": 0, "takes more": 0}
    for (given, taken), number in spots.items():
        groups[list(groups)[(given <= taken) + (given < taken)]] += number
    return Chart(
        "Giving against taking",
        "Each circle is one institution or several alike; on the dashed line giving and taking "
        "are even.",
        _svg((even + dots).properties(height=260)),
        ("An institution that", "Number"),
        tuple(groups.items()),
    )


def _expertise(data: ReportData) -> Chart | None:
    met: defaultdict[str, set[str]] = defaultdict(set)
    for pairing in data.pairings:
        met[pairing.expertise].add(pairing.need)
    unmet = Counter(need.expertise for need in data.unmet)
    total = {name: len(met[name]) + unmet[name] for name in met.keys() | unmet.keys()}
    if not total:
        return None
    order = sorted(total, key=lambda name: (-total[name], name))
    shown = order[:MOST_EXPERTISE]
    chart = (
        _of(
            [
                {"expertise": name, "state": state, "needs": number, "place": place}
                for name in shown
                for place, (state, number) in enumerate(
                    (("Met", len(met[name])), ("Not met", unmet[name]))
                )
            ]
        )
        .mark_bar()
        .encode(
            x=alt.X("needs:Q", title="Needs"),
            y=alt.Y("expertise:N", sort=shown, title=None),
            color=alt.Color("state:N").scale(domain=["Met", "Not met"], range=[ACCENT, PALE]),
            order="place:Q",
        )
        .properties(height=27 * len(shown))
    )
    short = max(order, key=lambda name: unmet[name])
    more = f" The table has all {len(order)}." if len(order) > len(shown) else ""
    return Chart(
        "Needs by expertise",
        f"Most often not met: {short}, {unmet[short]} of {total[short]}.{more}",
        _svg(chart, FULL_WIDTH),
        ("Expertise", "Needs", "Met", "Not met"),
        tuple((name, total[name], len(met[name]), unmet[name]) for name in order),
        wide=True,
    )


def _disadvantage(data: ReportData) -> Chart | None:
    """Schools in need in four parts of equal number, by the disadvantage that they serve."""
    needed: defaultdict[str, float] = defaultdict(float)
    planned: defaultdict[str, float] = defaultdict(float)
    for need in needs_of(data):
        needed[need.taker] += need.days_needed
    for pairing in data.pairings:
        planned[pairing.taker] += pairing.days
    percent = {p.reference: p.disadvantage_percent for p in data.participants}
    known = [(share, taker) for taker in needed if (share := percent[taker]) is not None]
    if len(known) < 8 or not sum(planned.values()):
        return None
    known.sort()
    quarters = [known[part * len(known) // 4 : (part + 1) * len(known) // 4] for part in range(4)]
    names = [f"{quarter[0][0]:.0f} to {quarter[-1][0]:.0f}%" for quarter in quarters]
    rows = [
        (name, sum(needed[t] for _, t in quarter), sum(planned[t] for _, t in quarter))
        for name, quarter in zip(names, quarters, strict=True)
    ]
    chart = (
        _of(
            [
                {"quarter": name, "share": got / asked if asked else 0}
                for name, asked, got in rows
            ]
        )
        .mark_bar(size=46, color=ACCENT)
        .encode(
            x=alt.X("quarter:N", sort=names, title="Pupils eligible for free school meals",
                    axis=alt.Axis(labelAngle=0)),
            y=alt.Y("share:Q", title="Days planned of days asked for",
                    axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        )
        .properties(height=210)
    )  # fmt: skip
    return Chart(
        "Support where it is hardest",
        "Schools in need, in four parts of equal number from the least to the most disadvantage "
        "served: how much of what they asked for is planned.",
        _svg(chart),
        ("Pupils eligible for free school meals", "Days asked for", "Days planned", "Share"),
        tuple(
            (name, _days(asked), _days(got), f"{got / asked:.0%}" if asked else "")
            for name, asked, got in rows
        ),
    )


def charts(data: ReportData, figures: Figures) -> list[Chart]:
    """Every chart that the plan has figures for."""
    drawn = (
        _ladder(figures) if figures.days_by_ladder else None,
        _travel(data),
        _balance(data, figures),
        _disadvantage(data),
        _expertise(data),
    )
    return [chart for chart in drawn if chart is not None]
