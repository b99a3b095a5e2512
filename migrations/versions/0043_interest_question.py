"""Who was asked to declare their interests, and what they answered."""

import sqlalchemy as sa
from alembic import op

revision = "0043_interest_question"
down_revision = "0042_money"


def upgrade() -> None:
    op.create_table(
        "interest_question",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("asked_role", sa.String(length=100), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=True),
        sa.Column("answered_by", sa.String(length=100), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("answer_recorded_by", sa.String(length=100), nullable=True),
        sa.Column("answer_recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "answer is null or answer in ('none', 'declared')",
            name=op.f("ck_interest_question_answer"),
        ),
        sa.CheckConstraint(
            "(answer is null) = (answered_by is null) "
            "and (answer is null) = (answered_on is null) "
            "and (answer is null) = (answer_recorded_by is null) "
            "and (answer is null) = (answer_recorded_at is null)",
            name=op.f("ck_interest_question_answered"),
        ),
        sa.CheckConstraint(
            "answered_on is null or answered_on >= asked_on",
            name=op.f("ck_interest_question_dates"),
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_interest_question_participant_id_participant"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interest_question")),
    )
    op.create_index(
        op.f("ix_interest_question_participant_id"), "interest_question", ["participant_id"]
    )


def downgrade() -> None:
    op.drop_table("interest_question")
