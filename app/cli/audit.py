"""`givetake audit`: whether the record is what it was, and what to note elsewhere."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, out
from app.wording import at_moment, counted

audit_app = typer.Typer(
    help="Check that the audit was not changed, and print what to note elsewhere.",
    no_args_is_help=True,
)


@audit_app.command()
def head() -> None:
    """Print number, hash and time of the last event. Keep them outside this machine."""
    from app.access.queries import audit_head

    with open_database() as database, database.read() as session:
        found = audit_head(session, TERMINAL)
    typer.echo(found.anchor)
    when = f"from {at_moment(found.at)}" if found.at else "no event yet"
    err.print(f"The last event is {found.sequence:,}, {when}.", markup=False)


@audit_app.command()
def verify(
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SEQUENCE:HASH",
            help="A head that `givetake audit head` printed earlier. You can repeat this.",
        ),
    ] = None,
) -> None:
    """Check every event. Exits with 1 and names the first one that was changed, if any."""
    from app.access.queries import verify_audit

    with open_database() as database, database.read() as session:
        found = verify_audit(session, TERMINAL, anchor or [])
    if found.fault is not None:
        err.print(found.fault.sentence, style="bold red", markup=False, soft_wrap=True)
        raise typer.Exit(1)
    out.print(
        f"The audit is intact: {counted(found.events, 'event')}, and "
        f"{counted(found.rows, 'row')} as they were recorded.",
        markup=False,
        soft_wrap=True,
    )
    if found.bound_from is not None:
        said = f"Rows are bound from event {found.bound_from:,} on, when this was upgraded."
        out.print(said, markup=False, soft_wrap=True)
