"""Run migrations on the engine that `app.schema` hands over."""

from alembic import context

from models.tables import metadata

with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            context.execute("SET LOCAL lock_timeout = '5s'")
        context.run_migrations()
    connection.commit()
