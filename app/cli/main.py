"""The command `givetake`: one file per command group; errors become sentences and exit codes."""

import errno
import os
import sys
from collections import UserDict
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_group

from app.cli.console import err, leave_output, unwritten
from app.errors import FaultyFile, Problem
from app.private_files import UMASK
from solver.formats.whole_files import CannotWrite

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

COMMANDS = {
    "demo": "app.cli.demo:demo",
    "draw": "app.cli.demo:draw",
    "find": "app.cli.register:find",
    "register": "app.cli.successions:register_app",
    "template": "app.cli.templates:template",
    "suggest": "app.cli.exchange:suggest",
    "match": "app.cli.match:match",
    "runs": "app.cli.runs:runs_app",
    "diff": "app.cli.diff:diff",
    "ask": "app.cli.consent:ask",
    "sheet": "app.cli.consent:sheet",
    "repair": "app.cli.repair:repair",
    "why": "app.cli.why:why",
    "case": "app.cli.case:case",
    "support": "app.cli.support:support",
    "work": "app.cli.work:work",
    "graph": "app.cli.graph:graph_app",
    "partnerships": "app.cli.partnerships:partnerships",
    "partnership": "app.cli.partnerships:partnership_app",
    "pots": "app.cli.pots:pots",
    "pot": "app.cli.pots:pot_app",
    "evidence": "app.cli.evidence:evidence",
    "alliances": "app.cli.alliances:alliances",
    "alliance": "app.cli.alliances:alliance_app",
    "worker": "app.cli.worker:worker",
    "solve": "app.cli.solve:solve",
    "verify": "app.cli.solve:verify",
    "serve": "app.cli.serve:serve",
    "openapi": "app.cli.serve:openapi",
    "migrate": "app.cli.serve:migrate",
    "import": "app.cli.imports:import_app",
    "imports": "app.cli.past_imports:imports_app",
    "export": "app.cli.exports:export_app",
    "contacts": "app.cli.contacts:contacts_app",
    "confirm": "app.cli.exchange:confirm_app",
    "answer": "app.cli.exchange:answer_app",
    "withdraw": "app.cli.exchange:withdraw_app",
    "keys": "app.cli.keys:keys_app",
    "audit": "app.cli.audit:audit_app",
    "users": "app.cli.users:users_app",
    "permissions": "app.cli.permissions:permissions",
    "bench": "app.cli.bench:bench_app",
    "embed": "app.cli.embed:embed_app",
    "webhooks": "app.cli.webhooks:webhooks_app",
    "schedules": "app.cli.schedules:schedules_app",
}
"""Where each command is, in the order of the help."""
OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What goes wrong with standard output; of a file its writer says so by name."""


class _Commands(UserDict[str, Any]):
    """Imports a command when it is asked for: all together take longer than a small problem."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = super().__getitem__(name).partition(":")
        command = getattr(import_module(module), attribute)
        around = typer.Typer()
        if isinstance(command, typer.Typer):
            around.add_typer(command, name=name)
        else:
            around.command(name)(command)
        return get_group(around).commands[name]


class _Givetake(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands(COMMANDS)


app = typer.Typer(
    name="givetake",
    cls=_Givetake,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"givetake {version('givetake')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Brokerage of give-and-take support between schools."""


def run() -> None:
    """Run the command; what people can put right is a sentence and an exit code, no traceback."""
    os.umask(UMASK)
    try:
        for word in sys.argv:
            word.encode()
        _printed()
    except Problem as problem:
        if isinstance(problem, FaultyFile):
            from app.cli import faults

            for line in faults.told(problem.faults):
                err.print(line, style="red", markup=False, soft_wrap=True)
        _end(problem.detail, problem.exit_code)
    except UnicodeEncodeError as unreadable:
        if unreadable.object not in sys.argv:
            raise
        _end(f"The argument {unreadable.object!a} is not UTF-8. Enter it again.", 2)
    except OSError as error:
        _end_of_system(error)
    except Exception as error:
        from sqlalchemy.exc import DBAPIError

        if not isinstance(error, DBAPIError):
            raise
        _end(_about_database(error), 1)


def _printed() -> None:
    """Run the command, and print what it has to say while what goes wrong there can be said."""
    try:
        app()
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _end_of_system(error: OSError) -> NoReturn:
    """End for a file or an output that the system refused; raise again what is neither."""
    if isinstance(error, CannotWrite):
        _end(unwritten(error), 1)
    if error.filename is not None:
        _end(f"{error.filename}: {error.strerror}", 2)
    if error.errno not in OF_OUTPUT:
        raise error
    leave_output()
    if error.errno == errno.EPIPE:
        # Whoever reads it, such as `head`, has what they want.
        sys.exit(1)
    _end(unwritten(error), 1)


def _end(sentence: str, exit_code: int) -> NoReturn:
    with suppress(OSError):
        err.print(sentence, style="bold red", markup=False, soft_wrap=True)
    sys.exit(exit_code)


def _about_database(error: "DBAPIError") -> str:
    """Say what is wrong with the database; raise again what is a bug of ours."""
    reason = str(error.orig).strip().splitlines()[0]
    if "database is locked" in reason:
        return "The database is in use by another command. Try again when that has finished."
    outside = ("readonly", "is full", "I/O error")
    if error.statement is None or any(word in reason for word in outside):
        return f"The database is not available: {reason}. Check GIVETAKE_DATABASE_URL."
    raise error
