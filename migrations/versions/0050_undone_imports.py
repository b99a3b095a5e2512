"""What imports did to rows, so that they can be undone, and who undid them."""

import sqlalchemy as sa
from alembic import op

revision = "0050_undone_imports"
down_revision = "0049_embed_options"


def upgrade() -> None:
    with op.batch_alter_table("import_batch") as table:
        table.add_column(sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("undone_by", sa.String(length=100), nullable=True))
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["import_batch.id"], name=op.f("fk_import_rows_import_id_import_batch")
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_import_rows")),
    )


def downgrade() -> None:
    op.drop_table("import_rows")
    with op.batch_alter_table("import_batch") as table:
        table.drop_column("undone_by")
        table.drop_column("undone_at")
