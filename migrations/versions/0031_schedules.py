"""Schedules: batches that are started again and again at a time of day."""

import sqlalchemy as sa
from alembic import op

revision = "0031_schedules"
down_revision = "0030_price_curve"


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period_code", sa.String(length=20), nullable=False),
        sa.Column("named", sa.String(length=20), nullable=False),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("every", sa.String(length=5), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=True),
        sa.Column("at", sa.String(length=5), nullable=False),
        sa.Column("zone", sa.String(length=50), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_batch_id", sa.Integer(), nullable=True),
        sa.Column("told", sa.String(length=500), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint("every in ('day', 'week')", name=op.f("ck_schedule_every")),
        sa.CheckConstraint(
            "(every = 'week') = (weekday is not null)", name=op.f("ck_schedule_weekday")
        ),
        sa.CheckConstraint("weekday between 0 and 6", name=op.f("ck_schedule_day_of_week")),
        sa.ForeignKeyConstraint(
            ["period_code"], ["period.code"], name=op.f("fk_schedule_period_code_period")
        ),
        sa.ForeignKeyConstraint(
            ["last_batch_id"], ["batch.id"], name=op.f("fk_schedule_last_batch_id_batch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
    )
    op.create_index(op.f("ix_schedule_due_at"), "schedule", ["due_at"])


def downgrade() -> None:
    op.drop_table("schedule")
