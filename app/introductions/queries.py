"""Introductions by page and one by one, with both sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from models.exchange import Need, Offer
from models.introductions import Introduction
from models.register import Participant
from models.vocabulary import IntroductionState

AnySession = ReadSession | WriteSession
Giver, Taker = aliased(Participant), aliased(Participant)


@dataclass(frozen=True, slots=True)
class Asked:
    """An introduction with its need and school, its offer and supporting organisation."""

    introduction: Introduction
    need: Need
    offer: Offer
    school: Participant
    giver: Participant


def list_introductions(
    session: AnySession,
    principal: Principal,
    *,
    state: IntroductionState | None = None,
    need: str | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[Asked]:
    """A page of introductions by number."""
    authorise(principal, Action.READ)
    query = _asked(principal).where(Introduction.id > after)
    if state is not None:
        query = query.where(Introduction.state == state)
    if need is not None:
        query = query.where(Need.reference == need)
    found = session.execute(query.order_by(Introduction.id).limit(limit))
    return [Asked(*row) for row in found]


def get_introduction(session: AnySession, principal: Principal, introduction_id: int) -> Asked:
    authorise(principal, Action.READ)
    query = _asked(principal).where(Introduction.id == introduction_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no introduction {introduction_id}. Check the number.")
    return Asked(*row)


def _asked(principal: Principal) -> Any:
    asked: Any = (
        select(Introduction, Need, Offer, Taker, Giver)
        .join(Need, Need.id == Introduction.need_id)
        .join(Offer, Offer.id == Introduction.offer_id)
        .join(Taker, Taker.id == Need.participant_id)
        .join(Giver, Giver.id == Offer.participant_id)
        .where(visible(principal, Action.READ, Introduction))
    )
    return asked
