"""Runs in the background, decisions, pins and exclusions, alternates; files apart from runs."""

import gzip
import json

import sqlalchemy as sa
from alembic import op

revision = "0007_runs"
down_revision = "0006_operations"

STATES = "'queued', 'running', 'solved', 'infeasible', 'unknown', 'failed', 'cancelled'"
STATES_NOW = STATES.replace("'solved'", "'solved', 'checked'")


def upgrade() -> None:
    op.create_table(
        "run_file",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=10), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "name in ('problem', 'plan', 'given_plan', 'refusals')", name=op.f("ck_run_file_name")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_file_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_file")),
    )
    for name in ("problem", "plan"):
        op.execute(
            f"insert into run_file (run_id, name, content) "
            f"select id, '{name}', {name} from run where {name} is not null"
        )
    run = sa.table("run", sa.column("id"), sa.column("refusals", sa.JSON()))
    file = sa.table("run_file", sa.column("run_id"), sa.column("name"), sa.column("content"))
    for run_id, refusals in op.get_bind().execute(sa.select(run)).all():
        if refusals:
            packed = gzip.compress(json.dumps(refusals["by_need"]).encode(), mtime=0)
            op.execute(file.insert().values(run_id=run_id, name="refusals", content=packed))
            op.execute(run.update().where(run.c.id == run_id).values(refusals=refusals["total"]))
    # Nobody works on these any more: whoever did would have ended them.
    op.execute("update run set state = 'failed' where state in ('queued', 'running')")
    with op.batch_alter_table("run") as batch_op:
        batch_op.drop_constraint(op.f("ck_run_state"), type_="check")
        batch_op.drop_column("problem")
        batch_op.drop_column("plan")
        # Added with a value for the rows there are; new rows bring their own.
        batch_op.add_column(
            sa.Column("operation", sa.String(length=10), server_default="solve", nullable=False)
        )
        batch_op.add_column(sa.Column("of_run_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("input_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("attempt", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("worker", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("stage", sa.String(length=60), nullable=True))
        batch_op.add_column(
            sa.Column("last_event", sa.Integer(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("failure", sa.String(length=1000), nullable=True))
        batch_op.create_check_constraint(op.f("ck_run_state"), f"state in ({STATES_NOW})")
        batch_op.create_check_constraint(
            op.f("ck_run_operation"), "operation in ('solve', 'validate', 'evaluate')"
        )
        batch_op.create_foreign_key(op.f("fk_run_of_run_id_run"), "run", ["of_run_id"], ["id"])

    op.create_table(
        "run_event",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_event_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "sequence", name=op.f("pk_run_event")),
    )

    with op.batch_alter_table("proposal") as batch_op:
        batch_op.add_column(sa.Column("held_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("alternate_due", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("follows_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_proposal_follows_id_proposal"), "proposal", ["follows_id"], ["id"]
        )
        batch_op.create_index(op.f("ix_proposal_state"), ["state"], unique=False)
        batch_op.create_index(op.f("ix_proposal_alternate_due"), ["alternate_due"], unique=False)

    op.create_table(
        "alternate",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("need_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("components", sa.JSON(), nullable=False),
        sa.Column("distance_m", sa.Integer(), nullable=True),
        sa.Column("ladder", sa.String(length=20), nullable=False),
        sa.Column("remote", sa.Boolean(), nullable=False),
        sa.Column("loss", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["need_id"], ["need.id"], name=op.f("fk_alternate_need_id_need")),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["offer.id"], name=op.f("fk_alternate_offer_id_offer")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_alternate_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "need_id", "rank", name=op.f("pk_alternate")),
    )

    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=30), nullable=False),
        sa.Column("state_before", sa.String(length=30), nullable=False),
        sa.Column("state_after", sa.String(length=30), nullable=False),
        sa.Column("reason", sa.String(length=30), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action in ('prefer', 'start_due_diligence', 'approve', 'approve_with_conditions', 'defer', 'decline', 'withdraw', 'lapse')",
            name=op.f("ck_decision_action"),
        ),
        sa.CheckConstraint(
            "reason is null or reason in ('finance', 'performance', 'governance', 'choice_of_trust', 'capacity', 'conflict_of_interest', 'other')",
            name=op.f("ck_decision_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_decision_proposal_id_proposal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision") as batch_op:
        batch_op.create_index(op.f("ix_decision_proposal_id"), ["proposal_id"], unique=False)

    op.create_table(
        "steering",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("need_id", sa.Integer(), nullable=False),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind in ('pin', 'exclusion')", name=op.f("ck_steering_kind")),
        sa.ForeignKeyConstraint(["need_id"], ["need.id"], name=op.f("fk_steering_need_id_need")),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["offer.id"], name=op.f("fk_steering_offer_id_offer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steering")),
    )
    with op.batch_alter_table("steering") as batch_op:
        batch_op.create_index(op.f("ix_steering_offer_id"), ["offer_id"], unique=False)
        batch_op.create_index(
            "uq_steering_in_force",
            ["need_id", "offer_id"],
            unique=True,
            sqlite_where=sa.text("lifted_at is null"),
            postgresql_where=sa.text("lifted_at is null"),
        )


def downgrade() -> None:
    for table in ("steering", "decision", "alternate"):
        op.drop_table(table)
    with op.batch_alter_table("proposal") as batch_op:
        batch_op.drop_constraint(op.f("fk_proposal_follows_id_proposal"), type_="foreignkey")
        batch_op.drop_index(op.f("ix_proposal_alternate_due"))
        batch_op.drop_index(op.f("ix_proposal_state"))
        batch_op.drop_column("follows_id")
        batch_op.drop_column("alternate_due")
        batch_op.drop_column("held_until")
    op.drop_table("run_event")
    # What an older version has no word for ended without a plan.
    op.execute("update run set state = 'unknown' where state = 'checked'")
    with op.batch_alter_table("run") as batch_op:
        batch_op.drop_constraint(op.f("fk_run_of_run_id_run"), type_="foreignkey")
        batch_op.drop_constraint(op.f("ck_run_operation"), type_="check")
        batch_op.drop_constraint(op.f("ck_run_state"), type_="check")
        for column in (
            "failure",
            "last_event",
            "stage",
            "cancel_requested",
            "leased_until",
            "worker",
            "attempt",
            "input_sha256",
            "of_run_id",
            "operation",
        ):
            batch_op.drop_column(column)
        batch_op.add_column(sa.Column("problem", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("plan", sa.LargeBinary(), nullable=True))
        batch_op.create_check_constraint(op.f("ck_run_state"), f"state in ({STATES})")
    for name in ("problem", "plan"):
        op.execute(
            f"update run set {name} = (select content from run_file "
            f"where run_id = run.id and name = '{name}')"
        )
    run = sa.table("run", sa.column("id"), sa.column("refusals", sa.JSON()))
    file = sa.table("run_file", sa.column("run_id"), sa.column("name"), sa.column("content"))
    packed = sa.select(run, file.c.content).join(file, file.c.run_id == run.c.id)
    for run_id, total, content in op.get_bind().execute(packed.where(file.c.name == "refusals")):
        by_need = json.loads(gzip.decompress(content))
        both = {"total": total, "by_need": by_need}
        op.execute(run.update().where(run.c.id == run_id).values(refusals=both))
    op.drop_table("run_file")
