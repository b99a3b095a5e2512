"""What participants gave and took, period by period: running and past support, and holds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import outside
from app.planning.build import HOLDERS
from app.planning.holds import has_partnership
from app.register.group_members import MEMBERS, belongs_on
from models.exchange import Limits, Need, Offer
from models.matching import Proposal, Run
from models.partnerships import Support
from models.register import Group
from models.vocabulary import HOLDING

Ours = Callable[[InstrumentedAttribute[Any]], ColumnElement[bool]]
"""Whether a column names one of those whose balance is asked for."""


@dataclass(slots=True)
class Balance:
    """Half-days of one period; what other agencies give is nobody's debt and not counted."""

    period: str
    given: int = 0
    taken: int = 0
    held_to_give: int = 0
    held_to_take: int = 0
    carried: int = 0

    @property
    def total(self) -> int:
        out = self.given + self.held_to_give
        return self.carried + out - self.taken - self.held_to_take


@dataclass(frozen=True, slots=True)
class Account:
    """The balances of a trust or federation: those of its schools and central team together."""

    name: str
    balances: list[Balance]


def balances(session: Session, principal: Principal, participant_id: int) -> list[Balance]:
    """One for each period in which something is on either side, by period."""
    authorise(principal, Action.READ)
    if outside(session, principal, Action.READ, [participant_id]):
        return []
    return balances_where(session, lambda column: column == participant_id)


def accounts(
    session: Session, principal: Principal, participant_id: int, day: date
) -> list[Account]:
    """Of each open trust and federation that the participant belongs to on `day`."""
    authorise(principal, Action.READ)
    if outside(session, principal, Action.READ, [participant_id]):
        return []
    kinds = sorted(kind for kinds in HOLDERS.values() for kind in kinds)
    groups = (
        select(Group.id, Group.name)
        .join(MEMBERS, MEMBERS.c.group_id == Group.id)
        .where(MEMBERS.c.participant_id == participant_id, belongs_on(day))
        .where(Group.open, Group.kind.in_(kinds))
        .distinct()
        .order_by(Group.name)
    )
    found = []
    for group_id, name in session.execute(groups).all():
        members = select(MEMBERS.c.participant_id).where(
            MEMBERS.c.group_id == group_id, belongs_on(day)
        )
        found.append(Account(name, balances_where(session, _among(members))))
    return found


def _among(members: Select[int]) -> Ours:
    return lambda column: column.in_(members)


def balances_where(session: Session, ours: Ours) -> list[Balance]:
    found: dict[str, Balance] = {}
    for name, condition in (
        ("given", ours(Support.giver_id)),
        ("taken", and_(ours(Support.taker_id), Support.agency.is_(None))),
    ):
        _sum_support(session, found, name, condition)
    for name, side in (
        ("held_to_give", ours(Offer.participant_id)),
        ("held_to_take", ours(Need.participant_id)),
    ):
        query = (
            select(Run.period_code, func.sum(Proposal.half_days))
            .select_from(Proposal)
            .join(Run, Run.id == Proposal.run_id)
            .join(Need, Need.id == Proposal.need_id)
            .join(Offer, Offer.id == Proposal.offer_id)
            .where(side, Proposal.state.in_(HOLDING), ~has_partnership())
            .group_by(Run.period_code)
        )
        for period, half_days in session.execute(query):
            setattr(found.setdefault(period, Balance(period)), name, half_days)
    carried = (
        select(Limits.period_code, func.sum(Limits.carried_half_days))
        .where(ours(Limits.participant_id), Limits.carried_half_days != 0)
        .group_by(Limits.period_code)
    )
    for period, half_days in session.execute(carried):
        found.setdefault(period, Balance(period)).carried = half_days
    return [found[period] for period in sorted(found)]


def _sum_support(
    session: Session, found: dict[str, Balance], name: str, condition: ColumnElement[bool]
) -> None:
    query = (
        select(Support.period_code, func.sum(Support.half_days))
        .where(condition, Support.period_code.is_not(None), Support.half_days.is_not(None))
        .group_by(Support.period_code)
    )
    for period, half_days in session.execute(query):
        setattr(found.setdefault(period or "", Balance(period or "")), name, half_days)
