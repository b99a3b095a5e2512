"""Which mailbox the link of a request goes to, by a keyed digest."""

import sqlalchemy as sa
from alembic import op

revision = "0040_link_mailbox"
down_revision = "0039_consent"


def upgrade() -> None:
    op.add_column("consent_request", sa.Column("sent_to", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("consent_request", "sent_to")
