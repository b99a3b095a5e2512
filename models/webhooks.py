"""Addresses of other systems that are told what happened, and what became of telling them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.vocabulary import DeliveryState


class Webhook(Base):
    """An address that is told events in the scope of whoever made it, for as long as they have it.

    The events themselves are the audit's, written with what they tell of; `queued_to` is how far
    deliveries have been made from them.
    """

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[list[str]]
    """Actions of the audit, `proposal.approved`, or all of a kind, `proposal.*`."""
    nonce: Mapped[str] = mapped_column(String(32))
    """What its secret is derived from, with the secret of the installation."""
    made_by: Mapped[str] = mapped_column(String(100))
    made_at: Mapped[datetime]
    queued_to: Mapped[int]
    revoked_at: Mapped[datetime | None] = mapped_column(index=True)
    revoked_by: Mapped[str | None] = mapped_column(String(100))


class WebhookDelivery(Base):
    """One event for one address, until it was taken there or given up."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_id", "sequence"),
        CheckConstraint(f"state in {tuple(each.value for each in DeliveryState)}", name="state"),
        Index(
            "ix_webhook_delivery_due",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    sequence: Mapped[int] = mapped_column(ForeignKey("audit_event.sequence"))
    state: Mapped[str] = mapped_column(String(10), default=DeliveryState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    status: Mapped[int | None]
    """HTTP status of the last answer; none where there was no answer."""
    error: Mapped[str | None] = mapped_column(String(300))
    """Why the last attempt failed."""
    ended_at: Mapped[datetime | None]
