"""`givetake embed`: the map in other people's pages."""

from datetime import timedelta
from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, open_database
from models.vocabulary import EmbedLayer

embed_app = typer.Typer(help="The map in pages of councils and trusts.", no_args_is_help=True)


@embed_app.command()
def create(
    origin: Annotated[
        list[str], typer.Option(help="of the pages that may show it; may be repeated")
    ],
    layer: Annotated[EmbedLayer, typer.Option()] = EmbedLayer.PUBLIC,
    run: Annotated[int | None, typer.Option(help="whose proposals the partner layer has")] = None,
    hours: Annotated[int | None, typer.Option(min=1, max=8784, help="how long it is valid")] = None,
    url: Annotated[str, typer.Option(help="where this service is")] = "http://127.0.0.1:8000",
    plain: Annotated[bool, typer.Option("--frame", help="a frame instead of a script")] = False,
) -> None:
    """Make a token and print the lines to copy into a page."""
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
    typer.echo(service.frame(url, token) if plain else service.snippet(url, token))
    err.print(f"It is number {granted.id}, valid until {granted.expires_at:%Y-%m-%d %H:%M} UTC.")


@embed_app.command("list")
def list_() -> None:
    """List the tokens that were made, the newest first, without what opens anything."""
    from app.maps import service

    with open_database() as database, database.read() as session:
        for each in service.list_embeds(session, TERMINAL, limit=None):
            state = "revoked" if each.revoked_at else f"until {each.expires_at:%Y-%m-%d %H:%M}"
            layer = each.layer if each.run_id is None else f"{each.layer} of run {each.run_id}"
            typer.echo(f"{each.id}  {layer}  {state}  {' '.join(each.origins)}")


@embed_app.command()
def revoke(
    number: Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="as `embed list` has it")],
) -> None:
    """End one token now, whoever holds it."""
    from app.maps import service

    with open_database() as database, database.write() as session:
        service.revoke_embed(session, TERMINAL, number)
    err.print(f"Token {number} opens nothing any more.")
