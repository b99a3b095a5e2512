"""The plan of a run: in figures and charts, on a map, and what it leaves unmet."""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from math import ceil
from threading import Lock
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.secret import signing_secret
from app.database import ReadSession
from app.insight.queries import report_data, rules_in_words
from app.insight.report import Figures, ReportData, UnmetNeed, figures
from app.insight.report_charts import Chart, charts
from app.insight.report_map import (
    LADDER_COLOURS,
    LADDER_NAMES,
    SYMBOL_NAMES,
    PlanMap,
    plan_map,
)
from app.maps import tokens
from app.maps.tokens import BadEmbed
from app.matching import queries
from app.matching.leases import ENDED
from app.matching.options import MatchOptions
from app.matching.review import newest
from app.portal.pages import VENDOR, Pager, csv_page, page, page_number
from app.portal.run_pages import watched
from app.portal.visitors import Visitor, Who
from models.matching import Run
from models.vocabulary import EmbedLayer, RunState

router = APIRouter()
PER_PAGE: Final = 50
MOST_KEPT: Final = 4


@dataclass(frozen=True)
class Judged:
    """A run's plan with what is drawn from it, each when it is first looked at."""

    data: ReportData

    @cached_property
    def figures(self) -> Figures:
        return figures(self.data)

    @cached_property
    def charts(self) -> list[Chart]:
        return charts(self.data, self.figures)

    @cached_property
    def map(self) -> PlanMap | None:
        return plan_map(self.data)


_kept: OrderedDict[tuple[str, int, int], Judged] = OrderedDict()
_keeping = Lock()


def _judged(session: ReadSession, who: Visitor, run: Run) -> Judged:
    """What the run stored does not change but for alternates: so it is drawn once."""
    key = (who.database.url, run.id, newest(session, run.id))
    with _keeping:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = Judged(report_data(session, who.principal, run.id))
    with _keeping:
        _kept[key] = made
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return made


def at_most(fraction: float) -> str:
    """A percentage rounded up: what is proven is never overstated."""
    return f"{ceil(fraction * 10_000 - 1e-6) / 100:.2f}%"


@router.get("/runs/{run_id:int}")
def show_run(request: Request, who: Who, run_id: int) -> Response:
    """A run that goes on is watched, one that has ended shows what came of it."""
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id)
        if RunState(run.state) not in ENDED:
            return page(request, "run_watch.html", who, **watched(session, who, run))
        if run.state != RunState.SOLVED:
            return page(request, "run_ended.html", who, **watched(session, who, run))
        judged = _judged(session, who, run)
        return page(
            request,
            "run.html",
            who,
            run=run,
            data=judged.data,
            figures=judged.figures,
            charts=judged.charts,
            rules=rules_in_words(MatchOptions.model_validate(run.options)),
            at_most=at_most,
        )


@router.get("/runs/{run_id:int}/map")
def show_map(request: Request, who: Who, run_id: int) -> Response:
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id)
        judged = _judged(session, who, run)
        return page(
            request,
            "map.html",
            who,
            run=run,
            widget=widget_of(request, run_id),
            data=judged.data,
            map=judged.map,
            ladder_names=LADDER_NAMES,
            ladder_colours=LADDER_COLOURS,
            symbol_names=SYMBOL_NAMES,
        )


def widget_of(request: Request, run_id: int) -> str | None:
    """The address of the map that people move and ask, for this page only; none without it."""
    origin = f"{request.url.scheme}://{request.url.netloc}"
    now = datetime.now(UTC)
    try:
        granted = tokens.grant([origin], EmbedLayer.PARTNER, now=now, run_id=run_id, drafts=True)
    except BadEmbed:
        return None
    if not (VENDOR / "leaflet.js").is_file():
        return None
    token = tokens.sign(granted, signing_secret(request.app.state.settings), now)
    return (
        f"/maps/widget?{urlencode({'token': token, 'heading': f'Run {run_id}', 'cards': 'page'})}"
    )


@router.get("/runs/{run_id:int}/unmet")
def list_unmet(request: Request, who: Who, run_id: int) -> Response:
    asked = request.query_params
    number = page_number(request)
    with who.database.read() as session:
        run = queries.get_run(session, who.principal, run_id)
        judged = _judged(session, who, run)
        name = {each.reference: each.name for each in judged.data.participants}
        found = [need for need in judged.data.unmet if _fits(need, name, asked)]
        found.sort(key=lambda need: (need.priority, -need.days_needed, need.need))
        if asked.get("as") == "csv":
            rows = [_csv(need, name) for need in found]
            return csv_page(f"run-{run_id}-unmet", list(_csv_columns), rows)
        skip = (number - 1) * PER_PAGE
        return page(
            request,
            "unmet.html",
            who,
            run=run,
            found=found[skip : skip + PER_PAGE],
            name=name,
            pager=Pager(number, PER_PAGE, len(found)),
            reasons=_counted(judged.data.unmet),
            expertise=sorted({need.expertise for need in judged.data.unmet}),
            total=len(judged.data.unmet),
        )


def _counted(unmet: tuple[UnmetNeed, ...]) -> list[tuple[str, int]]:
    """How many needs each reason weighs on the most."""
    return Counter(need.reasons[0].sentence for need in unmet if need.reasons).most_common()


def _fits(need: UnmetNeed, name: dict[str, str], asked: Any) -> bool:
    words = asked.get("q", "").casefold().split()
    main = need.reasons[0].sentence if need.reasons else ""
    return (
        all(word in name[need.taker].casefold() for word in words)
        and asked.get("expertise", "") in ("", need.expertise)
        and asked.get("priority", "") in ("", str(need.priority))
        and asked.get("reason", "") in ("", main)
    )


_csv_columns: Final = (
    "need", "taker", "taker_name", "expertise", "days", "priority", "reasons",
)  # fmt: skip


def _csv(need: UnmetNeed, name: dict[str, str]) -> dict[str, object]:
    return {
        "need": need.need,
        "taker": need.taker.partition(":")[2],
        "taker_name": name[need.taker],
        "expertise": need.expertise,
        "days": f"{need.days_needed:g}",
        "priority": need.priority,
        "reasons": [f"{each.offers} offers: {each.sentence}" for each in need.reasons],
    }
