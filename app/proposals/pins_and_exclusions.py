"""Pins and exclusions that people enter for the next runs, each with its reason and author."""

from datetime import datetime

from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_on, outside, visible
from app.database import WriteSession, database_now
from app.errors import Conflict, NotFound, Stale
from app.events import audit
from app.planning.pin_check import BadSteering, check_pin
from app.wording import on_day
from models.exchange import Need, Offer
from models.matching import Alternate, Proposal, Steering
from models.vocabulary import SteeringKind


def steer(
    session: WriteSession,
    principal: Principal,
    kind: SteeringKind,
    need_reference: str,
    offer_reference: str,
    *,
    reason: str,
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> Steering:
    """Pin or exclude a pair for the next runs, until it expires or is lifted.

    Raises
    ------
    NotFound
        If there is no such need or offer.
    Conflict
        If the pair is pinned or excluded already.
    BadSteering
        If it would never be in force, or no run could keep it.
    """
    authorise(principal, Action.STEER)
    now = now or database_now(session)
    if expires_at is not None and expires_at <= now:
        raise BadSteering(f"The expiry, {on_day(expires_at)}, is in the past. Enter a later day.")
    need = session.scalars(select(Need).where(Need.reference == need_reference)).one_or_none()
    offer = session.scalars(select(Offer).where(Offer.reference == offer_reference)).one_or_none()
    sides = {each.participant_id for each in (need, offer) if each is not None}
    elsewhere = outside(session, principal, Action.STEER, sides)
    # Like a proposal, a pair lies where either side does; the other side is known from a plan.
    known = set() < elsewhere < sides and _proposed(session, need, offer)
    if need is None or (need.participant_id in elsewhere and not known):
        raise NotFound(f"There is no need {need_reference!r}. Check the reference.")
    if offer is None or (offer.participant_id in elsewhere and not known):
        raise NotFound(f"There is no offer {offer_reference!r}. Check the reference.")
    if kind is SteeringKind.PIN and need.participant_id == offer.participant_id:
        raise BadSteering(
            f"{need_reference} and {offer_reference} belong to the same participant. Choose "
            "another offer."
        )
    before = session.scalars(
        select(Steering)
        .where(
            Steering.need_id == need.id,
            Steering.offer_id == offer.id,
            Steering.lifted_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if before is not None:
        if before.expires_at is None or before.expires_at > now:
            raise Conflict(
                f"{need_reference} and {offer_reference} already have {before.kind} {before.id}. "
                "Lift it first."
            )
        before.lifted_at = before.expires_at
        session.flush()
    if kind is SteeringKind.PIN:
        check_pin(session, need, offer, now)
    made = Steering(
        kind=kind,
        need_id=need.id,
        offer_id=offer.id,
        reason=reason,
        author=principal.name,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(made)
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action=f"{kind}.create",
        subject=f"{kind}:{made.id}",
        of=made,
        need=need_reference,
        offer=offer_reference,
    )
    return made


def _proposed(session: WriteSession, need: Need | None, offer: Offer | None) -> bool:
    """Whether a plan proposed the two, or named the offer as an alternative for the need."""
    if need is None or offer is None:
        return False
    return any(
        session.scalar(
            select(model.run_id)
            .where(model.need_id == need.id, model.offer_id == offer.id)
            .limit(1)
        )
        is not None
        for model in (Proposal, Alternate)
    )


def lift(
    session: WriteSession,
    principal: Principal,
    kind: SteeringKind,
    steering_id: int,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Steering:
    """Take a pin or exclusion back; it stays on record."""
    authorise(principal, Action.STEER)
    seen = visible(principal, Action.READ, Steering)
    made = session.scalar(
        select(Steering).where(Steering.id == steering_id, seen).with_for_update()
    )
    if made is None or made.kind != kind:
        raise NotFound(f"There is no {kind} {steering_id}. Check the number.")
    authorise_on(session, principal, Action.STEER, made)
    if version is not None and version != made.version:
        raise Stale(
            f"{kind.capitalize()} {steering_id} has changed since you read it. Read it again."
        )
    if made.lifted_at is not None:
        raise Conflict(f"{kind.capitalize()} {steering_id} was already lifted.")
    made.lifted_at = now or database_now(session)
    made.version += 1
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action=f"{kind}.lift",
        subject=f"{kind}:{steering_id}",
        of=made,
    )
    return made
