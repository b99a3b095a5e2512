"""What the graph is made of, as plain columns: nodes and edges of rows, in the order of their ids.

Nothing is judged here: who may see an edge, and what it is on a day, is asked when it is read.
"""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.graph.kinds import GROUP_NODES, WITHDRAWN, Edge, EdgeKind, Node, NodeKind, Of
from app.planning.holds import has_partnership
from app.register.group_members import MEMBERS
from app.register.lookups import COUNTRY, ENGLAND, GROUP, NETWORK
from models.exchange import Need, Offer
from models.interests import Interest
from models.matching import Proposal, Run
from models.partnerships import Partnership, Support
from models.register import (
    Area,
    AreaServed,
    Group,
    Institution,
    Network,
    NetworkMembership,
    Organisation,
    Participant,
    Succession,
)
from models.vocabulary import AreaKind, GroupKind, ProposalState

Keys = dict[int, str]
NOT_KEPT: Final = (ProposalState.REPLACED, ProposalState.COMPLETED)
"""A newer run has the first anew, and the others are support."""
_DAY: Final = timedelta(days=1)


def nodes(session: Session) -> Iterator[Node]:
    """Every participant, group, network and area."""
    yield Node(f"{COUNTRY}:{ENGLAND}", NodeKind.AREA, "England")
    area = select(Area.kind, Area.code, Area.name).where(Area.kind != AreaKind.DISTRICT)
    for kind, code, name in session.execute(area.order_by(Area.kind, Area.code)):
        yield Node(f"{kind}:{code}", NodeKind.AREA, name)
    for uid, name, kind in session.execute(
        select(Group.uid, Group.name, Group.kind).order_by(Group.id)
    ):
        yield Node(f"{GROUP}:{uid}", GROUP_NODES[GroupKind(kind)], name)
    for key, name in session.execute(select(Network.key, Network.name).order_by(Network.id)):
        yield Node(f"{NETWORK}:{key}", NodeKind.NETWORK, name)
    query = (
        select(
            Participant.reference,
            Participant.kind,
            Participant.name,
            Participant.id,
            Participant.latitude,
            Participant.longitude,
            Participant.local_authority_code,
            Participant.region_code,
            func.coalesce(Institution.in_scope, Organisation.closed.is_(None)),
        )
        .outerjoin(Institution)
        .outerjoin(Organisation)
        .order_by(Participant.id)
    )
    for key, kind, name, number, north, east, authority, region, in_scope in session.execute(query):
        place = (north, east, authority, region)
        yield Node(key, NodeKind(kind), name, number, *place, in_scope=bool(in_scope))


def edges_of_register(session: Session, keys: Keys) -> Iterator[Edge]:
    """Membership, succession, and where everybody is; `keys` are of participants by id."""
    members = select(MEMBERS.c.participant_id, Group.uid, MEMBERS.c.joined, MEMBERS.c.left).join(
        Group, Group.id == MEMBERS.c.group_id
    )
    order = (Group.uid, MEMBERS.c.participant_id, MEMBERS.c.joined)
    for who, uid, joined, left in session.execute(members.order_by(*order)):
        ends = None if left is None else left - _DAY
        yield _belongs(keys[who], f"{GROUP}:{uid}", who, joined, ends)
    of_networks = select(
        NetworkMembership.participant_id,
        Network.key,
        NetworkMembership.starts,
        NetworkMembership.ends,
    ).join(Network)
    for who, key, starts, ends in session.execute(of_networks.order_by(NetworkMembership.id)):
        yield _belongs(keys[who], f"{NETWORK}:{key}", who, starts, ends)
    links = select(
        Succession.id,
        Succession.predecessor_urn,
        Succession.successor_urn,
        Succession.effective,
    )
    known = set(keys.values())
    for number, before, after, effective in session.execute(links.order_by(Succession.id)):
        giver, taker = f"urn:{before}", f"urn:{after}"
        if giver in known and taker in known:
            reference = f"succession:{number}"
            yield Edge(
                *(giver, taker, Of.REGISTER, number, reference, EdgeKind.SUCCESSION, effective)
            )
    yield from _areas(session, keys)


def _belongs(who: str, to: str, number: int, starts: date | None, ends: date | None) -> Edge:
    reference = f"{to}:{starts or ''}"
    return Edge(who, to, Of.REGISTER, number, reference, EdgeKind.MEMBER, starts, ends)


