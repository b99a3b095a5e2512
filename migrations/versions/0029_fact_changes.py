"""Who changed the facts that approval rules look at, and who said what public money pays."""

import sqlalchemy as sa
from alembic import op

revision = "0029_fact_changes"
down_revision = "0028_batches"


def upgrade() -> None:
    op.create_table(
        "fact_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=True),
        sa.Column("deleted", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("changed_by", sa.String(length=100), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('circumstance', 'network', 'group', 'region')",
            name=op.f("ck_fact_change_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_fact_change_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_change")),
    )
    op.create_index(op.f("ix_fact_change_participant_id"), "fact_change", ["participant_id"])
    op.add_column("proposal", sa.Column("public_money_by", sa.String(length=100), nullable=True))


def downgrade() -> None:
    op.drop_column("proposal", "public_money_by")
    op.drop_table("fact_change")
