"""How an embedded map begins, so that its lines can be given again."""

import sqlalchemy as sa
from alembic import op

revision = "0049_embed_options"
down_revision = "0048_boundaries"


def upgrade() -> None:
    with op.batch_alter_table("embed_token") as table:
        table.add_column(sa.Column("options", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("embed_token") as table:
        table.drop_column("options")
