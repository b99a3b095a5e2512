"""The command `givetake`: one file per command group; errors become sentences and exit codes."""

import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from sqlalchemy.exc import DBAPIError

from app.cli.bench import bench_app
from app.cli.console import err
from app.cli.demo import demo, draw
from app.cli.embed import embed_app
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
app.add_typer(bench_app, name="bench")
app.add_typer(embed_app, name="embed")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"givetake {version('givetake')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Brokerage of give-and-take support between schools."""


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
    """Run the command; what people can mend is a sentence and an exit code, no traceback."""
    try:
        for word in sys.argv:
            word.encode()
        app()
    except Problem as problem:
        if isinstance(problem, FaultyFile):
            for fault in problem.faults:
                err.print(str(fault), style="red", markup=False, soft_wrap=True)
        _end(problem.detail, problem.exit_code)
    except UnicodeEncodeError as unreadable:
        if unreadable.object not in sys.argv:
            raise
        _end(f"the argument {unreadable.object!a} is not UTF-8; write it again", 2)
    except OSError as error:
        if error.filename is None:
            raise
        _end(f"{error.filename}: {error.strerror}", 2)
    except DBAPIError as error:
        _end(_about_database(error), 1)


def _end(sentence: str, exit_code: int) -> NoReturn:
    err.print(sentence, style="bold red", markup=False, soft_wrap=True)
    sys.exit(exit_code)


def _about_database(error: DBAPIError) -> str:
    """Say what is the matter with the database; raise anew what is a fault of ours."""
    reason = str(error.orig).strip().splitlines()[0]
    if "database is locked" in reason:
        return "the database is in use by another command; try again when that has ended"
    outside = ("readonly", "is full", "I/O error")
    if error.statement is None or any(word in reason for word in outside):
        return f"the database cannot be used: {reason}; check GIVETAKE_DATABASE_URL"
    raise error
