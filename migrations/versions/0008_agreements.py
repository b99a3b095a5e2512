"""What each side of a proposal said to it."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0008_agreements"
down_revision = "0007_runs"


def upgrade() -> None:
    op.create_table(
        "agreement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=5), nullable=False),
        sa.Column("says", sa.String(length=3), nullable=False),
        sa.Column("said_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("side in ('taker', 'giver')", name=op.f("ck_agreement_side")),
        sa.CheckConstraint("says in ('yes', 'no')", name=op.f("ck_agreement_says")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_agreement_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    with op.batch_alter_table("agreement") as batch_op:
        batch_op.create_index(op.f("ix_agreement_proposal_id"), ["proposal_id"], unique=False)
        batch_op.create_index(
            "uq_agreement_standing",
            ["proposal_id", "side"],
            unique=True,
            sqlite_where=sa.text("voided_at is null"),
            postgresql_where=sa.text("voided_at is null"),
        )


def downgrade() -> None:
    # An older version cannot tell who agreed to what: both are asked anew, in the usual time.
    proposal = sa.table(
        "proposal",
        sa.column("state"),
        sa.column("version"),
        sa.column("held_until", sa.DateTime(timezone=True)),
    )
    op.execute(
        proposal.update()
        .where(proposal.c.state.in_(["agreed", "deferred"]))
        .values(
            state="due_diligence",
            version=proposal.c.version + 1,
            held_until=datetime.now(UTC) + timedelta(days=14),
        )
    )
    op.drop_table("agreement")
