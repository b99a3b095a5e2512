"""`givetake embed`: the map in other people's pages."""

from datetime import timedelta
from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, own_address
from app.wording import at_moment
from models.vocabulary import EmbedLayer

embed_app = typer.Typer(help="Manage maps embedded in other websites.", no_args_is_help=True)


@embed_app.command()
def create(
    origin: Annotated[
        list[str],
        typer.Option(help="Origin of a website that may show the map. You can repeat this."),
    ],
    layer: Annotated[EmbedLayer, typer.Option(help="Data that the map shows.")] = EmbedLayer.PUBLIC,
    run: Annotated[
        int | None, typer.Option(help="Run whose proposals the partner layer shows.")
    ] = None,
    hours: Annotated[
        int | None, typer.Option(min=1, max=8784, help="Hours until the token expires.")
    ] = None,
    url: Annotated[
        str, typer.Option(help="Address of this service. Default: GIVETAKE_PUBLIC_URL.")
    ] = "",
    plain: Annotated[
        bool, typer.Option("--frame", help="Print a frame instead of a script.")
    ] = False,
) -> None:
    """Create a token and print the lines to copy into a web page."""
    from app.access.secret import signing_secret
    from app.maps import service
    from app.settings import settings

    with open_database() as database, database.write() as session:
        granted, token = service.create_embed(
            session,
            TERMINAL,
            signing_secret(settings()),
            origin,
            layer,
            valid_for=None if hours is None else timedelta(hours=hours),
            run_id=run,
        )
    lines = service.frame if plain else service.snippet
    typer.echo(lines(own_address(url), granted, token))
    err.print(f"Token {granted.id} is valid until {at_moment(granted.expires_at)}.")


@embed_app.command("list")
def list_() -> None:
    """List tokens, newest first. The tokens themselves are not stored."""
    from app.maps import service

    with open_database() as database, database.read() as session:
        for each in service.list_embeds(session, TERMINAL, limit=None):
            state = "revoked" if each.revoked_at else f"until {at_moment(each.expires_at)}"
            layer = each.layer if each.run_id is None else f"{each.layer} of run {each.run_id}"
            typer.echo(f"{each.id}  {layer}  {state}  {' '.join(each.origins)}")


@embed_app.command()
def revoke(
    number: Annotated[
        int, typer.Argument(min=1, max=2**31 - 1, help="Number in `givetake embed list`.")
    ],
) -> None:
    """Revoke a token now, wherever it is used."""
    from app.maps import service

    with open_database() as database, database.write() as session:
        service.revoke_embed(session, TERMINAL, number)
    err.print(f"Token {number} was revoked.")


@embed_app.command()
def renew(
    number: Annotated[
        int, typer.Argument(min=1, max=2**31 - 1, help="Number in `givetake embed list`.")
    ],
    hours: Annotated[
        int | None, typer.Option(min=1, max=8784, help="Hours from now until the token expires.")
    ] = None,
) -> None:
    """Let a token work for longer. The code in the web page stays the same."""
    from app.maps import service

    valid_for = None if hours is None else timedelta(hours=hours)
    with open_database() as database, database.write() as session:
        found = service.renew_embed(session, TERMINAL, number, valid_for)
    err.print(f"Token {number} is valid until {at_moment(found.expires_at)}.")
