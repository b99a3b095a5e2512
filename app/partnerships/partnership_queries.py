"""Reads of partnerships, with their visits, reviews and outcomes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.chunks import chunked
from app.database import ReadSession
from app.errors import NotFound
from app.partnerships.list_query import HALF_DAYS, PartnershipQuery
from app.partnerships.reviews import outcomes_of
from app.proposals.list_query import Giver, Taker
from app.proposals.queries import Full, find_proposals
from app.proposals.running import conditions_of
from models.exchange import Need, Offer
from models.matching import Proposal
from models.partnerships import Outcome, Partnership, Review, Support, SupportVisit
from models.vocabulary import DELIVERED, VisitState

EVERY: Final = PartnershipQuery()


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
    conditions: str | None
    """On which it was approved."""


def list_partnerships(
    session: ReadSession,
    principal: Principal,
    wanted: PartnershipQuery = EVERY,
    *,
    skip: int = 0,
    limit: int | None = 100,
) -> list[Summary]:
    """A page of partnerships in the order that is wanted."""
    ids = partnership_ids(session, principal, wanted, skip=skip, limit=limit)
    return load(session, principal, ids)


def partnership_ids(
    session: ReadSession,
    principal: Principal,
    wanted: PartnershipQuery,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> Sequence[int]:
    """Those of a page, or of the whole list, in order."""
    query = wanted.ordered(
        _wanted(session, principal, wanted, Partnership.id), Partnership.id.expression
    )
    return session.scalars(query.offset(skip).limit(limit)).all()


def load(session: ReadSession, principal: Principal, ids: Sequence[int]) -> list[Summary]:
    """Partnerships by their ids, in that order."""
    found: dict[int, Summary] = {}
    for some in chunked(ids):
        found |= find_by_ids(session, principal, some)
    return [found[each] for each in ids if each in found]


def place_of(session: ReadSession, principal: Principal, wanted: PartnershipQuery, row: int) -> str:
    """Where a partnership stands in the list, for the page that follows it."""
    query = _wanted(session, principal, wanted).where(Partnership.id == row)
    return wanted.place(session, query, Partnership.id.expression)


def count_partnerships(
    session: ReadSession, principal: Principal, wanted: PartnershipQuery = EVERY
) -> tuple[int, Days]:
    """How many there are on all pages, and their days together."""
    each = _wanted(
        session, principal, wanted, *(days.label(name) for name, days in HALF_DAYS.items())
    ).subquery()
    sums = (func.sum(each.c[name]) for name in HALF_DAYS)
    number, *days = session.execute(select(func.count(), *sums).select_from(each)).one()
    return number, Days(
        **{name: int(sum_ or 0) for name, sum_ in zip(HALF_DAYS, days, strict=True)}
    )


def _wanted(
    session: ReadSession, principal: Principal, wanted: PartnershipQuery, *columns: Any
) -> Select[Any]:
    authorise(principal, Action.READ)
    seen = _seen(principal, select(*columns)).join(Taker, Taker.id == Need.participant_id)
    return seen.join(Giver, Giver.id == Offer.participant_id).where(*wanted.conditions(session))


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
        conditions_of(session, found.proposal_id),
    )
