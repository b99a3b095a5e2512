"""Reads of needs and offers, by page and by reference."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select, true
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.chunks import chunked
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.partnerships import Partnership
from models.register import Area, Participant
from models.vocabulary import (
    ENDED_PROPOSALS,
    AreaKind,
    Availability,
    NeedProgress,
    NeedState,
    ProposalState,
)

Item = TypeVar("Item", Need, Offer)


def confirmed(need: Any, offer: Any) -> Any:
    """Whether a pair rests on nothing that nobody confirmed yet: of rows, or of tables as SQL."""
    return (need.state != NeedState.SUGGESTED) & (offer.availability != Availability.NOT_ANSWERED)


def _has(*states: ProposalState) -> ColumnElement[bool]:
    return exists().where(Proposal.need_id == Need.id, Proposal.state.in_(states)).correlate(Need)


PROGRESS: Final[ColumnElement[str]] = case(
    (Need.state == NeedState.MET, NeedProgress.MET.value),
    (Need.state == NeedState.CLOSED, NeedProgress.CLOSED.value),
    (
        exists()
        .where(
            Proposal.need_id == Need.id,
            Partnership.proposal_id == Proposal.id,
            Partnership.over_on.is_(None),
        )
        .correlate(Need),
        NeedProgress.RUNNING.value,
    ),
    (
        _has(ProposalState.APPROVED, ProposalState.APPROVED_WITH_CONDITIONS),
        NeedProgress.APPROVED.value,
    ),
    (_has(ProposalState.AGREED, ProposalState.DEFERRED), NeedProgress.AGREED.value),
    (_has(ProposalState.PREFERRED, ProposalState.DUE_DILIGENCE), NeedProgress.HELD.value),
    (_has(ProposalState.PROPOSED), NeedProgress.PROPOSED.value),
    else_=NeedProgress.NOTHING.value,
)
"""What came of a need; whoever may read the need may read its proposals."""


def progress_of(session: Session, needs: Sequence[Need]) -> dict[int, NeedProgress]:
    """What came of each of some needs, by its id."""
    found: dict[int, NeedProgress] = {}
    for some in chunked([need.id for need in needs]):
        query = select(Need.id, PROGRESS).where(Need.id.in_(some))
        found |= {need_id: NeedProgress(word) for need_id, word in session.execute(query)}
    return found


def list_needs(
    session: ReadSession,
    principal: Principal,
    *,
    state: NeedState | None = None,
    progress: NeedProgress | None = None,
    period: str | None = None,
    expertise: str | None = None,
    participant: str | None = None,
    area: tuple[AreaKind, str] | None = None,
    after_id: int = 0,
    limit: int | None = 100,
) -> Sequence[Need]:
    """A page of needs by id; `participant` is its reference, `area` a kind and code."""
    authorise(principal, Action.READ)
    query = _filtered(principal, Need, period, expertise, participant, area, after_id, limit)
    if state is not None:
        query = query.where(Need.state == state)
    if progress is not None:
        query = query.where(PROGRESS.in_([progress.value]))
    return session.scalars(query).all()


def list_offers(
    session: ReadSession,
    principal: Principal,
    *,
    availability: Availability | None = None,
    period: str | None = None,
    expertise: str | None = None,
    participant: str | None = None,
    area: tuple[AreaKind, str] | None = None,
    after_id: int = 0,
    limit: int | None = 100,
) -> Sequence[Offer]:
    """A page of the offers that are not withdrawn, by id."""
    authorise(principal, Action.READ)
    query = _filtered(principal, Offer, period, expertise, participant, area, after_id, limit)
    if availability is not None:
        query = query.where(Offer.availability == availability)
    return session.scalars(query.where(~Offer.withdrawn)).all()


def get_need(session: ReadSession | WriteSession, principal: Principal, reference: str) -> Need:
    authorise(principal, Action.READ)
    return _get(session, principal, Need, reference)


def get_offer(session: ReadSession | WriteSession, principal: Principal, reference: str) -> Offer:
    authorise(principal, Action.READ)
    return _get(session, principal, Offer, reference)


def open_proposals(
    session: ReadSession, principal: Principal, need: Need
) -> list[tuple[Proposal, Run, Participant]]:
    """Proposals for a need that have not ended, with their runs and givers."""
    authorise(principal, Action.READ)
    query = (
        select(Proposal, Run, Participant)
        .join(Run, Run.id == Proposal.run_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Participant, Participant.id == Offer.participant_id)
        .where(
            Proposal.need_id == need.id,
            Proposal.state.not_in(ENDED_PROPOSALS),
            visible(principal, Action.READ, Proposal),
        )
        .order_by(Proposal.id)
    )
    return [(proposal, run, giver) for proposal, run, giver in session.execute(query)]


def _get(
    session: ReadSession | WriteSession, principal: Principal, model: type[Item], reference: str
) -> Item:
    seen = visible(principal, Action.READ, model)
    found = session.scalar(select(model).where(model.reference == reference, seen))
    if found is None:
        raise NotFound(f"There is no {model.__tablename__} {reference!r}. Check the reference.")
    return found


def _filtered(
    principal: Principal,
    model: type[Item],
    period: str | None,
    expertise: str | None,
    participant: str | None,
    area: tuple[AreaKind, str] | None,
    after_id: int,
    limit: int | None,
) -> Select[Item]:
    query = select(model).join(Participant, Participant.id == model.participant_id)
    query = query.where(visible(principal, Action.READ, model))
    if period is not None:
        query = query.where(model.period_code == period)
    if expertise is not None:
        query = query.where(model.expertise_code == expertise)
    if participant is not None:
        query = query.where(Participant.reference == participant)
    if area is not None:
        query = query.where(in_area(*area))
    return query.where(model.id > after_id).order_by(model.id).limit(limit)


def in_area(kind: AreaKind, code: str) -> ColumnElement[bool]:
    """Whether a participant lies in an area."""
    match kind:
        case AreaKind.COUNTRY:
            return true()
        case AreaKind.REGION:
            return Participant.region_code == code
        case AreaKind.LOCAL_AUTHORITY:
            return Participant.local_authority_code == code
        case AreaKind.DISTRICT:
            return Participant.district_code == code


def find_area(session: ReadSession | WriteSession, named: str) -> Area:
    """The area with this name or code; `kind:code` where a name is not the only one of its kind."""
    kind, _, code = named.rpartition(":")
    query = select(Area).where(or_(func.lower(Area.name) == code.lower(), Area.code == code))
    found = session.scalars(query.where(Area.kind == kind) if kind else query).all()
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(f"There is no area {named!r}. Use a name or code from the register.")
    choices = ", ".join(sorted(f"{area.kind}:{area.code} ({area.name})" for area in found))
    raise Conflict(f"{named!r} could be several areas: {choices}. Enter one of them as kind:code.")
