"""What requests do by the clock: two reminders each, and an end; once, however many workers."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select

from app.access.policy import CLOCK
from app.database import Database, database_now
from app.mail import outbox
from app.proposals import open_requests
from models.consent import ConsentRequest
from models.matching import Proposal
from models.vocabulary import MailKind, RequestState

TOO_LATE: Final = "Nobody answered in time."


def keep_clocks(
    database: Database,
    remind_hours: int,
    remind_again_hours: int,
    now: datetime | None = None,
) -> int:
    """Remind whoever has not answered, and close links whose time is up; how many were."""
    with database.read() as session:
        now = now or database_now(session)
        due = _due(now, remind_hours, remind_again_hours)
        found = session.execute(
            select(ConsentRequest.proposal_id, ConsentRequest.id)
            .where(ConsentRequest.state == RequestState.OPEN, due)
            .order_by(ConsentRequest.id)
        ).all()
    done = 0
    for proposal_id, request_id in found:
        with database.write() as session:
            # The proposal first, as everywhere: nobody then waits for the other.
            session.get_one(Proposal, proposal_id, with_for_update=True)
            request = session.scalar(
                select(ConsentRequest)
                .where(
                    ConsentRequest.id == request_id, ConsentRequest.state == RequestState.OPEN, due
                )
                .with_for_update()
            )
            if request is None:
                continue
            done += 1
            if request.expires_at is not None and request.expires_at <= now:
                lapsed = RequestState.LAPSED
                open_requests.close(session, CLOCK.name, request, lapsed, now, TOO_LATE)
                continue
            assert request.asked_at is not None
            again = now >= request.asked_at + timedelta(hours=remind_again_hours)
            # A worker that was away sends one reminder, not two at once.
            request.reminded, request.reminded_at = 2 if again else 1, now
            session.flush()
            kind = MailKind.REMINDED_AGAIN if again else MailKind.REMINDED
            outbox.put(session, kind, request_id, now)
            told = {"party": request.party, "reminder": request.reminded}
            open_requests.record(session, CLOCK.name, request, "reminded", **told)
    return done


def _due(now: datetime, remind_hours: int, remind_again_hours: int) -> ColumnElement[bool]:
    def asked_before(hours: int) -> ColumnElement[bool]:
        return ConsentRequest.asked_at <= now - timedelta(hours=hours)

    return or_(
        ConsentRequest.expires_at <= now,
        and_(ConsentRequest.reminded < 1, asked_before(remind_hours)),
        and_(ConsentRequest.reminded < 2, asked_before(remind_again_hours)),
    )
