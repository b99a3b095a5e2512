"""What is asked and given: expertise, periods, needs, offers, limits."""

import sqlalchemy as sa
from alembic import op

revision = "0002_exchange"
down_revision = "0001_register"


def upgrade() -> None:
    op.create_table(
        "expertise",
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("parent_code", sa.String(length=60), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_code"], ["expertise.code"], name=op.f("fk_expertise_parent_code_expertise")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_expertise")),
    )
    op.create_table(
        "period",
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("year_code", sa.String(length=20), nullable=True),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'term') = (year_code is not null)", name=op.f("ck_period_term_of_year")
        ),
        sa.CheckConstraint("kind in ('year', 'term')", name=op.f("ck_period_kind")),
        sa.CheckConstraint("starts <= ends", name=op.f("ck_period_dates")),
        sa.ForeignKeyConstraint(
            ["year_code"], ["period.code"], name=op.f("fk_period_year_code_period")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_period")),
    )
    op.create_table(
        "limits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("period_code", sa.String(length=20), nullable=False),
        sa.Column("give_half_days", sa.Integer(), nullable=True),
        sa.Column("max_given", sa.Integer(), nullable=True),
        sa.Column("max_taken", sa.Integer(), nullable=True),
        sa.Column("allowance_half_days", sa.Integer(), nullable=True),
        sa.Column("exempt", sa.Boolean(), nullable=False),
        sa.Column("carried_half_days", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "allowance_half_days is null or allowance_half_days >= 0",
            name=op.f("ck_limits_allowance"),
        ),
        sa.CheckConstraint(
            "give_half_days is null or give_half_days >= 0", name=op.f("ck_limits_give")
        ),
        sa.CheckConstraint("max_given is null or max_given >= 0", name=op.f("ck_limits_max_given")),
        sa.CheckConstraint("max_taken is null or max_taken >= 0", name=op.f("ck_limits_max_taken")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_limits_participant_id_participant"),
        ),
        sa.ForeignKeyConstraint(
            ["period_code"], ["period.code"], name=op.f("fk_limits_period_code_period")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limits")),
        sa.UniqueConstraint(
            "participant_id", "period_code", name=op.f("uq_limits_participant_id_period_code")
        ),
    )
    with op.batch_alter_table("limits", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_limits_participant_id"), ["participant_id"], unique=False
        )

    op.create_table(
        "need",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("expertise_code", sa.String(length=60), nullable=False),
        sa.Column("period_code", sa.String(length=20), nullable=False),
        sa.Column("half_days", sa.Integer(), nullable=False),
        sa.Column("half_days_min", sa.Integer(), nullable=False),
        sa.Column("max_givers", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.String(length=20), nullable=False),
        sa.Column("agreed_by", sa.String(length=100), nullable=True),
        sa.Column("travel_limit_miles", sa.Double(), nullable=True),
        sa.Column("travel_limit_minutes", sa.Integer(), nullable=True),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("window_starts", sa.Date(), nullable=False),
        sa.Column("window_ends", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("suggestion", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "evidence in ('self_evaluation', 'inspection', 'data_trigger')",
            name=op.f("ck_need_evidence"),
        ),
        sa.CheckConstraint("mode in ('on_site', 'remote', 'either')", name=op.f("ck_need_mode")),
        sa.CheckConstraint(
            "state in ('suggested', 'identified', 'diagnosed', 'match', 'review_progress', 'unable_to_assess', 'matched', 'met', 'closed')",
            name=op.f("ck_need_state"),
        ),
        sa.CheckConstraint("half_days >= 1", name=op.f("ck_need_half_days")),
        sa.CheckConstraint(
            "half_days_min between 1 and half_days", name=op.f("ck_need_half_days_min")
        ),
        sa.CheckConstraint("max_givers >= 0", name=op.f("ck_need_max_givers")),
        sa.CheckConstraint("priority between 1 and 5", name=op.f("ck_need_priority")),
        sa.CheckConstraint("window_starts <= window_ends", name=op.f("ck_need_window")),
        sa.ForeignKeyConstraint(
            ["expertise_code"], ["expertise.code"], name=op.f("fk_need_expertise_code_expertise")
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participant.id"], name=op.f("fk_need_participant_id_participant")
        ),
        sa.ForeignKeyConstraint(
            ["period_code"], ["period.code"], name=op.f("fk_need_period_code_period")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need")),
        sa.UniqueConstraint("reference", name=op.f("uq_need_reference")),
    )
    with op.batch_alter_table("need", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_need_participant_id"), ["participant_id"], unique=False
        )
        batch_op.create_index("ix_need_period_state", ["period_code", "state"], unique=False)

    op.create_table(
        "offer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("expertise_code", sa.String(length=60), nullable=False),
        sa.Column("period_code", sa.String(length=20), nullable=False),
        sa.Column("half_days", sa.Integer(), nullable=False),
        sa.Column("max_pairings", sa.Integer(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=True),
        sa.Column("evidence", sa.String(length=200), nullable=True),
        sa.Column("travel_limit_miles", sa.Double(), nullable=True),
        sa.Column("travel_limit_minutes", sa.Integer(), nullable=True),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("phases", sa.JSON(), nullable=False),
        sa.Column("window_starts", sa.Date(), nullable=False),
        sa.Column("window_ends", sa.Date(), nullable=False),
        sa.Column("availability", sa.String(length=20), nullable=False),
        sa.Column("availability_updated", sa.Date(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("suggestion", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "availability in ('can_offer', 'may_offer', 'not_offering', 'not_answered')",
            name=op.f("ck_offer_availability"),
        ),
        sa.CheckConstraint("mode in ('on_site', 'remote', 'either')", name=op.f("ck_offer_mode")),
        sa.CheckConstraint("half_days >= 1", name=op.f("ck_offer_half_days")),
        sa.CheckConstraint("max_pairings >= 1", name=op.f("ck_offer_max_pairings")),
        sa.CheckConstraint(
            "quality is null or quality between 1 and 5", name=op.f("ck_offer_quality")
        ),
        sa.CheckConstraint("window_starts <= window_ends", name=op.f("ck_offer_window")),
        sa.ForeignKeyConstraint(
            ["expertise_code"], ["expertise.code"], name=op.f("fk_offer_expertise_code_expertise")
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participant.id"], name=op.f("fk_offer_participant_id_participant")
        ),
        sa.ForeignKeyConstraint(
            ["period_code"], ["period.code"], name=op.f("fk_offer_period_code_period")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("reference", name=op.f("uq_offer_reference")),
    )
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_offer_participant_id"), ["participant_id"], unique=False
        )
        batch_op.create_index(
            "ix_offer_period_availability", ["period_code", "availability"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.drop_index("ix_offer_period_availability")
        batch_op.drop_index(batch_op.f("ix_offer_participant_id"))

    op.drop_table("offer")
    with op.batch_alter_table("need", schema=None) as batch_op:
        batch_op.drop_index("ix_need_period_state")
        batch_op.drop_index(batch_op.f("ix_need_participant_id"))

    op.drop_table("need")
    with op.batch_alter_table("limits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_limits_participant_id"))

    op.drop_table("limits")
    op.drop_table("period")
    op.drop_table("expertise")
