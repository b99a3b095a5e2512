"""Proposals of a run as a broker reviews them: filtered, sorted, counted, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.proposals.queries import REMOTE_COMES_LAST, SENDABLE, Full, Giver, Taker
from app.proposals.states import LAPSING
from models.exchange import Need, Offer
from models.matching import Agreement, Proposal
from models.vocabulary import METRES_PER_MILE, Side

SORTS: Final[dict[str, ColumnElement[Any]]] = {
    "points": Proposal.points.expression,
    "distance": func.coalesce(Proposal.distance_m, REMOTE_COMES_LAST),
    "days": Proposal.half_days.expression,
    "priority": Need.priority.expression,
    "taker": Taker.name.expression,
    "giver": Giver.name.expression,
    "expertise": Need.expertise_code.expression,
    "state": Proposal.state.expression,
}


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """Which proposals of a run; what is none does not filter."""

    text: str | None = None
    """Words that the names of taker or giver hold."""
    state: str | None = None
    expertise: str | None = None
    ladder: str | None = None
    sendable: bool | None = None
    most_miles: float | None = None
    """Remote ones are within any distance."""
    waits_for: Side | None = None
    """Those held until this side, too, has said yes."""


def review(
    session: Session,
    principal: Principal,
    run_id: int,
    wanted: ReviewFilter,
    *,
    sort: str = "-points",
    skip: int = 0,
    limit: int | None = 50,
) -> tuple[list[Full], int]:
    """A page of proposals, and how many there are in all."""
    authorise(principal, Action.READ)
    conditions = _conditions(run_id, wanted)
    key = SORTS[sort.removeprefix("-")]
    order = key.desc() if sort.startswith("-") else key
    query = (
        _joined(select(Proposal, Need, Offer, Taker, Giver))
        .where(*conditions)
        .order_by(order, Proposal.id)
        .offset(skip)
        .limit(limit)
    )
    counted = _joined(select(func.count()).select_from(Proposal)).where(*conditions)
    return [Full(*row) for row in session.execute(query)], session.scalar(counted) or 0


def counts_by(
    session: Session, principal: Principal, run_id: int
) -> dict[str, list[tuple[str, int]]]:
    """How many proposals of a run have each state, expertise and step of the ladder."""
    authorise(principal, Action.READ)
    found = {}
    for name, column in (
        ("state", Proposal.state),
        ("expertise", Need.expertise_code),
        ("ladder", Proposal.ladder),
    ):
        query = (
            select(column, func.count())
            .select_from(Proposal)
            .join(Need, Need.id == Proposal.need_id)
            .where(Proposal.run_id == run_id)
            .group_by(column)
            .order_by(column)
        )
        found[name] = [(value, number) for value, number in session.execute(query)]
    return found


def _joined(query: Any) -> Any:
    return (
        query.join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Taker, Taker.id == Need.participant_id)
        .join(Giver, Giver.id == Offer.participant_id)
    )


def _conditions(run_id: int, wanted: ReviewFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Proposal.run_id == run_id]
    for word in (wanted.text or "").split():
        named = (side.name.icontains(word, autoescape=True) for side in (Taker, Giver))
        conditions.append(or_(*named))
    for column, value in (
        (Proposal.state, wanted.state),
        (Need.expertise_code, wanted.expertise),
        (Proposal.ladder, wanted.ladder),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.sendable is not None:
        conditions.append(SENDABLE if wanted.sendable else ~SENDABLE)
    if wanted.most_miles is not None:
        near = Proposal.distance_m <= round(wanted.most_miles * METRES_PER_MILE)
        conditions.append(or_(Proposal.distance_m.is_(None), near))
    if wanted.waits_for is not None:
        answered = select(Agreement.proposal_id).where(
            Agreement.side == wanted.waits_for, Agreement.voided_at.is_(None)
        )
        conditions += [Proposal.state.in_(LAPSING), Proposal.id.not_in(answered)]
    return conditions
