"""Proposals with both sides, their alternates and decisions; pins and exclusions: as lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.chunks import chunked
from app.errors import NotFound
from app.exchange.queries import confirmed
from app.planning.load import in_force
from app.proposals.list_query import DIRECTED, FLAGGED, Giver, ProposalQuery, Taker
from models.exchange import Need, Offer
from models.matching import Agreement, Alternate, Decision, Proposal, ProposalFlag, Steering
from models.register import Participant
from models.vocabulary import Says, Side

AT_ONCE: Final = 1_000
EVERY: Final = ProposalQuery()


@dataclass(frozen=True, slots=True)
class Full:
    """A proposal with everything a person needs to tell whose it is."""

    proposal: Proposal
    need: Need
    offer: Offer
    taker: Participant
    giver: Participant
    flag: ProposalFlag | None
    directed: bool

    @property
    def sendable(self) -> bool:
        """As it is now; the proposal's own column says how it was when it was made."""
        return bool(confirmed(self.need, self.offer))


def list_proposals(
    session: Session,
    principal: Principal,
    wanted: ProposalQuery = EVERY,
    *,
    skip: int = 0,
    limit: int | None = 50,
) -> list[Full]:
    """A page of proposals in the order that is wanted."""
    return load(session, proposal_ids(session, principal, wanted, skip=skip, limit=limit))


def proposal_ids(
    session: Session,
    principal: Principal,
    wanted: ProposalQuery,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> Sequence[int]:
    """Those of a page, or of the whole list, in order.

    Ids first: to sort whole rows, with all their sentences, costs more than to find them.
    """
    query = wanted.ordered(_wanted(session, principal, wanted, Proposal.id), Proposal.id.expression)
    return session.scalars(query.offset(skip).limit(limit)).all()


def load(session: Session, ids: Sequence[int]) -> list[Full]:
    """Proposals by their ids, in that order."""
    found: dict[int, Full] = {}
    for some in chunked(ids, AT_ONCE):
        query = _full().where(Proposal.id.in_(some))
        found |= {row[0].id: Full(*row) for row in session.execute(query)}
    return [found[each] for each in ids if each in found]


def place_of(session: Session, principal: Principal, wanted: ProposalQuery, row: int) -> str:
    """Where a proposal stands in the list, for the page that follows it."""
    query = _wanted(session, principal, wanted).where(Proposal.id == row)
    return wanted.place(session, query, Proposal.id.expression)


def find_proposals(
    session: Session,
    principal: Principal,
    *conditions: ColumnElement[bool],
    limit: int | None = None,
) -> list[Full]:
    """Every proposal of which these hold, in their order, or the first of them."""
    query = (
        _full().where(visible(principal, Action.READ, Proposal), *conditions).order_by(Proposal.id)
    )
    return [Full(*row) for row in session.execute(query.limit(limit))]


def count_proposals(
    session: Session, principal: Principal, wanted: ProposalQuery = EVERY
) -> tuple[int, int]:
    """How many there are on all pages, and their half-days together."""
    query = _wanted(session, principal, wanted, func.count(), func.sum(Proposal.half_days))
    number, half_days = session.execute(query).one()
    return number, half_days or 0


def counts_by(
    session: Session, principal: Principal, run_id: int
) -> dict[str, list[tuple[str, int]]]:
    """How many proposals of a run have each state, expertise and step of the ladder.

    Those that a statutory direction stands behind are counted apart, by state.
    """
    authorise(principal, Action.READ)
    found = {}
    for name, column, condition in (
        ("state", Proposal.state, true()),
        ("expertise", Need.expertise_code, true()),
        ("ladder", Proposal.ladder, true()),
        ("directed", Proposal.state, DIRECTED),
    ):
        query = (
            select(column, func.count())
            .select_from(Proposal)
            .join(Need, Need.id == Proposal.need_id)
            .where(Proposal.run_id == run_id, visible(principal, Action.READ, Proposal), condition)
            .group_by(column)
            .order_by(column)
        )
        found[name] = [(value, number) for value, number in session.execute(query)]
    return found


def get_proposal(session: Session, principal: Principal, proposal_id: int) -> Full:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Proposal)
    row = session.execute(_full().where(Proposal.id == proposal_id, seen)).one_or_none()
    if row is None:
        raise NotFound(f"There is no proposal {proposal_id}. Check the number.")
    return Full(*row)


