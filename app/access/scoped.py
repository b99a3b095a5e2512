"""What lies in the scopes of a principal: a condition for lists, and the same for single rows.

An institution or organisation lies in its local authority, region, trusts and networks; a need, an
offer or limits lie where theirs does; a proposal, support or an interest lies where either side
does; a pot lies where who holds it does, an alliance where any of its members does; a run lies in
the area, group or network that it plans. What nobody may read is answered like what is not there;
what may be read but not changed is refused.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, false, func, literal, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.access.policy import (
    EVERYWHERE,
    PHRASES,
    Action,
    Grant,
    Principal,
    Scope,
    authorise,
    grants_for,
)
from app.chunks import chunked
from app.errors import Forbidden
from models.access import EmbedToken
from models.alliances import Alliance, AllianceMember
from models.base import Base
from models.batches import Batch, Schedule
from models.evidence import Evidence
from models.exchange import Limits, Need, Offer, OpenOffer
from models.interests import Interest, InterestQuestion
from models.introductions import Introduction
from models.matching import Proposal, Run, Steering
from models.money import Pot
from models.partnerships import Support
from models.register import (
    Area,
    Circumstance,
    FactChange,
    Group,
    ImportBatch,
    Membership,
    Network,
    NetworkMembership,
    Organisation,
    Participant,
)
from models.vocabulary import AreaKind, MemberState, Role, ScopeKind
from models.webhooks import Webhook

Condition = ColumnElement[bool]
Ids = InstrumentedAttribute[Any] | ColumnElement[Any]
OUTSIDE: Final = "is outside the area or organisation that you may import for. Leave the line out"
"""Of a line of a file; see `outside`."""


def within(scopes: Collection[Scope], participant: Ids) -> Condition:
    """Whether the participant that a column names lies in one of the scopes."""
    if EVERYWHERE in scopes:
        return true()
    ids = {
        kind: sorted(scope.id for scope in scopes if scope.kind is kind)
        for kind in {scope.kind for scope in scopes}
    }
    return or_(false(), *(_IN[kind](participant, wanted) for kind, wanted in ids.items()))


def _ids(column: Ids, condition: Condition) -> Select[Any]:
    """A query of its own, whatever tables the query around it reads."""
    return select(column).where(condition).correlate(None)


def _in_region(participant: Ids, codes: list[str]) -> Condition:
    return participant.in_(_ids(Participant.id, Participant.region_code.in_(codes)))


def _in_area(participant: Ids, codes: list[str]) -> Condition:
    there = Participant.local_authority_code.in_(codes)
    return participant.in_(_ids(Participant.id, there))


def _in_trust(participant: Ids, uids: list[str]) -> Condition:
    numbers = [int(uid) for uid in uids]
    schools = (
        select(Membership.participant_id)
        .join(Group, Group.id == Membership.group_id)
        .where(Group.uid.in_(numbers), Membership.left.is_(None))
        .correlate(None)
    )
    teams = _ids(Organisation.participant_id, Organisation.group_uid.in_(numbers))
    return or_(participant.in_(schools), participant.in_(teams))


def _in_network(participant: Ids, keys: list[str]) -> Condition:
    goes_on = or_(NetworkMembership.ends.is_(None), NetworkMembership.ends >= func.current_date())
    members = (
        select(NetworkMembership.participant_id)
        .join(Network, Network.id == NetworkMembership.network_id)
        .where(Network.key.in_(keys), goes_on)
        .correlate(None)
    )
    return participant.in_(members)


def _is_one(kind: str) -> Callable[[Ids, list[str]], Condition]:
    def is_one(participant: Ids, ids: list[str]) -> Condition:
        references = [f"{kind}:{each}" for each in ids]
        return participant.in_(_ids(Participant.id, Participant.reference.in_(references)))

    return is_one


_IN: Final[dict[ScopeKind, Callable[[Ids, list[str]], Condition]]] = {
    ScopeKind.REGION: _in_region,
    ScopeKind.AREA: _in_area,
    ScopeKind.TRUST: _in_trust,
    ScopeKind.NETWORK: _in_network,
    ScopeKind.INSTITUTION: _is_one("urn"),
    ScopeKind.ORGANISATION: _is_one("org"),
}

_ONE_SIDE: Final[dict[type[Base], Ids]] = {
    Participant: Participant.id,
    Need: Need.participant_id,
    Offer: Offer.participant_id,
    Limits: Limits.participant_id,
    OpenOffer: OpenOffer.participant_id,
    Circumstance: Circumstance.participant_id,
    FactChange: FactChange.participant_id,
    Pot: Pot.holder_id,
    InterestQuestion: InterestQuestion.participant_id,
    Evidence: Evidence.giver_id,
    AllianceMember: AllianceMember.participant_id,
}


_OF_MAKER: Final[dict[type[Base], Ids]] = {
    ImportBatch: ImportBatch.actor,
    EmbedToken: EmbedToken.made_by,
    Webhook: Webhook.made_by,
    Batch: Batch.actor,
    Schedule: Schedule.owner,
}
"""What lies nowhere is its maker's."""


