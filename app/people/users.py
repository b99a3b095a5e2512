"""Users: added and invited by administrators, given roles, and their access taken away."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import browser_sessions
from app.access.grants import add_grants, check, grant_of, held_by, listed
from app.access.holders import user_name
from app.access.policy import Action, Grant, Principal, authorise
from app.access.secret import digest_of
from app.database import ReadSession, WriteSession, database_now
from app.errors import Conflict, NotFound, Problem
from app.events import audit
from app.people.passwords import hash_of
from app.wording import last_day, on_day
from models.access import RoleGrant
from models.people import User, UserDetails

LONGEST_LABEL: Final = 60
INVITED_FOR: Final = timedelta(days=7)


class BadUser(Problem):
    """What is wrong with a user; `field` names what of it, where that is not the label."""

    status = 422
    title = "Invalid user"

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


@dataclass(frozen=True, slots=True)
class UserShown:
    """A user with the roles they hold and, while it was not erased, who it is."""

    user: User
    grants: Sequence[RoleGrant]
    details: UserDetails | None
    invited: bool
    """Whether an invitation is open."""


def check_manages(principal: Principal) -> None:
    authorise(principal, Action.MANAGE_USERS, everywhere=True)


def list_users(session: ReadSession, principal: Principal) -> list[UserShown]:
    check_manages(principal)
    users = session.scalars(select(User).order_by(User.revoked_at.is_not(None), User.label)).all()
    return _shown(session, users)


def get_user(session: Session, principal: Principal, user_id: int) -> UserShown:
    check_manages(principal)
    return _shown(session, [_find(session, user_id)])[0]


def user_called(session: Session, principal: Principal, called: str) -> User:
    """A user by id or label."""
    check_manages(principal)
    found = session.scalar(select(User).where(User.label == called))
    if found is None and called.isascii() and called.isdecimal() and len(called) <= 9:
        found = session.get(User, int(called))
    if found is None:
        raise NotFound(f"There is no user {called!r}. Run `givetake users list` to see the users.")
    return found


def add_user(
    session: WriteSession,
    principal: Principal,
    label: str,
    grants: Iterable[Grant] = (),
    *,
    expires_at: datetime | None = None,
    password: str | None = None,
) -> tuple[User, str | None]:
    """A new user, and the code of their invitation; with a password, none is needed."""
    check_manages(principal)
    wanted = list(grants)
    for each in wanted:
        check(each)
    now = database_now(session)
    user = User(
        label=_free_label(session, label),
        created_at=now,
        password=None if password is None else hash_of(password),
    )
    session.add(user)
    session.flush()
    audit.record(session, actor=principal.name, action="user.create", subject=user_name(user.id))
    if wanted:
        grant(session, principal, user.id, wanted, expires_at=expires_at)
    code = None if password is not None else _invite(user, now)
    session.flush()
    return user, code


def invite(session: WriteSession, principal: Principal, user_id: int) -> str:
    """A new invitation, also for somebody whose access was taken away; the one before ends."""
    check_manages(principal)
    user = _find(session, user_id)
    user.revoked_at = None
    code = _invite(user, database_now(session))
    session.flush()
    audit.record(session, actor=principal.name, action="user.invite", subject=user_name(user.id))
    return code


def rename(session: WriteSession, principal: Principal, user_id: int, label: str) -> User:
    check_manages(principal)
    user = _find(session, user_id)
    if user.label != label.strip():
        user.label = _free_label(session, label)
        session.flush()
        audit.record(
            session, actor=principal.name, action="user.rename", subject=user_name(user.id)
        )
    return user


def set_password(session: WriteSession, principal: Principal, user_id: int, password: str) -> None:
    """Another password, which signs them out everywhere."""
    check_manages(principal)
    user = _find(session, user_id)
    user.password = hash_of(password)
    session.flush()
    audit.record(session, actor=principal.name, action="user.password", subject=user_name(user.id))
    browser_sessions.end_sessions(session, principal, user_name(user.id))


def grant(
    session: WriteSession,
    principal: Principal,
    user_id: int,
    grants: Iterable[Grant],
    *,
    expires_at: datetime | None = None,
) -> None:
    """Let a user hold roles; those they hold already stay as they are."""
    check_manages(principal)
    user = _find(session, user_id)
    if user.revoked_at is not None:
        raise Conflict(
            f"The access of {user.label!r} was removed on {on_day(user.revoked_at)}. "
            "Invite them again first."
        )
    now = database_now(session)
    if expires_at is not None and expires_at <= now:
        ended = f"The roles would have ended on {last_day(expires_at)}. Enter a later date."
        raise BadUser(ended, "expires")
    give(session, user, grants, by=principal.name, now=now, expires_at=expires_at)


def give(
    session: WriteSession,
    user: User,
    grants: Iterable[Grant],
    *,
    by: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> None:
    """Grant what is not held yet; whoever calls has checked that `by` may.

    What has expired is granted anew, with its new end.
    """
    holder = user_name(user.id)
    held = held_by(session, [holder]).get(holder, [])
    for row in held:
        if row.expires_at is not None and row.expires_at <= now:
            row.revoked_at = now
    session.flush()
    has = {grant_of(row) for row in held if row.revoked_at is None}
    new = sorted(set(grants) - has, key=str)
    if new:
        add_grants(session, holder, new, by=by, now=now, expires_at=expires_at)
        audit.record(session, actor=by, action="user.grant", subject=holder, roles=listed(new))


def revoke_role(session: WriteSession, principal: Principal, user_id: int, grant_id: int) -> None:
    """Take one role away."""
    check_manages(principal)
    user = _find(session, user_id)
    row = session.get(RoleGrant, grant_id)
    if row is None or row.holder != user_name(user.id) or row.revoked_at is not None:
        raise NotFound(f"{user.label!r} does not hold that role. Open the user again.")
    _check_not_own(principal, user, "your own role")
    take(session, [row], by=principal.name, now=database_now(session))


def take(session: WriteSession, rows: Sequence[RoleGrant], *, by: str, now: datetime) -> None:
    """Revoke grants of one user; whoever calls has checked that `by` may."""
    if not rows:
        return
    for row in rows:
        row.revoked_at = now
    session.flush()
    audit.record(
        session,
        actor=by,
        action="user.revoke_role",
        subject=rows[0].holder,
        roles=listed(grant_of(row) for row in rows),
    )


def revoke_user(session: WriteSession, principal: Principal, user_id: int) -> User:
    """Take all access away at once: roles, sessions, invitation, and what they embedded."""
    check_manages(principal)
    user = _find(session, user_id)
    _check_not_own(principal, user, "your own access")
    if user.revoked_at is not None:
        raise Conflict(f"The access of {user.label!r} was already removed.")
    now = database_now(session)
    holder = user_name(user.id)
    for row in held_by(session, [holder]).get(holder, []):
        row.revoked_at = now
    user.revoked_at = now
    user.invitation = user.invited_until = None
    session.flush()
    audit.record(session, actor=principal.name, action="user.revoke", subject=holder)
    browser_sessions.end_sessions(session, principal, holder)
    return user


def erase_details(session: WriteSession, principal: Principal, user_id: int) -> None:
    """Erase name and email address, as the person may ask; they come back with a sign-in, if the
    issuer is still asked for them."""
    check_manages(principal)
    user = _find(session, user_id)
    details = session.get(UserDetails, user.id)
    if details is not None:
        session.delete(details)
        session.flush()
    audit.record(
        session, actor=principal.name, action="user.erase_details", subject=user_name(user.id)
    )


def _invite(user: User, now: datetime) -> str:
    code = secrets.token_urlsafe(24)
    user.invitation = digest_of(code)
    user.invited_until = now + INVITED_FOR
    return code


def _find(session: Session, user_id: int) -> User:
    user = session.get(User, user_id, with_for_update=isinstance(session, WriteSession))
    if user is None:
        raise NotFound(f"There is no user {user_id}. Open the list of users again.")
    return user


def _free_label(session: WriteSession, label: str) -> str:
    label = label.strip()
    if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
        raise BadUser(
            f"The label {label!r} must be 1 to {LONGEST_LABEL} printable characters. Describe the "
            "role, like Broker for Kent 1, and do not give a person's name."
        )
    if session.scalar(select(User.id).where(User.label == label)) is not None:
        raise Conflict(f"There is already a user called {label!r}. Enter another label.")
    return label


def _check_not_own(principal: Principal, user: User, what: str) -> None:
    if principal.name == user_name(user.id):
        raise Conflict(f"You cannot remove {what}. Ask another administrator.")


def _shown(session: Session, users: Sequence[User]) -> list[UserShown]:
    now = database_now(session)
    grants = held_by(session, (user_name(user.id) for user in users))
    ids = [user.id for user in users]
    details = {
        each.user_id: each
        for each in session.scalars(select(UserDetails).where(UserDetails.user_id.in_(ids)))
    }
    return [
        UserShown(
            user=user,
            grants=[
                row
                for row in grants.get(user_name(user.id), [])
                if row.expires_at is None or row.expires_at > now
            ],
            details=details.get(user.id),
            invited=user.invited_until is not None and user.invited_until > now,
        )
        for user in users
    ]
