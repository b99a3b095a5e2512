"""Introductions: schools that found somebody who could support them."""

import sqlalchemy as sa
from alembic import op

revision = "0047_introductions"
down_revision = "0046_interest_paths"

OPEN = sa.text("state = 'open'")


def _foreign(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_introduction_{column}_{other}")
    )


def upgrade() -> None:
    op.create_table(
        "introduction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("need_id", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("agreed_with", sa.String(length=100), nullable=True),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind in ('introduction', 'arrangement')", name=op.f("ck_introduction_kind")
        ),
        sa.CheckConstraint(
            "state in ('open', 'proposed', 'closed', 'withdrawn')",
            name=op.f("ck_introduction_state"),
        ),
        sa.CheckConstraint(
            "(kind = 'arrangement') = (agreed_with is not null) "
            "and (agreed_with is null) = (agreed_on is null)",
            name=op.f("ck_introduction_agreed"),
        ),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at is null)", name=op.f("ck_introduction_closed")
        ),
        sa.CheckConstraint(
            "(closed_at is null) = (closed_by is null)", name=op.f("ck_introduction_closed_by")
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (run_id is not null)", name=op.f("ck_introduction_run")
        ),
        _foreign("need_id", "need"),
        _foreign("offer_id", "offer"),
        _foreign("run_id", "run"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_introduction")),
    )
    for column in ("need_id", "offer_id", "run_id"):
        op.create_index(op.f(f"ix_introduction_{column}"), "introduction", [column])
    op.create_index(
        "uq_introduction_open",
        "introduction",
        ["need_id", "offer_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def downgrade() -> None:
    op.drop_table("introduction")
