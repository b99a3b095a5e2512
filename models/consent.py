"""Who was asked about a proposal by a link, what came of it, and the emails that go out."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import BOUND_IF_SET, UNBOUND, Base
from models.vocabulary import (
    PENDING_REQUESTS,
    Channel,
    DeliveryState,
    MailKind,
    Party,
    RequestState,
)

_PENDING = text(f"state in {tuple(sorted(each.value for each in PENDING_REQUESTS))}")


class ConsentRequest(Base):
    """A question to one party of a proposal, and the link that takes its one answer.

    Whom it went to is a contact, by its number: that may be erased. The token of the link is made
    from `nonce` and the secret of the installation, and stored nowhere.
    """

    __tablename__ = "consent_request"
    __table_args__ = (
        CheckConstraint(f"party in {tuple(each.value for each in Party)}", name="party"),
        CheckConstraint(f"state in {tuple(each.value for each in RequestState)}", name="state"),
        CheckConstraint(
            f"channel is null or channel in {tuple(each.value for each in Channel)}",
            name="channel",
        ),
        CheckConstraint(
            "state = 'waiting' or asked_at is not null or closed_at is not null", name="asked"
        ),
        CheckConstraint("answer_hours >= 1", name="answer_hours"),
        Index(
            "uq_consent_request_pending",
            "proposal_id",
            "party",
            unique=True,
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        # A link that was used is never another's.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    party: Mapped[str] = mapped_column(String(10))
    contact_id: Mapped[int] = mapped_column(index=True)
    """Whom it goes to; no foreign key, as a person can be erased."""
    role: Mapped[str] = mapped_column(String(100))
    """What that contact is there, as of when it was asked; never a name."""
    nonce: Mapped[str] = mapped_column(String(32))
    choices: Mapped[list[dict[str, Any]]]
    """Other proposals of the same need that the school may pick, with whom to ask then and on
    which terms: `{"proposal": 7, "giver": 3, "home_head": null, "terms": {}}`."""
    terms: Mapped[dict[str, Any]]
    """What was asked about: days, dates, aims and money as they stood."""
    answer_hours: Mapped[int]
    """How long the link takes an answer, from when it is sent."""
    asked_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime]
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("consent_request.id"))
    """The request that it takes the place of."""
    sent_to: Mapped[str | None] = mapped_column(String(64), info=BOUND_IF_SET)
    """Which mailbox the link goes to, by a keyed digest of its address: see `mailboxes`."""
    state: Mapped[str] = mapped_column(String(10), info=UNBOUND)
    asked_at: Mapped[datetime | None] = mapped_column(info=UNBOUND)
    """When the link was sent; none while somebody else is asked first."""
    expires_at: Mapped[datetime | None] = mapped_column(info=UNBOUND, index=True)
    reminded: Mapped[int] = mapped_column(default=0, info=UNBOUND)
    reminded_at: Mapped[datetime | None] = mapped_column(info=UNBOUND)
    closed_at: Mapped[datetime | None] = mapped_column(info=UNBOUND)
    closed_by: Mapped[str | None] = mapped_column(String(100), info=UNBOUND)
    answered_role: Mapped[str | None] = mapped_column(String(100), info=UNBOUND)
    """The role, never the name, of who answered."""
    said_on: Mapped[date | None] = mapped_column(info=UNBOUND)
    channel: Mapped[str | None] = mapped_column(String(10), info=UNBOUND)
    why: Mapped[str | None] = mapped_column(Text, info=UNBOUND)
    """Why it was closed without an answer, or its answer no longer counts: a sentence of ours."""
    note: Mapped[str | None] = mapped_column(Text, info=UNBOUND)
    """What whoever answered wrote; it stays here, out of the audit."""
    voided_at: Mapped[datetime | None] = mapped_column(info=UNBOUND)
    """When its answer ceased to count."""
    chosen_id: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"), info=UNBOUND)
    """The proposal that was picked where there was a choice."""


class Mail(Base):
    """An email that is to go out once: what it is about, and neither its address nor its text.

    Both are put together when it is sent, so that what is stored opens nothing.
    """

    __tablename__ = "mail"
    __table_args__ = (
        UniqueConstraint("kind", "request_id"),
        CheckConstraint(f"kind in {tuple(each.value for each in MailKind)}", name="kind"),
        CheckConstraint(f"state in {tuple(each.value for each in DeliveryState)}", name="state"),
        Index(
            "ix_mail_due",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    request_id: Mapped[int] = mapped_column(ForeignKey("consent_request.id"))
    message_id: Mapped[str] = mapped_column(String(64), unique=True)
    """The same however often it is sent, so that whoever gets it twice can tell."""
    state: Mapped[str] = mapped_column(String(10), default=DeliveryState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime]
    due_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(String(300))
    """Why the last attempt failed; without the address."""
    ended_at: Mapped[datetime | None]
