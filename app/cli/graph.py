"""`givetake graph`: who is joined to whom, who is isolated, who gives too much, and who swaps."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out, write_text
from app.wording import counted

if TYPE_CHECKING:
    from app.database import ReadSession
    from app.graph.view import View

graph_app = typer.Typer(help="Ask who supports whom, and through whom.", no_args_is_help=True)
KINDS = "Kinds of edge to follow, with commas between, like member,support (docs/graph.md)."
Area = Annotated[
    str | None, typer.Option(help="Only in this area, group or network, by name or code.")
]
Kinds = Annotated[str | None, typer.Option(help=KINDS)]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of lines.")]


@contextmanager
def _view() -> "Iterator[tuple[ReadSession, View]]":
    from app.database import database_now
    from app.graph.queries import viewing

    with open_database() as database, database.read() as session:
        day = database_now(session).date()
        with viewing(session, TERMINAL, day) as view:
            yield session, view


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)


def _only(view: "View", kinds: str | None) -> "View":
    from app.graph.kinds import EdgeKind
    from app.graph.schemas import kinds_of

    try:
        return view.only(kinds_of(kinds))
    except ValueError as unknown:
        raise typer.BadParameter(f"Enter kinds of edge of: {', '.join(EdgeKind)}") from unknown


@graph_app.command()
def path(
    start: Annotated[str, typer.Argument(metavar="A", help="A URN, key, trust, network or area.")],
    goal: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    kinds: Kinds = None,
) -> None:
    """Show a shortest connection between two."""
    from app.graph.paths import shortest
    from app.graph.queries import node_named
    from app.graph.words import told

    with _view() as (session, whole):
        view = _only(whole, kinds)
        one, other = (node_named(session, TERMINAL, view, cell) for cell in (start, goal))
        found = shortest(view, one, other)
        if found is None:
            names = f"{view.node(one).name} and {view.node(other).name}"
            _say(f"Nothing joins {names}. To follow more kinds of edge, use --kinds.")
            return
        _say(f"{counted(len(found), 'step')}.")
        for edge in found:
            _say(told(view, edge))


@graph_app.command()
def around(
    start: Annotated[str, typer.Argument(metavar="A", help="A URN, key, trust, network or area.")],
    steps: Annotated[int, typer.Option(min=1, max=6, help="How far to go.")] = 1,
    direction: Annotated[
        str, typer.Option(help="both, gives (to whom it gives) or receives (who gives it).")
    ] = "both",
    kinds: Kinds = None,
    limit: Limit = 200,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", help="File: .graphml, .geojson, .csv or .svg, by its name."),
    ] = None,
) -> None:
    """Show what a school, organisation, group or area is joined to, and through whom."""
    from app.graph.paths import Direction
    from app.graph.paths import around as neighbourhood
    from app.graph.queries import node_named
    from app.graph.words import told

    if direction not in list(Direction):
        raise typer.BadParameter(f"Enter a direction of: {', '.join(Direction)}")
    with _view() as (session, whole):
        view = _only(whole, kinds)
        found = neighbourhood(
            view, node_named(session, TERMINAL, view, start), steps, Direction(direction), limit
        )
        if out_file is not None:
            write_text(_written(view, found, out_file), out_file, counted(len(found.edges), "edge"))
            return
        for each in found.reached:
            through = "" if each.through is None else f", through {view.node(each.through).name}"
            _say(f"{counted(each.steps, 'step')}: {each.node.name} ({each.node.key}){through}")
        for edge in found.edges:
            _say(told(view, edge))
        if found.left_out:
            _say(f"{counted(found.left_out, 'more')} not shown. To see them, use --limit.")


def _written(view: "View", found: object, file: Path) -> str:
    from app.graph.exports import csv_of_edges, geojson, graphml
    from app.graph.paths import Neighbourhood
    from app.graph.picture import picture

    assert isinstance(found, Neighbourhood)
    forms = {".graphml": graphml, ".geojson": geojson, ".csv": csv_of_edges, ".svg": picture}
    if file.suffix not in forms:
        raise typer.BadParameter(f"Enter a file that ends with one of {', '.join(forms)}")
    return forms[file.suffix](view, found)


@graph_app.command()
def isolated(area: Area = None, limit: Limit = 100) -> None:
    """List schools in no group or network and without support, with the nearest networks."""
    from app.graph.isolated import by_area, with_networks
    from app.graph.isolated import isolated as isolated_in
    from app.graph.queries import keys_in

    with _view() as (session, view):
        _, among = keys_in(session, TERMINAL, view, area)
        found = isolated_in(view, among)
        if area is None:
            for each in by_area(view)[:limit]:
                _say(
                    f"{each.name}: {each.isolated:,} of {counted(each.in_scope, 'school')} "
                    f"isolated, {each.in_no_group:,} in no trust, federation or other group"
                )
        else:
            for one in with_networks(view, found[:limit]):
                near = "; ".join(f"{net.name}, {net.miles:,} miles" for net in one.networks)
                _say(f"{one.urn} {one.node.name}" + (f" (nearest: {near})" if near else ""))
        _say(f"{counted(len(found), 'isolated school')} in all.")


@graph_app.command()
def load(
    area: Area = None,
    period: Annotated[
        str | None, typer.Option(help="Academic year or term, like 2026-27. Absent: all.")
    ] = None,
    over: Annotated[
        bool, typer.Option("--over", help="Only those who give more than their share.")
    ] = False,
    limit: Limit = 100,
) -> None:
    """List who gives and receives most, and who gives more than its share."""
    from app.graph.load import loads
    from app.graph.queries import keys_in, period_named
    from models.vocabulary import days_text, in_days

    with _view() as (session, view):
        _, among = keys_in(session, TERMINAL, view, area)
        found = loads(session, view, period_named(session, TERMINAL, period), among)
        if over:
            found = [each for each in found if each.over]
        found.sort(key=lambda each: (-len(each.over), -each.net, each.node.key))
        for each in found[:limit]:
            share = "" if each.share is None else f" of {in_days(each.share)}"
            more = f" Over its share of {', '.join(each.over)}." if each.over else ""
            _say(
                f"{each.node.name}: gives {in_days(each.given)}{share} days, receives "
                f"{days_text(each.received)}, supports {counted(each.takers, 'school')} now.{more}"
            )
        if not found:
            _say("There is no such support.")


@graph_app.command()
def loops(
    area: Area = None,
    longest: Annotated[int, typer.Option(min=2, max=6, help="Members of a loop at most.")] = 3,
    run: Annotated[int | None, typer.Option(help="Of the plan of this run instead.")] = None,
    limit: Limit = 100,
) -> None:
    """List loops and swaps of the support that runs, or of a plan."""
    from app.graph.loops import loops as loops_in
    from app.graph.plan_loops import loops_of_run
    from app.graph.queries import keys_in
    from app.graph.words import told

    with _view() as (session, view):
        _, among = keys_in(session, TERMINAL, view, area)
        if run is None:
            found = loops_in(view, longest)
        else:
            found = loops_of_run(session, TERMINAL, view, run, longest)
        inside = [each for each in found.items if among is None or among & set(each.members)]
        for each in inside[:limit]:
            names = [view.node(key).name for key in each.members]
            _say(f"{' to '.join([*names, names[0]])}:")
            for gives in each.support:
                for edge in gives:
                    _say(f"  {told(view, edge)}")
        _say(_in_all(len(inside), "loop or swap", "loops and swaps", more=found.more))


@graph_app.command()
def swaps(
    area: Annotated[str, typer.Option(help="Area, group or network, by name or code.")],
    period: Annotated[str, typer.Option(help="Academic year or term, like 2026-27.")],
    run: Annotated[
        int | None, typer.Option(help="Use only what the plan of this run leaves.")
    ] = None,
    longest: Annotated[int, typer.Option(min=2, max=4, help="Members at most.")] = 3,
    limit: Limit = 20,
) -> None:
    """Find two or three schools that could exchange support now."""
    from app.database import database_now
    from app.graph.swaps import find_swaps
    from app.settings import settings
    from models.vocabulary import days_text

    with open_database() as database, database.read() as session:
        found = find_swaps(
            session,
            TERMINAL,
            area,
            period,
            database_now(session).date(),
            run_id=run,
            longest=longest,
            travel_source=settings().travel_times,
        )
    for each in found.items[:limit]:
        _say(f"{counted(each.points, 'point')}:")
        for gift in each.gifts:
            far = "remotely" if gift.miles is None else f"{gift.miles:,} miles away"
            _say(
                f"  {gift.giver_name} gives {gift.taker_name} {days_text(gift.half_days)} of "
                f"{gift.expertise}, {far} (offer {gift.offer}, need {gift.need})"
            )
    several = "possible swaps and loops"
    _say(_in_all(len(found.items), "possible swap or loop", several, more=found.more))


@graph_app.command()
def families(
    area: Annotated[str, typer.Option(help="An area smaller than a region, by name or code.")],
    minutes: Annotated[
        int, typer.Option(min=1, max=120, help="Minutes between any two of a family at most.")
    ] = 30,
    period: Annotated[
        str | None,
        typer.Option(help="Academic year or term; by default this year, or the next to begin."),
    ] = None,
    limit: Limit = 20,
) -> None:
    """Propose families of four to eight schools that could cover each other's needs."""
    from app.database import database_now
    from app.graph.families import propose_families
    from app.settings import settings
    from models.vocabulary import days_text

    with open_database() as database, database.read() as session:
        day = database_now(session).date()
        found = propose_families(
            session,
            TERMINAL,
            area,
            minutes,
            day,
            period=period,
            travel_source=settings().travel_times,
        )
    for family in found.families[:limit]:
        covered = f"{len(family.covers):,} of {counted(family.needs, 'need')} covered"
        _say(f"{counted(len(family.members), 'school')}, {family.minutes} minutes, {covered}:")
        for member in family.members:
            _say(f"  {member.name} ({member.reference})")
        for each in family.covers:
            _say(
                f"    {each.giver_name} gives {each.taker_name} {days_text(each.half_days)} of "
                f"{each.expertise} (offer {each.offer}, need {each.need})"
            )
    _say(
        f"{counted(len(found.families), 'family', 'families')} in {found.period}: "
        f"{found.covered:,} of {counted(found.needs, 'need')} covered; no families could cover "
        f"more than {found.bound:,}. {counted(found.schools, 'school')} without a network or with "
        f"needs left open, {found.taking_part:,} with a need or an offer."
    )