_PAIRS: Final[dict[type[Base], tuple[Ids, Ids]]] = {
    Proposal: (Proposal.need_id, Proposal.offer_id),
    Steering: (Steering.need_id, Steering.offer_id),
    Introduction: (Introduction.need_id, Introduction.offer_id),
}
"""What joins a need and an offer."""


def _taker(model: type[Base], scopes: Collection[Scope]) -> Condition:
    if model is Support:
        return within(scopes, Support.taker_id)
    need, _ = _PAIRS[model]
    return need.in_(_ids(Need.id, within(scopes, Need.participant_id)))


def _giver(model: type[Base], scopes: Collection[Scope]) -> Condition:
    if model is Support:
        return within(scopes, Support.giver_id)
    _, offer = _PAIRS[model]
    return offer.in_(_ids(Offer.id, within(scopes, Offer.participant_id)))


_OF_ONE_SIDE: Final = {Action.AGREE_FOR_TAKER: _taker, Action.AGREE_FOR_GIVER: _giver}
"""A contact speaks for its own side alone."""


def _run(scopes: Collection[Scope]) -> Condition:
    """Whether a run plans nothing but what lies in the scopes."""
    kind, code = Run.scope["kind"].as_string(), Run.scope["code"].as_string()

    def of(wanted: ScopeKind) -> list[str]:
        return sorted(scope.id for scope in scopes if scope.kind is wanted)

    regions = of(ScopeKind.REGION)
    of_region = and_(Area.kind == AreaKind.LOCAL_AUTHORITY, Area.region_code.in_(regions))
    inner = _ids(Area.code, of_region)
    return or_(
        and_(kind == AreaKind.REGION.value, code.in_(regions)),
        and_(kind == AreaKind.LOCAL_AUTHORITY.value, code.in_(inner)),
        and_(kind == AreaKind.LOCAL_AUTHORITY.value, code.in_(of(ScopeKind.AREA))),
        and_(kind == "group", code.in_(of(ScopeKind.TRUST))),
        and_(kind == "network", code.in_(of(ScopeKind.NETWORK))),
    )


def _alliance(grants: Collection[Grant], action: Action) -> Condition:
    """Whether somebody in the scopes was ever asked to join an alliance.

    Brokers change it only for who is in it or asked now; contacts are told what they may not.
    """
    own = {each.scope for each in grants if action is Action.READ or each.role is Role.CONTACT}
    others = {each.scope for each in grants} - own
    there = within(own, AllianceMember.participant_id) | (
        within(others, AllianceMember.participant_id)
        & AllianceMember.state.in_((MemberState.ASKED, MemberState.MEMBER))
    )
    return Alliance.id.in_(_ids(AllianceMember.alliance_id, there))


