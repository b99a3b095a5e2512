"""Who comes in: somebody whom the issuer vouches for, or in development a password.

Whoever is not let in is told the same, whatever the reason, which the log and the audit name.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import select

from app.access.grants import grant_of, grants_of, held_by
from app.access.holders import user_name
from app.access.keys import Unauthenticated
from app.access.policy import Grant, Principal, Scope
from app.access.secret import digest_of
from app.database import Database, WriteSession
from app.errors import Problem
from app.events import audit
from app.people import users
from app.people.openid import Person
from app.people.organisations import scope_of
from app.people.passwords import is_right
from models.people import User, UserDetails
from models.vocabulary import Role, ScopeKind

ISSUER: Final = "issuer"
"""Who granted a role that comes with the organisation: it goes with it, too."""
EVERYBODYS: Final = {Role.CONTACT: frozenset({ScopeKind.INSTITUTION, ScopeKind.TRUST})}
"""Of some roles, the organisations that they come with."""
WRONG: Final = "The name or password is not right. Check them and try again."


class NoAccess(Problem):
    status = 403
    title = "You do not have access"

    def __init__(self) -> None:
        super().__init__("Ask your administrator to invite you or to give you a role.")


def by_issuer(
    session: WriteSession,
    person: Person,
    invitation: str | None,
    organisation_role: Role | None,
    now: datetime,
) -> Principal | str:
    """The principal of somebody whom the issuer vouches for, or the reason why there is none.

    What is learnt about them is kept in either case, so that an administrator sees who asked.
    """
    scope = scope_of(session, person.organisation)
    user = _known(session, person, invitation, now)
    if isinstance(user, str):
        return user
    if user is None:
        if not _comes_with(organisation_role, scope):
            return "unknown"
        user = _join(session, now)
    if user.subject is None:
        user.issuer, user.subject = person.issuer, person.subject
        user.invitation = user.invited_until = None
        session.flush()
        name = user_name(user.id)
        audit.record(session, actor=name, action="user.join", subject=name)
    if user.revoked_at is not None:
        return "revoked"
    belongs = (str(scope.kind), scope.id) if scope else (None, None)
    if (user.scope_kind, user.scope_id) != belongs:
        user.scope_kind, user.scope_id = belongs
        name = user_name(user.id)
        audit.record(session, actor=ISSUER, action="user.belong", subject=name)
    user.signed_in_at = now
    _note_details(session, user, person)
    _follow_organisation(session, user, organisation_role, scope, now)
    return _principal(session, user, now)


def by_password(database: Database, label: str, password: str) -> int:
    """The id of the user whose password it is; checked while no other has to wait.

    Raises `Unauthenticated`, with the same words and as slowly where there is no such user.
    """
    with database.read() as session:
        found = session.execute(
            select(User.id, User.password).where(User.label == label, User.revoked_at.is_(None))
        ).one_or_none()
    if not is_right(password, found.password if found else None) or found is None:
        raise Unauthenticated(WRONG)
    return int(found.id)


def enter(session: WriteSession, user_id: int, now: datetime) -> Principal | str:
    """The principal of a user whose password was right just now."""
    user = session.get(User, user_id, with_for_update=True)
    if user is None or user.revoked_at is not None:
        return "revoked"
    user.signed_in_at = now
    return _principal(session, user, now)


def _known(
    session: WriteSession, person: Person, invitation: str | None, now: datetime
) -> User | str | None:
    """The user with this subject, or the one who was invited with the code."""
    user = session.scalar(
        select(User)
        .where(User.issuer == person.issuer, User.subject == person.subject)
        .with_for_update()
    )
    if invitation is None:
        return user
    invited = session.scalar(
        select(User)
        .where(User.invitation == digest_of(invitation), User.invited_until > now)
        .with_for_update()
    )
    if invited is None:
        return user or "invitation_over"
    if user is not None and user.id != invited.id:
        return "invited_twice"
    if user is None and invited.subject is not None:
        # Invited again, perhaps after the issuer knows them as another: the new one counts.
        invited.issuer = invited.subject = None
    return invited


def _comes_with(role: Role | None, scope: Scope | None) -> bool:
    if role is None or scope is None:
        return False
    return scope.kind in EVERYBODYS.get(role, {scope.kind})


def _join(session: WriteSession, now: datetime) -> User:
    """Somebody of an organisation that the register knows, whom nobody had to invite."""
    user = User(label="", created_at=now)
    session.add(user)
    session.flush()
    user.label = f"Person {user.id}"
    session.flush()
    name = user_name(user.id)
    audit.record(session, actor=ISSUER, action="user.create", subject=name)
    return user


def _note_details(session: WriteSession, user: User, person: Person) -> None:
    details = session.get(UserDetails, user.id)
    if person.name is None and person.email is None:
        return
    if details is None:
        details = UserDetails(user_id=user.id)
        session.add(details)
    details.name, details.email = person.name, person.email
    session.flush()


def _follow_organisation(
    session: WriteSession, user: User, role: Role | None, scope: Scope | None, now: datetime
) -> None:
    """Hold the role of the organisation that they belong to now, and of none before it."""
    holder = user_name(user.id)
    wanted = {Grant(role, scope)} if role and scope and _comes_with(role, scope) else set()
    rows = [row for row in held_by(session, [holder]).get(holder, []) if row.granted_by == ISSUER]
    users.take(session, [row for row in rows if grant_of(row) not in wanted], by=ISSUER, now=now)
    users.give(session, user, wanted, by=ISSUER, now=now)


def _principal(session: WriteSession, user: User, now: datetime) -> Principal | str:
    session.flush()
    name = user_name(user.id)
    grants = grants_of(session, name, now)
    return Principal(name, grants, user.label) if grants else "no_role"
