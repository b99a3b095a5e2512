"""Which browser a session is of, in a few plain words."""

import sqlalchemy as sa
from alembic import op

revision = "0027_session_browser"
down_revision = "0026_webhooks"


def upgrade() -> None:
    op.add_column("visit", sa.Column("browser", sa.String(length=40), nullable=True))


def downgrade() -> None:
    op.drop_column("visit", "browser")
