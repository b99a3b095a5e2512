"""What a scope is called: from a name that somebody typed to the register's id, and back."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from sqlalchemy import String, Subquery, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from app.access.grants import BadGrant
from app.access.policy import EVERYWHERE, Scope
from models.register import Area, Group, Institution, Network, Organisation, Participant
from models.vocabulary import AreaKind, GroupKind, ScopeKind

NEAREST: Final = 5
MOST_TOLD: Final = 10
JOINED: Final = frozenset(GroupKind) - {GroupKind.SPONSOR, GroupKind.OTHER}
"""Kinds of group that schools belong to."""

_AREAS: Final = {
    ScopeKind.REGION: AreaKind.REGION,
    ScopeKind.AREA: AreaKind.LOCAL_AUTHORITY,
}
_CALLED: Final = {
    ScopeKind.REGION: "region",
    ScopeKind.AREA: "local authority",
    ScopeKind.TRUST: "trust or group",
    ScopeKind.NETWORK: "network",
    ScopeKind.INSTITUTION: "institution",
    ScopeKind.ORGANISATION: "organisation",
}


def _ids(kind: ScopeKind) -> Subquery:
    """The id and name of everything of one kind that can be a scope, where it is, and its rank.

    Of several with one name those of the lowest rank are meant: a trust before a sponsor of its
    name, what is open before what is closed.
    """
    nowhere, alike = literal("").label("place"), literal(0).label("rank")
    match kind:
        case ScopeKind.REGION | ScopeKind.AREA:
            areas = select(Area.code.label("id"), Area.name, nowhere, alike)
            return areas.where(Area.kind == _AREAS[kind]).subquery()
        case ScopeKind.TRUST:
            rank = case((~Group.open, 2), (Group.kind.not_in(JOINED), 1), else_=0).label("rank")
            return select(cast(Group.uid, String).label("id"), Group.name, nowhere, rank).subquery()
        case ScopeKind.NETWORK:
            return select(Network.key.label("id"), Network.name, nowhere, alike).subquery()
        case ScopeKind.INSTITUTION:
            urn = cast(Institution.urn, String).label("id")
            place = func.coalesce(Area.name, "").label("place")
            its_area = and_(
                Area.kind == AreaKind.LOCAL_AUTHORITY,
                Area.code == Participant.local_authority_code,
            )
            query = select(urn, Participant.name, place, alike).join_from(Institution, Participant)
            return query.outerjoin(Area, its_area).subquery()
        case ScopeKind.ORGANISATION:
            query = select(Organisation.key.label("id"), Participant.name, nowhere, alike)
            return query.join_from(Organisation, Participant).subquery()
        case ScopeKind.ALL:
            raise AssertionError("there is one of it")


def scope_named(session: Session, kind: ScopeKind, named: str) -> Scope:
    """The scope with this id or name; of a trust also its reference, TR and five digits.

    Raises `BadGrant` where there is none, or more than one of that name.
    """
    if kind is ScopeKind.ALL:
        if named:
            raise BadGrant(f"Everything has no name. Leave out {named!r}, or say what kind it is.")
        return EVERYWHERE
    rows = _ids(kind)
    is_it = [rows.c.id == named, func.lower(rows.c.name) == named.lower()]
    if kind is ScopeKind.TRUST:
        uid = select(cast(Group.uid, String)).where(Group.reference == named.upper())
        is_it.append(rows.c.id.in_(uid))
    query = select(rows).where(or_(*is_it)).order_by(rows.c.id != named, rows.c.rank, rows.c.id)
    found = session.execute(query.limit(MOST_TOLD + 1)).all()
    if not found:
        raise BadGrant(f"There is no {_CALLED[kind]} {named!r}. {_hint(session, rows, named)}")
    best = [row for row in found if row.rank == found[0].rank]
    if len(best) == 1 or found[0].id == named:
        return Scope(kind, found[0].id)
    told = [f"{row.id} ({row.place})" if row.place else row.id for row in best[:MOST_TOLD]]
    more = " or another" if len(best) > MOST_TOLD else ""
    raise BadGrant(
        f"There are several of the name {named!r}. Enter the code of one: {', '.join(told)}{more}."
    )


def _hint(session: Session, rows: Subquery, named: str) -> str:
    """What may have been meant: names that hold every word, or else are written alike."""
    query = select(rows.c.id, rows.c.name).order_by(rows.c.rank, func.length(rows.c.name))
    holds = [rows.c.name.icontains(word, autoescape=True) for word in named.split()]
    near = [tuple(row) for row in session.execute(query.where(*holds).limit(NEAREST))]
    if not near:
        known = {name: code for code, name in session.execute(query)}
        if not known:
            return "None has been imported or added yet."
        alike = get_close_matches(named, known, n=NEAREST)
        near = [(known[name], name) for name in alike]
    if not near:
        return "Check the name or code."
    return f"Did you mean {' or '.join(f'{name} ({code})' for code, name in near)}?"


def scope_texts(session: Session, scopes: Iterable[Scope]) -> dict[Scope, str]:
    """What people read for scopes: "Kent", "all"; of what is gone from the register its id."""
    texts = {scope: scope.id or "all" for scope in scopes}
    for kind in {scope.kind for scope in texts} - {ScopeKind.ALL}:
        rows = _ids(kind)
        wanted = sorted(scope.id for scope in texts if scope.kind is kind)
        for row in session.execute(select(rows).where(rows.c.id.in_(wanted))):
            texts[Scope(kind, row.id)] = row.name
    return texts
