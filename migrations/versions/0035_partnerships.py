"""Partnerships: visits, reviews, outcomes and concerns, and their days in the register of support."""

import sqlalchemy as sa
from alembic import op

revision = "0035_partnerships"
down_revision = "0034_run_state"

STATES = (
    "state in ('proposed', 'preferred', 'due_diligence', 'agreed', 'approved', "
    "'approved_with_conditions', 'deferred', 'declined', 'withdrawn', 'lapsed', 'replaced')"
)
ACTIONS = (
    "action in ('prefer', 'start_due_diligence', 'approve', 'approve_with_conditions', 'defer', "
    "'decline', 'withdraw', 'lapse')"
)
OPEN = "state not in ('declined', 'lapsed', 'replaced', 'withdrawn')"
PAIR = ["run_id", "need_id", "offer_id"]


def upgrade() -> None:
    _named(
        STATES.replace("'replaced'", "'replaced', 'completed'"),
        ACTIONS.replace("'lapse'", "'lapse', 'complete'"),
        OPEN.replace("('declined'", "('completed', 'declined'"),
    )
    op.create_table(
        "partnership",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("aims", sa.Text(), nullable=False),
        sa.Column("rhythm", sa.String(length=200), nullable=True),
        sa.Column("exit_plan", sa.Text(), nullable=True),
        sa.Column("taker_role", sa.String(length=100), nullable=False),
        sa.Column("giver_role", sa.String(length=100), nullable=False),
        sa.Column("monitor_role", sa.String(length=100), nullable=True),
        sa.Column("paid_by", sa.String(length=20), nullable=True),
        sa.Column("day_rate_pounds", sa.Integer(), nullable=True),
        sa.Column("fee_pounds", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("over_on", sa.Date(), nullable=True),
        sa.Column("later_said_on", sa.Date(), nullable=True),
        sa.Column("later_channel", sa.String(length=10), nullable=True),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state in ('ended', 'stopped')) = (over_on is not null)",
            name=op.f("ck_partnership_over_on"),
        ),
        sa.CheckConstraint(
            "paid_by is null or paid_by in ('taker', 'giver', 'group', 'local_authority', 'department', 'nobody')",
            name=op.f("ck_partnership_paid_by"),
        ),
        sa.CheckConstraint(
            "reason is null or reason in ('completed', 'aims_changed', 'giver_capacity', 'taker_circumstances', 'relationship', 'quality', 'concern', 'other_support', 'other')",
            name=op.f("ck_partnership_reason"),
        ),
        sa.CheckConstraint(
            "state in ('active', 'paused', 'stopped', 'ended')", name=op.f("ck_partnership_state")
        ),
        sa.CheckConstraint(
            "day_rate_pounds is null or day_rate_pounds >= 0", name=op.f("ck_partnership_day_rate")
        ),
        sa.CheckConstraint(
            "fee_pounds is null or fee_pounds >= 0", name=op.f("ck_partnership_fee")
        ),
        sa.CheckConstraint(
            "later_channel is null or later_channel in ('in_service', 'in_person', 'telephone', "
            "'video_call', 'email', 'letter')",
            name=op.f("ck_partnership_later_channel"),
        ),
        sa.CheckConstraint("starts <= ends", name=op.f("ck_partnership_dates")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_partnership_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partnership")),
        sa.UniqueConstraint("proposal_id", name=op.f("uq_partnership_proposal_id")),
    )
    op.create_table(
        "concern",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partnership_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("raised_by", sa.String(length=100), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.String(length=100), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partnership_id"],
            ["partnership.id"],
            name=op.f("fk_concern_partnership_id_partnership"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concern")),
    )
    op.create_index(op.f("ix_concern_partnership_id"), "concern", ["partnership_id"])

    op.create_table(
        "outcome",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partnership_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=5), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("what_worked", sa.Text(), nullable=True),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "result in ('worked', 'partly', 'did_not_work', 'not_known')",
            name=op.f("ck_outcome_result"),
        ),
        sa.CheckConstraint("side in ('taker', 'giver')", name=op.f("ck_outcome_side")),
        sa.ForeignKeyConstraint(
            ["partnership_id"],
            ["partnership.id"],
            name=op.f("fk_outcome_partnership_id_partnership"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome")),
        sa.UniqueConstraint("partnership_id", "side", name=op.f("uq_outcome_partnership_id_side")),
    )
    op.create_index(op.f("ix_outcome_partnership_id"), "outcome", ["partnership_id"])

    op.create_table(
        "review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partnership_id", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=10), nullable=False),
        sa.Column("rating", sa.String(length=5), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("rating in ('green', 'amber', 'red')", name=op.f("ck_review_rating")),
        sa.CheckConstraint(
            "reviewer in ('taker', 'giver', 'monitor')", name=op.f("ck_review_reviewer")
        ),
        sa.ForeignKeyConstraint(
            ["partnership_id"],
            ["partnership.id"],
            name=op.f("fk_review_partnership_id_partnership"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index(op.f("ix_review_partnership_id"), "review", ["partnership_id"])

    op.create_table(
        "support_visit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("partnership_id", sa.Integer(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("half_days", sa.Integer(), nullable=False),
        sa.Column("remote", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("pence", sa.Integer(), nullable=True),
        sa.Column("written_up_by", sa.String(length=100), nullable=True),
        sa.Column("written_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_role", sa.String(length=100), nullable=True),
        sa.Column("signed_by", sa.String(length=100), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispute", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state in ('booked', 'written_up', 'signed', 'disputed', 'cancelled')",
            name=op.f("ck_support_visit_state"),
        ),
        sa.CheckConstraint("half_days between 1 and 2", name=op.f("ck_support_visit_half_days")),
        sa.CheckConstraint("pence is null or pence >= 0", name=op.f("ck_support_visit_pence")),
        sa.ForeignKeyConstraint(
            ["partnership_id"],
            ["partnership.id"],
            name=op.f("fk_support_visit_partnership_id_partnership"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_visit")),
    )
    op.create_index(op.f("ix_support_visit_partnership_id"), "support_visit", ["partnership_id"])

    with op.batch_alter_table("support") as batch_op:
        batch_op.add_column(sa.Column("agreed_half_days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("partnership_id", sa.Integer(), nullable=True))
        batch_op.create_index(op.f("ix_support_partnership_id"), ["partnership_id"], unique=False)
        batch_op.create_unique_constraint(
            op.f("uq_support_partnership_id_period_code"), ["partnership_id", "period_code"]
        )
        batch_op.create_foreign_key(
            op.f("fk_support_partnership_id_partnership"), "partnership", ["partnership_id"], ["id"]
        )


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("select count(*) from partnership")):
        # Their days would be held by the proposals again, and count twice.
        raise RuntimeError(
            "There are partnerships, which an older version does not know. Restore the backup "
            "from before the upgrade instead."
        )
    _named(STATES, ACTIONS, OPEN)
    with op.batch_alter_table("support") as batch_op:
        batch_op.drop_constraint(op.f("fk_support_partnership_id_partnership"), type_="foreignkey")
        batch_op.drop_constraint(op.f("uq_support_partnership_id_period_code"), type_="unique")
        batch_op.drop_index(op.f("ix_support_partnership_id"))
        batch_op.drop_column("partnership_id")
        batch_op.drop_column("agreed_half_days")

    op.drop_table("support_visit")
    op.drop_table("review")
    op.drop_table("outcome")
    op.drop_table("concern")
    op.drop_table("partnership")


def _named(states: str, actions: str, open_ones: str) -> None:
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.drop_index("uq_proposal_open")
        batch_op.drop_constraint(op.f("ck_proposal_state"), type_="check")
        batch_op.create_check_constraint(op.f("ck_proposal_state"), states)
        stands = sa.text(open_ones)
        batch_op.create_index(
            "uq_proposal_open", PAIR, unique=True, sqlite_where=stands, postgresql_where=stands
        )
    with op.batch_alter_table("decision") as batch_op:
        batch_op.drop_constraint(op.f("ck_decision_action"), type_="check")
        batch_op.create_check_constraint(op.f("ck_decision_action"), actions)
