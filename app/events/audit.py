"""The audit: every state change writes one event in its own transaction."""

from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import update

from app.database import WriteSession
from models.access import AuditEvent, AuditHead

log = structlog.get_logger()


def record(
    session: WriteSession,
    *,
    actor: str,
    action: str,
    subject: str,
    digest: str | None = None,
    **detail: Any,
) -> AuditEvent:
    """Append one event, logged once it is committed; locking the head row gives one order to all.

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
    session.once_committed(
        lambda: log.info(action, actor=actor, subject=subject, sequence=sequence, **detail)
    )
    return event
