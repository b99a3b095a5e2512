"""What proposals, and partnerships that came of them, can be filtered and sorted by."""

from typing import Annotated, Any, Final

from pydantic import Field
from sqlalchemy import BigInteger, ColumnElement, and_, cast, exists, func, or_, select
from sqlalchemy.orm import aliased

from app.catalogue.schemas import ExpertiseCode, PeriodCode
from app.database import ReadSession
from app.exchange.list_query import NameText, NetworkKey, Rank, TrustText, expertise_name
from app.exchange.queries import confirmed
from app.exchange.rows import Reference
from app.http.fields import Id
from app.http.list_query import By, ListQuery, SortBy, in_order_of
from app.proposals.states import ENDED, LAPSING
from app.register import list_filters
from app.register.naming import reference_named
from app.register.schemas import AreaCode
from app.register.schemas import Participant as OneParticipant
from models.exchange import Need, Offer
from models.matching import Agreement, Proposal, ProposalFlag
from models.register import Participant
from models.vocabulary import METRES_PER_MILE, Ladder, Phase, ProposalState, Says, Side

Condition = ColumnElement[bool]
Taker, Giver = aliased(Participant), aliased(Participant)
REMOTE_COMES_LAST: Final = 2**31 - 1
NeedText = Annotated[Reference, Field(examples=["made-up-need-1"])]
OfferText = Annotated[Reference, Field(examples=["made-up-offer-1"])]
FLAGGED: Final = and_(ProposalFlag.proposal_id == Proposal.id, ProposalFlag.cleared_at.is_(None))
"""The flag of a proposal that nobody dealt with yet."""
DIRECTED: Final = (
    exists()
    .where(
        Agreement.proposal_id == Proposal.id,
        Agreement.says == Says.DIRECTED,
        Agreement.voided_at.is_(None),
    )
    .correlate(Proposal)
)
"""Whether a statutory direction stands in for the agreement of its taker."""
SIDES: Final = (Need.participant_id, Offer.participant_id)


def _is(session: ReadSession, cell: str, *sides: Any) -> Condition:
    reference = reference_named(session, cell)
    who = select(Participant.id).where(Participant.reference == reference)
    return or_(*(side.in_(who) for side in sides))


def _whether(condition: Condition) -> By:
    return By(lambda _, wanted: condition if wanted else ~condition)


def _within(_: Any, miles: float) -> Condition:
    near = Proposal.distance_m <= round(miles * METRES_PER_MILE)
    return or_(Proposal.distance_m.is_(None), near)


def _waits_for(_: Any, side: Side) -> Condition:
    answered = select(Agreement.proposal_id).where(
        Agreement.side == side, Agreement.voided_at.is_(None)
    )
    return and_(Proposal.state.in_(LAPSING), Proposal.id.not_in(answered))


class PairQuery(ListQuery):
    """Of what has two sides: it lies where either does."""

    q: Annotated[
        NameText | None,
        Field(description="words of name, town, postcode and local authority, of both sides"),
        By(lambda _, text: list_filters.called(text, *SIDES)),
    ] = None
    area: Annotated[
        AreaCode | None,
        Field(description="an area as kind:code, of either side"),
        By(lambda _, code: list_filters.in_area(code, *SIDES)),
    ] = None
    trust: Annotated[TrustText | None, By(lambda _, text: list_filters.in_trust(text, *SIDES))] = (
        None
    )
    network: Annotated[
        NetworkKey | None, By(lambda _, key: list_filters.in_network(key, *SIDES))
    ] = None
    participant: Annotated[
        OneParticipant | None,
        Field(description="on either side"),
        By(lambda session, cell: _is(session, cell, *SIDES)),
    ] = None
    taker: Annotated[
        OneParticipant | None, By(lambda session, cell: _is(session, cell, Need.participant_id))
    ] = None
    giver: Annotated[
        OneParticipant | None, By(lambda session, cell: _is(session, cell, Offer.participant_id))
    ] = None
    phase: Annotated[
        Phase | None,
        Field(description="of the school receiving support"),
        By(lambda _, phase: list_filters.of_phase(phase, Need.participant_id)),
    ] = None
    expertise: Annotated[
        ExpertiseCode | None,
        Field(description="of the need"),
        By(lambda _, code: Need.expertise_code == code),
    ] = None
    priority: Annotated[
        Rank | None,
        Field(description="of the need; 1 is highest"),
        By(lambda _, rank: Need.priority == rank),
    ] = None
    need: Annotated[NeedText | None, By(lambda _, reference: Need.reference == reference)] = None
    offer: Annotated[OfferText | None, By(lambda _, reference: Offer.reference == reference)] = None


OF_PAIRS: Final[dict[str, ColumnElement[Any]]] = {
    "taker": Taker.name.expression,
    "giver": Giver.name.expression,
    "expertise": expertise_name(Need.expertise_code),
    "priority": Need.priority.expression,
}
"""What proposals and partnerships alike can be sorted by."""


class ProposalQuery(PairQuery):
    """Which proposals, of all runs or of one, and in which order."""

    sort: Annotated[
        str,
        SortBy(
            {
                "id": Proposal.id.expression,
                "points": Proposal.points.expression,
                "total_points": cast(Proposal.points, BigInteger) * Proposal.half_days
                + Proposal.points_once,
                "distance": func.coalesce(Proposal.distance_m, REMOTE_COMES_LAST),
                "days": Proposal.half_days.expression,
                "ladder": in_order_of(Proposal.ladder, Ladder),
                "run": Proposal.run_id.expression,
                "state": in_order_of(Proposal.state, ProposalState),
                **OF_PAIRS,
            }
        ),
    ] = "id"
    run: Annotated[Id | None, By(lambda _, run: Proposal.run_id == run)] = None
    period: Annotated[
        PeriodCode | None,
        Field(description="of the need"),
        By(lambda _, code: Need.period_code == code),
    ] = None
    state: Annotated[ProposalState | None, By(lambda _, state: Proposal.state == state)] = None
    open: Annotated[
        bool | None,
        Field(description="whether it has not ended"),
        _whether(Proposal.state.not_in(ENDED)),
    ] = None
    ladder: Annotated[Ladder | None, By(lambda _, step: Proposal.ladder == step)] = None
    miles: Annotated[
        float | None,
        Field(gt=0, le=1_000, description="apart at most; remote support is within any distance"),
        By(_within),
    ] = None
    waits: Annotated[
        Side | None,
        Field(description="the side that it is held for until that says yes, too"),
        By(_waits_for),
    ] = None
    sendable: Annotated[
        bool | None,
        Field(description="whether it depends on nothing that nobody has confirmed"),
        _whether(confirmed(Need, Offer)),
    ] = None
    flagged: Annotated[
        bool | None,
        Field(description="whether it can no longer go ahead as planned"),
        _whether(exists().where(FLAGGED)),
    ] = None
    directed: Annotated[
        bool | None,
        Field(description="whether a statutory direction stands in for the school's agreement"),
        _whether(DIRECTED),
    ] = None
