"""The figures of the rules that a proposal passed, and exceptions from rules."""

import sqlalchemy as sa
from alembic import op

revision = "0012_pair_rules"
down_revision = "0011_publication"


def upgrade() -> None:
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.add_column(sa.Column("rule_figures", sa.JSON(), nullable=True))
    op.create_table(
        "rule_exception",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=30), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_rule_exception_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_exception")),
    )
    with op.batch_alter_table("rule_exception") as batch_op:
        batch_op.create_index(op.f("ix_rule_exception_proposal_id"), ["proposal_id"], unique=False)


def downgrade() -> None:
    op.drop_table("rule_exception")
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.drop_column("rule_figures")
