"""`givetake serve`, `openapi` and `migrate`: what runs the service."""

from typing import Annotated

import typer

from app.cli.console import err, open_database, out

SECONDS_TO_FINISH = 5


def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on. 0 for any free port.")
    ] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Start the web service. If others need to reach it, put a proxy with TLS in front."""
    import uvicorn

    from app.main import create_app
    from app.settings import settings

    with open_database() as database:
        if port:
            err.print(f"Listening on http://{host}:{port}. Press Ctrl+C to stop.", markup=False)
        uvicorn.run(
            create_app(settings(), database),
            host=host,
            port=port,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `app.http.door` says whom to believe
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
    revision: Annotated[str, typer.Argument(help="Revision. Default: the newest.")] = "head",
) -> None:
    """Migrate the database to this version, or to the older revision that you name."""
    from app.database import Database
    from app.log import configure
    from app.migrate import current, migrate
    from app.settings import settings

    configure(settings())
    settings().make_data_folder()
    with Database(settings().database_url) as database:
        migrate(database, revision)
        out.print(f"The database is at revision {current(database)}.")
