"""Priority counts once for a need: a pairing's points for it, apart from those per half-day."""

import sqlalchemy as sa
from alembic import op

revision = "0015_points_once"
down_revision = "0014_register_changes"


def upgrade() -> None:
    op.add_column(
        "proposal", sa.Column("points_once", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column("proposal", "points_once")
