"""One kind of work as a query: what it is read from, and the parts that many kinds share."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.orm import Session

from app.access.persons import same_person
from app.access.policy import BROKERS, Principal
from app.proposals.states import LAPSING
from app.work.days import days_after, utc_day
from app.work.kinds import WorkKind
from app.work.narrowed import Narrowed
from models.base import UtcDateTime
from models.matching import Agreement, Decision, Proposal, ProposalFlag
from models.partnerships import Partnership, Review, SupportVisit
from models.vocabulary import (
    RUNNING_SUPPORT,
    ClaimState,
    DecisionAction,
    ProposalState,
    Role,
    Side,
)

K = WorkKind
Condition = ColumnElement[bool]
REVIEWED_EVERY: Final = timedelta(days=60)
CONFIRMED_EVERY: Final = timedelta(days=90)
"""How long what somebody said that they can give is taken for true without asking again."""
ENDS_SOON: Final = timedelta(days=30)
VISITS_AHEAD: Final = timedelta(days=28)
BROKERING: Final = BROKERS | {Role.ADMINISTRATOR}
OPEN_CLAIMS: Final = (ClaimState.MADE, ClaimState.APPROVED)
APPROVABLE: Final = (ProposalState.AGREED, ProposalState.DEFERRED)
OTHER: Final = {Side.TAKER: Side.GIVER, Side.GIVER: Side.TAKER}
COLUMNS: Final[Mapping[str, Any]] = {
    "kind": String(),
    "number": Integer(),
    "party": String(),
    "role": String(),
    "proposal_id": Integer(),
    "partnership_id": Integer(),
    "need_id": Integer(),
    "offer_id": Integer(),
    "participant_id": Integer(),
    "path": String(),
    "name": String(),
    "day": Date(),
    "since": Date(),
    "since_at": UtcDateTime(),
    "due": Date(),
    "due_at": UtcDateTime(),
}
"""`number` is that of the visit, link or whatever else it is that waits; with the kind and the
party it is the only one of its kind. `path` leads to what is about no proposal, need or offer, but
about a participant. `name` is that of an alliance, and `day` that of a visit."""


@dataclass(frozen=True, slots=True)
class Source:
    """The work of one kind: what it is read from, and what its columns are."""

    kind: WorkKind
    rows: Select[Any]
    columns: Mapping[str, Any]

    def items(self) -> Select[Any]:
        found = {"kind": literal(self.kind.value), "party": literal(""), **self.columns}
        return self.rows.add_columns(
            *(
                found.get(name, cast(null(), kind)).label(name)  # of one type in all of them
                for name, kind in COLUMNS.items()
            )
        )

    def count(self) -> Select[Any]:
        return self.rows.add_columns(
            literal(self.kind.value).label("kind"), func.count().label("number")
        )


@dataclass(frozen=True, slots=True)
class Whose:
    """Somebody in each capacity, with no more than what that one may do."""

    contact: Principal
    broker: Principal
    approver: Principal
    either: Principal
    """As a contact or a broker."""
    names: frozenset[str]

    @classmethod
    def of(cls, session: Session, principal: Principal) -> "Whose":
        """Administrators work as brokers and approvers; nobody speaks for a side but contacts."""
        return cls(
            only(principal, Role.CONTACT),
            only(principal, *BROKERING),
            only(principal, Role.APPROVER, Role.ADMINISTRATOR),
            only(principal, Role.CONTACT, *BROKERING),
            same_person(session, principal.name),
        )


def only(principal: Principal, *roles: Role) -> Principal:
    """The same with no more than these roles."""
    grants = frozenset(each for each in principal.grants if each.role in roles)
    return replace(principal, grants=grants)


def moment(of: str, at: Any) -> dict[str, Any]:
    return {of: utc_day(at), f"{of}_at": at}


SINCE_PREFERRED: Final = moment(
    "since",
    select(func.max(Decision.at))
    .where(Decision.proposal_id == Proposal.id, Decision.action == DecisionAction.PREFER)
    .correlate(Proposal)
    .scalar_subquery(),
)
SINCE_DECIDED: Final = moment(
    "since",
    select(func.max(Decision.at))
    .where(Decision.proposal_id == Proposal.id)
    .correlate(Proposal)
    .scalar_subquery(),
)
SINCE_AGREED: Final = moment(
    "since",
    select(func.max(Agreement.at))
    .where(Agreement.proposal_id == Proposal.id, Agreement.voided_at.is_(None))
    .correlate(Proposal)
    .scalar_subquery(),
)
UNTIL_LAPSED: Final = moment("due", Proposal.held_until)
HELD: Final = Proposal.state.in_(LAPSING)
RUNNING: Final = Partnership.state.in_(RUNNING_SUPPORT)


def of_proposals(narrowed: Narrowed, *conditions: Condition) -> Select[Any]:
    return select().select_from(Proposal).where(*conditions, *narrowed.proposals())


def of_partnerships(narrowed: Narrowed, *conditions: Condition) -> Select[Any]:
    joined = select().join_from(Partnership, Proposal, Proposal.id == Partnership.proposal_id)
    return joined.where(*conditions, *narrowed.proposals())


def below(model: Any, narrowed: Narrowed, *conditions: Condition) -> Select[Any]:
    """What belongs to partnerships, such as visits."""
    found = of_partnerships(narrowed, *conditions)
    return found.join(model, model.partnership_id == Partnership.id)


def about_proposal(kind: WorkKind, rows: Select[Any], **columns: Any) -> Source:
    return Source(kind, rows, {"number": Proposal.id, "proposal_id": Proposal.id, **columns})


def about_partnership(
    kind: WorkKind, rows: Select[Any], number: Any = Partnership.id, **columns: Any
) -> Source:
    about = {"proposal_id": Proposal.id, "partnership_id": Partnership.id}
    return Source(kind, rows, {"number": number, **about, **columns})


def about_visit(kind: WorkKind, rows: Select[Any], **columns: Any) -> Source:
    return about_partnership(kind, rows, SupportVisit.id, day=SupportVisit.on_day, **columns)


FLAGGED: Final = (
    exists()
    .where(ProposalFlag.proposal_id == Proposal.id, ProposalFlag.cleared_at.is_(None))
    .correlate(Proposal)
)
"""It can no longer go ahead as planned: nobody can be asked, and no yes is taken."""


def answered(side: Side) -> Condition:
    return (
        exists()
        .where(
            Agreement.proposal_id == Proposal.id,
            Agreement.side == side,
            Agreement.voided_at.is_(None),
        )
        .correlate(Proposal)
    )


def unreviewed_by(side: Side, today: date) -> tuple[Condition, dict[str, Any]]:
    """Partnerships that a side has said nothing of for long, and since when."""
    of_side = (Review.partnership_id == Partnership.id, Review.reviewer == side)
    lately = exists().where(*of_side, Review.on_day > today - REVIEWED_EVERY)
    last = select(func.max(Review.on_day)).where(*of_side).correlate(Partnership)
    since = func.coalesce(last.scalar_subquery(), Partnership.starts)
    condition = and_(
        RUNNING, Partnership.starts <= today - REVIEWED_EVERY, ~lately.correlate(Partnership)
    )
    return condition, {"since": since, "due": days_after(since, REVIEWED_EVERY.days)}
