"""Taking events to webhooks: at least once each, signed, and again later where that failed.

The audit is the outbox: an event is written in the transaction of what it tells of, and deliveries
are made from it afterwards, once, whatever process does it (`queue`). Each is then taken by one
worker for a while (`claim`), sent outside of any transaction, and what came of it is written down.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook as Signer

from app.access.holders import principal_of_holder
from app.access.policy import CLOCK, TERMINAL, Action, Principal, may
from app.database import Database, WriteSession, database_now
from app.outside import NoAnswer, fetch
from app.webhooks.addresses import Networks, allowed_in
from app.webhooks.events import AT_ONCE, CONTENT_TYPE, body_of, is_wanted, readable
from app.webhooks.service import end, secret_of
from models.access import AuditEvent
from models.vocabulary import DeliveryState
from models.webhooks import Webhook, WebhookDelivery

TOTAL_S: Final = 10.0
"""How long an address may take to answer."""
MOST_BYTES: Final = 65_536
"""Of an answer, which nobody reads."""
CLAIM: Final = timedelta(seconds=60)
"""How long a delivery is left to the worker that took it up."""
AT_ONCE_EACH: Final = 5
"""Of one webhook, so that one that is slow does not take the time of others."""
SENDERS: Final = 4
PAUSES: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""Before the second attempt, the third and so on, as Standard Webhooks advises."""
GONE: Final = 410

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """One delivery to be sent, with all that takes."""

    delivery_id: int
    url: str
    message_id: str
    body: str
    secret: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Courier:
    """Takes what is due to where it is to go, when called."""

    database: Database
    secret: Callable[[], str]
    source: str
    """The address of this service, as receivers know it."""
    networks: Networks = ()

    def __call__(self) -> int:
        """Make deliveries of new events and send those that are due; how many were sent."""
        with self.database.read() as session:
            in_force = select(Webhook.id).where(Webhook.revoked_at.is_(None))
            if session.scalar(in_force.limit(1)) is None:
                return 0
        queue(self.database)
        orders = claim(self.database, self.secret(), self.source)
        with ThreadPoolExecutor(SENDERS) as senders:
            for order, outcome in zip(orders, senders.map(self._send, orders), strict=True):
                note(self.database, order.delivery_id, outcome)
        return len(orders)

    def _send(self, order: Order) -> Outcome:
        signature = Signer(order.secret).sign(order.message_id, order.at, order.body)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "User-Agent": "Givetake",
            "webhook-id": order.message_id,
            "webhook-timestamp": str(int(order.at.timestamp())),
            "webhook-signature": signature,
        }
        try:
            status, _ = fetch(
                order.url,
                headers,
                total_s=TOTAL_S,
                most_bytes=MOST_BYTES,
                form=order.body.encode(),
                allowed=allowed_in(self.networks),
                follows=False,
            )
        except NoAnswer as none:
            return Outcome(None, str(none)[:300])
        taken = 200 <= status < 300
        return Outcome(status, None if taken else f"answered {status}")


def queue(database: Database) -> int:
    """Make deliveries of the events since last time, in the scope of whoever made each webhook."""
    with database.read() as session:
        last = session.scalar(select(func.max(AuditEvent.sequence))) or 0
        due = session.scalars(
            select(Webhook.id)
            .where(Webhook.revoked_at.is_(None), Webhook.queued_to < last)
            .order_by(Webhook.id)
        ).all()
    return sum(_queue(database, webhook_id) for webhook_id in due)


