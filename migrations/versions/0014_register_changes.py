"""Resourced provision and SEN units, and what an import of the register leaves to look after."""

import sqlalchemy as sa
from alembic import op

revision = "0014_register_changes"
down_revision = "0013_run_request_id"

FIGURES = (
    "resourced_provision_pupils",
    "resourced_provision_capacity",
    "sen_unit_pupils",
    "sen_unit_capacity",
)


def upgrade() -> None:
    op.add_column("institution", sa.Column("resourced_provision", sa.String(60), nullable=True))
    for name in FIGURES:
        op.add_column("institution", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("import_batch", sa.Column("affected", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("import_batch", "affected")
    for name in reversed(FIGURES):
        op.drop_column("institution", name)
    op.drop_column("institution", "resourced_provision")
