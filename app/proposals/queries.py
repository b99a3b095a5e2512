"""Proposals with both sides, their alternates and decisions; pins and exclusions: as lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal, authorise
from app.errors import NotFound
from app.planning.load import in_force
from models.exchange import Need, Offer
from models.matching import Agreement, Alternate, Decision, Proposal, Run, Steering
from models.register import Participant
from models.vocabulary import Availability, NeedState, Says, Side

Taker, Giver = aliased(Participant), aliased(Participant)
AT_ONCE: Final = 1_000
REMOTE_COMES_LAST: Final = 2**31 - 1

SORTS: Final[dict[str, tuple[ColumnElement[int], bool]]] = {
    "id": (Proposal.id.expression, False),
    "points": (Proposal.points.expression, False),
    "-points": (Proposal.points.expression, True),
    "distance": (func.coalesce(Proposal.distance_m, REMOTE_COMES_LAST), False),
    "-distance": (func.coalesce(Proposal.distance_m, REMOTE_COMES_LAST), True),
}
"""What proposals may be sorted by, and whether the highest comes first."""


SENDABLE: Final = and_(
    Need.state != NeedState.SUGGESTED, Offer.availability != Availability.NOT_ANSWERED
)
"""Whether a proposal rests on nothing that nobody confirmed yet."""


@dataclass(frozen=True, slots=True)
class Full:
    """A proposal with everything a person needs to tell whose it is."""

    proposal: Proposal
    need: Need
    offer: Offer
    taker: Participant
    giver: Participant

    @property
    def sendable(self) -> bool:
        """As `SENDABLE`, now; the proposal's own column says how it was when it was made."""
        return (
            self.need.state != NeedState.SUGGESTED
            and self.offer.availability != Availability.NOT_ANSWERED
        )

    def sort_key(self, sort: str) -> tuple[int, int]:
        distance = self.proposal.distance_m
        value = {
            "id": self.proposal.id,
            "points": self.proposal.points,
            "distance": REMOTE_COMES_LAST if distance is None else distance,
        }[sort.removeprefix("-")]
        return value, self.proposal.id


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which proposals; what is none does not filter."""

    run: int | None = None
    state: str | None = None
    need: str | None = None
    offer: str | None = None
    taker: str | None = None
    giver: str | None = None
    expertise: str | None = None
    sendable: bool | None = None


def _full() -> Select[Proposal, Need, Offer, Participant, Participant]:
    return (
        select(Proposal, Need, Offer, Taker, Giver)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Taker, Taker.id == Need.participant_id)
        .join(Giver, Giver.id == Offer.participant_id)
    )


def list_proposals(
    session: Session,
    principal: Principal,
    wanted: Wanted,
    *,
    sort: str = "id",
    after: tuple[int, int] | None = None,
    limit: int | None = 50,
) -> list[Full]:
    """Proposals after the one whose `sort_key` is `after`, ties by id."""
    authorise(principal, Action.READ)
    key, descending = SORTS[sort]
    # Ids first: to sort whole rows, with all their sentences, costs more than to find them.
    page = (
        select(Proposal.id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .limit(limit)
    )
    if descending:
        page = page.order_by(key.desc(), Proposal.id.desc())
    else:
        page = page.order_by(key, Proposal.id)
    if after is not None:
        here, place = tuple_(key, Proposal.id), tuple_(*after)
        page = page.where(here < place if descending else here > place)
    for column, value in (
        (Proposal.run_id, wanted.run),
        (Proposal.state, wanted.state),
        (Need.reference, wanted.need),
        (Offer.reference, wanted.offer),
        (Need.expertise_code, wanted.expertise),
    ):
        if value is not None:
            page = page.where(column == value)
    if wanted.sendable is not None:
        page = page.where(SENDABLE if wanted.sendable else ~SENDABLE)
    for side, reference in (
        (Need.participant_id, wanted.taker),
        (Offer.participant_id, wanted.giver),
    ):
        if reference is not None:
            who = select(Participant.id).where(Participant.reference == reference)
            page = page.where(side == who.scalar_subquery())
    ids = session.scalars(page).all()
    found: dict[int, Full] = {}
    for start in range(0, len(ids), AT_ONCE):
        query = _full().where(Proposal.id.in_(ids[start : start + AT_ONCE]))
        found |= {row[0].id: Full(*row) for row in session.execute(query)}
    return [found[each] for each in ids]


def get_proposal(session: Session, principal: Principal, proposal_id: int) -> Full:
    authorise(principal, Action.READ)
    row = session.execute(_full().where(Proposal.id == proposal_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no proposal {proposal_id}. Check the number.")
    return Full(*row)


def options_of(session: Session, run_id: int) -> dict[str, Any]:
    return session.get_one(Run, run_id).options


def alternates_of(
    session: Session, run_id: int, need_id: int
) -> list[tuple[Alternate, Offer, Participant]]:
    """The next best candidates of a need in a run, best first, with their givers."""
    query = (
        select(Alternate, Offer, Participant)
        .join(Offer, Offer.id == Alternate.offer_id)
        .join(Participant, Participant.id == Offer.participant_id)
        .where(Alternate.run_id == run_id, Alternate.need_id == need_id)
        .order_by(Alternate.rank)
    )
    return [(alternate, offer, giver) for alternate, offer, giver in session.execute(query)]


def decisions_of(session: Session, principal: Principal, proposal_id: int) -> Sequence[Decision]:
    """What was decided on a proposal, in order."""
    authorise(principal, Action.READ)
    query = select(Decision).where(Decision.proposal_id == proposal_id).order_by(Decision.id)
    return session.scalars(query).all()


def agreements_of(session: Session, principal: Principal, proposal_id: int) -> Sequence[Agreement]:
    """What both sides said to a proposal, in order, with what was voided."""
    authorise(principal, Action.READ)
    query = select(Agreement).where(Agreement.proposal_id == proposal_id).order_by(Agreement.id)
    return session.scalars(query).all()


def answers_to(
    session: Session, principal: Principal, proposal_ids: Sequence[int]
) -> dict[int, dict[Side, Says]]:
    """What each side of some proposals said last, as far as it stands."""
    authorise(principal, Action.READ)
    found: dict[int, dict[Side, Says]] = {}
    for start in range(0, len(proposal_ids), AT_ONCE):
        query = select(Agreement.proposal_id, Agreement.side, Agreement.says).where(
            Agreement.voided_at.is_(None),
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
    query = _steered(kind).where(Steering.id > after).order_by(Steering.id).limit(limit)
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
    row = session.execute(_steered(kind).where(Steering.id == steering_id)).one_or_none()
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
