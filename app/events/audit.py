"""The audit: every state change writes one event in its own transaction."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from app.database import WriteSession
from models.access import AuditEvent, AuditHead


def record(
    session: WriteSession,
    *,
    actor: str,
    action: str,
    subject: str,
    digest: str | None = None,
    **detail: Any,
) -> AuditEvent:
    """Append one event; locking the head row gives all events one order.

    `detail` holds counts and codes, never names of people or free text.
    """
    sequence = session.execute(
        update(AuditHead)
        .where(AuditHead.id == 1)
        .values(last_sequence=AuditHead.last_sequence + 1)
        .returning(AuditHead.last_sequence)
    ).scalar_one()
    event = AuditEvent(
        sequence=sequence,
        at=datetime.now(UTC),
        actor=actor,
        action=action,
        subject=subject,
        digest=digest,
        detail=detail,
    )
    session.add(event)
    session.flush()
    return event
