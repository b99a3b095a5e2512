"""What a repair rests on, by digests: all that planning reads of those whose support changes."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy import inspect, or_, select
from sqlalchemy.orm import Session

from app.access.policy import WORKER
from app.planning.load import load
from app.proposals.states import ENDED
from models.base import Base
from models.exchange import Need, Offer
from models.matching import Proposal


def digests_of(
    session: Session, concerned: Collection[int], period_code: str, proposal_id: int, now: datetime
) -> dict[str, str]:
    """A digest of each kind of data that is read of some participants to plan a period.

    The proposal that broke counts as one of theirs whatever its state.
    """
    loaded = load(
        session,
        WORKER,
        None,
        period_code,
        now.date(),
        now=now,
        only=concerned,
        besides=proposal_id,
    )
    proposals = session.execute(
        select(Proposal.id, Proposal.version, Proposal.state)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .where(
            or_(Proposal.state.not_in(ENDED), Proposal.id == proposal_id),
            or_(Need.participant_id.in_(concerned), Offer.participant_id.in_(concerned)),
        )
    )
    # Its need may be matched, and planning then reads nothing of it.
    own = session.execute(
        select(Need.id, Need.version)
        .join(Proposal, Proposal.need_id == Need.id)
        .where(Proposal.id == proposal_id)
    )
    needs, offers = ({each.id for each in rows} for rows in (loaded.needs, loaded.offers))
    read: dict[str, Iterable[Any]] = {
        "institutions": loaded.participants,
        "needs": [*loaded.needs, *own],
        "offers": [*loaded.offers, *loaded.other_offers],
        "limits": loaded.limits.values(),
        "circumstances": [
            (who, _columns(rule)) for who, rules in loaded.circumstances.items() for rule in rules
        ],
        "closures": loaded.last_days.items(),
        "trusts and networks": [*loaded.memberships, *loaded.networks, *loaded.areas_served],
        "designations": [(who,) for who in loaded.designated.intersection(concerned)],
        "support": map(_columns, loaded.support),
        "declared interests": [*loaded.interests, *loaded.refusing.items()],
        "pots": [loaded.pots[each.pot_reference] for each in loaded.needs if each.pot_reference],
        "pins and exclusions": [
            _columns(each)
            for each in loaded.steering
            if each.need_id in needs or each.offer_id in offers
        ],
        "proposals": [*proposals, *map(astuple, loaded.holds)],
    }
    return {kind: _digest(rows) for kind, rows in read.items()}


def _digest(rows: Iterable[Any]) -> str:
    plain = sorted(repr(tuple(row)) for row in rows)
    return hashlib.sha256("\n".join(plain).encode()).hexdigest()


def _columns(row: Base) -> tuple[Any, ...]:
    return tuple(getattr(row, each.key) for each in inspect(type(row)).column_attrs)
