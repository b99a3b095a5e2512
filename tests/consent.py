"""People who are asked about a proposal, and the links that they hold."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.access.mailboxes import mailbox_of
from app.access.policy import TERMINAL, Principal
from app.consent import answers, service
from app.consent.answers import Answer
from app.consent.letters import Letters
from app.consent.links import token_of
from app.consent.service import Whom
from app.contacts.schemas import ContactContent
from app.contacts.service import add_contact
from app.database import Database, database_now
from app.events import audit
from app.mail.message import Message
from app.mail.outbox import Postman
from app.mail.ports import NotSent
from app.proposals import decisions
from models.consent import ConsentRequest
from models.contacts import Contact
from models.matching import Proposal
from models.vocabulary import DecisionAction, Party, Reply
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
SECRET = "a secret of these tests that is long enough"
HOURS = 168
SOURCE = "https://givetake.example.org"


class Letterbox:
    """A mail port that keeps what it is sent, or refuses it."""

    def __init__(self, refuses: NotSent | None = None) -> None:
        self.got: list[Message] = []
        self.refuses = refuses

    def send(self, message: Message) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.got.append(message)


def add_people(database: Database, *emails: tuple[str, str]) -> list[int]:
    """A contact for each cell and address."""
    with database.write() as session:
        return [
            add_contact(
                session,
                TERMINAL,
                cell,
                ContactContent(role="headteacher", name="A made-up head", email=email),
            ).id
            for cell, email in emails
        ]


def now_of(database: Database) -> datetime:
    with database.read() as session:
        return database_now(session)


def preferred(database: Database, now: datetime = NOW) -> Database:
    """School 1 may get two days from school 2, which is preferred, or from school 3.

    Contacts 1, 2 and 3 are of those schools, and 4 is the home head at school 2.
    """
    database.secret = lambda: SECRET
    match(contested(database), FREELY, now=now)
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14, now=now)
    add_people(
        database,
        ("1", "one@school.example"),
        ("2", "two@school.example"),
        ("3", "three@school.example"),
        ("2", "home@school.example"),
    )
    return database


def ask(
    database: Database,
    whom: Whom,
    *,
    who: Principal = TERMINAL,
    proposal_id: int = 1,
    now: datetime = NOW,
    **more: Any,
) -> list[int]:
    with database.write() as session:
        made = service.ask(
            session,
            who,
            proposal_id,
            whom,
            answer_hours=HOURS,
            hold_days=14,
            now=now,
            **more,
        )
        return [each.id for each in made]


def answer(
    database: Database,
    request_id: int,
    says: Reply = Reply.YES,
    *,
    now: datetime = NOW,
    role: str = "headteacher",
    **more: Any,
) -> str:
    with database.write() as session:
        given = Answer(says, role, **more)
        return answers.answer(session, request_id, given, hold_days=14, now=now).state


def requests(database: Database, proposal_id: int = 1) -> list[ConsentRequest]:
    with database.read() as session:
        return list(
            session.scalars(
                select(ConsentRequest)
                .where(ConsentRequest.proposal_id == proposal_id)
                .order_by(ConsentRequest.id)
            )
        )


def latest(database: Database, party: Party, proposal_id: int = 1) -> ConsentRequest:
    return [each for each in requests(database, proposal_id) if each.party == party][-1]


def states(database: Database, proposal_id: int = 1) -> list[tuple[str, str]]:
    return [(each.party, each.state) for each in requests(database, proposal_id)]


def proposal(database: Database, proposal_id: int = 1) -> Proposal:
    with database.read() as session:
        return session.get_one(Proposal, proposal_id)


def link(database: Database, request_id: int, secret: str = SECRET) -> str:
    with database.read() as session:
        return token_of(session.get_one(ConsentRequest, request_id), secret)


def postman(database: Database, port: Any, secret: Callable[[], str] = lambda: SECRET) -> Postman:
    return Postman(database, port, Letters(secret, SOURCE))


def delivered(database: Database) -> None:
    """Every link that is open has gone to the address that its contact has now."""
    with database.write() as session:
        for each in session.scalars(select(ConsentRequest).where(ConsentRequest.state == "open")):
            contact = session.get_one(Contact, each.contact_id)
            if each.sent_to is None and contact.email is not None:
                each.sent_to = mailbox_of(SECRET, contact.email)
        audit.record(session, actor="test", action="proposal.link_sent", subject="proposal:1")


def later(database: Database, by: timedelta) -> None:
    """Let time pass for links that are open."""
    with database.write() as session:
        for each in session.scalars(select(ConsentRequest)):
            if each.asked_at is not None and each.expires_at is not None:
                each.asked_at, each.expires_at = each.asked_at - by, each.expires_at - by
