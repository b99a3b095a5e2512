"""Repairs of pairings that broke; a pair that ended can be proposed again in the same run."""

import sqlalchemy as sa
from alembic import op

revision = "0033_repairs"
down_revision = "0032_bound_rows"

PAIR = ["run_id", "need_id", "offer_id"]
OPEN = sa.text("state not in ('declined', 'lapsed', 'replaced', 'withdrawn')")


def upgrade() -> None:
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.drop_constraint(op.f("uq_proposal_run_id_need_id_offer_id"), type_="unique")
        batch_op.create_index(
            "uq_proposal_open", PAIR, unique=True, sqlite_where=OPEN, postgresql_where=OPEN
        )
    op.create_table(
        "repair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("size", sa.String(length=10), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("digests", sa.JSON(), nullable=False),
        sa.Column("objective", sa.Double(), nullable=True),
        sa.Column("bound", sa.Double(), nullable=True),
        sa.Column("worked_out_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worked_out_by", sa.String(length=100), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint(
            "size in ('smallest', 'middle', 'largest')", name=op.f("ck_repair_size")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_repair_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repair")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_repair_proposal_id"), "repair", ["proposal_id"])


def downgrade() -> None:
    op.drop_table("repair")
    # Refused by the database where a repair proposed a pair of a run for the second time.
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.drop_index("uq_proposal_open")
        batch_op.create_unique_constraint(op.f("uq_proposal_run_id_need_id_offer_id"), PAIR)
