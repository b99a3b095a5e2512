"""The report of a plan: everything in it, nothing from outside, figures equal to the data."""

import json
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from app.insight.report import Component, Refusal, UnmetNeed, figures
from app.insight.report_map import LADDER_COLOURS, plan_map
from app.insight.report_page import render as render_anew
from models.vocabulary import Ladder
from tests.reports import PLAN, pairing, read, said

render = cache(render_anew)


def facts(html: str) -> dict[str, list[list[object]]]:
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', html, re.S)
    assert found is not None
    read: dict[str, list[list[object]]] = json.loads(found[1])
    return read


def test_figures_are_those_of_the_data() -> None:
    """Needs, days, balance, travel and shares follow from the pairings and needs listed."""
    found = figures(PLAN)
    assert (found.needs, found.needs_met, found.pairings) == (6, 4, 4)
    assert (found.days_needed, found.days_planned) == (20.0, 10.5)
    assert (found.givers, found.takers, found.both) == (4, 3, 2)
    assert found.days_by_exempt == 1.5
    assert (found.median_miles, found.longest_miles, found.remote) == (5.0, 8.0, 1)
    assert (found.urgent, found.urgent_met) == (2, 0)
    assert sum(days for _, days in found.days_by_ladder) == found.days_planned
    assert sum(each.given for each in found.balances) == found.days_planned
    assert sum(each.taken for each in found.balances) == found.days_planned
    assert all(each.given or each.taken for each in found.balances)


def test_most_disadvantaged_quarter() -> None:
    """Of five schools in need the two with most disadvantage are the quarter, rounded up."""
    found = figures(PLAN)
    assert found.most_disadvantaged_from == 25.0
    assert found.most_disadvantaged_days == pytest.approx(3.5 / 10.5)
    assert found.most_disadvantaged_days_needed == pytest.approx(10 / 20)
    nobody = tuple(replace(each, disadvantage_percent=None) for each in PLAN.participants)
    assert figures(replace(PLAN, participants=nobody)).most_disadvantaged_days is None


def test_a_need_met_by_two_counts_once() -> None:
    """Two givers for one need are two pairings, one need and its days once."""
    first = pairing(1, "urn:1", "urn:2", days=2.0)
    shared = replace(
        PLAN, pairings=(first, replace(first, offer="offer-9", giver="urn:3")), unmet=()
    )
    found = figures(shared)
    assert (found.needs, found.needs_met, found.pairings) == (1, 1, 2)
    assert (found.days_needed, found.days_planned) == (4.0, 4.0)


def test_page_holds_every_pairing_and_every_unmet_need() -> None:
    """The table lists each pairing once, the map draws those with both positions."""
    html = render(PLAN)
    page = read(html)
    assert sorted(int(a["data-pairing"] or -1) for t, a in page.tags if "data-pairing" in a) == [
        0, 1, 2, 3,
    ]  # fmt: skip
    assert sorted(int(a["data-p"] or -1) for _, a in page.tags if "data-p" in a) == [0, 1, 3]
    assert len(facts(html)["pairings"]) == 4
    text = said(html)
    for name in ("Made-up Hub", "Made-up School 12", "Made-up School 4", "Made-up School 5"):
        assert name in text
    assert "The giver is too far away. (7 offers)" in text


def test_page_states_the_figures() -> None:
    """What the page says first is what the data come to."""
    text = said(render(PLAN))
    assert (
        "4 of 6 needs met, with 10.5 days of support from 4 supporting organisations to 3 schools."
        in text
    )
    assert "No plan within these rules can be more than 0.5% better." in text
    assert "Each school takes at most what it gives and its allowance." in text
    assert "more than 0.1% better" in said(render(replace(PLAN, gap=0.000_02)))
    proven = said(render(replace(PLAN, gap=0.0)))
    assert "Proven optimal: no plan within these rules is better." in proven
    assert "most 0%" not in proven
    assert "How much better a plan could be is not known." in said(
        render(replace(PLAN, gap=None, bound=None))
    )


