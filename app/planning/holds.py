"""Days and places that proposals and partnerships hold against every other run and proposal."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from models.exchange import Need, Offer, Period
from models.matching import Proposal, Run
from models.partnerships import Partnership, Support
from models.vocabulary import APPROVED_PROPOSALS, HOLDING


@dataclass(frozen=True, slots=True)
class Hold:
    """What one proposal or partnership holds: half-days of a period, and a place on both sides.

    A partnership that is over holds no place, but the half-days that it delivered are spent.
    """

    need_id: int
    offer_id: int
    taker_id: int
    giver_id: int
    half_days: int
    period_code: str
    starts: date
    ends: date
    over: bool = False
    later: bool = False
    """Days that a partnership has in a later period than its proposal's: they come off both sides,
    and off neither the need nor the offer."""
    partnership_id: int | None = None
    pot: str | None = None
    """The pot that its need names, where nothing is committed of that yet."""

    def is_in(self, first: date, last: date) -> bool:
        """Whether its place is taken on some day from `first` to `last`."""
        return not self.over and self.starts <= last and self.ends >= first


def held(
    session: Session,
    now: datetime,
    participants: Collection[int] | None = None,
    besides: int | None = None,
) -> list[Hold]:
    """Every hold at `now` (of these givers and takers); one whose time is up holds no more.

    `besides`: the proposal whose own hold is not counted.
    """
    of_one = [] if besides is None else [Proposal.id != besides]
    of_proposals: list[ColumnElement[bool]] = [
        Proposal.state.in_(HOLDING),
        or_(Proposal.held_until.is_(None), Proposal.held_until > now),
        ~has_partnership(),
        *of_one,
    ]
    of_partnerships: list[ColumnElement[bool]] = [*of_one]
    if participants is not None:
        of_proposals.append(
            or_(
                Need.participant_id.in_(participants),
                Offer.participant_id.in_(participants),
            )
        )
        of_partnerships.append(
            or_(Support.taker_id.in_(participants), Support.giver_id.in_(participants))
        )
    return holds_where(session, *of_proposals) + _of_partnerships(session, *of_partnerships)


def promised_for(session: Session, need_id: int) -> list[Hold]:
    """What was approved for a need, or runs for it; what is only preferred is no promise yet."""
    mine = Proposal.need_id == need_id
    is_approved = Proposal.state.in_(APPROVED_PROPOSALS)
    approved = holds_where(session, mine, is_approved, ~has_partnership())
    return by_need(approved + _of_partnerships(session, mine))[need_id]


def has_partnership() -> ColumnElement[bool]:
    """Whether a proposal has become a partnership, which holds its days in its place."""
    return exists().where(Partnership.proposal_id == Proposal.id)


def _of_partnerships(session: Session, *conditions: ColumnElement[bool]) -> list[Hold]:
    query: Select[*tuple[Any, ...]] = (
        select(
            Proposal.need_id,
            Proposal.offer_id,
            Support.taker_id,
            Support.giver_id,
            Support.half_days,
            Support.period_code,
            Support.starts,
            Support.ends,
            Partnership.over_on.is_not(None),
            Support.period_code != Run.period_code,
            Partnership.id,
        )
        .join(Partnership, Partnership.id == Support.partnership_id)
        .join(Proposal, Proposal.id == Partnership.proposal_id)
        .join(Run, Run.id == Proposal.run_id)
        .where(*conditions)
        .order_by(Support.id)
    )
    return [Hold(*row) for row in session.execute(query)]


def holds_where(session: Session, *conditions: ColumnElement[bool]) -> list[Hold]:
    """What proposals hold, or would hold."""
    query = (
        select(
            Proposal.need_id,
            Proposal.offer_id,
            Need.participant_id,
            Offer.participant_id,
            Proposal.half_days,
            Run.period_code,
            Period.starts,
            Period.ends,
            Proposal.state,
            Need.pot_reference,
        )
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Run, Run.id == Proposal.run_id)
        .join(Period, Period.code == Run.period_code)
        .where(*conditions)
        .order_by(Proposal.id)
    )
    found = []
    for *row, state, pot in session.execute(query):
        hold = Hold(*row)
        found.append(hold if state in HOLDING else replace(hold, pot=pot))
    return found


def by_need(holds: Iterable[Hold]) -> defaultdict[int, list[Hold]]:
    """What meets each need; what is over does not: a need that is open again says what it lacks."""
    found: defaultdict[int, list[Hold]] = defaultdict(list)
    for hold in holds:
        if not hold.over and not hold.later:
            found[hold.need_id].append(hold)
    return found
