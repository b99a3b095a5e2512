"""Roles that keys hold for a scope, and who answers for a key until when."""

import sqlalchemy as sa
from alembic import op

revision = "0019_role_grants"
down_revision = "0018_explained"

ROLES = (
    "role in ('viewer', 'analyst', 'broker', 'approver', 'contact', 'network_leader', 'auditor', "
    "'administrator', 'system', 'embed')"
)
KINDS = "scope_kind in ('all', 'region', 'area', 'trust', 'network', 'institution', 'organisation')"


def upgrade() -> None:
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("scope_kind", sa.String(length=20), nullable=False),
        sa.Column("scope_id", sa.String(length=60), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by", sa.String(length=100), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(ROLES, name=op.f("ck_role_grant_role")),
        sa.CheckConstraint(KINDS, name=op.f("ck_role_grant_scope_kind")),
        sa.CheckConstraint(
            "(scope_kind = 'all') = (scope_id = '')", name=op.f("ck_role_grant_scope_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
    )
    with op.batch_alter_table("role_grant") as batch_op:
        batch_op.create_index(op.f("ix_role_grant_holder"), ["holder"], unique=False)
        batch_op.create_index(
            "uq_role_grant_held",
            ["holder", "role", "scope_kind", "scope_id"],
            unique=True,
            sqlite_where=sa.text("revoked_at is null"),
            postgresql_where=sa.text("revoked_at is null"),
        )
    with op.batch_alter_table("api_key") as batch_op:
        batch_op.add_column(sa.Column("owner", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("replaced_by", sa.String(length=8), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_api_key_replaced_by_api_key"), "api_key", ["replaced_by"], ["prefix"]
        )
    # Keys made so far could do everything, and still can: nobody is shut out by an upgrade.
    op.execute("update api_key set owner = 'not recorded'")
    op.execute(
        "insert into role_grant (holder, role, scope_kind, scope_id, granted_at, granted_by) "
        "select 'key:' || prefix, 'administrator', 'all', '', created_at, 'migration' from api_key"
    )
    with op.batch_alter_table("api_key") as batch_op:
        batch_op.alter_column("owner", existing_type=sa.String(length=100), nullable=False)


def downgrade() -> None:
    # An older version takes every key for an administrator: those that are not end here.
    op.execute(
        "update api_key set revoked_at = created_at where revoked_at is null and not exists ("
        "select 1 from role_grant where holder = 'key:' || api_key.prefix "
        "and role = 'administrator' and scope_kind = 'all' and revoked_at is null "
        "and expires_at is null and api_key.expires_at is null)"
    )
    with op.batch_alter_table("api_key") as batch_op:
        batch_op.drop_constraint(op.f("fk_api_key_replaced_by_api_key"), type_="foreignkey")
        for column in ("replaced_by", "last_used_at", "expires_at", "owner"):
            batch_op.drop_column(column)
    op.drop_table("role_grant")