def test_page_is_self_contained() -> None:
    """Nothing is fetched: no address in src, href, style or script leads outside the file."""
    html = render(PLAN)
    for tag, attributes in read(html).tags:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            address = attributes.get(name)
            assert address is None or address.startswith(("#", "data:,")), (tag, address)
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\((?!#)|fetch\(|XMLHttp|import\(", html)


def test_page_is_accessible() -> None:
    """One h1, headings without gaps, unique ids, labels, named pictures, scoped headers."""
    page = read(render(PLAN))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page.ids) == len(set(page.ids))
    assert ("html", {"lang": "en-GB"}) in page.tags
    for tag, attributes in page.tags:
        if attributes.get("role") == "img":
            assert attributes.get("aria-label") or attributes.get("aria-labelledby") in page.ids
        if tag == "th":
            assert attributes.get("scope") in ("col", "row")
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in page.ids
        if tag == "table" and "chart-bars" in (attributes.get("class") or ""):
            assert attributes.get("aria-label")


def test_colours_stand_out() -> None:
    """Every ladder colour has at least 4.5 to 1 against white."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert set(LADDER_COLOURS) == set(Ladder)
    for colour in LADDER_COLOURS.values():
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, colour


def test_hostile_names_are_harmless() -> None:
    """Markup in names, areas, sentences and expertise is text, in the embedded JSON as well."""
    evil = "</script><script>alert('1')</script><img src=x onerror=alert(2)>\"' & {{ 7*7 }}"
    plan = replace(
        PLAN,
        area=evil,
        participants=tuple(replace(each, name=evil, kind=evil) for each in PLAN.participants),
        pairings=tuple(
            replace(each, expertise=evil, components=(Component("nearness", 5, evil),))
            for each in PLAN.pairings
        ),
        unmet=(UnmetNeed("n", "urn:4", evil, 1.0, 1, (Refusal(evil, 1),)),),
        rules=(evil,),
        places=((evil, 53.8, 1.3),),
    )
    html = render(plan)
    page = read(html)
    assert not any(tag == "img" for tag, _ in page.tags)
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert facts(html)["participants"][0][0] == evil
    assert "{{ 7*7 }}" in said(html)


def test_made_up_and_drawn_say_so() -> None:
    """A reader cannot take invented schools or drawn needs for real ones."""
    assert "Everything in this report is made up." in said(render(replace(PLAN, made_up=True)))
    drawn = said(render(replace(PLAN, drawn=True)))
    assert "The needs and offers in this report were drawn at random." in drawn
    assert "Open Government Licence" in drawn
    assert "made up" not in said(render(PLAN))


def test_suggestions_are_marked() -> None:
    """A pairing that rests on a suggestion carries its mark in the list."""
    suggested = (replace(PLAN.pairings[0], suggested=True), *PLAN.pairings[1:])
    marks = "suggested only"
    assert (
        said(render(replace(PLAN, pairings=suggested))).count(marks)
        == said(render(PLAN)).count(marks) + 2
    )


def test_an_empty_plan_is_a_page() -> None:
    """Without a pairing, and without any position, the page still stands and says so."""
    empty = replace(PLAN, pairings=(), objective=0, greedy_objective=0)
    assert "No pairing was possible." in said(render(empty))
    placeless = tuple(replace(each, latitude=None, longitude=None) for each in PLAN.participants)
    assert plan_map(replace(PLAN, participants=placeless)) is None
    html = render(replace(PLAN, participants=placeless, unmet=()))
    assert 'id="paper"' not in html
    assert "All needs are met." in said(html)
    assert "0 of 0 needs met" in said(render(replace(empty, unmet=())))


def test_a_swap_shows_as_two_arcs() -> None:
    """Giver to taker and back bend to different sides, so that neither hides the other."""
    found = plan_map(PLAN)
    assert found is not None
    there, back = (arc.path for arc in found.arcs if arc.pairing in (0, 1))
    assert re.findall(r"Q[\d. ]+", there) != re.findall(r"Q[\d. ]+", back)


def test_map_keeps_within_its_paper() -> None:
    """Symbols lie on the paper; north is up and east is right."""
    found = plan_map(PLAN)
    assert found is not None
    at = {dot.participant: dot for dot in found.dots}
    assert all(0 <= dot.x <= found.width and 0 <= dot.y <= found.height for dot in found.dots)
    assert at[11].y < at[0].y
    assert at[11].x > at[0].x
    assert found.without_position == 1


def test_loops_are_listed_by_name() -> None:
    """A swap of the plan is told with what each gives; a plan without one says nothing of it."""
    text = said(render(PLAN))
    assert "1 swap or loop of two or three" in text
    first, second = (f"Made-up School {number}" for number in (1, 2))
    assert f"{first} gives Attendance to {second} gives Attendance to {first}" in text
    alone = replace(PLAN, pairings=PLAN.pairings[2:])
    assert "Loops and swaps" not in said(render(alone))


def test_the_map_shows_pairings_as_large_as_it_can() -> None:
    """Who is far away and in no pairing is left out and counted; land is cut at the edge."""
    far = replace(PLAN.participants[0], reference="urn:far", latitude=58.0, longitude=-6.0)
    everywhere = ((40.0, -20.0), (40.0, 20.0), (70.0, 20.0), (70.0, -20.0))
    found = plan_map(
        replace(
            PLAN,
            participants=(*PLAN.participants, far),
            outline=(everywhere, ((30.0, 0.0), (31.0, 0.0), (31.0, 1.0))),
            borders=(everywhere,),
        )
    )
    alone = plan_map(PLAN)
    assert found is not None
    assert alone is not None
    assert found.outside == alone.outside + 1
    assert [dot.x for dot in found.dots] == [dot.x for dot in alone.dots]
    (land,) = found.outline
    assert found.borders == (land,)
    numbers = [float(each) for each in re.findall(r"-?[0-9.]+", land)]
    assert (min(numbers[::2]), max(numbers[::2])) == (-20, found.width + 20)
    assert "beyond the edge" in said(render(replace(PLAN, participants=(*PLAN.participants, far))))
