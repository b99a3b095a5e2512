"""People who sign in, what they are signed in with, and counts of attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0021_people"
down_revision = "0020_audit_chain"


def upgrade() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("password", sa.String(length=200), nullable=True),
        sa.Column("invitation", sa.String(length=64), nullable=True),
        sa.Column("invited_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scope_kind", sa.String(length=20), nullable=True),
        sa.Column("scope_id", sa.String(length=60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(issuer is null) = (subject is null)", name=op.f("ck_user_account_subject_of_issuer")
        ),
        sa.CheckConstraint(
            "(scope_kind is null) = (scope_id is null)", name=op.f("ck_user_account_scope_whole")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("label", name=op.f("uq_user_account_label")),
        sa.UniqueConstraint("invitation", name=op.f("uq_user_account_invitation")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_user_account_issuer_subject")),
    )
    op.create_table(
        "user_details",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_user_details_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_details")),
    )
    op.create_table(
        "attempt_count",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempt_count")),
    )
    with op.batch_alter_table("attempt_count") as batch_op:
        batch_op.create_index(op.f("ix_attempt_count_expires_at"), ["expires_at"], unique=False)
    with op.batch_alter_table("visit") as batch_op:
        batch_op.add_column(sa.Column("holder", sa.String(length=100), nullable=True))
    op.execute("update visit set holder = 'key:' || key_prefix")
    with op.batch_alter_table("visit") as batch_op:
        batch_op.drop_index(op.f("ix_visit_key_prefix"))
        batch_op.drop_constraint(op.f("fk_visit_key_prefix_api_key"), type_="foreignkey")
        batch_op.drop_column("key_prefix")
        batch_op.alter_column("holder", existing_type=sa.String(length=100), nullable=False)
        batch_op.create_index(op.f("ix_visit_holder"), ["holder"], unique=False)


def downgrade() -> None:
    # An older version knows keys alone.
    op.execute("delete from visit where holder not like 'key:%'")
    op.execute("delete from role_grant where holder like 'user:%'")
    with op.batch_alter_table("visit") as batch_op:
        batch_op.add_column(sa.Column("key_prefix", sa.String(length=8), nullable=True))
    op.execute("update visit set key_prefix = substr(holder, 5)")
    with op.batch_alter_table("visit") as batch_op:
        batch_op.drop_index(op.f("ix_visit_holder"))
        batch_op.drop_column("holder")
        batch_op.alter_column("key_prefix", existing_type=sa.String(length=8), nullable=False)
        batch_op.create_index(op.f("ix_visit_key_prefix"), ["key_prefix"], unique=False)
        batch_op.create_foreign_key(
            op.f("fk_visit_key_prefix_api_key"), "api_key", ["key_prefix"], ["prefix"]
        )
    op.drop_table("attempt_count")
    op.drop_table("user_details")
    op.drop_table("user_account")
