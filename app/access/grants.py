"""The roles that somebody holds: read for a principal, granted and revoked."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.access.policy import EMPLOYERS, EVERYWHERE, Grant, Scope
from app.database import WriteSession
from app.errors import Problem
from models.access import RoleGrant
from models.vocabulary import SERVICE_ROLES, Role, ScopeKind

_KINDS: Final = {
    Role.CONTACT: EMPLOYERS,
    Role.NETWORK_LEADER: frozenset({ScopeKind.NETWORK}),
    Role.ADMINISTRATOR: frozenset({ScopeKind.ALL}),
    Role.AUDITOR: frozenset({ScopeKind.ALL}),
}
"""Of some roles, the only kinds of scope that they are held for."""
FOR_EVERYTHING: Final = frozenset(
    role for role, kinds in _KINDS.items() if kinds == {ScopeKind.ALL}
)
_KIND_NAMES: Final = {
    ScopeKind.INSTITUTION: "an institution",
    ScopeKind.TRUST: "a trust",
    ScopeKind.ORGANISATION: "an organisation",
    ScopeKind.NETWORK: "a network",
}


class BadGrant(Problem):
    status = 422
    title = "Invalid role or scope"


def combine(roles: Sequence[Role], scopes: Sequence[Scope]) -> list[Grant]:
    """Each role for each scope, as they are named together.

    Only a role that is always for everything needs no scope: nobody gets everything because
    somebody forgot to name one. Raises `BadGrant` where a role is not held that way.
    """
    if not roles:
        raise BadGrant("Enter at least one role, like broker.")
    made = [
        Grant(role, scope)
        for role in dict.fromkeys(roles)
        for scope in dict.fromkeys(scopes or [EVERYWHERE])
    ]
    for grant in made:
        check(grant)
        if not scopes and grant.role not in FOR_EVERYTHING:
            role = grant.role.value.replace("_", " ")
            raise BadGrant(
                f"Say what the role {role} is for: an area, a trust or the like. If it is for "
                "everything, say so: `--everywhere` in the terminal, the scope `all` over HTTP."
            )
    return made


def check(grant: Grant) -> None:
    """Refuse a grant that makes no sense, such as a contact of everything."""
    if grant.role in SERVICE_ROLES:
        raise BadGrant(f"The role {grant.role.value} is the service's own. Choose another role.")
    kinds = _KINDS.get(grant.role)
    if kinds is not None and grant.scope.kind not in kinds:
        role = grant.role.value.replace("_", " ")
        if kinds == {ScopeKind.ALL}:
            raise BadGrant(
                f"The role {role} is for everything. Do not name an area or organisation for it."
            )
        *most, last = [_KIND_NAMES[kind] for kind in _KIND_NAMES if kind in kinds]
        names = f"{', '.join(most)} or {last}" if most else last
        raise BadGrant(f"The role {role} is for {names}. Name which one.")


def end_of(day: date) -> datetime:
    """The moment at which a role ends that is held up to and on a day."""
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def scope_of(row: RoleGrant) -> Scope:
    """What a stored role is held for."""
    return Scope(ScopeKind(row.scope_kind), row.scope_id)


def grant_of(row: RoleGrant) -> Grant:
    """A stored role."""
    return Grant(Role(row.role), scope_of(row))


def listed(grants: Iterable[Grant]) -> list[str]:
    """Roles as the audit has them."""
    return sorted(f"{one.role} {one.scope.kind} {one.scope.id}".strip() for one in grants)


def grants_of(session: Session, holder: str, now: datetime) -> frozenset[Grant]:
    """What `holder` may do now: what was neither revoked nor has expired."""
    return frozenset(
        grant_of(row)
        for row in session.scalars(
            select(RoleGrant).where(
                RoleGrant.holder == holder,
                RoleGrant.revoked_at.is_(None),
                or_(RoleGrant.expires_at.is_(None), RoleGrant.expires_at > now),
            )
        )
    )


def add_grants(
    session: WriteSession,
    holder: str,
    grants: Iterable[Grant],
    *,
    by: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> list[RoleGrant]:
    """Let `holder` hold roles; whoever calls has checked that `by` may grant them."""
    made = []
    for grant in sorted(set(grants), key=lambda one: (one.role, one.scope.kind, one.scope.id)):
        check(grant)
        row = RoleGrant(
            holder=holder,
            role=grant.role,
            scope_kind=grant.scope.kind,
            scope_id=grant.scope.id,
            granted_at=now,
            granted_by=by,
            expires_at=expires_at,
        )
        session.add(row)
        made.append(row)
    session.flush()
    return made


def held_by(session: Session, holders: Iterable[str]) -> dict[str, list[RoleGrant]]:
    """Grants that were not revoked, by who holds them."""
    found: dict[str, list[RoleGrant]] = {}
    query = (
        select(RoleGrant)
        .where(RoleGrant.holder.in_(sorted(set(holders))), RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.id)
    )
    for row in session.scalars(query):
        found.setdefault(row.holder, []).append(row)
    return found
