"""What rows were after each event: events bind the rows of what people did, of access and more."""

import sqlalchemy as sa
from alembic import op

revision = "0032_bound_rows"
down_revision = "0031_schedules"

rebinds = (
    *("agreement", "alternate", "api_key", "approval_rule", "area", "area_served", "circumstance"),
    *("circumstance_rule", "decision", "designation", "embed_token", "expertise", "fact_change"),
    *(
        "group",
        "import_batch",
        "institution",
        "limits",
        "membership",
        "need",
        "need_version",
        "network",
    ),
    *("network_membership", "offer", "offer_version", "organisation", "participant", "period"),
    *("proposal", "proposal_flag", "publication_consent", "role_grant", "rule_exception", "run"),
    *("schedule", "steering", "succession", "support", "user_account", "visit", "webhook"),
)
"""Tables whose rows `givetake migrate` binds anew after this, as they stand."""
REFUSED = "rows of the audit are never changed or deleted"


def upgrade() -> None:
    op.add_column("audit_event", sa.Column("rows_digest", sa.String(length=64), nullable=True))
    op.create_table(
        "audit_row",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("found", sa.String(length=64), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("sequence", "position", name=op.f("pk_audit_row")),
    )
    op.create_index("ix_audit_row_key", "audit_row", ["table_name", "key", "sequence"])
    if op.get_context().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(
                f"create trigger audit_row_{what} before {what} on audit_row "
                f"begin select raise(abort, '{REFUSED}'); end"
            )
    else:
        op.execute(
            "create trigger audit_row_refuse before update or delete or truncate on audit_row "
            "for each statement execute function audit_refuse()"
        )


def downgrade() -> None:
    op.drop_table("audit_row")
    op.drop_column("audit_event", "rows_digest")
