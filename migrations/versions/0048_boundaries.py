"""Coasts and boundaries that are drawn under maps."""

import sqlalchemy as sa
from alembic import op

revision = "0048_boundaries"
down_revision = "0047_introductions"


def upgrade() -> None:
    op.create_table(
        "boundary",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("rings", sa.JSON(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('country', 'local_authority')", name=op.f("ck_boundary_kind")),
        sa.PrimaryKeyConstraint("kind", "code", name=op.f("pk_boundary")),
    )


def downgrade() -> None:
    op.drop_table("boundary")
