"""Days and places that proposals and partnerships hold against every other run and proposal."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from models.exchange import Need, Offer, Period
from models.matching import Proposal, Run
from models.partnerships import Partnership, Support
from models.vocabulary import HOLDING


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
    of_all: list[ColumnElement[bool]] = []
    if besides is not None:
        of_all.append(Proposal.id != besides)
    if participants is not None:
        of_all.append(
            or_(
                Need.participant_id.in_(participants),
                Offer.participant_id.in_(participants),
            )
        )
    proposed = holds_where(
        session,
        Proposal.state.in_(HOLDING),
        or_(Proposal.held_until.is_(None), Proposal.held_until > now),
        ~has_partnership(),
        *of_all,
    )
    return proposed + _of_partnerships(session, *of_all)


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
        )
        .join(Partnership, Partnership.id == Support.partnership_id)
        .join(Proposal, Proposal.id == Partnership.proposal_id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
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
        )
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Run, Run.id == Proposal.run_id)
        .join(Period, Period.code == Run.period_code)
        .where(*conditions)
        .order_by(Proposal.id)
    )
    return [Hold(*row) for row in session.execute(query)]


def by_need(holds: Iterable[Hold]) -> defaultdict[int, list[Hold]]:
    """What meets each need; what is over does not: a need that is open again says what it lacks."""
    found: defaultdict[int, list[Hold]] = defaultdict(list)
    for hold in holds:
        if not hold.over:
            found[hold.need_id].append(hold)
    return found