def _queue(database: Database, webhook_id: int) -> int:
    with database.write() as session:
        webhook = session.get(Webhook, webhook_id, with_for_update={"skip_locked": True})
        if webhook is None or webhook.revoked_at is not None:
            return 0
        now = database_now(session)
        principal = _maker(session, webhook, now)
        if _is_over(session, webhook, now) or principal is None:
            return 0
        query = select(AuditEvent).where(AuditEvent.sequence > webhook.queued_to)
        events = session.scalars(query.order_by(AuditEvent.sequence).limit(AT_ONCE)).all()
        if not events:
            return 0
        wanted = [event for event in events if is_wanted(webhook.events, event.action)]
        told = readable(session, principal, wanted)
        session.add_all(
            WebhookDelivery(webhook_id=webhook_id, sequence=event.sequence, due_at=now)
            for event in told
        )
        webhook.queued_to = events[-1].sequence
        return len(told)


def _maker(session: Session, webhook: Webhook, now: datetime) -> Principal | None:
    """Whoever made a webhook, with the rights they have now; none where they have none to it."""
    if webhook.made_by == TERMINAL.name:
        return TERMINAL
    principal = principal_of_holder(session, webhook.made_by, now)
    return principal if principal is not None and may(principal, Action.SUBSCRIBE) else None


def _is_over(session: WriteSession, webhook: Webhook, now: datetime) -> bool:
    """Whether a webhook was revoked; it is, once whoever made it has no right to it any more."""
    if webhook.revoked_at is None and _maker(session, webhook, now) is None:
        end(session, webhook, CLOCK.name, now)
    return webhook.revoked_at is not None


def claim(database: Database, installation: str, source: str) -> list[Order]:
    """Take up deliveries that are due, so that no other worker sends them meanwhile."""
    with database.write() as session:
        now = database_now(session)
        due = session.scalars(
            select(WebhookDelivery)
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(
                WebhookDelivery.state == DeliveryState.WAITING,
                WebhookDelivery.due_at <= now,
                Webhook.revoked_at.is_(None),
            )
            .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
            .limit(AT_ONCE)
            .with_for_update(skip_locked=True, of=WebhookDelivery)
        ).all()
        orders: list[Order] = []
        taken: dict[int, int] = {}
        for delivery in due:
            if taken.get(delivery.webhook_id, 0) >= AT_ONCE_EACH:
                continue
            webhook = session.get_one(Webhook, delivery.webhook_id)
            if _is_over(session, webhook, now):
                continue
            taken[webhook.id] = taken.get(webhook.id, 0) + 1
            delivery.attempts += 1
            delivery.due_at = now + CLAIM
            event = session.get_one(AuditEvent, delivery.sequence)
            orders.append(
                Order(
                    delivery.id,
                    webhook.url,
                    f"msg_{webhook.id}_{event.sequence}",
                    body_of(event, source),
                    secret_of(webhook, installation),
                    now,
                )
            )
        return orders


def note(database: Database, delivery_id: int, outcome: Outcome) -> None:
    """Write down what came of an attempt: taken, to be tried again, or given up."""
    with database.write() as session:
        delivery = session.get_one(WebhookDelivery, delivery_id, with_for_update=True)
        now = database_now(session)
        delivery.status, delivery.error = outcome.status, outcome.error
        if outcome.error is None:
            delivery.state, delivery.ended_at = DeliveryState.DELIVERED, now
            return
        if delivery.attempts <= len(PAUSES):
            delivery.due_at = now + PAUSES[delivery.attempts - 1]
        else:
            delivery.state, delivery.ended_at = DeliveryState.DEAD, now
        _give_up(session, delivery, outcome, now)
        told = {"attempts": delivery.attempts, "state": delivery.state, "error": outcome.error}
        number = delivery.webhook_id
    log.warning("webhook.not_delivered", webhook=number, delivery=delivery_id, **told)


def _give_up(
    session: WriteSession, delivery: WebhookDelivery, outcome: Outcome, now: datetime
) -> None:
    """Revoke a webhook whose address says that it is gone for good."""
    if outcome.status == GONE:
        delivery.state, delivery.ended_at = DeliveryState.DEAD, now
        webhook = session.get_one(Webhook, delivery.webhook_id, with_for_update=True)
        if webhook.revoked_at is None:
            end(session, webhook, CLOCK.name, now)
