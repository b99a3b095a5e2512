"""Batches: many areas planned in one go, each by a run of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0028_batches"
down_revision = "0027_session_browser"


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("period_code", sa.String(length=20), nullable=False),
        sa.Column("named", sa.String(length=20), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("input_sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("needs_in_no_area", sa.Integer(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('running', 'finished', 'cancelled')", name=op.f("ck_batch_state")
        ),
        sa.ForeignKeyConstraint(
            ["period_code"], ["period.code"], name=op.f("fk_batch_period_code_period")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index(op.f("ix_batch_state"), "batch", ["state"])
    with op.batch_alter_table("run") as batch_op:
        batch_op.add_column(sa.Column("batch_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("rows_sha256", sa.String(length=64), nullable=True))
        batch_op.create_foreign_key(op.f("fk_run_batch_id_batch"), "batch", ["batch_id"], ["id"])
        batch_op.create_index(op.f("ix_run_batch_id"), ["batch_id"])
    op.create_table(
        "batch_area",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("needs", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("planned_again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_batch_area_batch_id_batch")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_batch_area_run_id_run")),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_batch_area")),
    )
    op.create_index(op.f("ix_batch_area_run_id"), "batch_area", ["run_id"])


def downgrade() -> None:
    op.drop_table("batch_area")
    with op.batch_alter_table("run") as batch_op:
        batch_op.drop_index(op.f("ix_run_batch_id"))
        batch_op.drop_constraint(op.f("fk_run_batch_id_batch"), type_="foreignkey")
        batch_op.drop_column("rows_sha256")
        batch_op.drop_column("batch_id")
    op.drop_table("batch")
