"""The command `givetake`: one file per command group; errors become sentences and exit codes."""

import sys

import typer

from app.cli.console import err
from app.cli.demo import demo, draw
from app.cli.exchange import answer_app, confirm_app, export_app, suggest, withdraw_app
from app.cli.imports import import_app
from app.cli.match import match
from app.cli.register import find
from app.cli.serve import keys_app, openapi, serve
from app.cli.solve import solve, verify
from app.cli.templates import template
from app.cli.worker import worker
from app.problems import FaultyFile, Problem

app = typer.Typer(
    name="givetake",
    help="Brokerage of give-and-take support between schools.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(draw)
app.command()(find)
app.command()(template)
app.add_typer(import_app, name="import")
app.add_typer(export_app, name="export")
app.add_typer(confirm_app, name="confirm")
app.add_typer(answer_app, name="answer")
app.add_typer(withdraw_app, name="withdraw")
app.command()(suggest)
app.command()(match)
app.command()(worker)
app.command()(solve)
app.command()(verify)
app.command()(serve)
app.command()(openapi)
app.add_typer(keys_app, name="keys")


@app.command()
def migrate(revision: str = typer.Argument("head", help="a revision, or the newest")) -> None:
    """Bring the database's schema to this version (or to a named older one)."""
    from app.cli.console import out
    from app.database import Database
    from app.schema import current, migrate
    from app.settings import settings

    settings().make_data_folder()
    with Database(settings().database_url) as database:
        migrate(database, revision)
        out.print(f"The database is at revision {current(database)}.")


def run() -> None:
    """Run the command; a `Problem` is shown without a traceback."""
    try:
        app()
    except Problem as problem:
        if isinstance(problem, FaultyFile):
            for fault in problem.faults:
                err.print(str(fault), style="red", markup=False, soft_wrap=True)
        err.print(problem.detail, style="bold red", markup=False, soft_wrap=True)
        sys.exit(problem.exit_code)