def alternates_of(
    session: Session, principal: Principal, proposal: Proposal
) -> list[tuple[Alternate, Offer, Participant]]:
    """The next best candidates of a proposal's need in its run, best first, with their givers.

    One that has become this very proposal is no other any more.

    Like a proposal, each lies where either side does: who sees the giver alone sees no other.
    """
    authorise(principal, Action.READ)
    of_need, of_offer = (visible(principal, Action.READ, each) for each in (Need, Offer))
    query = (
        select(Alternate, Offer, Participant)
        .join(Offer, Offer.id == Alternate.offer_id)
        .join(Need, Need.id == Alternate.need_id)
        .join(Participant, Participant.id == Offer.participant_id)
        .where(Alternate.run_id == proposal.run_id, Alternate.need_id == proposal.need_id)
        .where(Alternate.offer_id != proposal.offer_id, or_(of_need, of_offer))
        .order_by(Alternate.rank)
    )
    return [(alternate, offer, giver) for alternate, offer, giver in session.execute(query)]


def decisions_of(session: Session, principal: Principal, proposal_id: int) -> Sequence[Decision]:
    """What was decided on a proposal, in order."""
    authorise(principal, Action.READ)
    seen = Decision.proposal_id.in_(seen_proposals(principal))
    query = select(Decision).where(Decision.proposal_id == proposal_id, seen).order_by(Decision.id)
    return session.scalars(query).all()


def agreements_of(session: Session, principal: Principal, proposal_id: int) -> Sequence[Agreement]:
    """What both sides said to a proposal, in order, with what was voided."""
    authorise(principal, Action.READ)
    seen = Agreement.proposal_id.in_(seen_proposals(principal))
    query = select(Agreement).where(Agreement.proposal_id == proposal_id, seen)
    return session.scalars(query.order_by(Agreement.id)).all()


def seen_proposals(principal: Principal) -> Select[int]:
    """Ids of the proposals that the principal may read."""
    return select(Proposal.id).where(visible(principal, Action.READ, Proposal))


def answers_to(
    session: Session, principal: Principal, proposal_ids: Sequence[int]
) -> dict[int, dict[Side, Says]]:
    """What each side of some proposals said last, as far as it stands."""
    authorise(principal, Action.READ)
    found: dict[int, dict[Side, Says]] = {}
    for start in range(0, len(proposal_ids), AT_ONCE):
        query = select(Agreement.proposal_id, Agreement.side, Agreement.says).where(
            Agreement.voided_at.is_(None),
            Agreement.proposal_id.in_(seen_proposals(principal)),
            Agreement.proposal_id.in_(proposal_ids[start : start + AT_ONCE]),
        )
        for proposal_id, side, says in session.execute(query):
            found.setdefault(proposal_id, {})[Side(side)] = Says(says)
    return found


Steered = tuple[Steering, str, str]
"""With the references of need and offer."""


def list_steering(
    session: Session,
    principal: Principal,
    kind: str,
    *,
    now: datetime,
    standing: bool | None = None,
    need: str | None = None,
    offer: str | None = None,
    after: int = 0,
    limit: int | None = 50,
) -> list[Steered]:
    """Pins or exclusions; `standing`: only those in force, or only those that are not."""
    authorise(principal, Action.READ)
    query = _steered(kind).where(Steering.id > after, visible(principal, Action.READ, Steering))
    query = query.order_by(Steering.id).limit(limit)
    if standing is not None:
        here = Steering.id.in_(in_force(now).with_only_columns(Steering.id).order_by(None))
        query = query.where(here if standing else ~here)
    if need is not None:
        query = query.where(Need.reference == need)
    if offer is not None:
        query = query.where(Offer.reference == offer)
    return [(row, of_need, of_offer) for row, of_need, of_offer in session.execute(query)]


def get_steering(session: Session, principal: Principal, kind: str, steering_id: int) -> Steered:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Steering)
    row = session.execute(_steered(kind).where(Steering.id == steering_id, seen)).one_or_none()
    if row is None:
        raise NotFound(f"There is no {kind} {steering_id}. Check the number.")
    return row[0], row[1], row[2]


def _steered(kind: str) -> Select[Steering, str, str]:
    return (
        select(Steering, Need.reference, Offer.reference)
        .join(Need, Need.id == Steering.need_id)
        .join(Offer, Offer.id == Steering.offer_id)
        .where(Steering.kind == kind)
    )


def _full() -> Any:
    query = _joined(select(Proposal, Need, Offer, Taker, Giver, ProposalFlag, DIRECTED))
    return query.outerjoin(ProposalFlag, FLAGGED)


def _joined(query: Any) -> Any:
    return (
        query.join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Taker, Taker.id == Need.participant_id)
        .join(Giver, Giver.id == Offer.participant_id)
    )


def _wanted(
    session: Session, principal: Principal, wanted: ProposalQuery, *columns: Any
) -> Select[Any]:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Proposal)
    found: Select[Any] = _joined(select(*columns).select_from(Proposal)).where(
        seen, *wanted.conditions(session)
    )
    return found
