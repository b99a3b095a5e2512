"""Run migrations on the engine that `app.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection

from models.tables import is_of_models, metadata


def set_foreign_keys(connection: Connection, setting: str) -> None:
    """Past SQLAlchemy, as SQLite heeds it outside transactions only."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA foreign_keys={setting}")
    cursor.close()


with context.config.attributes["engine"].connect() as connection:
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite:
        # A table is changed by making it anew, and rows elsewhere refer to the old one meanwhile.
        set_foreign_keys(connection, "OFF")
    try:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            compare_type=True,
            include_name=is_of_models,
        )
        with context.begin_transaction():
            if not on_sqlite:
                context.execute("SET LOCAL lock_timeout = '5s'")
            context.run_migrations()
            if on_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise RuntimeError("a step left rows that refer to nothing; nothing was changed")
        connection.commit()
    finally:
        if on_sqlite:
            set_foreign_keys(connection, "ON")
