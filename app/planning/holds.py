"""Days and places that proposals under review hold against every other run and proposal."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.exchange import Need, Offer, Period
from models.matching import Proposal, Run
from models.vocabulary import HOLDING


@dataclass(frozen=True, slots=True)
class Hold:
    """What one proposal holds: half-days for its period, and a place on both sides."""

    need_id: int
    offer_id: int
    taker_id: int
    giver_id: int
    half_days: int
    period_code: str
    starts: date
    ends: date

    def is_in(self, first: date, last: date) -> bool:
        """Whether its place is taken on some day from `first` to `last`."""
        return self.starts <= last and self.ends >= first


def held(
    session: Session,
    now: datetime,
    participants: Collection[int] | None = None,
    besides: int | None = None,
) -> list[Hold]:
    """Every hold at `now` (of these givers and takers); one whose time is up holds no more.

    `besides`: the proposal whose own hold is not counted.
    """
    conditions: list[ColumnElement[bool]] = [
        Proposal.state.in_(HOLDING),
        or_(Proposal.held_until.is_(None), Proposal.held_until > now),
    ]
    if besides is not None:
        conditions.append(Proposal.id != besides)
    if participants is not None:
        conditions.append(
            or_(
                Need.participant_id.in_(participants),
                Offer.participant_id.in_(participants),
            )
        )
    return holds_where(session, *conditions)


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
    found: defaultdict[int, list[Hold]] = defaultdict(list)
    for hold in holds:
        found[hold.need_id].append(hold)
    return found
