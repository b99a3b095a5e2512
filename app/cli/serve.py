"""`givetake serve`, `openapi` and `migrate`: what runs the service."""

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import err, open_database, out

if TYPE_CHECKING:
    from app.database import Database
    from app.settings import Settings

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
        config = uvicorn.Config(
            "app.main:create_app",
            host=host,
            port=port,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `app.http.door` says whom to believe
            log_level=settings().log_level,
            # Who follows a run would else hold a stop up; it comes back and misses nothing.
            timeout_graceful_shutdown=SECONDS_TO_FINISH,
        )
        # Before the workers start: their links lead to where this listens, on any free port, too.
        listener = config.bind_socket()
        listener.listen(config.backlog)
        here = address_of(host, listener.getsockname()[1])
        config.app = create_app(settings(), database, here)
        tell(settings(), database, here)
        server = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        if not server.started:
            raise typer.Exit(3)


def address_of(host: str, port: int) -> str:
    """How a browser on this machine reaches what listens there."""
    known = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    return f"http://{known.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def tell(settings: "Settings", database: "Database", here: str) -> None:
    """Where to go with a browser, and how to sign in there."""
    from sqlalchemy import select

    from models.access import ApiKey

    with database.read() as session:
        any_key = session.scalar(select(ApiKey.prefix).where(ApiKey.revoked_at.is_(None)).limit(1))
    lines = [
        f"Listening on {here}. Press Ctrl+C to stop.",
        f"To use it, open {settings.public_url or here} in a browser.",
    ]
    if settings.issuer:
        lines.append(f"Sign in with {settings.issuer_name}.")
    elif settings.local_sign_in:
        lines.append("Sign in with the label and password of a user, or with a key.")
    else:
        lines.append("Sign in with a key.")
    if any_key is None:
        create = "givetake keys create --label me --role administrator"
        lines.append(f"There are no keys yet. To create one, run in another terminal: {create}")
    for line in lines:
        err.print(line, markup=False, soft_wrap=True)


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
    down: Annotated[
        bool, typer.Option("--down", help="Go to an older one, and lose what it does not know.")
    ] = False,
) -> None:
    """Migrate the database to this version, or to the older revision that you name."""
    from app.database import Database
    from app.log import configure
    from app.migrate import current, migrate
    from app.settings import settings

    configure(settings())
    settings().make_data_folder()
    with Database(settings().database_url) as database:
        migrate(database, revision, down=down)
        out.print(f"The database is at revision {current(database)}.")
