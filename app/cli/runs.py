"""`givetake runs list` and `givetake runs show`: the runs there are, and what became of one."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import open_database, out
from app.cli.successions import LARGEST

runs_app = typer.Typer(help="Look at runs.", no_args_is_help=True)


@runs_app.command("list")
def list_all(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many to print.")] = 20,
) -> None:
    """List runs, the newest first."""
    from app.portal.labels import label
    from app.runs.queries import list_runs
    from app.wording import at_moment
    from models.vocabulary import RunState

    with open_database() as database, database.read() as session:
        found = list_runs(session, TERMINAL, limit=limit)
        for run in found:
            out.print(
                f"{run.id} {label(run.state, RunState)}: {run.scope['name']}, {run.period_code}, "
                f"{at_moment(run.created_at)}",
                markup=False,
                soft_wrap=True,
            )
    if not found:
        out.print("There are no runs.")


@runs_app.command()
def show(
    number: Annotated[
        int, typer.Argument(metavar="RUN", min=1, max=LARGEST, help="Number of the run.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show a run, and what became of its proposals."""
    from app.cli.other_runs import about_others
    from app.portal.labels import label
    from app.runs.decided import Became, Number, decided
    from app.runs.queries import get_run, last_progress
    from app.runs.schemas import DecidedShown, RunShown
    from app.wording import at_moment, counted
    from models.vocabulary import DeclineReason, RunState, days_text

    def line(what: str, of: Number) -> str:
        return f"{what}: {counted(of.proposals, 'proposal')}, {days_text(of.half_days)}"

    with open_database() as database, database.read() as session:
        run = get_run(session, TERMINAL, number)
        came = decided(session, TERMINAL, number)
        if as_json:
            shown = RunShown.of(run, last_progress(session, [run.id]).get(run.id), whole=True)
            shown = shown.model_copy(update={"decided": DecidedShown.of(came)})
            out.print_json(shown.model_dump_json(warnings=False))
            return
        told = [
            f"Run {run.id} {label(run.state, RunState)}: {run.scope['name']}, {run.period_code}, "
            f"{at_moment(run.created_at)}",
            *about_others(session, number),
            line("All", came.total),
        ]
        for became, of in came.became.items():
            told.append(line(f"- {label(became, Became)}", of))
            if became is Became.DECLINED:
                told += [
                    line(f"  - {label(reason, DeclineReason)}", of_reason)
                    for reason, of_reason in came.declined.items()
                ]
        told += [line("Held now", came.held), f"Needs met: {came.needs_met:,}"]
    for each in told:
        out.print(each, markup=False, soft_wrap=True)
