"""Emails that are to go out: written down with what they tell of, and sent afterwards, once.

Each is taken by one worker for a while (`claim`), put together and sent outside of any transaction,
and what came of it is written down (`note`). A worker that dies between sending and writing that
down leaves an email that is sent again, with the same Message-ID: a folder notices that, and so may
whoever receives it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import select

from app.database import Database, WriteSession, database_now
from app.mail.message import BadMessage, Message
from app.mail.ports import MailPort, NotSent
from models.consent import Mail
from models.vocabulary import DeliveryState, MailKind

AT_ONCE: Final = 50
CLAIM: Final = timedelta(minutes=10)
"""How long an email is left to the worker that took it up: longer than sending it can take."""
PAUSES: Final = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 840, 1_200, 1_440)
)
"""Before the second attempt, the third and so on: three days in all."""

log = structlog.get_logger()


class NotWanted(Exception):
    """Why an email is not to be sent any more."""


Compose = Callable[[WriteSession, Mail], Message]
"""Puts an email together, and notes where it goes before it can have gone there.

Raises `NotWanted` or `BadMessage` where there is none to send.
"""


def put(session: WriteSession, kind: MailKind, request_id: int, now: datetime) -> None:
    """Have an email sent once the transaction is committed; the same again is the same email."""
    known = select(Mail.id).where(Mail.kind == kind, Mail.request_id == request_id)
    if session.scalar(known) is None:
        made = Mail(kind=kind, request_id=request_id, made_at=now, due_at=now)
        made.message_id = f"givetake-{secrets.token_hex(16)}"
        session.add(made)
        session.flush()


def put_again(session: WriteSession, kind: MailKind, request_id: int, now: datetime) -> bool:
    """Have an email that was given up sent as if for the first time; whether there was one."""
    mail = session.scalar(
        select(Mail)
        .where(Mail.kind == kind, Mail.request_id == request_id, Mail.state == DeliveryState.DEAD)
        .with_for_update()
    )
    if mail is None:
        return False
    mail.state, mail.attempts, mail.ended_at = DeliveryState.WAITING, 0, None
    mail.due_at = now
    session.flush()
    return True


@dataclass(frozen=True, slots=True)
class Postman:
    """Sends the emails that are due, when called; how many went out."""

    database: Database
    port: MailPort
    compose: Compose

    def __call__(self) -> int:
        sent = 0
        for _ in range(AT_ONCE):
            # One by one: however slow the server is, nobody else takes up what waits here.
            if (mail_id := claim(self.database)) is None:
                break
            sent += self._send(mail_id)
        return sent

    def _send(self, mail_id: int) -> bool:
        error: str | None = None
        for_good = True
        try:
            with self.database.write() as session:
                message = self.compose(session, session.get_one(Mail, mail_id))
            self.port.send(message)
        except NotWanted as reason:
            error = str(reason)
        except BadMessage as bad:
            error = bad.detail
        except NotSent as failed:
            error, for_good = failed.reason, failed.for_good
        except Exception as unforeseen:  # or it would be sent for ever, and nobody would know
            # By its type alone: what it says may repeat the address.
            error, for_good = f"an error of the service ({type(unforeseen).__name__})", False
        note(self.database, mail_id, error, for_good=for_good)
        return error is None


def claim(database: Database) -> int | None:
    """Take up an email that is due, so that no other worker sends it meanwhile."""
    with database.read() as session:
        due = (Mail.state == DeliveryState.WAITING, Mail.due_at <= database_now(session))
        if session.scalar(select(Mail.id).where(*due).limit(1)) is None:
            return None
    with database.write() as session:
        now = database_now(session)
        mail = session.scalars(
            select(Mail)
            .where(Mail.state == DeliveryState.WAITING, Mail.due_at <= now)
            .order_by(Mail.due_at, Mail.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if mail is None:
            return None
        mail.attempts += 1
        mail.due_at = now + CLAIM
        return mail.id


def note(database: Database, mail_id: int, error: str | None, *, for_good: bool) -> None:
    """Write down what came of an attempt: sent, to be tried again, or given up."""
    with database.write() as session:
        mail = session.get_one(Mail, mail_id, with_for_update=True)
        now = database_now(session)
        mail.error = error and error[:300]
        if error is None:
            mail.state, mail.ended_at = DeliveryState.DELIVERED, now
            return
        if for_good or mail.attempts > len(PAUSES):
            mail.state, mail.ended_at = DeliveryState.DEAD, now
        else:
            mail.due_at = now + PAUSES[mail.attempts - 1]
        told = {"attempts": mail.attempts, "state": mail.state, "error": error}
    log.warning("mail.not_sent", mail=mail_id, **told)
