"""Declared interests, and what each kind of them does to a pair."""

import sqlalchemy as sa
from alembic import op

revision = "0036_interests"
down_revision = "0035_partnerships"

KINDS = (
    "kind in ('adviser_employed_by', 'bids_for', 'governor_in_common', 'supplier_of', "
    "'paid_to_judge', 'other')"
)


def upgrade() -> None:
    op.create_table(
        "interest_rule",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("effect", sa.String(length=10), nullable=False),
        sa.Column("exceptions", sa.Boolean(), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_interest_rule_kind")),
        sa.CheckConstraint("effect in ('refuses', 'shown')", name=op.f("ck_interest_rule_effect")),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_interest_rule")),
    )
    op.create_table(
        "interest",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("about_id", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("evidence", sa.String(length=300), nullable=False),
        sa.Column("declared_by", sa.String(length=100), nullable=False),
        sa.Column("declared_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shortened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shortened_by", sa.String(length=100), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=100), nullable=True),
        sa.Column("withdrawn_reason", sa.String(length=300), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(KINDS, name=op.f("ck_interest_kind")),
        sa.CheckConstraint("holder_id <> about_id", name=op.f("ck_interest_not_itself")),
        sa.CheckConstraint(
            "ends is null or starts is null or ends >= starts", name=op.f("ck_interest_dates")
        ),
        sa.CheckConstraint(
            "(withdrawn_at is null) = (withdrawn_by is null) "
            "and (withdrawn_at is null) = (withdrawn_reason is null)",
            name=op.f("ck_interest_withdrawn"),
        ),
        sa.CheckConstraint(
            "(shortened_at is null) = (shortened_by is null)", name=op.f("ck_interest_shortened")
        ),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["participant.id"], name=op.f("fk_interest_holder_id_participant")
        ),
        sa.ForeignKeyConstraint(
            ["about_id"], ["participant.id"], name=op.f("fk_interest_about_id_participant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interest")),
        sa.UniqueConstraint("reference", name=op.f("uq_interest_reference")),
    )
    op.create_index(op.f("ix_interest_holder_id"), "interest", ["holder_id"])
    op.create_index(op.f("ix_interest_about_id"), "interest", ["about_id"])


def downgrade() -> None:
    op.drop_table("interest")
    op.drop_table("interest_rule")
