"""The support graph: around one school or organisation, and lists of areas."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.catalogue.queries import list_periods
from app.database import ReadSession
from app.errors import Conflict, NotFound
from app.graph.communities import communities
from app.graph.exports import EDGE_COLUMNS, row_of
from app.graph.families import DEFAULT_MINUTES, MOST_MINUTES, propose_families
from app.graph.isolated import by_area, isolated, with_networks
from app.graph.kinds import USUAL, EdgeKind
from app.graph.load import loads
from app.graph.loops import loops
from app.graph.paths import Neighbourhood, around, shortest
from app.graph.picture import MOST_DRAWN, SVG, legend, picture, shapes
from app.graph.queries import keys_in, node_named, period_named, viewing
from app.graph.schemas import IsolatedShown, LoadShown
from app.graph.swaps import find_swaps
from app.graph.view import View
from app.graph.words import told
from app.portal.labels import MINUTES_WRONG
from app.portal.rendering import HEADERS, Pager, csv_page, page, page_number
from app.portal.sessions import Who

router = APIRouter()
PER_PAGE: Final = 50
STEPS: Final = (1, 2, 3)
MOST_LETTERS: Final = 100
MOST_TOLD: Final = 100
"""Loops, swaps, communities and bridges of a page."""


@router.get("/participants/{cell:path}/graph")
@does(Action.READ, reach=Reach.OPEN)
def show_neighbourhood(request: Request, who: Who, cell: str, now: Now) -> Response:
    """What one is joined to and through whom: a picture with its table, and a way to another."""
    goal = _typed(request, "to")
    with who.database.read() as session, viewing(session, who.principal, now.date()) as whole:
        view, found, steps, kinds = _neighbourhood(request, session, who, whole, cell)
        if request.query_params.get("as") == "csv":
            rows = [row_of(view, edge) for edge in found.edges]
            return csv_page(f"graph-{cell}", list(EDGE_COLUMNS), rows)
        path, error = None, ""
        if goal:
            try:
                other = node_named(session, who.principal, view, goal)
                path = shortest(view, found.reached[0].node.key, other)
                if path is None:
                    name = view.node(other).name
                    error = f"Nothing joins it to {name}. Select more kinds of connection"
            except (NotFound, Conflict) as unknown:
                error = unknown.detail
        return page(
            request,
            "graph.html",
            who,
            status=422 if error else 200,
            cell=cell,
            middle=found.reached[0].node,
            found=found,
            steps=steps,
            all_steps=STEPS,
            kinds=kinds,
            names=view.of.nodes,
            edges=[(edge, edge.kind_on(view.day), told(view, edge)) for edge in found.edges],
            goal=goal,
            path=None if path is None else [told(view, edge) for edge in path],
            error=error,
            legend=legend(),
            shapes=shapes(),
            picture_query=f"?{request.url.query}" if request.url.query else "",
        )


@router.get("/participants/{cell:path}/graph.svg")
@does(Action.READ, reach=Reach.OPEN)
def show_picture(request: Request, who: Who, cell: str, now: Now) -> Response:
    with who.database.read() as session, viewing(session, who.principal, now.date()) as whole:
        view, found, *_ = _neighbourhood(request, session, who, whole, cell)
        return Response(picture(view, found), 200, HEADERS, SVG)


def _neighbourhood(
    request: Request, session: ReadSession, who: Any, whole: View, cell: str
) -> tuple[View, Neighbourhood, int, tuple[EdgeKind, ...]]:
    asked = request.query_params.getlist("kind")
    kinds = tuple(kind for kind in EdgeKind if kind in asked) or USUAL
    typed = request.query_params.get("steps", "1")
    steps = int(typed) if typed in map(str, STEPS) else 1
    view = whole.only(kinds)
    start = node_named(session, who.principal, view, cell)
    return view, around(view, start, steps, most=MOST_DRAWN), steps, kinds


def _typed(request: Request, name: str) -> str:
    return request.query_params.get(name, "").replace("\0", " ")[:MOST_LETTERS].strip()


@contextmanager
def _listed(
    request: Request, who: Any, day: date
) -> Iterator[tuple[ReadSession, View, dict[str, Any], frozenset[str] | None]]:
    """The view, what every list of the graph shows, and whom the area named has."""
    area, error, among = _typed(request, "area"), "", None
    with who.database.read() as session, viewing(session, who.principal, day) as view:
        try:
            scope, among = keys_in(session, who.principal, view, area or None)
        except (NotFound, Conflict) as unknown:
            scope, error, among = None, unknown.detail, frozenset()
        shared = {"area": area, "scope": scope, "error": error, "names": view.of.nodes}
        yield session, view, shared, among


def _status(shared: dict[str, Any]) -> int:
    return 422 if shared["error"] else 200


@router.get("/graph/isolated")
@does(Action.READ)
def list_isolated(request: Request, who: Who, now: Now) -> Response:
    """Schools in no group or network and without support: by area, and of one area by name."""
    number = page_number(request)
    with _listed(request, who, now.date()) as (_, view, shared, among):
        found = isolated(view, among)
        as_csv = request.query_params.get("as") == "csv"
        some = found if as_csv else found[(number - 1) * PER_PAGE : number * PER_PAGE]
        named = with_networks(view, some) if as_csv or shared["area"] else some
        if as_csv:
            rows = [IsolatedShown.of(each).model_dump(mode="json") for each in named]
            return csv_page("isolated", list(IsolatedShown.model_fields), rows)
        return page(
            request,
            "graph_isolated.html",
            who,
            status=_status(shared),
            at="Isolated schools",
            areas=[] if shared["area"] else by_area(view),
            found=named,
            total=len(found),
            pager=Pager(number, PER_PAGE, len(found)),
            **shared,
        )


@router.get("/graph/load")
@does(Action.READ)
def list_loads(request: Request, who: Who, now: Now) -> Response:
    """Who gives and receives most, and who gives more than its share."""
    number, only_over = page_number(request), request.query_params.get("over") == "yes"
    with _listed(request, who, now.date()) as (session, view, shared, among):
        periods = list_periods(session, who.principal, limit=None)
        code = request.query_params.get("period", "")
        code = code if code in {each.code for each in periods} else ""
        period = period_named(session, who.principal, code or None)
        found = loads(session, view, period, among)
        over = sum(bool(each.over) for each in found)
        if only_over:
            found = [each for each in found if each.over]
        found.sort(key=lambda each: (-len(each.over), -abs(each.net), each.node.key))
        if request.query_params.get("as") == "csv":
            rows = [LoadShown.of(each).model_dump(mode="json") for each in found]
            return csv_page("load", list(LoadShown.model_fields), rows)
        return page(
            request,
            "graph_load.html",
            who,
            status=_status(shared),
            at="Load",
            found=found[(number - 1) * PER_PAGE : number * PER_PAGE],
            over=over,
            only_over=only_over,
            periods=[(each.code, each.name) for each in periods],
            pager=Pager(number, PER_PAGE, len(found)),
            **shared,
        )


@router.get("/graph/loops")
@does(Action.READ)
def list_loops(request: Request, who: Who, now: Now) -> Response:
    """Loops and swaps that run, and those that an area could make now."""
    with _listed(request, who, now.date()) as (session, view, shared, among):
        run = loops(view)
        inside = [each for each in run.items if among is None or among & set(each.members)]
        running: Sequence[Any] = [
            (
                [view.node(key) for key in each.members],
                [told(view, edge) for gives in each.support for edge in gives],
            )
            for each in inside[:MOST_TOLD]
        ]
        periods = list_periods(session, who.principal, limit=None)
        period = request.query_params.get("period", "")
        chosen = period if period in {each.code for each in periods} else ""
    swaps = None
    if chosen and shared["scope"] is not None:
        with who.database.read() as session:
            try:
                swaps = find_swaps(
                    session,
                    who.principal,
                    shared["area"],
                    chosen,
                    now.date(),
                    travel_source=request.app.state.settings.travel_times,
                )
            except Conflict as conflict:
                shared["error"] = conflict.detail
    return page(
        request,
        "graph_loops.html",
        who,
        status=_status(shared),
        at="Loops and swaps",
        running=running,
        total=len(inside),
        more=run.more,
        swaps=None if swaps is None else swaps.items[:MOST_TOLD],
        swaps_total=0 if swaps is None else len(swaps.items),
        more_swaps=swaps is not None and swaps.more,
        periods=[(each.code, each.name) for each in periods],
        **shared,
    )


@router.get("/graph/families")
@does(Action.READ_PLAN)
def list_families(request: Request, who: Who, now: Now) -> Response:
    """Families that schools of an area could form, as a suggestion to their heads."""
    authorise(who.principal, Action.READ_PLAN)
    typed = _typed(request, "minutes") or str(DEFAULT_MINUTES)
    with _listed(request, who, now.date()) as (session, _, shared, _):
        periods = list_periods(session, who.principal, limit=None)
    period = request.query_params.get("period", "")
    chosen = period if period in {each.code for each in periods} else None
    digits = typed.isascii() and typed.isdigit() and len(typed) < MOST_LETTERS
    minutes = int(typed) if digits else 0
    wrong = "" if 1 <= minutes <= MOST_MINUTES else MINUTES_WRONG.format(MOST_MINUTES)
    found = None
    if shared["scope"] is not None and not wrong:
        with who.database.read() as session:
            try:
                found = propose_families(
                    session,
                    who.principal,
                    shared["area"],
                    minutes,
                    now.date(),
                    period=chosen,
                    travel_source=request.app.state.settings.travel_times,
                )
            except (NotFound, Conflict) as refused:
                shared["error"] = refused.detail
    return page(
        request,
        "graph_families.html",
        who,
        status=422 if wrong else _status(shared),
        at="Families",
        found=found,
        most_told=MOST_TOLD,
        typed_minutes=typed,
        wrong_minutes=wrong,
        periods=[(each.code, each.name) for each in periods],
        **shared,
    )


@router.get("/graph/communities")
@does(Action.READ)
def show_communities(request: Request, who: Who, now: Now) -> Response:
    """Who supports each other against local authority lines, and who holds them together."""
    with _listed(request, who, now.date()) as (_, view, shared, among):
        found = communities(view)

        def seen(keys: Sequence[str]) -> bool:
            return among is None or bool(among & set(keys))

        return page(
            request,
            "graph_communities.html",
            who,
            status=_status(shared),
            at="Communities",
            found=found,
            communities=[each for each in found.found if seen(each.members)][:MOST_TOLD],
            bridges=[each for each in found.bridges if seen((each.key,))][:MOST_TOLD],
            **shared,
        )
