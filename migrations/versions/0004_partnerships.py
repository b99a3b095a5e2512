"""What is running: the one register of support."""

import sqlalchemy as sa
from alembic import op

revision = "0004_partnerships"
down_revision = "0003_matching"


def upgrade() -> None:
    op.create_table(
        "support",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("taker_id", sa.Integer(), nullable=False),
        sa.Column("giver_id", sa.Integer(), nullable=True),
        sa.Column("giver_name", sa.String(length=300), nullable=True),
        sa.Column("agency", sa.String(length=100), nullable=True),
        sa.Column("expertise_code", sa.String(length=60), nullable=True),
        sa.Column("target", sa.String(length=300), nullable=True),
        sa.Column("period_code", sa.String(length=20), nullable=True),
        sa.Column("half_days", sa.Integer(), nullable=True),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("result", sa.String(length=20), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "result is null or result in ('worked', 'partly', 'did_not_work', 'not_known')",
            name=op.f("ck_support_result"),
        ),
        sa.CheckConstraint(
            "state in ('active', 'paused', 'stopped', 'ended')", name=op.f("ck_support_state")
        ),
        sa.CheckConstraint(
            "giver_id is not null or giver_name is not null", name=op.f("ck_support_giver")
        ),
        sa.CheckConstraint(
            "giver_id is null or giver_id <> taker_id", name=op.f("ck_support_not_itself")
        ),
        sa.CheckConstraint(
            "half_days is null or half_days >= 0", name=op.f("ck_support_half_days")
        ),
        sa.ForeignKeyConstraint(
            ["expertise_code"], ["expertise.code"], name=op.f("fk_support_expertise_code_expertise")
        ),
        sa.ForeignKeyConstraint(
            ["giver_id"], ["participant.id"], name=op.f("fk_support_giver_id_participant")
        ),
        sa.ForeignKeyConstraint(
            ["period_code"], ["period.code"], name=op.f("fk_support_period_code_period")
        ),
        sa.ForeignKeyConstraint(
            ["taker_id"], ["participant.id"], name=op.f("fk_support_taker_id_participant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support")),
        sa.UniqueConstraint("reference", name=op.f("uq_support_reference")),
    )
    with op.batch_alter_table("support", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_support_giver_id"), ["giver_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_support_taker_id"), ["taker_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("support", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_support_taker_id"))
        batch_op.drop_index(batch_op.f("ix_support_giver_id"))

    op.drop_table("support")
