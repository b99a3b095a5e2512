"""What the two sides of a proposal agree to, and whether it is still that."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.proposals.states import NotNow
from app.register.closing import last_days
from models.exchange import Need, Offer
from models.matching import Agreement, Proposal
from models.vocabulary import Availability, NeedState, Side

OF_BOTH: Final = ("participant_id", "expertise_code", "period_code", "half_days", "mode")
NOT_WANTED: Final = frozenset({NeedState.SUGGESTED, NeedState.MET, NeedState.CLOSED})
GIVEN: Final = frozenset({Availability.CAN_OFFER, Availability.MAY_OFFER})


def terms_of(
    proposal: Proposal, need: Need, offer: Offer, last_days: Mapping[int, date]
) -> dict[str, Any]:
    """Days, dates, aims, money and that both still want it; as JSON, to be compared later.

    `last_days` are those of participants that are known to close: support ends before that.
    """
    terms: dict[str, Any] = {
        "half_days": proposal.half_days,
        "wanted": need.state not in NOT_WANTED,
        "given": not offer.withdrawn and offer.availability in GIVEN,
        "half_days_min": need.half_days_min,
    }
    for name, item in (("need", need), ("offer", offer)):
        terms[name] = {column: getattr(item, column) for column in OF_BOTH}
        terms[name] |= {
            "window_starts": item.window_starts.isoformat(),
            "window_ends": item.window_ends.isoformat(),
        }
    ends = min(need.window_ends, offer.window_ends)
    owners = (need.participant_id, offer.participant_id)
    last = min((last_days[who] for who in owners if who in last_days), default=date.max)
    if last < ends:
        terms["closes"] = last.isoformat()
    # Where these are not recorded, terms are those of before they could be.
    if proposal.public_money_pounds is not None:
        terms["public_money_pounds"] = proposal.public_money_pounds
    if need.pot_reference is not None:
        terms["pot"] = need.pot_reference
    return terms


def terms_today(session: Session, proposal: Proposal, need: Need, offer: Offer) -> dict[str, Any]:
    owners = {need.participant_id, offer.participant_id}
    return terms_of(proposal, need, offer, last_days(session, owners))


def standing(session: Session, proposal_id: int) -> Sequence[Agreement]:
    """What each side said last, as far as it was not voided."""
    return session.scalars(
        select(Agreement)
        .where(Agreement.proposal_id == proposal_id, Agreement.voided_at.is_(None))
        .order_by(Agreement.id)
    ).all()


def check_agreed(session: Session, proposal: Proposal, need: Need, offer: Offer) -> None:
    """Refuse where need or offer are no longer what both sides agreed to."""
    terms = terms_today(session, proposal, need, offer)
    agreed = {each.side for each in standing(session, proposal.id) if each.terms == terms}
    if agreed != set(Side):
        raise NotNow(
            f"Need {need.reference} or offer {offer.reference} changed after both sides agreed. "
            "Ask the school receiving support and the supporting organisation to agree again."
        )
