"""What the terminal shows: one console for results, one for everything else."""

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from app.errors import Conflict, Problem
from app.progress import Progress
from app.wording import counted
from solver.formats.whole_files import write_whole

if TYPE_CHECKING:
    from app.database import Database, WriteSession

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class BadFile(Problem):
    status = 422
    title = "Invalid file"


def confirm(why: str, *, yes: bool) -> None:
    """Go on only if somebody says so, or has said so already."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Conflict(f"{why} To go on all the same, add --yes.")
    typer.confirm(f"{why} Go on?", abort=True)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show stages with their fraction done on standard error."""
    from rich import progress as rich

    with rich.Progress(
        rich.SpinnerColumn(),
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.TimeElapsedColumn(),
        console=err,
        transient=True,
    ) as bar:
        task = bar.add_task("Starting", total=1.0)

        def show(stage: str, fraction: float) -> None:
            bar.update(task, description=stage, completed=fraction)

        yield show


def _review(session: "WriteSession") -> None:
    """Look at what rests on a change; what that takes is loaded only where there was one."""
    from app.events import touched

    if touched.any_in(session):
        from app.proposals import flags

        flags.review(session)


@contextmanager
def open_database() -> Iterator["Database"]:
    """The database of the settings, migrated to this version's schema."""
    from app.access.secret import signing_secret
    from app.database import Database
    from app.log import configure
    from app.migrate import require_current
    from app.settings import settings

    configure(settings())
    settings().make_data_folder()
    with Database(settings().database_url) as database:
        require_current(database)
        database.before_commit = _review
        database.secret = partial(signing_secret, settings())
        yield database


@contextmanager
def only_ours() -> Iterator[None]:
    """Send what libraries print by themselves to standard error: results stay readable.

    HiGHS now and then prints a line that no setting of its log keeps back.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def require_writable(*files: Path | None, inputs: Iterable[Path | None] = ()) -> None:
    """Refuse, before any work, files that could not be written after it, or must not be.

    Those are what the command itself reads, its database for one, or writes as well.
    """
    taken = [(each, "which this command reads") for each in inputs if each is not None]
    for file in files:
        if file is None:
            continue
        for other, what in taken:
            if _is_same(file, other):
                raise BadFile(f"{file} is the file {other}, {what}. Give the name of another file.")
        taken.append((file, "which this command writes"))
        if file.is_dir():
            raise BadFile(f"{file} is a folder. Give the name of a file.")
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise BadFile(
                f"{file} is not writable. Check that the folder {file.parent} exists and that you "
                "have permission to write to it."
            )


def _is_same(file: Path, other: Path) -> bool:
    """Whether two paths lead to one file, by links of either kind, or will once it is written."""
    try:
        return file.samefile(other)
    except OSError:
        return file.resolve() == other.resolve()


def write_text(text: str, file: Path | None, what: str) -> None:
    """Print a text as it is, or write it to `file` and say `what` was written."""
    if file is None:
        typer.echo(text, nl=False)
    else:
        write_whole(file, text.encode())
        out.print(f"{file}: {what}", markup=False, soft_wrap=True)


def write_csv(text: str, file: Path | None) -> None:
    """Print the text of a CSV file as it is, or write it to `file`: as a workbook if `.xlsx`."""
    from app.files.csv_writing import workbook_of

    rows = counted(max(0, text.count("\n") - 1), "row")
    if file is not None and file.suffix.lower() == ".xlsx":
        write_whole(file, workbook_of(text))
        out.print(f"{file}: {rows}", markup=False, soft_wrap=True)
        return
    write_text(text, file, rows)


def unwritten(error: OSError) -> str:
    """Say that an output could not be written, why, and what to do."""
    name = error.filename or "The output"
    remedy = {
        errno.ENOSPC: "Free some space, or write somewhere else",
        errno.EDQUOT: "Free some space, or write somewhere else",
        errno.ENOENT: "Check that its folder exists",
        errno.EISDIR: "Give the name of a file",
        errno.ENAMETOOLONG: "Give a shorter name",
    }.get(error.errno or 0, "Check that you have permission to write there")
    return f"{name} could not be written: {error.strerror}. {remedy}, and run the command again."


def own_address(given: str = "") -> str:
    """Where links to this service lead; says so where nobody has set it."""
    from app.settings import USUAL_ADDRESS, settings

    if address := given or settings().public_url:
        return address
    err.print(
        f"GIVETAKE_PUBLIC_URL is not set, so links begin with {USUAL_ADDRESS}. If the service "
        "listens elsewhere, set it and run the command again.",
        markup=False,
        soft_wrap=True,
    )
    return USUAL_ADDRESS


def leave_output() -> None:
    """Send what is still to be printed nowhere: Python would try once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
