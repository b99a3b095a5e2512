"""What a scope is called: from a name that somebody typed to the register's id, and back."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import String, Subquery, cast, func, or_, select
from sqlalchemy.orm import Session

from app.access.grants import BadGrant
from app.access.policy import EVERYWHERE, Scope
from models.register import Area, Group, Institution, Network, Organisation, Participant
from models.vocabulary import AreaKind, ScopeKind

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
    """The id and name of everything of one kind that can be a scope."""
    match kind:
        case ScopeKind.REGION | ScopeKind.AREA:
            areas = select(Area.code.label("id"), Area.name).where(Area.kind == _AREAS[kind])
            return areas.subquery()
        case ScopeKind.TRUST:
            return select(cast(Group.uid, String).label("id"), Group.name).subquery()
        case ScopeKind.NETWORK:
            return select(Network.key.label("id"), Network.name).subquery()
        case ScopeKind.INSTITUTION:
            urn = cast(Institution.urn, String).label("id")
            return select(urn, Participant.name).join_from(Institution, Participant).subquery()
        case ScopeKind.ORGANISATION:
            key = Organisation.key.label("id")
            return select(key, Participant.name).join_from(Organisation, Participant).subquery()
        case ScopeKind.ALL:
            raise AssertionError("there is one of it")


def scope_named(session: Session, kind: ScopeKind, named: str) -> Scope:
    """The scope with this id or name; of a trust also its reference, TR and five digits.

    Raises `BadGrant` where there is none, or more than one of that name.
    """
    if kind is ScopeKind.ALL:
        return EVERYWHERE
    rows = _ids(kind)
    is_it = [rows.c.id == named, func.lower(rows.c.name) == named.lower()]
    if kind is ScopeKind.TRUST:
        uid = select(cast(Group.uid, String)).where(Group.reference == named.upper())
        is_it.append(rows.c.id.in_(uid))
    found = session.execute(select(rows).where(or_(*is_it)).limit(11)).all()
    by_id = [row for row in found if row.id == named]
    if len(by_id or found) == 1:
        return Scope(kind, (by_id or found)[0].id)
    if not found:
        raise BadGrant(f"There is no {_CALLED[kind]} {named!r}. Enter a name or code that exists.")
    choices = ", ".join(sorted(row.id for row in found[:10]))
    raise BadGrant(f"{named!r} could be several of them. Enter one of: {choices}.")


def scope_texts(session: Session, scopes: Iterable[Scope]) -> dict[Scope, str]:
    """What people read for scopes: "Kent", "all"; of what is gone from the register its id."""
    texts = {scope: scope.id or "all" for scope in scopes}
    for kind in {scope.kind for scope in texts} - {ScopeKind.ALL}:
        rows = _ids(kind)
        wanted = sorted(scope.id for scope in texts if scope.kind is kind)
        for row in session.execute(select(rows).where(rows.c.id.in_(wanted))):
            texts[Scope(kind, row.id)] = row.name
    return texts
