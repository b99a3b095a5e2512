"""`givetake serve`, `openapi`, `migrate` and `keys`: what runs and opens the service."""

from typing import Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, open_database, out

SECONDS_TO_FINISH = 5
keys_app = typer.Typer(help="Keys that other systems call with.", no_args_is_help=True)


def serve(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free")] = 8000,
    host: Annotated[str, typer.Option(help="the address to listen on")] = "127.0.0.1",
) -> None:
    """Answer HTTP until stopped; put a proxy with TLS before it where others are to reach it."""
    import uvicorn

    from app.main import create_app
    from app.settings import settings

    with open_database() as database:
        if port:
            err.print(f"Answering on http://{host}:{port} until Ctrl+C.", markup=False)
        uvicorn.run(
            create_app(settings(), database),
            host=host,
            port=port,
            access_log=False,
            server_header=False,
            log_level=settings().log_level,
            # Who follows a run would else hold a stop up; it comes back and misses nothing.
            timeout_graceful_shutdown=SECONDS_TO_FINISH,
        )


def openapi() -> None:
    """Print the OpenAPI document of the HTTP interface."""
    from app.database import Database
    from app.http.document import as_text
    from app.main import create_app
    from app.settings import settings

    with Database("sqlite://") as nowhere:
        typer.echo(as_text(create_app(settings(), nowhere)), nl=False)


def migrate(
    revision: Annotated[str, typer.Argument(help="a revision, or the newest")] = "head",
) -> None:
    """Bring the database's schema to this version (or to a named older one)."""
    from app.database import Database
    from app.migrate import current, migrate
    from app.settings import settings

    settings().make_data_folder()
    with Database(settings().database_url) as database:
        migrate(database, revision)
        out.print(f"The database is at revision {current(database)}.")


@keys_app.command()
def create(
    label: Annotated[str, typer.Option(help="what it is for; no name of a person")] = "",
) -> None:
    """Make a key and print it, this once."""
    from app.access.keys import create_key

    with open_database() as database, database.write() as session:
        key, text = create_key(session, TERMINAL, label)
        prefix = key.prefix
    typer.echo(text)
    err.print(f"It is shown this once. Take it back with `givetake keys revoke {prefix}`.")


@keys_app.command("list")
def list_() -> None:
    """List keys by what they begin with; they themselves are not held."""
    from app.access.keys import list_keys

    with open_database() as database, database.read() as session:
        for key in list_keys(session, TERMINAL):
            ended = "" if key.revoked_at is None else f", revoked {key.revoked_at:%Y-%m-%d}"
            said = f"{key.prefix}  {key.label}  made {key.created_at:%Y-%m-%d}{ended}"
            out.print(said, markup=False, soft_wrap=True)


@keys_app.command()
def revoke(prefix: Annotated[str, typer.Argument(metavar="PREFIX")]) -> None:
    """Let a key open nothing any more."""
    from app.access.keys import revoke_key

    with open_database() as database, database.write() as session:
        revoke_key(session, TERMINAL, prefix)
    out.print(f"The key {prefix} opens nothing any more.")
