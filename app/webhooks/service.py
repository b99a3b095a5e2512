"""Webhooks: made, listed, given a new secret and revoked; deliveries listed and asked for again."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.holders import hold
from app.access.persons import same_person
from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession, database_now
from app.errors import Conflict, NotFound
from app.events import audit
from app.webhooks.addresses import BadWebhook, Networks, check_address
from app.webhooks.events import check_events
from models.access import AuditHead
from models.vocabulary import DeliveryState
from models.webhooks import Webhook, WebhookDelivery

MOST: Final = 20
"""Webhooks of one holder: each is asked for every event."""


def secret_of(webhook: Webhook, installation: str) -> str:
    """What deliveries are signed with, as Standard Webhooks writes it; stored nowhere."""
    message = f"webhook:{webhook.id}:{webhook.nonce}".encode()
    key = hmac.new(installation.encode(), message, hashlib.sha256).digest()
    return "whsec_" + base64.b64encode(key).decode()


def create_webhook(
    session: WriteSession,
    principal: Principal,
    url: str,
    events: Sequence[str],
    networks: Networks,
) -> Webhook:
    """Tell `url` from now on what happens in the scope of the principal.

    Raises
    ------
    BadWebhook
        If the address is not to be called, an event is none, or there are too many webhooks.
    """
    authorise(principal, Action.SUBSCRIBE)
    wanted = check_events(events)
    check_address(url, networks)
    names = same_person(session, principal.name)
    hold(session, names)
    mine = select(func.count()).where(Webhook.made_by.in_(names), Webhook.revoked_at.is_(None))
    if (session.scalar(mine) or 0) >= MOST:
        raise BadWebhook(f"You have {MOST} webhooks already. Revoke one first.")
    head = session.scalar(select(AuditHead.last_sequence))
    made = Webhook(
        url=url,
        events=wanted,
        nonce=secrets.token_hex(16),
        made_by=principal.name,
        made_at=database_now(session),
        queued_to=head or 0,
    )
    session.add(made)
    session.flush()
    _record(session, principal, made, "create")
    return made


def list_webhooks(session: ReadSession, principal: Principal) -> Sequence[Webhook]:
    """The principal's own, with those revoked, the newest first."""
    authorise(principal, Action.SUBSCRIBE)
    mine = visible(principal, Action.SUBSCRIBE, Webhook)
    return session.scalars(select(Webhook).where(mine).order_by(Webhook.id.desc())).all()


def rotate_secret(session: WriteSession, principal: Principal, webhook_id: int) -> Webhook:
    """Give a webhook another secret; what is sent from now on is signed with it."""
    found = get_webhook(session, principal, webhook_id)
    if found.revoked_at is not None:
        raise Conflict(f"Webhook {webhook_id} was revoked. Create another one.")
    found.nonce = secrets.token_hex(16)
    session.flush()
    _record(session, principal, found, "rotate")
    return found


def revoke_webhook(session: WriteSession, principal: Principal, webhook_id: int) -> Webhook:
    """Tell the address nothing more; one that was revoked already stays as it was."""
    found = get_webhook(session, principal, webhook_id)
    if found.revoked_at is None:
        end(session, found, principal.name, database_now(session))
    return found


def end(session: WriteSession, webhook: Webhook, by: str, now: datetime) -> None:
    """Revoke a webhook, whoever or whatever asks for it."""
    webhook.revoked_at, webhook.revoked_by = now, by
    session.flush()
    audit.record(session, actor=by, action="webhook.revoke", subject=f"webhook:{webhook.id}")


def list_deliveries(
    session: ReadSession,
    principal: Principal,
    webhook_id: int,
    *,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int | None = 50,
) -> Sequence[WebhookDelivery]:
    """What became of the events for a webhook, the newest first."""
    get_webhook(session, principal, webhook_id)
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    return session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit)).all()


def retry(
    session: WriteSession, principal: Principal, webhook_id: int, delivery_id: int
) -> WebhookDelivery:
    """Send a delivery that was given up again, as if for the first time."""
    webhook = get_webhook(session, principal, webhook_id)
    found = session.scalar(
        select(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id, WebhookDelivery.webhook_id == webhook_id)
        .with_for_update()
    )
    if found is None:
        raise NotFound(f"There is no delivery {delivery_id} of webhook {webhook_id}.")
    if found.state != DeliveryState.DEAD or webhook.revoked_at is not None:
        why = "it was revoked" if webhook.revoked_at else f"it is {found.state}"
        raise Conflict(f"Delivery {delivery_id} is not sent again, because {why}.")
    found.state, found.attempts, found.ended_at = DeliveryState.WAITING, 0, None
    found.due_at = database_now(session)
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="webhook.retry",
        subject=f"webhook:{webhook_id}",
        delivery=delivery_id,
    )
    return found


def get_webhook(session: Session, principal: Principal, webhook_id: int) -> Webhook:
    authorise(principal, Action.SUBSCRIBE)
    mine = visible(principal, Action.SUBSCRIBE, Webhook)
    query = select(Webhook).where(Webhook.id == webhook_id, mine)
    if isinstance(session, WriteSession):
        query = query.with_for_update()
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no webhook {webhook_id}. Check the number.")
    return found


def _record(session: WriteSession, principal: Principal, webhook: Webhook, what: str) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"webhook.{what}",
        subject=f"webhook:{webhook.id}",
        host=urlsplit(webhook.url).netloc,
        events=webhook.events,
    )
