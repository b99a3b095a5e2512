"""How many declared interests may lie between the two sides of a pair."""

import sqlalchemy as sa
from alembic import op

revision = "0046_interest_paths"
down_revision = "0045_alliances"


def upgrade() -> None:
    with op.batch_alter_table("interest_rule") as table:
        table.add_column(sa.Column("most_steps", sa.Integer(), nullable=True))
        table.create_check_constraint(
            op.f("ck_interest_rule_most_steps"), "most_steps between 1 and 2"
        )


def downgrade() -> None:
    with op.batch_alter_table("interest_rule") as table:
        table.drop_constraint(op.f("ck_interest_rule_most_steps"), type_="check")
        table.drop_column("most_steps")
