"""One HTML file that shows a plan to people; it opens without a server and without a network."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.explanations import words
from app.insight.breakdown import breakdown
from app.insight.labels import (
    BREAKDOWN_NAMES,
    COMPONENT_NAMES,
    LADDER_NAMES,
    ROLE_NAMES,
    STATUS_NAMES,
    SYMBOL_NAMES,
    part_name,
)
from app.insight.report import Component, ReportData, ReportPairing, figures
from app.insight.report_charts import charts
from app.insight.report_loops import loops_of
from app.insight.report_map import (
    LADDER_COLOURS,
    ROLE_COLOURS,
    PlanMap,
    plan_map,
)
from app.wording import at_moment, could_improve, counted, how_good, number, percent
from models.vocabulary import HALF_DAYS_PER_DAY, miles_text

HERE = Path(__file__).parent
BEST = 12
COMPONENT_COLOURS = (
    "#12436d", "#28a197", "#801650", "#f46a25", "#3d3d3d", "#a285d1", "#5694ca", "#85994b",
)  # fmt: skip


def _miles(miles: float | None) -> str:
    return "not known" if miles is None else f"{miles:,.1f}"


@dataclass(frozen=True, slots=True)
class Part:
    """A component of a pairing's points as a piece of a bar, over all its days."""

    component: Component
    colour: str
    left: float
    width: float


def best_first(data: ReportData) -> list[tuple[int, ReportPairing]]:
    """Pairings with their place in the data, the most points first."""
    return sorted(enumerate(data.pairings), key=lambda each: (-each[1].total_points, each[0]))


def _parts(pairing: ReportPairing, colours: dict[str, str]) -> list[Part]:
    half_days = pairing.days * HALF_DAYS_PER_DAY
    earned = {
        each: each.points * (1 if each.once else half_days)
        for each in pairing.components
        if each.points > 0
    }
    total = sum(earned.values()) or 1
    parts, left = [], 0.0
    for component in pairing.components:
        if component in earned:
            width = 100 * earned[component] / total
            parts.append(Part(component, colours[component.name], round(left, 2), round(width, 2)))
            left += width
    return parts


def _colours(data: ReportData) -> dict[str, str]:
    names = sorted({each.name for pairing in data.pairings for each in pairing.components})
    return {
        name: COMPONENT_COLOURS[place % len(COMPONENT_COLOURS)] for place, name in enumerate(names)
    }


def _map_facts(data: ReportData) -> dict[str, list[list[object]]]:
    """What the map's script shows of participants and pairings, by their places."""
    index = {each.reference: place for place, each in enumerate(data.participants)}
    return {
        "participants": [[each.name, each.kind] for each in data.participants],
        "pairings": [
            [index[p.giver], index[p.taker], p.expertise, p.days, p.ladder.value,
             None if p.distance_miles is None else round(p.distance_miles, 1)]
            for p in data.pairings
        ],
    }  # fmt: skip


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([HERE / "templates", HERE / "static"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "could_improve": could_improve,
        "how_good": how_good,
        "counted": counted,
        "distance": miles_text,
        "miles": _miles,
        "moment": at_moment,
        "number": number,
        "part_name": lambda part, by: part_name(by, part),
        "percent": percent,
    }
    return environment


def render(data: ReportData) -> str:
    """The whole report as one HTML document."""
    found = figures(data)
    colours = _colours(data)
    ordered = best_first(data)
    reasons = Counter(need.reasons[0].sentence for need in data.unmet if need.reasons)
    return _environment().get_template("report.html").render(
        data=data,
        figures=found,
        participant={each.reference: each for each in data.participants},
        best=[(pairing, _parts(pairing, colours)) for _, pairing in ordered[:BEST]],
        pairings=ordered,
        colours=colours,
        unmet=sorted(data.unmet, key=lambda need: (need.priority, -need.days_needed, need.need)),
        unmet_reasons=reasons.most_common(),
        no_offer=words.NO_OFFER,
        map=plan_map(data),
        facts=_map_facts(data),
        charts=charts(data, found),
        breakdown=breakdown(data),
        breakdown_names=BREAKDOWN_NAMES,
        loops=loops_of(data),
        component_names=COMPONENT_NAMES,
        ladder_names=LADDER_NAMES,
        role_names=ROLE_NAMES,
        status_names=STATUS_NAMES,
        ladder_colours=LADDER_COLOURS,
        symbol_names=SYMBOL_NAMES,
    )  # fmt: skip


def picture(data: ReportData, on_paper: PlanMap) -> str:
    """The plan on a map as one SVG that needs nothing else."""
    return _environment().get_template("picture.svg").render(
        data=data, map=on_paper, ladder_colours=LADDER_COLOURS, role_colours=ROLE_COLOURS
    )  # fmt: skip
