"""Reads of partnerships, with their visits, reviews and outcomes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.chunks import chunked
from app.database import ReadSession
from app.errors import NotFound
from app.partnerships.reviews import outcomes_of
from app.proposals.queries import Full, Giver, Taker, find_proposals
from app.register.naming import reference_named
from app.register.search import each_word
from models.exchange import Need, Offer
from models.matching import Proposal
from models.partnerships import Outcome, Partnership, Review, Support, SupportVisit
from models.register import Participant
from models.vocabulary import DELIVERED, SupportState, VisitState


@dataclass(frozen=True, slots=True)
class Days:
    """Half-days of a partnership: agreed in all its periods, delivered, and booked to come."""

    agreed: int
    delivered: int
    booked: int
    signed: int

    @property
    def left(self) -> int:
        return self.agreed - self.delivered - self.booked


@dataclass(frozen=True, slots=True)
class Summary:
    """A partnership with whose it is and how far it is."""

    partnership: Partnership
    full: Full
    days: Days


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything of one partnership that both sides and the broker read."""

    summary: Summary
    periods: Sequence[Support]
    visits: Sequence[SupportVisit]
    reviews: Sequence[Review]
    outcomes: Sequence[Outcome]


def list_partnerships(
    session: ReadSession,
    principal: Principal,
    *,
    participant: str | None = None,
    taker: str | None = None,
    giver: str | None = None,
    need: str | None = None,
    period: str | None = None,
    state: SupportState | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> list[Summary]:
    """A page of partnerships by number; `participant` is either side."""
    authorise(principal, Action.READ)
    query = (
        _seen(principal, select(Partnership))
        .where(Partnership.id > after)
        .order_by(Partnership.id)
        .limit(limit)
    )
    of_taker, of_giver = Need.participant_id, Offer.participant_id
    for cell, columns in (
        (participant, (of_taker, of_giver)),
        (taker, (of_taker,)),
        (giver, (of_giver,)),
    ):
        if cell is not None:
            query = query.where(or_(*(_is(session, column, cell) for column in columns)))
    if need is not None:
        query = query.where(Need.reference == need)
    if period is not None:
        rows = select(Support.partnership_id).where(Support.period_code == period)
        query = query.where(Partnership.id.in_(rows))
    if state is not None:
        query = query.where(Partnership.state == state)
    return _summaries(session, principal, list(session.scalars(query)))


def find_partnerships(
    session: ReadSession,
    principal: Principal,
    text: str,
    state: SupportState | None,
    *,
    skip: int = 0,
    limit: int | None = 50,
) -> tuple[list[Summary], int]:
    """A page of those with all the words in the names of their sides, newest first; how many."""
    authorise(principal, Action.READ)

    def narrowed(query: Select[Any]) -> Select[Any]:
        seen = _seen(principal, query).join(Taker, Taker.id == Need.participant_id)
        seen = seen.join(Giver, Giver.id == Offer.participant_id)
        seen = seen.where(*each_word(text, Taker, Giver))
        return seen if state is None else seen.where(Partnership.state == state)

    page = narrowed(select(Partnership)).order_by(Partnership.id.desc()).offset(skip).limit(limit)
    found = _summaries(session, principal, list(session.scalars(page)))
    return found, session.scalar(narrowed(select(func.count(Partnership.id)))) or 0


def find_by_ids(
    session: ReadSession, principal: Principal, ids: Collection[int]
) -> dict[int, Summary]:
    """Those of the numbers that the principal may read."""
    authorise(principal, Action.READ)
    query = _seen(principal, select(Partnership)).where(Partnership.id.in_(ids))
    found = _summaries(session, principal, list(session.scalars(query)))
    return {each.partnership.id: each for each in found}


def _seen(principal: Principal, query: Select[Any]) -> Select[Any]:
    return (
        query.join_from(Partnership, Proposal, Proposal.id == Partnership.proposal_id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .where(visible(principal, Action.READ, Proposal))
    )


def latest_reviews(session: Session, found: Sequence[Summary]) -> dict[int, dict[str, Review]]:
    """The last review of each side and monitor, by partnership and reviewer."""
    latest: dict[int, dict[str, Review]] = {each.partnership.id: {} for each in found}
    for ids in chunked(latest):
        query = select(Review).where(Review.partnership_id.in_(ids))
        for review in session.scalars(query.order_by(Review.on_day, Review.id)):
            latest[review.partnership_id][review.reviewer] = review
    return latest


def _is(session: ReadSession, column: InstrumentedAttribute[int], cell: str) -> ColumnElement[bool]:
    who = select(Participant.id).where(Participant.reference == reference_named(session, cell))
    return column.in_(who)


def _summaries(
    session: Session, principal: Principal, found: Sequence[Partnership]
) -> list[Summary]:
    of_proposal: dict[int, Full] = {}
    agreed: dict[int, int] = {}
    by_state: dict[tuple[int, str], int] = {}
    for some in chunked(found):
        ids = [each.id for each in some]
        of_proposal |= {
            full.proposal.id: full
            for full in find_proposals(
                session, principal, Proposal.id.in_([each.proposal_id for each in some])
            )
        }
        rows: Select[*tuple[Any, ...]] = select(
            Support.partnership_id, func.sum(Support.agreed_half_days)
        ).where(Support.partnership_id.in_(ids))
        by_partnership = session.execute(rows.group_by(Support.partnership_id))
        agreed |= {which: half_days for which, half_days in by_partnership}
        visits = select(
            SupportVisit.partnership_id, SupportVisit.state, func.sum(SupportVisit.half_days)
        ).where(SupportVisit.partnership_id.in_(ids))
        for which, state, half_days in session.execute(
            visits.group_by(SupportVisit.partnership_id, SupportVisit.state)
        ):
            by_state[which, state] = half_days
    return [
        Summary(
            each,
            of_proposal[each.proposal_id],
            Days(
                agreed.get(each.id, 0),
                sum(by_state.get((each.id, state), 0) for state in DELIVERED),
                by_state.get((each.id, VisitState.BOOKED), 0),
                by_state.get((each.id, VisitState.SIGNED), 0),
            ),
        )
        for each in found
    ]


def get_partnership(session: Session, principal: Principal, partnership_id: int) -> Whole:
    authorise(principal, Action.READ)
    query = _seen(principal, select(Partnership)).where(Partnership.id == partnership_id)
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no partnership {partnership_id}. Check the number.")
    [summary] = _summaries(session, principal, [found])

    def of(model: Any, *order: Any) -> Any:
        mine = select(model).where(model.partnership_id == partnership_id)
        return session.scalars(mine.order_by(*order, model.id)).all()

    return Whole(
        summary,
        of(Support, Support.starts),
        of(SupportVisit, SupportVisit.on_day),
        of(Review),
        outcomes_of(session, partnership_id),
    )
