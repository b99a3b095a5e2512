"""Reads of the audit, and whether it is what it was."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.database import ReadSession
from app.events import verify
from app.events.verify import Anchor, Head, Verified
from models.access import AuditEvent


def list_events(
    session: ReadSession,
    principal: Principal,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int = 0,
    before: int | None = None,
    newest_first: bool = False,
    limit: int | None = 100,
) -> Sequence[AuditEvent]:
    """Events in their order; `action` also as what it begins with, like `need.`.

    From `since` up to, and without, `until`; after one event and before another by their numbers.
    """
    authorise(principal, Action.READ_AUDIT, everywhere=True)
    query = select(AuditEvent).where(AuditEvent.sequence > after)
    if actor is not None:
        query = query.where(AuditEvent.actor == actor)
    if action is not None:
        query = query.where(AuditEvent.action.startswith(action, autoescape=True))
    if subject is not None:
        query = query.where(AuditEvent.subject == subject)
    if since is not None:
        query = query.where(AuditEvent.at >= since)
    if until is not None:
        query = query.where(AuditEvent.at < until)
    if before is not None:
        query = query.where(AuditEvent.sequence < before)
    order = AuditEvent.sequence.desc() if newest_first else AuditEvent.sequence
    return session.scalars(query.order_by(order).limit(limit)).all()


def audit_head(session: ReadSession, principal: Principal) -> Head:
    """The last event: to be noted where nobody who can change the audit can change the note."""
    authorise(principal, Action.READ_AUDIT, everywhere=True)
    return verify.head(session)


def verify_audit(
    session: ReadSession, principal: Principal, anchors: Sequence[str] = ()
) -> Verified:
    """Look at the whole audit; `anchors` are SEQUENCE:HASH as `audit_head` once told.

    Raises `BadAnchor` where one is not written like that.
    """
    authorise(principal, Action.READ_AUDIT, everywhere=True)
    known: list[Anchor] = [verify.anchor(each) for each in anchors]
    return verify.verify(session, known)
