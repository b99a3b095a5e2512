"""On whose authority support is given, what it takes of leaders, and its targets as figures."""

import sqlalchemy as sa
from alembic import op

revision = "0037_support_targets"
down_revision = "0036_interests"

rebinds = ("support",)
"""Its rows have a version from now on."""
AUTHORITIES = "('own_choice', 'local_authority', 'trust', 'dfe_programme', 'direction', 'other')"


def upgrade() -> None:
    with op.batch_alter_table("support") as batch_op:
        batch_op.add_column(sa.Column("authority", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("leader_half_days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.create_check_constraint(
            op.f("ck_support_authority"), f"authority is null or authority in {AUTHORITIES}"
        )
        batch_op.create_check_constraint(
            op.f("ck_support_leader_half_days"), "leader_half_days is null or leader_half_days >= 0"
        )
    op.create_table(
        "support_target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("support_id", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("word", sa.String(length=60), nullable=True),
        sa.Column("by_date", sa.Date(), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=True),
        sa.Column("statement", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "direction in ('raise', 'lower', 'keep')", name=op.f("ck_support_target_direction")
        ),
        sa.CheckConstraint(
            "kind is null or kind in ('number', 'percent')", name=op.f("ck_support_target_kind")
        ),
        sa.CheckConstraint(
            "value is null or word is null", name=op.f("ck_support_target_one_value")
        ),
        sa.CheckConstraint(
            "direction = 'keep' or value is not null or word is not null",
            name=op.f("ck_support_target_has_value"),
        ),
        sa.ForeignKeyConstraint(
            ["support_id"], ["support.id"], name=op.f("fk_support_target_support_id_support")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_target")),
        sa.UniqueConstraint(
            "support_id",
            "measure",
            "by_date",
            name=op.f("uq_support_target_support_id_measure_by_date"),
        ),
    )
    op.create_index(op.f("ix_support_target_support_id"), "support_target", ["support_id"])


def downgrade() -> None:
    op.drop_table("support_target")
    with op.batch_alter_table("support") as batch_op:
        batch_op.drop_constraint(op.f("ck_support_leader_half_days"), type_="check")
        batch_op.drop_constraint(op.f("ck_support_authority"), type_="check")
        batch_op.drop_column("version")
        batch_op.drop_column("leader_half_days")
        batch_op.drop_column("authority")
