"""Browsers that are signed in to the portal."""

import sqlalchemy as sa
from alembic import op

revision = "0009_visits"
down_revision = "0008_agreements"


def upgrade() -> None:
    op.create_table(
        "visit",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("key_prefix", sa.String(length=8), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_prefix"], ["api_key.prefix"], name=op.f("fk_visit_key_prefix_api_key")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_visit")),
    )
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visit_key_prefix"), ["key_prefix"], unique=False)


def downgrade() -> None:
    op.drop_table("visit")