def _areas(session: Session, keys: Keys) -> Iterator[Edge]:
    lies = select(Participant.id, Participant.local_authority_code, Participant.region_code)
    authorities = select(Area.code, Area.region_code).where(Area.kind == AreaKind.LOCAL_AUTHORITY)
    region_of = dict(session.execute(authorities.order_by(Area.code)).all())
    regions = set(session.scalars(select(Area.code).where(Area.kind == AreaKind.REGION)))
    for authority, region in region_of.items():
        if region in regions:
            place = f"{AreaKind.LOCAL_AUTHORITY}:{authority}"
            yield _in_area(place, f"{AreaKind.REGION}:{region}", 0)
    for who, code, lies_in in session.execute(lies.order_by(Participant.id)):
        if code in region_of:
            yield _in_area(keys[who], f"{AreaKind.LOCAL_AUTHORITY}:{code}", who)
        elif lies_in in regions:
            yield _in_area(keys[who], f"{AreaKind.REGION}:{lies_in}", who)
    served = select(AreaServed.participant_id, AreaServed.area_kind, AreaServed.area_code)
    served = served.where(AreaServed.area_kind != AreaKind.DISTRICT)
    for who, kind, code in session.execute(served.order_by(*AreaServed.__table__.primary_key)):
        if code in region_of or code in regions or kind == COUNTRY:
            yield _in_area(keys[who], f"{kind}:{code}", who, "serves:")


def _in_area(who: str, area: str, number: int, how: str = "") -> Edge:
    return Edge(who, area, Of.REGISTER, number, f"{how}{who}:{area}", area=True)


def edges_of_support(
    session: Session, keys: Keys, only: Collection[int] | None = None
) -> Iterator[tuple[Edge, str]]:
    """All support (of these ids); with the name of a supporter that is no participant."""
    query = (
        select(
            Support.giver_id,
            Support.giver_name,
            Support.taker_id,
            Support.id,
            Support.reference,
            Support.state,
            Support.starts,
            Support.ends,
            Support.half_days,
            Support.period_code,
            Support.result,
            Support.expertise_code,
            Proposal.offer_id,
            Support.partnership_id,
            Support.agency,
        )
        .outerjoin(Partnership, Partnership.id == Support.partnership_id)
        .outerjoin(Proposal, Proposal.id == Partnership.proposal_id)
        .order_by(Support.id)
    )
    for giver, name, taker, number, reference, *more in session.execute(
        query if only is None else query.where(Support.id.in_(only))
    ):
        start = f"support:{reference}" if giver is None else keys[giver]
        yield Edge(start, keys[taker], Of.SUPPORT, number, reference, *more), name or ""


def edges_of_proposals(
    session: Session, keys: Keys, only: Select[Any] | None = None
) -> Iterator[Edge]:
    """Proposals (whose ids `only` selects) but those that are replaced or have become support."""
    query = (
        select(
            Offer.participant_id,
            Need.participant_id,
            Proposal.id,
            Proposal.state,
            Proposal.half_days,
            Run.period_code,
            Need.expertise_code,
            Proposal.offer_id,
        )
        .join(Run, Run.id == Proposal.run_id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .where(Proposal.state.not_in(NOT_KEPT), ~has_partnership())
        .order_by(Proposal.id)
    )
    for giver, taker, number, state, half_days, period, expertise, offer in session.execute(
        query if only is None else query.where(Proposal.id.in_(only))
    ):
        if giver != taker:
            yield Edge(
                *(keys[giver], keys[taker], Of.PROPOSAL, number, str(number), state),
                half_days=half_days,
                period=period,
                expertise=expertise,
                offer_id=offer,
            )


def edges_of_interests(
    session: Session, keys: Keys, only: Collection[int] | None = None
) -> Iterator[Edge]:
    """Declared interests (of these ids), withdrawn ones too; the state is their kind."""
    query = select(
        Interest.holder_id,
        Interest.about_id,
        Interest.id,
        Interest.reference,
        Interest.kind,
        Interest.starts,
        Interest.ends,
        Interest.withdrawn_at.is_not(None),
    ).order_by(Interest.id)
    for giver, taker, number, reference, kind, starts, ends, withdrawn in session.execute(
        query if only is None else query.where(Interest.id.in_(only))
    ):
        yield Edge(
            *(keys[giver], keys[taker], Of.INTEREST, number, reference, kind, starts, ends),
            result=WITHDRAWN if withdrawn else None,
        )
