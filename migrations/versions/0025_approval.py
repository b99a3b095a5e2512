"""Who approves, what public money pays, directions, and how a side's word was given."""

import sqlalchemy as sa
from alembic import op

revision = "0025_approval"
down_revision = "0024_replaced"

CHANNELS = "('in_service', 'in_person', 'telephone', 'video_call', 'email', 'letter')"


def upgrade() -> None:
    op.create_table(
        "approval_rule",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("public_money_above_pounds", sa.Integer(), nullable=True),
        sa.Column("unfunded", sa.Boolean(), nullable=False),
        sa.Column("sides_in", sa.String(length=20), nullable=True),
        sa.Column("circumstance", sa.String(length=40), nullable=True),
        sa.Column("approved_by", sa.String(length=10), nullable=False),
        sa.Column("statement", sa.String(length=300), nullable=False),
        sa.CheckConstraint(
            "public_money_above_pounds >= 0", name=op.f("ck_approval_rule_public_money")
        ),
        sa.CheckConstraint(
            "sides_in in ('one_group', 'one_network', 'one_region', 'two_regions')",
            name=op.f("ck_approval_rule_sides_in"),
        ),
        sa.CheckConstraint(
            "approved_by in ('approver', 'agreements')", name=op.f("ck_approval_rule_approved_by")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_approval_rule")),
    )
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.add_column(sa.Column("public_money_pounds", sa.Integer(), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_proposal_public_money"), "public_money_pounds >= 0"
        )
    with op.batch_alter_table("agreement") as batch_op:
        batch_op.alter_column("says", type_=sa.String(length=8), existing_type=sa.String(length=3))
        batch_op.add_column(sa.Column("said_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("channel", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("direction", sa.JSON(), nullable=True))
        batch_op.drop_constraint(op.f("ck_agreement_says"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_agreement_says"), "says in ('yes', 'no', 'directed')"
        )
        batch_op.create_check_constraint(
            op.f("ck_agreement_directed"), "says <> 'directed' or side = 'taker'"
        )
        batch_op.create_check_constraint(op.f("ck_agreement_channel"), f"channel in {CHANNELS}")
    with op.batch_alter_table("publication_consent") as batch_op:
        batch_op.add_column(sa.Column("said_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("channel", sa.String(length=10), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_publication_consent_channel"), f"channel in {CHANNELS}"
        )


def downgrade() -> None:
    with op.batch_alter_table("publication_consent") as batch_op:
        batch_op.drop_constraint(op.f("ck_publication_consent_channel"), type_="check")
        batch_op.drop_column("channel")
        batch_op.drop_column("said_on")
    # An older version knows no directions: what they stood in for is open again.
    op.execute(
        "update proposal set state = 'due_diligence' where state in ('agreed', 'deferred') and id "
        "in (select proposal_id from agreement where says = 'directed' and voided_at is null)"
    )
    op.execute("delete from agreement where says = 'directed'")
    with op.batch_alter_table("agreement") as batch_op:
        batch_op.drop_constraint(op.f("ck_agreement_channel"), type_="check")
        batch_op.drop_constraint(op.f("ck_agreement_directed"), type_="check")
        batch_op.drop_constraint(op.f("ck_agreement_says"), type_="check")
        batch_op.create_check_constraint(op.f("ck_agreement_says"), "says in ('yes', 'no')")
        batch_op.drop_column("direction")
        batch_op.drop_column("channel")
        batch_op.drop_column("said_on")
        batch_op.alter_column("says", type_=sa.String(length=3), existing_type=sa.String(length=8))
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.drop_constraint(op.f("ck_proposal_public_money"), type_="check")
        batch_op.drop_column("public_money_pounds")
    op.drop_table("approval_rule")
