"""Evidence of the quality of support, and who wrote earlier versions of what others sign."""

import sqlalchemy as sa
from alembic import op

revision = "0044_evidence"
down_revision = "0043_interest_question"

KINDS = "('claim', 'outcome', 'monitor', 'accreditation', 'peer_visit')"
FOREIGN = (
    ("giver_id", "participant.id"),
    ("expertise_code", "expertise.code"),
    ("offer_id", "offer.id"),
    ("said_by_id", "participant.id"),
    ("partnership_id", "partnership.id"),
    ("outcome_id", "outcome.id"),
    ("review_id", "review.id"),
)


def upgrade() -> None:
    op.add_column("support_visit", sa.Column("written_before_by", sa.JSON(), nullable=True))
    op.add_column("outcome", sa.Column("recorded_before_by", sa.JSON(), nullable=True))
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("giver_id", sa.Integer(), nullable=False),
        sa.Column("expertise_code", sa.String(length=60), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("strength", sa.Integer(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("said_by_id", sa.Integer(), nullable=True),
        sa.Column("body", sa.String(length=200), nullable=True),
        sa.Column("partnership_id", sa.Integer(), nullable=True),
        sa.Column("outcome_id", sa.Integer(), nullable=True),
        sa.Column("review_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(length=300), nullable=True),
        sa.Column("counts_from", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_role", sa.String(length=100), nullable=True),
        sa.Column("answered_by", sa.String(length=100), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=100), nullable=True),
        sa.Column("withdrawn_reason", sa.String(length=300), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"kind in {KINDS}", name=op.f("ck_evidence_kind")),
        sa.CheckConstraint("strength between 1 and 5", name=op.f("ck_evidence_strength")),
        sa.CheckConstraint(
            "said_by_id is not null or body is not null or review_id is not null",
            name=op.f("ck_evidence_said_by"),
        ),
        sa.CheckConstraint(
            "(kind = 'claim' and said_by_id = giver_id) "
            "or (kind <> 'claim' and (said_by_id is null or said_by_id <> giver_id))",
            name=op.f("ck_evidence_not_of_itself"),
        ),
        sa.CheckConstraint(
            "(answered_at is null) = (answered_by is null) "
            "and (answered_at is null) = (answered_role is null) "
            "and (answered_at is null) = (answer is null)",
            name=op.f("ck_evidence_answered"),
        ),
        sa.CheckConstraint(
            "(withdrawn_at is null) = (withdrawn_by is null) "
            "and (withdrawn_at is null) = (withdrawn_reason is null)",
            name=op.f("ck_evidence_withdrawn"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [other], name=op.f(f"fk_evidence_{column}_{other.partition('.')[0]}")
            )
            for column, other in FOREIGN
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("outcome_id", name=op.f("uq_evidence_outcome_id")),
        sa.UniqueConstraint("review_id", name=op.f("uq_evidence_review_id")),
    )
    for column in ("giver_id", "offer_id"):
        op.create_index(op.f(f"ix_evidence_{column}"), "evidence", [column])


def downgrade() -> None:
    op.drop_table("evidence")
    op.drop_column("outcome", "recorded_before_by")
    op.drop_column("support_visit", "written_before_by")
