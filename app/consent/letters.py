"""The emails that carry links: put together when they are sent, and kept nowhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from app.access.mailboxes import mailbox_of
from app.access.policy import WORKER
from app.consent.links import token_of
from app.consent.queries import offered
from app.consent.sheet import sheet_of
from app.consent.wording import why_closed
from app.database import WriteSession, database_now
from app.mail.message import Message, check_address
from app.mail.outbox import NotWanted
from app.proposals import open_requests
from app.wording import at_moment
from models.consent import ConsentRequest, Mail
from models.contacts import Contact
from models.vocabulary import MailKind, Party

PATH: Final = "/portal/answer/"
GONE: Final = "the contact was erased or has no email address any more"
ELSEWHERE: Final = (
    "the address of the contact has changed since the link was first sent to it, so ask again"
)
_SUBJECTS: Final = {
    MailKind.ASKED: "Please answer: {title}",
    MailKind.REMINDED: "Reminder, please answer: {title}",
    MailKind.REMINDED_AGAIN: "Last reminder, please answer: {title}",
}
_WHY_YOU: Final = {
    Party.TAKER: "You are asked for the school receiving support.",
    Party.GIVER: "You are asked for the organisation that would give the support.",
    Party.HOME_HEAD: ("You are asked because you would release the person who gives the support."),
}


@dataclass(frozen=True, slots=True)
class Letters:
    """Puts the emails of requests together."""

    secret: Callable[[], str]
    source: str
    """The address of this service, as readers know it."""

    def __call__(self, session: WriteSession, mail: Mail) -> Message:
        request = session.get_one(ConsentRequest, mail.request_id, with_for_update=True)
        now = database_now(session)
        if why_closed(request, now) is not None:
            raise NotWanted("the link needs no answer any more")
        contact = session.get(Contact, request.contact_id)
        if contact is None or contact.email is None:
            raise NotWanted(GONE)
        self._note_mailbox(session, request, check_address(contact.email))
        sheet = sheet_of(session, WORKER, request.proposal_id, now.date())
        before = session.scalar(
            select(ConsentRequest.why).where(ConsentRequest.id == request.follows_id)
        )
        parts = [
            sheet.lead,
            _WHY_YOU[Party(request.party)],
            *_choice(session, request),
            *([f"You were asked before. {before}"] if before and request.follows_id else []),
            "Read the whole page and answer here. You do not need to sign in:",
            f"{self.source}{PATH}{token_of(request, self.secret())}",
            f"You can say yes, no, or that you would like to talk first. The link takes one answer "
            f"until {at_moment(request.expires_at)}. It is for you alone: please do not pass it "
            "on.",
            "If you cannot open it, reply to whoever told you that this email would come.",
        ]
        subject = _SUBJECTS[MailKind(mail.kind)].format(title=_in_one_line(sheet.title))
        text = "\n\n".join(parts) + "\n"
        return Message(mail.message_id, contact.email, subject, text, now)

    def _note_mailbox(self, session: WriteSession, request: ConsentRequest, address: str) -> None:
        """One link goes to one mailbox: who answers through it is whoever reads that."""
        mailbox = mailbox_of(self.secret(), address)
        if request.sent_to is None:
            request.sent_to = mailbox
            session.flush()
            told = {"party": request.party, "of": request}
            open_requests.record(session, WORKER.name, request, "link_sent", **told)
        elif request.sent_to != mailbox:
            raise NotWanted(ELSEWHERE)


def _choice(session: WriteSession, request: ConsentRequest) -> list[str]:
    """That the school may pick another organisation than the one the email is about."""
    if not (names := [each.giver.name for each in offered(session, request)]):
        return []
    listed = "\n".join(f"- {_in_one_line(each)}" for each in names)
    return [
        "You have a choice of supporting organisation. If you say yes, select one of these. We "
        f"suggest the first:\n\n{listed}"
    ]


def _in_one_line(title: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in title).split())[:150]
