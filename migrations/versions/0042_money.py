"""Pots of money, what is committed and claimed of them, and the pot that a need names."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0042_money"
down_revision = "0041_search"

OF_NEED = (
    *("id", "reference", "participant_id", "expertise_code", "period_code", "half_days"),
    *("half_days_min", "max_givers", "priority", "evidence", "agreed_by"),
    *("improvement_plan_line", "looked_within", "looked_within_note"),
    *("signed_by_head_on", "signed_by_adviser_on"),
    *("travel_limit_miles", "travel_limit_minutes", "mode", "window_starts", "window_ends"),
    *("state", "suggestion", "version", "updated_at"),
)
PAYERS = "('taker', 'giver', 'group', 'local_authority', 'department', 'nobody')"


def upgrade() -> None:
    _pots()
    _commitments()
    _claims()
    _let_go()
    with op.batch_alter_table("need") as batch_op:
        batch_op.add_column(sa.Column("pot_reference", sa.String(length=60), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_need_pot_reference_pot"), "pot", ["pot_reference"], ["reference"]
        )
        batch_op.create_index(op.f("ix_need_pot_reference"), ["pot_reference"], unique=False)
    op.add_column("need_version", sa.Column("pot_reference", sa.String(length=60), nullable=True))
    _keep((*OF_NEED, "pot_reference"))
    with op.batch_alter_table("support_visit") as batch_op:
        batch_op.add_column(sa.Column("claim_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_support_visit_claim_id_pot_claim"), "pot_claim", ["claim_id"], ["id"]
        )
        batch_op.create_index(op.f("ix_support_visit_claim_id"), ["claim_id"], unique=False)
    _paid_by(PAYERS.replace("'nobody'", "'pot', 'nobody'"))


def _pots() -> None:
    op.create_table(
        "pot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("holder_id", sa.Integer(), nullable=False),
        sa.Column("holder_kind", sa.String(length=20), nullable=False),
        sa.Column("budget_pence", sa.BigInteger(), nullable=False),
        sa.Column("committed_pence", sa.BigInteger(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("day_rate_pence", sa.Integer(), nullable=False),
        sa.Column("highest_day_rate_pence", sa.Integer(), nullable=True),
        sa.Column("fee_pence", sa.Integer(), nullable=True),
        sa.Column("fee_basis_points", sa.Integer(), nullable=True),
        sa.Column("areas", sa.JSON(), nullable=True),
        sa.Column("organisations", sa.JSON(), nullable=True),
        sa.Column("expertise", sa.JSON(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "holder_kind in ('commissioner', 'network', 'trust')", name=op.f("ck_pot_holder_kind")
        ),
        sa.CheckConstraint("starts <= ends", name=op.f("ck_pot_dates")),
        sa.CheckConstraint("budget_pence >= 0", name=op.f("ck_pot_budget")),
        sa.CheckConstraint(
            "committed_pence >= 0 and committed_pence <= budget_pence",
            name=op.f("ck_pot_never_overdrawn"),
        ),
        sa.CheckConstraint("day_rate_pence >= 0", name=op.f("ck_pot_day_rate")),
        sa.CheckConstraint(
            "highest_day_rate_pence is null or highest_day_rate_pence >= day_rate_pence",
            name=op.f("ck_pot_highest_day_rate"),
        ),
        sa.CheckConstraint(
            "fee_pence is null or fee_basis_points is null", name=op.f("ck_pot_one_fee")
        ),
        sa.CheckConstraint("fee_pence is null or fee_pence >= 0", name=op.f("ck_pot_fee")),
        sa.CheckConstraint(
            "fee_basis_points is null or fee_basis_points between 0 and 10000",
            name=op.f("ck_pot_fee_share"),
        ),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["participant.id"], name=op.f("fk_pot_holder_id_participant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pot")),
        sa.UniqueConstraint("reference", name=op.f("uq_pot_reference")),
    )
    op.create_index(op.f("ix_pot_holder_id"), "pot", ["holder_id"])


def _commitments() -> None:
    op.create_table(
        "pot_commitment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pot_id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("partnership_id", sa.Integer(), nullable=True),
        sa.Column("half_days", sa.Integer(), nullable=False),
        sa.Column("day_rate_pence", sa.Integer(), nullable=False),
        sa.Column("fee_pence", sa.Integer(), nullable=False),
        sa.Column("pence", sa.BigInteger(), nullable=False),
        sa.Column("claimed_pence", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state in ('reserved', 'running', 'ended', 'released')",
            name=op.f("ck_pot_commitment_state"),
        ),
        sa.CheckConstraint("half_days >= 0", name=op.f("ck_pot_commitment_half_days")),
        sa.CheckConstraint(
            "day_rate_pence >= 0 and fee_pence >= 0", name=op.f("ck_pot_commitment_rates")
        ),
        sa.CheckConstraint(
            "claimed_pence >= 0 and claimed_pence <= pence",
            name=op.f("ck_pot_commitment_claimed_within_committed"),
        ),
        sa.CheckConstraint(
            "state <> 'released' or pence = 0", name=op.f("ck_pot_commitment_released")
        ),
        sa.ForeignKeyConstraint(["pot_id"], ["pot.id"], name=op.f("fk_pot_commitment_pot_id_pot")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_pot_commitment_proposal_id_proposal")
        ),
        sa.ForeignKeyConstraint(
            ["partnership_id"],
            ["partnership.id"],
            name=op.f("fk_pot_commitment_partnership_id_partnership"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pot_commitment")),
    )
    for name in ("pot_id", "proposal_id", "partnership_id"):
        op.create_index(op.f(f"ix_pot_commitment_{name}"), "pot_commitment", [name])
    stands = sa.text("state <> 'released'")
    op.create_index(
        "uq_pot_commitment_standing",
        "pot_commitment",
        ["proposal_id"],
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )


def _claims() -> None:
    op.create_table(
        "pot_claim",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("commitment_id", sa.Integer(), nullable=False),
        sa.Column("half_days", sa.Integer(), nullable=False),
        sa.Column("pence", sa.BigInteger(), nullable=False),
        sa.Column("visits", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("claimed_by", sa.String(length=100), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_by", sa.String(length=100), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state in ('made', 'approved', 'paid', 'refused')", name=op.f("ck_pot_claim_state")
        ),
        sa.CheckConstraint("half_days >= 1", name=op.f("ck_pot_claim_half_days")),
        sa.CheckConstraint("pence >= 0", name=op.f("ck_pot_claim_pence")),
        sa.CheckConstraint(
            "(state = 'refused') = (reason is not null)", name=op.f("ck_pot_claim_reason")
        ),
        sa.CheckConstraint(
            "(state = 'made') = (decided_by is null)", name=op.f("ck_pot_claim_decided")
        ),
        sa.CheckConstraint(
            "(state = 'paid') = (paid_at is not null)", name=op.f("ck_pot_claim_paid")
        ),
        sa.ForeignKeyConstraint(
            ["commitment_id"],
            ["pot_commitment.id"],
            name=op.f("fk_pot_claim_commitment_id_pot_commitment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pot_claim")),
    )
    op.create_index(op.f("ix_pot_claim_commitment_id"), "pot_claim", ["commitment_id"])


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("select count(*) from pot")):
        raise RuntimeError(
            "There are pots of money, which an older version does not know. Restore the backup "
            "from before the upgrade instead."
        )
    _paid_by(PAYERS)
    with op.batch_alter_table("support_visit") as batch_op:
        batch_op.drop_index(op.f("ix_support_visit_claim_id"))
        batch_op.drop_constraint(op.f("fk_support_visit_claim_id_pot_claim"), type_="foreignkey")
        batch_op.drop_column("claim_id")
    _let_go()
    with op.batch_alter_table("need") as batch_op:
        batch_op.drop_index(op.f("ix_need_pot_reference"))
        batch_op.drop_constraint(op.f("fk_need_pot_reference_pot"), type_="foreignkey")
        batch_op.drop_column("pot_reference")
    op.drop_column("need_version", "pot_reference")
    _keep(OF_NEED)
    op.drop_table("pot_claim")
    op.drop_table("pot_commitment")
    op.drop_table("pot")


def _paid_by(payers: str) -> None:
    with op.batch_alter_table("partnership") as batch_op:
        batch_op.drop_constraint(op.f("ck_partnership_paid_by"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_partnership_paid_by"), f"paid_by is null or paid_by in {payers}"
        )


def _on_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"


def _let_go() -> None:
    """Drop the triggers that name columns: SQLite looks at them whenever a table changes."""
    if _on_sqlite():
        for when in ("made", "changed"):
            op.execute(f"drop trigger need_{when}")


def _keep(columns: Iterable[str]) -> None:
    """Keep each version of a need with these columns from now on."""
    names = ", ".join(columns)
    new = ", ".join(f"new.{name}" for name in columns)
    keep = " ".join(("insert into", f"need_version ({names})", f"values ({new})"))
    if not _on_sqlite():
        op.execute(
            "create or replace function keep_need_version() returns trigger language plpgsql "
            "security definer set search_path from current as "
            f"$$ begin {keep}; return null; end $$"
        )
        return
    op.execute(f"create trigger need_made after insert on need begin {keep}; end")
    op.execute(
        "create trigger need_changed after update on need "
        f"when new.version <> old.version begin {keep}; end"
    )
