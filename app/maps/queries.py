"""What maps show: plain columns; whatever is not named here is on no public layer.

The public reads take no principal: they read what anybody may see. A pairing is public while it
is approved and both of its sides consent.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.proposals.publication import PUBLISHABLE
from app.proposals.states import ENDED
from app.register.search import each_word
from app.runs.queries import get_run
from models.exchange import Expertise, Need, Offer
from models.matching import Agreement, Proposal, PublicationConsent
from models.register import Area, ImportBatch, Institution, Organisation, Participant
from models.vocabulary import HOLDING, AreaKind, Availability, ProposalState, Side

Query = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]
Region = aliased(Area)
Giver, Taker = aliased(Participant), aliased(Participant)


class Box(NamedTuple):
    """Degrees of longitude and latitude."""

    west: float
    south: float
    east: float
    north: float


def _place(query: Query) -> Query:
    """With the names of the local authority and the region."""
    return query.outerjoin(
        Area,
        and_(
            Area.kind == AreaKind.LOCAL_AUTHORITY.value,
            Area.code == Participant.local_authority_code,
        ),
    ).outerjoin(
        Region,
        and_(Region.kind == AreaKind.REGION.value, Region.code == Participant.region_code),
    )


_OF_PARTICIPANT: Final = (
    Participant.name,
    Participant.postcode,
    Participant.latitude,
    Participant.longitude,
    Area.name.label("local_authority"),
    Region.name.label("region"),
)
INSTITUTIONS: Final = _place(
    select(
        Participant.id.label("key"),
        Institution.urn,
        Institution.type_name,
        Institution.phases,
        Institution.low_age,
        Institution.high_age,
        Institution.specialist,
        Institution.alternative_provision,
        *_OF_PARTICIPANT,
    )
    .select_from(Participant)
    .join(Institution, Institution.participant_id == Participant.id)
).where(Institution.in_scope)


def organisations(today: date) -> Query:
    query = select(
        Participant.id.label("key"),
        Organisation.key.label("organisation"),
        Organisation.kind,
        *_OF_PARTICIPANT,
    ).select_from(Participant)
    return _place(query.join(Organisation, Organisation.participant_id == Participant.id)).where(
        or_(Organisation.closed.is_(None), Organisation.closed > today)
    )


def published_offers(today: date) -> Query:
    """What givers themselves have answered that they can offer, while it stands."""
    return (
        select(
            Offer.id.label("key"),
            Offer.reference,
            Offer.participant_id,
            Participant.reference.label("giver"),
            Participant.name.label("giver_name"),
            Participant.latitude,
            Participant.longitude,
            Offer.expertise_code,
            Expertise.name.label("expertise"),
            Offer.mode,
            Offer.phases,
            Offer.period_code,
            Offer.window_starts,
            Offer.window_ends,
        )
        .join(Participant, Participant.id == Offer.participant_id)
        .join(Expertise, Expertise.code == Offer.expertise_code)
        .where(
            Offer.availability == Availability.CAN_OFFER,
            Offer.suggestion.is_(None),
            Offer.withdrawn.is_(False),
            Offer.window_ends >= today,
        )
    )


_OF_PAIRING: Final = (
    Proposal.id.label("key"),
    Giver.id.label("giver_id"),
    Giver.reference.label("giver"),
    Giver.name.label("giver_name"),
    Giver.latitude.label("giver_latitude"),
    Giver.longitude.label("giver_longitude"),
    Taker.id.label("taker_id"),
    Taker.reference.label("taker"),
    Taker.name.label("taker_name"),
    Taker.latitude.label("taker_latitude"),
    Taker.longitude.label("taker_longitude"),
    Expertise.code.label("expertise_code"),
    Expertise.name.label("expertise"),
    Proposal.half_days,
    Proposal.ladder,
    Proposal.distance_m,
    Proposal.remote,
)


# An edit undoes no approval, and nobody consented to show what the need has become since.
_AGREED_EXPERTISE: Final = func.coalesce(
    select(Agreement.terms["need"]["expertise_code"].as_string())
    .where(
        Agreement.proposal_id == Proposal.id,
        Agreement.side == Side.TAKER,
        Agreement.voided_at.is_(None),
    )
    .correlate(Proposal)
    .scalar_subquery(),
    Need.expertise_code,
)


def _with_sides(query: Query, expertise: ColumnElement[str]) -> Query:
    return (
        query.select_from(Proposal)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Giver, Giver.id == Offer.participant_id)
        .join(Taker, Taker.id == Need.participant_id)
        .join(Expertise, Expertise.code == expertise)
    )


def _consents(side: Side) -> ColumnElement[bool]:
    return exists().where(
        PublicationConsent.proposal_id == Proposal.id,
        PublicationConsent.side == side,
        PublicationConsent.withdrawn_at.is_(None),
    )


# Whether it was approved with conditions is nobody else's business.
PUBLIC_PAIRINGS: Final = _with_sides(
    select(*_OF_PAIRING, literal(ProposalState.APPROVED.value).label("state")), _AGREED_EXPERTISE
).where(Proposal.state.in_(PUBLISHABLE), *map(_consents, Side))


def published_of(session: Session, reference: str) -> Sequence[AnyRow]:
    """Whom a supporting organisation supports, where both sides agreed to publish that."""
    return session.execute(PUBLIC_PAIRINGS.where(Giver.reference == reference)).all()


def pairings(session: Session, principal: Principal, run_id: int, *, drafts: bool = True) -> Query:
    """The proposals of a run that have not ended; for those who may read runs.

    Without `drafts` only those that a broker preferred and that rest on no mere suggestion.
    """
    authorise(principal, Action.READ)
    get_run(session, principal, run_id)
    columns = select(*_OF_PAIRING, Proposal.state, Need.priority)
    query = _with_sides(columns, Need.expertise_code.expression).where(
        Proposal.run_id == run_id, visible(principal, Action.READ, Proposal)
    )
    if drafts:
        return query.where(Proposal.state.not_in(ENDED))
    return query.where(Proposal.state.in_(HOLDING), Proposal.sendable)


_KEYS: Final[dict[str, Any]] = {
    "institutions": Participant.id,
    "organisations": Participant.id,
    "offers": Offer.id,
    "pairings": Proposal.id,
}
_NAMED: Final[dict[str, Any]] = {
    "institutions": Institution.urn,
    "organisations": Organisation.key,
    "offers": Offer.reference,
    "pairings": Proposal.id,
}


_FILTERS: Final[dict[str, dict[str, Any]]] = {
    "institutions": {
        "name": Participant.name,
        "type": Institution.type_name,
        "postcode": Participant.postcode,
        "local_authority": Area.name,
        "region": Region.name,
    },
    "organisations": {
        "name": Participant.name,
        "kind": Organisation.kind,
        "postcode": Participant.postcode,
        "local_authority": Area.name,
        "region": Region.name,
    },
    "offers": {
        "giver": Participant.reference,
        "expertise": Offer.expertise_code,
        "mode": Offer.mode,
        "period": Offer.period_code,
    },
    "pairings": {
        "giver": Giver.reference,
        "taker": Taker.reference,
        "expertise": Expertise.code,
        "ladder": Proposal.ladder,
        "state": Proposal.state,
    },
}
FILTERABLE: Final = tuple(dict.fromkeys(name for each in _FILTERS.values() for name in each))
"""Properties by which features of some collection can be filtered."""


def filters_of(collection: str) -> str:
    """By what a collection can be filtered, in words."""
    return ", ".join(_FILTERS[collection])


def with_properties(collection: str, query: Query, wanted: dict[str, str]) -> Query:
    """Only features whose properties have these values; raises `KeyError` for an unknown one."""
    of = _FILTERS[collection]
    for name, value in wanted.items():
        column = of[name]
        if name == "state" and query is PUBLIC_PAIRINGS:
            # Shown as approved, whatever the conditions.
            query = query.where(true() if value == ProposalState.APPROVED else false())
            continue
        query = query.where(column == value)
    return query


def page(
    session: Session, name: str, query: Query, box: Box | None, after: int, limit: int
) -> tuple[Sequence[AnyRow], int]:
    """Rows of a collection in its order, and how many there are in all."""
    if box is not None:
        query = query.where(_meets(name, box))
    matched = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    key = _KEYS[name]
    return session.execute(query.where(key > after).order_by(key).limit(limit)).all(), matched


def one(session: Session, name: str, query: Query, feature: str) -> AnyRow | None:
    """The row of one feature by its id; what cannot be an id is none."""
    column = _NAMED[name]
    if column.type.python_type is int:
        if not (feature.isascii() and feature.isdigit() and len(feature) <= 9):
            return None
        return session.execute(query.where(column == int(feature))).first()
    if not feature.isascii() or not feature.isprintable():
        return None
    return session.execute(query.where(column == feature)).first()


def _meets(name: str, box: Box) -> ColumnElement[bool]:
    if name != "pairings":
        return and_(
            Participant.longitude.between(box.west, box.east),
            Participant.latitude.between(box.south, box.north),
        )
    # A line's own box and this one overlap; an end without a position makes it no line.
    return and_(
        or_(Giver.longitude >= box.west, Taker.longitude >= box.west),
        or_(Giver.longitude <= box.east, Taker.longitude <= box.east),
        or_(Giver.latitude >= box.south, Taker.latitude >= box.south),
        or_(Giver.latitude <= box.north, Taker.latitude <= box.north),
        Giver.longitude.is_not(None),
        Taker.longitude.is_not(None),
    )


def listed(session: Session, q: str, *, offset: int, limit: int) -> tuple[Sequence[AnyRow], int]:
    """Institutions by name for the list without a script; words of `q` in name, place, postcode."""
    query = INSTITUTIONS
    query = query.where(*each_word(q, Participant))
    matched = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    query = query.order_by(Participant.name, Participant.id).offset(offset).limit(limit)
    return session.execute(query).all(), matched


def extent(session: Session) -> Box | None:
    """Where participants are."""
    found = session.execute(
        select(
            func.min(Participant.longitude),
            func.min(Participant.latitude),
            func.max(Participant.longitude),
            func.max(Participant.latitude),
        )
    ).one()
    west, south, east, north = found
    if west is None or south is None or east is None or north is None:
        return None
    return Box(west, south, east, north)


def stamp(session: Session, run_id: int | None) -> tuple[Any, ...]:
    """What differs whenever a layer may differ; far quicker to read than the layer."""
    today = datetime.now(UTC).date()
    seen: list[Any] = [today]
    for table in (Participant, Offer):
        seen += session.execute(select(func.count(table.id), func.max(table.updated_at))).one()
    seen.append(session.scalar(select(func.max(ImportBatch.id))))
    if run_id is None:
        published = select(PublicationConsent.proposal_id)
        counts = select(func.count(), func.count(PublicationConsent.withdrawn_at))
        seen += session.execute(counts.select_from(PublicationConsent)).one()
        seen.append(
            session.scalar(select(func.sum(Proposal.version)).where(Proposal.id.in_(published)))
        )
    else:
        seen += session.execute(
            select(func.count(Proposal.id), func.sum(Proposal.version)).where(
                Proposal.run_id == run_id
            )
        ).one()
    return tuple(seen)
