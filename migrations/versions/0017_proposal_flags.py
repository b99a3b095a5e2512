"""Flags of proposals that no longer rest on what they were made for."""

import sqlalchemy as sa
from alembic import op

revision = "0017_proposal_flags"
down_revision = "0016_groups_take_part"


def upgrade() -> None:
    op.create_table(
        "proposal_flag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_by", sa.String(length=100), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_by", sa.String(length=100), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "outcome is null or outcome in ('dealt_with', 'cause_gone', 'decided')",
            name=op.f("ck_proposal_flag_outcome"),
        ),
        sa.CheckConstraint(
            "(cleared_at is null) = (outcome is null)", name=op.f("ck_proposal_flag_cleared")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_flag_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_flag")),
    )
    op.create_index(op.f("ix_proposal_flag_proposal_id"), "proposal_flag", ["proposal_id"])
    standing = sa.text("cleared_at is null")
    op.create_index(
        "uq_proposal_flag_open",
        "proposal_flag",
        ["proposal_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def downgrade() -> None:
    op.drop_table("proposal_flag")
