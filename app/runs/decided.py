"""What became of the proposals of a run: how many, and of how many days, by the furthest of it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import Subquery, case, distinct, func, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from models.exchange import Need
from models.matching import Decision, Proposal
from models.partnerships import Partnership
from models.vocabulary import (
    APPROVED_PROPOSALS,
    HOLDING,
    DecisionAction,
    DeclineReason,
    NeedState,
    ProposalState,
    SupportState,
)


class Became(StrEnum):
    """What a proposal has become; each is one of these."""

    PROPOSED = "proposed"
    PREFERRED = "preferred"
    DUE_DILIGENCE = "due_diligence"
    AGREED = "agreed"
    """By both sides; also what an approver has put off."""
    APPROVED = "approved"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    """As a partnership, for another reason than that it went as agreed."""
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    REPLACED = "replaced"


S = ProposalState
BECAME: Final = case(
    (Proposal.state.in_(APPROVED_PROPOSALS) & Partnership.id.is_(None), Became.APPROVED.value),
    (Proposal.state.in_(APPROVED_PROPOSALS), Became.RUNNING.value),
    (
        (Proposal.state == S.COMPLETED) & (Partnership.state == SupportState.STOPPED),
        Became.STOPPED.value,
    ),
    (Proposal.state == S.DEFERRED, Became.AGREED.value),
    else_=Proposal.state,
)


@dataclass(frozen=True, slots=True)
class Number:
    """So many proposals, and their half-days together."""

    proposals: int = 0
    half_days: int = 0

    def __add__(self, other: "Number") -> "Number":
        return Number(self.proposals + other.proposals, self.half_days + other.half_days)


@dataclass(frozen=True, slots=True)
class Decided:
    """Of the proposals of a run that somebody may read."""

    became: dict[Became, Number]
    """Only what there is, in the order of `Became`."""
    declined: dict[DeclineReason, Number] = field(default_factory=dict)
    """By the reason of the decision."""
    held: Number = Number()
    """Of all that hold days now: preferred, in due diligence, agreed, approved or running."""
    needs_met: int = 0
    """Needs that were met by partnerships of these proposals."""

    @property
    def total(self) -> Number:
        return sum(self.became.values(), Number())


def decided(session: Session, principal: Principal, run_id: int) -> Decided:
    """What became of the proposals of a run, as far as the principal may read them."""
    authorise(principal, Action.READ)
    mine = (Proposal.run_id == run_id, visible(principal, Action.READ, Proposal))
    became = (
        select(BECAME.label("word"), Proposal.half_days)
        .select_from(Proposal)
        .outerjoin(Partnership, Partnership.proposal_id == Proposal.id)
        .where(*mine)
        .subquery()
    )
    reason = (
        select(Decision.reason)
        .where(Decision.proposal_id == Proposal.id, Decision.action == DecisionAction.DECLINE)
        .order_by(Decision.id.desc())
        .limit(1)
        .correlate(Proposal)
        .scalar_subquery()
    )
    declined = (
        select(func.coalesce(reason, DeclineReason.OTHER.value).label("word"), Proposal.half_days)
        .where(*mine, Proposal.state == S.DECLINED)
        .subquery()
    )
    found, reasons = (_sums(session, each) for each in (became, declined))
    sums = (func.count(), func.sum(Proposal.half_days))
    held = session.execute(select(*sums).where(*mine, Proposal.state.in_(HOLDING))).one()
    met = session.scalar(
        select(func.count(distinct(Proposal.need_id)))
        .join(Need, Need.id == Proposal.need_id)
        .where(*mine, Proposal.state == S.COMPLETED, Need.state == NeedState.MET)
    )
    return Decided(
        {each: found[each.value] for each in Became if each.value in found},
        {each: reasons[each.value] for each in DeclineReason if each.value in reasons},
        Number(held[0], held[1] or 0),
        met or 0,
    )


def _sums(session: Session, each: Subquery) -> dict[str, Number]:
    """How many there are of each word, and their half-days."""
    query = select(each.c.word, func.count(), func.sum(each.c.half_days)).group_by(each.c.word)
    return {word: Number(count, half_days) for word, count, half_days in session.execute(query)}
