"""`givetake permissions`: who may ask what."""

import typer


def permissions() -> None:
    """Print a table of who may ask for each route and page."""
    from app.access.declared import places
    from app.access.matrix import table
    from app.database import Database
    from app.main import create_app
    from app.settings import settings

    with Database("sqlite://") as nowhere:
        typer.echo(table(places(create_app(settings(), nowhere).routes)), nl=False)
