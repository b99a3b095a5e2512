"""The support graph over HTTP."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads
from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.graph.communities import communities
from app.graph.exports import GEOJSON, GRAPHML, csv_of_edges, geojson, graphml
from app.graph.families import propose_families
from app.graph.family_schemas import FamiliesShown, FamilyQuery
from app.graph.isolated import by_area, isolated, with_networks
from app.graph.kinds import EdgeKind
from app.graph.load import loads
from app.graph.loops import loops
from app.graph.paths import Neighbourhood, around, shortest
from app.graph.picture import MOST_DRAWN, SVG, picture
from app.graph.plan_loops import loops_of_run
from app.graph.queries import joined_to, keys_in, node_named, period_named, viewing
from app.graph.schemas import (
    AreaGraphQuery,
    AroundQuery,
    CommunitiesShown,
    CommunityQuery,
    IsolatedAreaQuery,
    IsolatedAreas,
    IsolatedAreaShown,
    IsolatedList,
    IsolatedQuery,
    IsolatedShown,
    LoadQuery,
    Loads,
    LoadShown,
    LoopQuery,
    Loops,
    LoopShown,
    NeighbourhoodShown,
    PathQuery,
    PathShown,
    SwapQuery,
    Swaps,
    SwapShown,
    kinds_of,
)
from app.graph.swaps import find_swaps
from app.graph.view import View
from app.http.fields import Words
from app.http.media import AS_CSV, CSV, JSON, first_of
from app.http.replies import listed, shown

router = APIRouter(prefix="/graph", tags=["graph"])
Named = Annotated[Words, Path(examples=["100000"])]
_TEXT: Final[dict[str, Any]] = {"schema": {"type": "string"}}
AS_GRAPH: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: _TEXT, GRAPHML: _TEXT, GEOJSON: _TEXT}}
}
AS_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {**AS_GRAPH[200]["content"], SVG: _TEXT}}
}


@router.get("/around/{participant:path}", response_model=NeighbourhoodShown, responses=AS_PICTURE)
@does(Action.READ, reach=Reach.OPEN)
def get_neighbourhood(
    request: Request,
    principal: Caller,
    session: Reads,
    participant: Named,
    wanted: Annotated[AroundQuery, Query()],
    now: Now,
) -> Response:
    """Read what a school, organisation, group, network or area is joined to, and through whom.

    As JSON, CSV of the edges, GraphML, GeoJSON, or a picture (SVG). The register is open; support,
    proposals and interests are shown as far as you may read them.
    """
    with viewing(session, principal, wanted.on or now.date()) as whole:
        view = whole.only(kinds_of(wanted.kinds))
        start = node_named(session, principal, view, participant)
        drawn = first_of(request, [JSON, CSV, GRAPHML, GEOJSON, SVG]) == SVG
        most = min(wanted.most, MOST_DRAWN) if drawn else wanted.most
        found = around(view, start, wanted.steps, wanted.direction, most)
        if drawn:
            return Response(picture(view, found), 200, media_type=SVG)
        return _part(request, view, found)


@router.get("/area", response_model=NeighbourhoodShown, responses=AS_GRAPH)
@does(Action.READ, reach=Reach.OPEN)
def get_area_graph(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[AreaGraphQuery, Query()],
    now: Now,
) -> Response:
    """Read who takes part in an area, group or network, with all that they are joined to.

    The most nodes count for JSON alone; other forms have all of them, and of the whole country they
    are only for whoever may read every plan.
    """
    as_json = first_of(request, [JSON, CSV, GRAPHML, GEOJSON]) == JSON
    if wanted.area is None and not as_json:
        authorise(principal, Action.READ_PLAN, everywhere=True)
    with viewing(session, principal, wanted.on or now.date()) as whole:
        view = whole.only(kinds_of(wanted.kinds))
        _, among = keys_in(session, principal, view, wanted.area)
        keys = frozenset(view.of.keys.values()) if among is None else among
        found = joined_to(view, keys, wanted.most if as_json else len(view.of.nodes))
        return _part(request, view, found)


def _part(request: Request, view: View, found: Neighbourhood) -> Response:
    match first_of(request, [JSON, CSV, GRAPHML, GEOJSON]):
        case str(form) if form == CSV:
            headers = {"Content-Disposition": 'attachment; filename="edges.csv"'}
            return Response(csv_of_edges(view, found), 200, headers, f"{CSV}; charset=utf-8")
        case str(form) if form == GRAPHML:
            headers = {"Content-Disposition": 'attachment; filename="graph.graphml"'}
            return Response(graphml(view, found), 200, headers, GRAPHML)
        case str(form) if form == GEOJSON:
            return Response(geojson(view, found), 200, media_type=GEOJSON)
    return shown(request, NeighbourhoodShown.of(view, found))


@router.get("/path/{participant:path}", response_model=PathShown)
@does(Action.READ, reach=Reach.OPEN)
def get_path(
    request: Request,
    principal: Caller,
    session: Reads,
    participant: Named,
    wanted: Annotated[PathQuery, Query()],
    now: Now,
) -> Response:
    """Read a shortest connection between two schools, organisations, groups, networks or areas."""
    with viewing(session, principal, wanted.on or now.date()) as whole:
        view = whole.only(kinds_of(wanted.kinds))
        start = node_named(session, principal, view, participant)
        goal = node_named(session, principal, view, wanted.to)
        return shown(request, PathShown.of(view, start, shortest(view, start, goal)))


@router.get("/isolated", response_model=IsolatedList, responses=AS_CSV)
@does(Action.READ)
def list_isolated(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[IsolatedQuery, Query()],
    now: Now,
) -> Response:
    """List schools in no group or network and without support, by URN, with networks nearby."""
    with viewing(session, principal, wanted.on or now.date()) as view:
        _, among = keys_in(session, principal, view, wanted.area)

        def read(limit: int | None) -> list[IsolatedShown]:
            found = [each for each in isolated(view, among) if each.urn > wanted.after]
            return [IsolatedShown.of(each) for each in with_networks(view, found[:limit])]

        return listed(request, wanted, IsolatedList, read, lambda one: one.urn)


@router.get("/isolated-areas", response_model=IsolatedAreas, responses=AS_CSV)
@does(Action.READ)
def list_isolated_areas(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[IsolatedAreaQuery, Query()],
    now: Now,
) -> Response:
    """Count isolated schools by local authority, the most first."""
    with viewing(session, principal, wanted.on or now.date()) as view:
        _, among = keys_in(session, principal, view, wanted.area)
        items = [IsolatedAreaShown.of(each) for each in by_area(view, among)]
        return listed(request, None, IsolatedAreas, lambda limit: items, lambda one: one.name)


@router.get("/load", response_model=Loads, responses=AS_CSV)
@does(Action.READ)
def list_loads(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[LoadQuery, Query()],
    now: Now,
) -> Response:
    """List what participants give and receive, and who gives more than its share, by reference."""
    with viewing(session, principal, wanted.on or now.date()) as view:
        _, among = keys_in(session, principal, view, wanted.area)
        period = period_named(session, principal, wanted.period)

        def read(limit: int | None) -> list[LoadShown]:
            found = [
                each
                for each in loads(session, view, period, among)
                if (wanted.over is None or bool(each.over) == wanted.over)
                and (wanted.nets is None or each.nets is wanted.nets)
                and (wanted.after is None or each.node.key > wanted.after)
            ]
            return [LoadShown.of(each) for each in found[:limit]]

        return listed(request, wanted, Loads, read, lambda one: one.participant)


@router.get("/loops", response_model=Loops)
@does(Action.READ)
def list_loops(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[LoopQuery, Query()],
    now: Now,
) -> Response:
    """List loops and swaps of the support that runs, or of the plan of a run."""
    with viewing(session, principal, wanted.on or now.date()) as view:
        _, among = keys_in(session, principal, view, wanted.area)
        if wanted.run is not None:
            found = loops_of_run(session, principal, view, wanted.run, wanted.longest)
        else:
            kinds: Sequence[EdgeKind] = (EdgeKind.SUPPORT,)
            if wanted.proposed:
                kinds = (EdgeKind.SUPPORT, EdgeKind.PROPOSED)
            found = loops(view, wanted.longest, kinds)
        inside = (each for each in found.items if among is None or among & set(each.members))
        items = [LoopShown.of(view, each) for each in inside]
        return listed(
            request,
            None,
            Loops,
            lambda limit: items,
            lambda one: one.members[0].key,
            more=found.more,
        )


@router.get("/swaps", response_model=Swaps)
@does(Action.READ_PLAN)
def list_swaps(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[SwapQuery, Query()],
    now: Now,
) -> Response:
    """Find two, three or four schools of an area that could exchange support now."""
    day: date = wanted.on or now.date()
    found = find_swaps(
        session,
        principal,
        wanted.area,
        wanted.period,
        day,
        run_id=wanted.run,
        longest=wanted.longest,
        travel_source=request.app.state.settings.travel_times,
    )
    items = [SwapShown.of(each) for each in found.items[: wanted.most]]
    return listed(
        request,
        None,
        Swaps,
        lambda limit: items,
        lambda one: one.points,
        found=len(found.items),
        more=found.more,
    )


@router.get("/families", response_model=FamiliesShown)
@does(Action.READ_PLAN)
def list_families(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[FamilyQuery, Query()],
    now: Now,
) -> Response:
    """Propose families of four to eight schools of an area that cover each other's needs."""
    found = propose_families(
        session,
        principal,
        wanted.area,
        wanted.minutes,
        wanted.on or now.date(),
        period=wanted.period,
        travel_source=request.app.state.settings.travel_times,
    )
    return shown(request, FamiliesShown.of(found))


@router.get("/communities", response_model=CommunitiesShown)
@does(Action.READ)
def get_communities(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[CommunityQuery, Query()],
    now: Now,
) -> Response:
    """Read communities of support against local authority lines, and who holds them together."""
    with viewing(session, principal, wanted.on or now.date()) as view:
        found = communities(view, past=wanted.past)
        return shown(request, CommunitiesShown.of(view, found, wanted.most))
