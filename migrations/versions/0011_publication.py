"""Consents to publish a pairing, embed tokens by number, and what is drawn of a plan once."""

import sqlalchemy as sa
from alembic import op

revision = "0011_publication"
down_revision = "0010_catalogue"

BEFORE = "name in ('problem', 'plan', 'given_plan', 'refusals')"
NOW = "name in ('problem', 'plan', 'given_plan', 'refusals', 'summary', 'unmet', 'picture')"


def upgrade() -> None:
    op.create_table(
        "publication_consent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=5), nullable=False),
        sa.Column("given_by", sa.String(length=100), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint("side in ('taker', 'giver')", name=op.f("ck_publication_consent_side")),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["proposal.id"],
            name=op.f("fk_publication_consent_proposal_id_proposal"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication_consent")),
    )
    with op.batch_alter_table("publication_consent") as batch_op:
        batch_op.create_index(
            op.f("ix_publication_consent_proposal_id"), ["proposal_id"], unique=False
        )
        batch_op.create_index(
            "uq_publication_consent_in_force",
            ["proposal_id", "side"],
            unique=True,
            sqlite_where=sa.text("withdrawn_at is null"),
            postgresql_where=sa.text("withdrawn_at is null"),
        )
    op.create_table(
        "embed_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("layer", sa.String(length=10), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(length=100), nullable=True),
        sa.CheckConstraint("layer in ('public', 'partner')", name=op.f("ck_embed_token_layer")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_embed_token_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embed_token")),
    )
    with op.batch_alter_table("run_file") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_file_name"), type_="check")
        batch_op.create_check_constraint(op.f("ck_run_file_name"), NOW)


def downgrade() -> None:
    # An older version draws them anew whenever they are looked at.
    op.execute("delete from run_file where name in ('summary', 'unmet', 'picture')")
    with op.batch_alter_table("run_file") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_file_name"), type_="check")
        batch_op.create_check_constraint(op.f("ck_run_file_name"), BEFORE)
    op.drop_table("embed_token")
    op.drop_table("publication_consent")
