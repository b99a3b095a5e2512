"""The request that a run was submitted by, so that its lines in the log can be found."""

import sqlalchemy as sa
from alembic import op

revision = "0013_run_request_id"
down_revision = "0012_pair_rules"


def upgrade() -> None:
    op.add_column("run", sa.Column("request_id", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("run", "request_id")
