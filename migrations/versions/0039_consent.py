"""Requests for consent by link, and the emails that carry them."""

import sqlalchemy as sa
from alembic import op

revision = "0039_consent"
down_revision = "0038_signed_needs"

PENDING = sa.text("state in ('open', 'waiting')")
TO_SEND = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "consent_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(length=10), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=100), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("answer_hours", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("follows_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.Column("answered_role", sa.String(length=100), nullable=True),
        sa.Column("said_on", sa.Date(), nullable=True),
        sa.Column("channel", sa.String(length=10), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chosen_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "party in ('taker', 'giver', 'home_head')", name=op.f("ck_consent_request_party")
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'open', 'yes', 'no', 'talk_first', 'otherwise', 'voided', 'replaced', 'ended', 'lapsed')",
            name=op.f("ck_consent_request_state"),
        ),
        sa.CheckConstraint(
            "channel is null or channel in ('in_service', 'in_person', 'telephone', 'video_call', 'email', 'letter')",
            name=op.f("ck_consent_request_channel"),
        ),
        sa.CheckConstraint(
            "state = 'waiting' or asked_at is not null or closed_at is not null",
            name=op.f("ck_consent_request_asked"),
        ),
        sa.CheckConstraint("answer_hours >= 1", name=op.f("ck_consent_request_answer_hours")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_consent_request_proposal_id_proposal")
        ),
        sa.ForeignKeyConstraint(
            ["chosen_id"], ["proposal.id"], name=op.f("fk_consent_request_chosen_id_proposal")
        ),
        sa.ForeignKeyConstraint(
            ["follows_id"],
            ["consent_request.id"],
            name=op.f("fk_consent_request_follows_id_consent_request"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_request")),
        sqlite_autoincrement=True,
    )
    for column in ("proposal_id", "contact_id", "expires_at"):
        op.create_index(op.f(f"ix_consent_request_{column}"), "consent_request", [column])
    op.create_index(
        "uq_consent_request_pending",
        "consent_request",
        ["proposal_id", "party"],
        unique=True,
        sqlite_where=PENDING,
        postgresql_where=PENDING,
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind in ('asked', 'reminded', 'reminded_again')", name=op.f("ck_mail_kind")
        ),
        sa.CheckConstraint("state in ('waiting', 'delivered', 'dead')", name=op.f("ck_mail_state")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["consent_request.id"], name=op.f("fk_mail_request_id_consent_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("kind", "request_id", name=op.f("uq_mail_kind_request_id")),
        sa.UniqueConstraint("message_id", name=op.f("uq_mail_message_id")),
    )
    op.create_index(
        "ix_mail_due", "mail", ["due_at"], sqlite_where=TO_SEND, postgresql_where=TO_SEND
    )


def downgrade() -> None:
    op.drop_table("mail")
    op.drop_table("consent_request")