def _in_all(number: int, one: str, several: str, *, more: bool) -> str:
    said = f"{counted(number, one, several)}"
    return (
        f"More than {said}: name an area, or ask for shorter ones." if more else f"{said} in all."
    )


@graph_app.command()
def communities(
    area: Area = None, limit: Annotated[int, typer.Option(min=1, max=500)] = 20
) -> None:
    """Show who supports each other against local authority lines, and who holds them together."""
    from app.graph.communities import communities as communities_of
    from app.graph.queries import keys_in

    with _view() as (session, view):
        _, among = keys_in(session, TERMINAL, view, area)
        found = communities_of(view)
        _say(
            f"{counted(found.pairs, 'pair')} with support, {found.across:,} of them across local "
            "authority lines."
        )
        shown = [each for each in found.found if among is None or among & set(each.members)]
        for each in shown[:limit]:
            places = ", ".join(
                f"{_area(view, code)} {count:,}" for code, count in each.authorities[:3]
            )
            _say(f"{counted(len(each.members), 'member')}: {places}")
        for bridge in found.bridges[:limit]:
            if among is None or bridge.key in among:
                _say(
                    f"Without {view.node(bridge.key).name}, {bridge.cut_off:,} would be cut off "
                    f"({counted(bridge.parts, 'part')})."
                )


def _area(view: "View", code: str | None) -> str:
    key = f"local_authority:{code}"
    return view.node(key).name if key in view.of.nodes else code or "no local authority"
