"""Expertise and periods are changed one at a time, each from a version."""

import sqlalchemy as sa
from alembic import op

revision = "0010_catalogue"
down_revision = "0009_visits"

COUNTED = {"expertise": "revision", "period": "version"}


def upgrade() -> None:
    for table, column in COUNTED.items():
        # Added with a value for the rows there are; new rows bring their own.
        op.add_column(table, sa.Column(column, sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    for table, column in COUNTED.items():
        op.drop_column(table, column)
