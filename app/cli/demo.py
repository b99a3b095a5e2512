"""`givetake demo` and `givetake draw`: a county that is nowhere, and needs that are nobody's."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import only_ours, open_database, out, progress_bar
from app.cli.plan_summary import show_plan
from app.cli.why import lines as why_lines
from solver.formats.whole_files import make_folder, write_whole

if TYPE_CHECKING:
    from app.database import Database, ReadSession
    from app.proposals.queries import Full

SECONDS_TO_SOLVE = 40.0
NEEDS_TRIED = 5
"""Unmet needs looked at for one that a single change would meet."""
PAIRINGS_TRIED = 50
"""Looked at for one that somebody else could take over."""


def demo(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")] = Path(
        "demo"
    ),
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed. Each seed gives another county.")
    ] = 1,
) -> None:
    """Create a sample county, import it, match it and write DIR/report.html.

    Replaces the database DIR/givetake.sqlite3 each time.
    """
    from app.database import Database
    from app.demo.county_exchange import PERIOD, write_county
    from app.demo.keys import make_keys
    from app.demo.pots import make_pots
    from app.demo.service import take_in
    from app.insight import queries as insight
    from app.insight import rendered
    from app.insight.report_page import render
    from app.log import configure
    from app.migrate import migrate
    from app.planning.options import MatchOptions
    from app.runs import service
    from app.settings import settings

    configure(settings())
    make_folder(folder)
    database_path = folder / "givetake.sqlite3"
    for leftover in folder.glob(f"{database_path.name}*"):
        leftover.unlink()
    with (
        Database(f"sqlite:///{database_path}") as database,
        progress_bar() as on_progress,
    ):
        on_progress("Creating a sample county", 0.0)
        county = write_county(folder, seed)
        migrate(database)
        take_in(database, TERMINAL, folder, on_progress)
        with database.write() as session:
            make_pots(session, TERMINAL)
        with database.read() as session:
            takers = service.takers_in(session, TERMINAL, county.local_authority, PERIOD.starts)
        options = MatchOptions(
            as_of=PERIOD.starts, seed=seed, gap=0.005, time_limit_s=SECONDS_TO_SOLVE
        )
        run_id = service.match(
            database,
            TERMINAL,
            takers,
            PERIOD.code,
            options,
            on_progress=on_progress,
        )
        on_progress("Writing the report", 0.97)
        with database.read() as session:
            data = insight.report_data(
                session, insight.result_of(session, TERMINAL, run_id), made_up=True
            )
        data = replace(data, outline=(county.coast(),), places=county.towns())
        report = folder / "report.html"
        write_whole(report, render(data).encode())
        with database.write() as session:
            rendered.keep(session, run_id, rendered.draw(data))
        on_progress("Explaining an unmet need", 0.99)
        explained = _one_explained(database, run_id)
        on_progress("Repairing the support of somebody who dropped out", 0.995)
        repaired = one_dropped_out(database, run_id)
        with database.write() as session:
            keys = make_keys(session, TERMINAL, run_id)
    out.print(
        f"Created {county.local_authority} in {folder}: {len(county.schools):,} institutions and "
        f"{len(county.trusts):,} trusts. All names are made up.",
        markup=False,
        soft_wrap=True,
    )
    show_plan(data)
    for line in (*explained, *repaired):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"\nReport with a map: {report}", markup=False, soft_wrap=True)
    for line in (
        "To open the county in a browser, run these two commands, then open http://127.0.0.1:8000:",
        f"  export GIVETAKE_DATABASE_URL=sqlite:///{database_path.absolute()}",
        "  givetake serve",
        "Sign in with one of these keys. They work for this made-up county only:",
        *(f"  {label}: {key}" for label, key in keys),
    ):
        out.print(line, markup=False, soft_wrap=True)


def _one_explained(database: "Database", run_id: int) -> list[str]:
    """What `givetake why` says of an urgent need that the plan left unmet, its command first."""
    from app.explanations import queries
    from app.explanations.schemas import NeedAnswer

    with database.read() as session:
        unmet, _ = queries.unmet_needs(session, TERMINAL, run_id)
    allowed = [each for each in unmet if each.unmet.tried]
    wanted = sorted(allowed, key=lambda each: each.need.priority)
    lines: list[str] = []
    for each in wanted[:NEEDS_TRIED]:
        with only_ours():
            found = queries.why(database, TERMINAL, run_id, each.need.reference)
        answer = NeedAnswer.of(found)
        lines = ["", f"givetake why {answer.need}", *why_lines(answer)]
        if answer.change is not None and answer.change.confirmed:
            break
    return lines


def one_dropped_out(database: "Database", run_id: int) -> list[str]:
    """What `givetake repair` says of a pairing whose offer is withdrawn, its commands first.

    Of those that earn most, it is one that another organisation could take over. No repair is
    taken, so that the portal has something to repair.
    """
    from app.cli.repair import lines
    from app.exchange.service import withdraw_offer
    from app.proposals import flags
    from app.proposals.list_query import ProposalQuery
    from app.proposals.queries import list_proposals
    from app.repairs.queries import pairing_of
    from app.repairs.schemas import PairingShown
    from app.repairs.work_out import work_out

    with database.read() as session:
        wanted = ProposalQuery(run=run_id, sort="-total_points")
        first = list_proposals(session, TERMINAL, wanted, limit=PAIRINGS_TRIED)
        one = next((each for each in first if _has_another(session, each)), first[0])
    number, offer = one.proposal.id, one.offer.reference
    with database.write() as session:
        withdraw_offer(session, TERMINAL, offer)
        flags.review(session)
    with only_ours():
        work_out(database, TERMINAL, number, None)
    with database.read() as session:
        found = pairing_of(session, TERMINAL, number)
        told = lines(PairingShown.of(found), found.touches.lines())
    return ["", f"givetake withdraw offer {offer}", f"givetake repair {number}", *told]


def _has_another(session: "ReadSession", full: "Full") -> bool:
    """Whether somebody else could take a pairing over, and nobody would have to move."""
    from app.proposals.queries import alternates_of

    found = alternates_of(session, TERMINAL, full.proposal)
    return any(alternate.loss is not None for alternate, _, _ in found)


def draw(
    area: Annotated[
        str, typer.Option(help="Local authority, region, trust, federation, network or England.")
    ],
    period: Annotated[str, typer.Option(help="Year (2026-27) or term (2026-27/autumn).")],
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 1,
) -> None:
    """Draw random needs, offers and limits, to try out a plan on real institutions.

    Writes needs.csv, offers.csv and limits.csv to DIR. Every row says that it was drawn.
    """
    from app.demo.draw import draw, write_drawn
    from app.demo.queries import to_draw

    with open_database() as database, progress_bar() as on_progress:
        on_progress("Finding institutions within reach", 0.0)
        with database.read() as session:
            given = to_draw(session, TERMINAL, area, period, datetime.now(UTC).date())
        drawn = draw(
            given.takers,
            given.givers,
            given.subjects,
            given.period,
            seed,
            on_progress,
            area=given.area,
        )
        write_drawn(drawn, folder)
    out.print(
        f"Wrote to {folder}: {len(drawn.needs):,} needs, {len(drawn.offers):,} offers and limits "
        f"of {len(drawn.limits):,} participants, all drawn at random. Import them with "
        f"`givetake import needs {folder / 'needs.csv'}`, then the offers and the limits.",
        markup=False,
        soft_wrap=True,
    )
