"""What of running partnerships waits for somebody: visits, reviews, ends and concerns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, String, cast, exists, func, select
from sqlalchemy.orm import Session

from app.access.persons import same_person
from app.access.policy import Action, Principal
from app.access.scoped import visible
from app.partnerships.reviews import as_wider
from app.proposals.heard import OF_SIDE
from models.matching import Proposal
from models.partnerships import Concern, Partnership, Review, SupportVisit
from models.vocabulary import RUNNING_SUPPORT, Role, Side, VisitState

REVIEWED_EVERY: Final = timedelta(days=60)
ENDS_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Due:
    """Numbers of partnerships in which something waits for the principal, the oldest first."""

    write_up: Sequence[int]
    sign: Sequence[int]
    review: Sequence[int]
    end: Sequence[int]
    answer: Sequence[int]


def due_for(session: Session, principal: Principal, today: date, limit: int) -> Due:
    """What waits for a contact, for its side; for brokers, what ends; for approvers, concerns.

    Brokers, who may record what others do, and administrators are asked for no more than that.
    """
    contact = _only(principal, Role.CONTACT)
    broker = _only(principal, Role.BROKER, Role.NETWORK_LEADER)
    approver = as_wider(_only(principal, Role.APPROVER))
    names = same_person(session, principal.name)
    running = Partnership.state.in_(RUNNING_SUPPORT)

    def found(condition: ColumnElement[bool], who: Principal, action: Action) -> list[int]:
        query = (
            select(Partnership.id)
            .join(Proposal, Proposal.id == Partnership.proposal_id)
            .where(condition, visible(who, action, Proposal))
            .order_by(Partnership.ends, Partnership.id)
            .limit(limit)
        )
        return list(session.scalars(query))

    def has_visit(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists().where(SupportVisit.partnership_id == Partnership.id, *conditions)

    def unreviewed(side: Side) -> Any:
        lately = exists().where(
            Review.partnership_id == Partnership.id,
            Review.reviewer == side,
            Review.on_day > today - REVIEWED_EVERY,
        )
        return running & (Partnership.starts <= today - REVIEWED_EVERY) & ~lately

    booked = has_visit(SupportVisit.state == VisitState.BOOKED, SupportVisit.on_day <= today)
    before = func.coalesce(cast(SupportVisit.written_before_by, String), "")
    written = has_visit(
        SupportVisit.state == VisitState.WRITTEN_UP,
        SupportVisit.written_up_by.not_in(names),
        *(~before.contains(f'"{name}"', autoescape=True) for name in names),
    )
    open_concern = exists().where(
        Concern.partnership_id == Partnership.id,
        Concern.answered_at.is_(None),
        Concern.raised_by.not_in(names),
    )
    reviews = [found(unreviewed(side), contact, OF_SIDE[side]) for side in Side]
    return Due(
        found(booked, contact, Action.AGREE_FOR_GIVER),
        found(written, contact, Action.AGREE_FOR_TAKER),
        sorted({each for some in reviews for each in some})[:limit],
        found(running & (Partnership.ends <= today + ENDS_SOON), broker, Action.REVIEW),
        found(open_concern, approver, Action.APPROVE),
    )


def _only(principal: Principal, *roles: Role) -> Principal:
    """The same with no more than these roles."""
    grants = frozenset(each for each in principal.grants if each.role in roles)
    return replace(principal, grants=grants)
