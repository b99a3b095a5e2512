"""Reads of needs and offers, by page and by reference."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select, true

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.chunks import chunked
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.exchange.list_query import NeedQuery, OfferQuery
from app.exchange.progress import PROGRESS
from app.http.list_query import ListQuery
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.register import Area, Participant
from models.vocabulary import (
    ENDED_PROPOSALS,
    AreaKind,
    Availability,
    NeedProgress,
    NeedState,
)

Item = TypeVar("Item", Need, Offer)
EVERY_NEED: Final = NeedQuery()
EVERY_OFFER: Final = OfferQuery()


def confirmed(need: Any, offer: Any) -> Any:
    """Whether a pair rests on nothing that nobody confirmed yet: of rows, or of tables as SQL."""
    return (need.state != NeedState.SUGGESTED) & (offer.availability != Availability.NOT_ANSWERED)


@dataclass(frozen=True, slots=True)
class Number:
    """So many needs or offers, and their half-days together."""

    items: int = 0
    half_days: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """What a list comes to as it is filtered, on all of its pages."""

    total: Number
    came: dict[NeedProgress, Number] = field(default_factory=dict)
    """Of needs, by what has come of them; only what there is."""


def list_needs(
    session: ReadSession,
    principal: Principal,
    wanted: NeedQuery = EVERY_NEED,
    *,
    skip: int = 0,
    limit: int | None = 100,
) -> list[Need]:
    """A page of needs in the order that is wanted."""
    return load(session, Need, need_ids(session, principal, wanted, skip=skip, limit=limit))


def list_offers(
    session: ReadSession,
    principal: Principal,
    wanted: OfferQuery = EVERY_OFFER,
    *,
    skip: int = 0,
    limit: int | None = 100,
) -> list[Offer]:
    """A page of the offers that are not withdrawn, in the order that is wanted."""
    return load(session, Offer, offer_ids(session, principal, wanted, skip=skip, limit=limit))


def need_ids(
    session: ReadSession,
    principal: Principal,
    wanted: NeedQuery,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> Sequence[int]:
    """Those of a page, or of the whole list, in order: whole rows are read in parts."""
    query = wanted.ordered(_needs(session, principal, wanted, Need.id), Need.id.expression)
    return session.scalars(query.offset(skip).limit(limit)).all()


def offer_ids(
    session: ReadSession,
    principal: Principal,
    wanted: OfferQuery,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> Sequence[int]:
    query = wanted.ordered(_offers(session, principal, wanted, Offer.id), Offer.id.expression)
    return session.scalars(query.offset(skip).limit(limit)).all()


def load(session: ReadSession, model: type[Item], ids: Sequence[int]) -> list[Item]:
    """Needs or offers by their ids, in that order."""
    found: dict[int, Item] = {}
    for some in chunked(ids):
        found |= {row.id: row for row in session.scalars(select(model).where(model.id.in_(some)))}
    return [found[each] for each in ids if each in found]


def whose(
    session: ReadSession, found: Sequence[Need | Offer]
) -> dict[int, tuple[Participant, str | None]]:
    """Whose needs or offers are, by the participant's id, with the local authority's name."""
    query = select(Participant, Area.name).outerjoin(
        Area,
        (Area.kind == AreaKind.LOCAL_AUTHORITY.value)
        & (Area.code == Participant.local_authority_code),
    )
    ids = {each.participant_id for each in found}
    rows = (
        row
        for some in chunked(sorted(ids))
        for row in session.execute(query.where(Participant.id.in_(some)))
    )
    return {who.id: (who, area) for who, area in rows}


def count_needs(session: ReadSession, principal: Principal, wanted: NeedQuery) -> Totals:
    """What the needs come to, and what has come of them."""
    each = _needs(session, principal, wanted, PROGRESS.label("word"), Need.half_days).subquery()
    query = select(each.c.word, func.count(), func.sum(each.c.half_days)).group_by(each.c.word)
    found = {word: Number(items, days) for word, items, days in session.execute(query)}
    total = Number(
        sum(one.items for one in found.values()), sum(one.half_days for one in found.values())
    )
    return Totals(total, {word: found[word.value] for word in NeedProgress if word.value in found})


def count_offers(session: ReadSession, principal: Principal, wanted: OfferQuery) -> Totals:
    query = _offers(session, principal, wanted, func.count(), func.sum(Offer.half_days))
    items, days = session.execute(query).one()
    return Totals(Number(items, days or 0))


def place_of_need(
    session: ReadSession, principal: Principal, wanted: NeedQuery, reference: str
) -> str:
    """Where a need stands in the list, for the page that follows it."""
    query = _needs(session, principal, wanted).where(Need.reference == reference)
    return wanted.place(session, query, Need.id.expression)


def place_of_offer(
    session: ReadSession, principal: Principal, wanted: OfferQuery, reference: str
) -> str:
    query = _offers(session, principal, wanted).where(Offer.reference == reference)
    return wanted.place(session, query, Offer.id.expression)


def _needs(
    session: ReadSession, principal: Principal, wanted: NeedQuery, *columns: Any
) -> Select[Any]:
    authorise(principal, Action.READ)
    return _whose(Need, wanted, *columns).where(
        visible(principal, Action.READ, Need), *wanted.conditions(session)
    )


def _offers(
    session: ReadSession, principal: Principal, wanted: OfferQuery, *columns: Any
) -> Select[Any]:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, Offer)
    return _whose(Offer, wanted, *columns).where(
        seen, ~Offer.withdrawn, *wanted.conditions(session)
    )


def _whose(model: type[Need] | type[Offer], wanted: ListQuery, *columns: Any) -> Select[Any]:
    # An outer join is left out where nothing asks for it; by an inner one names come sorted.
    is_by_name = wanted.sort.removeprefix("-") == "participant"
    return (
        select(*columns)
        .select_from(model)
        .join(Participant, Participant.id == model.participant_id, isouter=not is_by_name)
    )


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
