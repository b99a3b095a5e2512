"""Alliances: several schools with members, aims and a plan of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0045_alliances"
down_revision = "0044_evidence"

STANDING = sa.text("state in ('asked', 'member')")
CHANNELS = "('in_service', 'in_person', 'telephone', 'video_call', 'email', 'letter')"


def _foreign(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")
    )


def upgrade() -> None:
    op.create_table(
        "alliance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("network_id", sa.Integer(), nullable=True),
        sa.Column("aims", sa.Text(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("over_on", sa.Date(), nullable=True),
        sa.Column("over_reason", sa.Text(), nullable=True),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind in ('family', 'alliance', 'network')", name=op.f("ck_alliance_kind")
        ),
        sa.CheckConstraint("ends is null or starts <= ends", name=op.f("ck_alliance_dates")),
        sa.CheckConstraint(
            "(over_on is null) = (over_reason is null)", name=op.f("ck_alliance_over")
        ),
        _foreign("alliance", "network_id", "network"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alliance")),
        sa.UniqueConstraint("reference", name=op.f("uq_alliance_reference")),
    )
    op.create_index(op.f("ix_alliance_network_id"), "alliance", ["network_id"])
    op.create_table(
        "alliance_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alliance_id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_role", sa.String(length=100), nullable=True),
        sa.Column("said_on", sa.Date(), nullable=True),
        sa.Column("channel", sa.String(length=10), nullable=True),
        sa.Column("recorded_by", sa.String(length=100), nullable=True),
        sa.Column("starts", sa.Date(), nullable=True),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("left_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("role in ('lead', 'member')", name=op.f("ck_alliance_member_role")),
        sa.CheckConstraint(
            "state in ('asked', 'member', 'declined', 'left')",
            name=op.f("ck_alliance_member_state"),
        ),
        sa.CheckConstraint(
            f"channel is null or channel in {CHANNELS}", name=op.f("ck_alliance_member_channel")
        ),
        sa.CheckConstraint(
            "(state = 'asked') = (said_role is null) and (said_role is null) = (said_on is null) "
            "and (said_role is null) = (recorded_by is null)",
            name=op.f("ck_alliance_member_said"),
        ),
        sa.CheckConstraint(
            "(state in ('member', 'left')) = (starts is not null)",
            name=op.f("ck_alliance_member_starts"),
        ),
        sa.CheckConstraint(
            "(state = 'left') = (ends is not null) and (ends is null) = (left_reason is null)",
            name=op.f("ck_alliance_member_ends"),
        ),
        _foreign("alliance_member", "alliance_id", "alliance"),
        _foreign("alliance_member", "participant_id", "participant"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alliance_member")),
    )
    for column in ("alliance_id", "participant_id"):
        op.create_index(op.f(f"ix_alliance_member_{column}"), "alliance_member", [column])
    op.create_index(
        "uq_alliance_member_standing",
        "alliance_member",
        ["alliance_id", "participant_id"],
        unique=True,
        sqlite_where=STANDING,
        postgresql_where=STANDING,
    )
    op.create_table(
        "alliance_action",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alliance_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("leader_id", sa.Integer(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("need_id", sa.Integer(), nullable=True),
        sa.Column("partnership_id", sa.Integer(), nullable=True),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state in ('open', 'done', 'dropped')", name=op.f("ck_alliance_action_state")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (ended_on is null)", name=op.f("ck_alliance_action_ended")
        ),
        sa.CheckConstraint(
            "state <> 'dropped' or reason is not null", name=op.f("ck_alliance_action_reason")
        ),
        _foreign("alliance_action", "alliance_id", "alliance"),
        _foreign("alliance_action", "leader_id", "participant"),
        _foreign("alliance_action", "need_id", "need"),
        _foreign("alliance_action", "partnership_id", "partnership"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alliance_action")),
    )
    op.create_index(op.f("ix_alliance_action_alliance_id"), "alliance_action", ["alliance_id"])
    op.create_table(
        "alliance_target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alliance_id", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("word", sa.String(length=60), nullable=True),
        sa.Column("by_date", sa.Date(), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=True),
        sa.Column("statement", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "direction in ('raise', 'lower', 'keep')", name=op.f("ck_alliance_target_direction")
        ),
        sa.CheckConstraint(
            "kind is null or kind in ('number', 'percent')", name=op.f("ck_alliance_target_kind")
        ),
        sa.CheckConstraint(
            "value is null or word is null", name=op.f("ck_alliance_target_one_value")
        ),
        sa.CheckConstraint(
            "direction = 'keep' or value is not null or word is not null",
            name=op.f("ck_alliance_target_has_value"),
        ),
        _foreign("alliance_target", "alliance_id", "alliance"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alliance_target")),
        sa.UniqueConstraint(
            "alliance_id",
            "measure",
            "by_date",
            name=op.f("uq_alliance_target_alliance_id_measure_by_date"),
        ),
    )
    op.create_index(op.f("ix_alliance_target_alliance_id"), "alliance_target", ["alliance_id"])
    op.create_table(
        "alliance_review",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alliance_id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("rating", sa.String(length=5), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "rating in ('green', 'amber', 'red')", name=op.f("ck_alliance_review_rating")
        ),
        _foreign("alliance_review", "alliance_id", "alliance"),
        _foreign("alliance_review", "participant_id", "participant"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alliance_review")),
    )
    op.create_index(op.f("ix_alliance_review_alliance_id"), "alliance_review", ["alliance_id"])


def downgrade() -> None:
    for table in (
        *("alliance_review", "alliance_target", "alliance_action", "alliance_member"),
        "alliance",
    ):
        op.drop_table(table)
