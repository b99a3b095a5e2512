"""Open offers: resources, open days and what one gives to many at once."""

import sqlalchemy as sa
from alembic import op

revision = "0051_open_offers"
down_revision = "0050_undone_imports"


def upgrade() -> None:
    op.create_table(
        "open_offer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("expertise_code", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("link", sa.String(length=300), nullable=True),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('resource', 'open_day', 'one_to_many')", name=op.f("ck_open_offer_kind")
        ),
        sa.CheckConstraint("starts <= ends", name=op.f("ck_open_offer_dates")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participant.id"],
            name=op.f("fk_open_offer_participant_id_participant"),
        ),
        sa.ForeignKeyConstraint(
            ["expertise_code"],
            ["expertise.code"],
            name=op.f("fk_open_offer_expertise_code_expertise"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_offer")),
        sa.UniqueConstraint("reference", name=op.f("uq_open_offer_reference")),
    )
    for column in ("participant_id", "expertise_code"):
        op.create_index(op.f(f"ix_open_offer_{column}"), "open_offer", [column])


def downgrade() -> None:
    op.drop_table("open_offer")
