"""Reads of the audit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.database import ReadSession
from models.access import AuditEvent


def list_events(
    session: ReadSession,
    principal: Principal,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[AuditEvent]:
    """Events in their order; `action` also as what it begins with, like `need.`."""
    authorise(principal, Action.READ_AUDIT)
    query = select(AuditEvent).where(AuditEvent.sequence > after)
    if actor is not None:
        query = query.where(AuditEvent.actor == actor)
    if action is not None:
        query = query.where(AuditEvent.action.startswith(action, autoescape=True))
    if subject is not None:
        query = query.where(AuditEvent.subject == subject)
    if since is not None:
        query = query.where(AuditEvent.at >= since)
    return session.scalars(query.order_by(AuditEvent.sequence).limit(limit)).all()
