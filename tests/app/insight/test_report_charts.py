"""Charts: figures that follow from the plan, every label whole, drawn without style or script."""

import json
from dataclasses import replace

import pytest

from app.insight import rendered
from app.insight.labels import LADDER_NAMES
from app.insight.report import ReportData, Symbol, figures
from app.insight.report_charts import Chart, _ticks, charts
from app.insight.report_page import render
from models.vocabulary import Ladder
from tests.reports import EVERY_CHART, EXPERTISE, PLAN, pairing, read, said

TITLES = [
    "Where support comes from", "Support by disadvantage", "Giving and receiving",
    "How far support travels", "Needs by expertise",
]  # fmt: skip


def drawn(data: ReportData = EVERY_CHART) -> dict[str, Chart]:
    return {chart.title: chart for chart in charts(data, figures(data))}


def test_figures_of_charts_are_those_of_the_plan() -> None:
    """What bars add up to is what was planned, asked for and received."""
    found = figures(EVERY_CHART)
    made = drawn()
    assert list(made) == TITLES
    ladder = made["Where support comes from"]
    assert [bar.label for bar in ladder.bars] == [LADDER_NAMES[step] for step in Ladder]
    assert sum(bar.parts[0][1] for bar in ladder.bars) == found.days_planned
    assert "1,2" in ladder.bars[0].figures[0]
    travel = made["How far support travels"]
    assert [bar.label for bar in travel.bars[:2]] == ["Under 2 miles", "2 to 4 miles"]
    assert travel.bars[-1].label == "30 miles or more"
    assert sum(bar.parts[0][1] for bar in travel.bars) == found.pairings
    expertise = made["Needs by expertise"]
    assert (len(expertise.bars), len(expertise.folded)) == (14, 2)
    assert {bar.label for bar in expertise.bars + expertise.folded} == set(EXPERTISE)
    every = [bar.parts for bar in expertise.bars + expertise.folded]
    assert sum(met for (_, met), _ in every) == found.needs_met
    assert sum(unmet for _, (_, unmet) in every) == found.needs - found.needs_met
    hard = made["Support by disadvantage"]
    assert all(sum(length for _, length in bar.parts) == pytest.approx(1) for bar in hard.bars)


def test_giving_and_receiving_leaves_organisations_out() -> None:
    """They give without receiving by design; schools are counted once each."""
    balance = drawn(PLAN)["Giving and receiving"]
    assert [bar.figures for bar in balance.bars] == [("2",), ("0",), ("2",)]
    assert balance.plot is not None
    assert sum(spot.schools for spot in balance.plot.spots) == 4
    assert {(spot.given, spot.received) for spot in balance.plot.spots} == {
        (3.0, 4.0), (4.0, 3.0), (2.0, 0.0), (0.0, 3.5),
    }  # fmt: skip
    only = tuple(replace(each, symbol=Symbol.ORGANISATION) for each in PLAN.participants)
    assert "Giving and receiving" not in drawn(replace(PLAN, participants=only))


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0.5, (0, 1)),
        (5, (0, 1, 2, 3, 4, 5)),
        (5.5, (0, 2, 4, 6)),
        (18, (0, 5, 10, 15, 20)),
        (1200.5, (0, 500, 1000, 1500)),
    ],
)
def test_axes_have_few_round_numbers(highest: float, ticks: tuple[int, ...]) -> None:
    """From nothing to beyond the highest, in even steps."""
    assert _ticks(highest) == ticks


def test_every_label_stands_whole_in_the_page() -> None:
    """Each label, head, figure and number of an axis is text of its own, and none is an SVG's."""
    html = render(EVERY_CHART)
    page = read(html)
    for chart in drawn().values():
        bars = chart.bars + chart.folded
        for text in (
            *(chart.title, chart.statement, *chart.columns, *(name for _, name in chart.key)),
            *(text for bar in bars for text in (bar.label, *bar.figures)),
            *(f"{tick:,}" for tick in (chart.plot.ticks if chart.plot else ())),
        ):
            assert text in page.text, text
        if chart.plot:
            assert html.count("<circle cx=") == len(chart.plot.spots)
    assert html.count('class="chart-bar"') == sum(
        len(chart.bars) + len(chart.folded) for chart in drawn().values()
    )
    section = html[html.index('<section id="charts"') : html.index('<section id="all"')]
    assert "<text" not in section
    assert "style=" not in section
    assert all(f'class="{colour}"' in section for colour in (*Ladder, "main", "rest"))


def test_bars_fill_their_room_and_no_more() -> None:
    """The longest reaches the end; parts follow each other."""
    for chart in drawn().values():
        lengths = [sum(part for _, part in bar.parts) for bar in chart.bars + chart.folded]
        assert max(lengths) == pytest.approx(chart.full)
    html = render(replace(PLAN, pairings=(pairing(1, "urn:1", "urn:2"),)))
    assert '<rect class="local_area" x="0%" width="100.0%" height="100%" />' in html
    # Attendance is met once; Governance, asked for twice, is not met.
    assert '<rect class="main" x="0%" width="50.0%" height="100%" />' in html
    assert '<rect class="rest" x="0.0%" width="100.0%" height="100%" />' in html


def test_a_plan_without_pairings_or_needs_has_a_page() -> None:
    """What cannot be drawn is left out; where nothing can, the page says so."""
    nobody = replace(PLAN, pairings=(), objective=0)
    assert list(drawn(nobody)) == ["Needs by expertise"]
    assert "Most often not met: Governance, 2 of 2 needs." in said(render(nobody))
    assert rendered.draw(nobody).summary.charts == tuple(drawn(nobody).values())
    nothing = replace(nobody, unmet=())
    assert drawn(nothing) == {}
    assert "There are no charts, because no school asked for support." in said(render(nothing))
    assert "Every need is met." in drawn(replace(PLAN, unmet=()))["Needs by expertise"].statement


def test_charts_are_stored_as_data() -> None:
    """What is kept with a run holds no markup, and comes back equal."""
    made = rendered.draw(EVERY_CHART)
    told = rendered.SUMMARY.dump_json(made.summary)
    assert b"<" not in told
    assert json.loads(told)["charts"][0]["bars"][0]["label"] == "Own trust or federation"
    assert rendered.read("summary", made.files()["summary"]) == made.summary
