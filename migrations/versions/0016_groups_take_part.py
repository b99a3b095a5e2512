"""Trusts and federations that take part themselves, as the register has them."""

import sqlalchemy as sa
from alembic import op

revision = "0016_groups_take_part"
down_revision = "0015_points_once"


def upgrade() -> None:
    op.add_column(
        "organisation",
        sa.Column("follows_register", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("organisation", "follows_register")