def visible(principal: Principal, action: Action, model: type[Base]) -> Condition:
    """Whether the principal may do `action` to a row of `model`, as far as its scopes go."""
    if (link := principal.link) is not None:
        opened = model is Proposal and link.allows(action)
        return Proposal.id == link.proposal_id if opened else false()
    grants = grants_for(principal, action)
    scopes = {grant.scope for grant in grants}
    if EVERYWHERE in scopes:
        return true()
    if model in _ONE_SIDE:
        return within(scopes, _ONE_SIDE[model])
    if model is Run:
        # Whoever asked for a run had the right to all of it then.
        return or_(Run.actor == principal.name, _run(scopes))
    if model is Interest:
        return or_(within(scopes, Interest.holder_id), within(scopes, Interest.about_id))
    if model is Alliance:
        return _alliance(grants, action)
    if model is Introduction:
        # Who gives hears of it from a broker.
        others = {grant.scope for grant in grants if grant.role is not Role.CONTACT}
        return or_(_taker(model, scopes), _giver(model, others))
    if model in _OF_MAKER:
        return _OF_MAKER[model] == principal.name
    if action is Action.DIRECT:
        return _taker(model, scopes)
    if action in _OF_ONE_SIDE:
        own = {grant.scope for grant in grants if grant.role is Role.CONTACT}
        others = {grant.scope for grant in grants if grant.role is not Role.CONTACT}
        return or_(_taker(model, others), _giver(model, others), _OF_ONE_SIDE[action](model, own))
    return or_(_taker(model, scopes), _giver(model, scopes))


def speaks_for(session: Session, principal: Principal, action: Action, proposal: Proposal) -> bool:
    """Whether the principal is a contact of the side that `action` is to agree for."""
    if (link := principal.link) is not None:
        return link.proposal_id == proposal.id and action is not Action.READ and link.allows(action)
    own = {grant.scope for grant in grants_for(principal, action) if grant.role is Role.CONTACT}
    mine = select(literal(1)).where(Proposal.id == proposal.id, _OF_ONE_SIDE[action](Proposal, own))
    return bool(own) and session.scalar(mine) is not None


def runs_seen(principal: Principal) -> Condition:
    """Runs that the principal may know of: its own, and those with a proposal that it may read.

    Of the latter it sees no more than those proposals and how the run went.
    """
    proposals = _ids(Proposal.run_id, visible(principal, Action.READ, Proposal))
    return or_(visible(principal, Action.READ, Run), Run.id.in_(proposals))


def authorise_on(session: Session, principal: Principal, action: Action, row: Base) -> None:
    """Raise `Forbidden` unless the principal may do `action` to this stored row."""
    authorise(principal, action)
    if not may_on(session, principal, action, row):
        raise _outside(action)


def may_on(session: Session, principal: Principal, action: Action, row: Base) -> bool:
    """Whether the principal may do `action` to this stored row."""
    if EVERYWHERE in _scopes(principal, action):
        return True
    model = type(row)
    key = model.__mapper__.primary_key[0]
    mine = select(literal(1)).where(
        key == getattr(row, key.name), visible(principal, action, model)
    )
    return session.scalar(mine) is not None


def authorise_for(
    session: Session, principal: Principal, action: Action, participants: Collection[int]
) -> None:
    """Raise `Forbidden` unless the principal may do `action` for each of these participants."""
    authorise(principal, action)
    if outside(session, principal, action, participants):
        raise _outside(action)


def outside(
    session: Session, principal: Principal, action: Action, participants: Collection[int]
) -> set[int]:
    """Those of the participants that lie in no scope in which the principal may do `action`."""
    scopes = _scopes(principal, action)
    if EVERYWHERE in scopes:
        return set()
    wanted = sorted(set(participants))
    found: set[int] = set()
    for ids in chunked(wanted):
        some = Participant.id.in_(ids)
        found.update(
            session.scalars(select(Participant.id).where(some, within(scopes, Participant.id)))
        )
    return set(wanted) - found


def _scopes(principal: Principal, action: Action) -> set[Scope]:
    return {grant.scope for grant in grants_for(principal, action)}


def _outside(action: Action) -> Forbidden:
    return Forbidden(
        f"You have permission to {PHRASES[action]} in your own area or organisation only, and this "
        "is outside it. Ask your administrator."
    )
