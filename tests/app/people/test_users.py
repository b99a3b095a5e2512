"""Users: invited, let in, given and refused rights, and gone at once when they are taken away."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.access import browser_sessions
from app.access.grants import BadGrant
from app.access.holders import principal_of_holder, user_name
from app.access.keys import Unauthenticated
from app.access.policy import TERMINAL, Grant, Principal, Scope
from app.database import Database, WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound
from app.people import users
from app.people.openid import Person
from app.people.passwords import BadPassword, is_right
from app.people.sign_in import by_issuer, by_password, enter
from app.people.users import BadUser
from models.access import AuditEvent
from models.people import User, UserDetails
from models.register import Group
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.factories import acting

BROKER = Grant(Role.BROKER)
SCHOOL = Scope(ScopeKind.INSTITUTION, "100000")
OF_SCHOOL = {"category": {"id": "001"}, "urn": "100000"}
A_TRUST: Any = {"name": "A trust", "kind": "multi_academy_trust", "type_code": "06", "open": True}
OF_TRUST = {"category": {"id": "010"}, "uid": "1234"}


def person(subject: str = "kim", **told: Any) -> Person:
    known = {"name": None, "email": None, "organisation": None} | told
    return Person("https://issuer.example", subject, id_token="a.b.c", **known)


def comes(
    session: WriteSession,
    who: Person,
    invitation: str | None = None,
    role: Role | None = None,
    later: timedelta = timedelta(),
) -> Principal | str:
    return by_issuer(session, who, invitation, role, database_now(session) + later)


def invited(
    session: WriteSession, label: str = "Broker 1", grants: Iterable[Grant] = (BROKER,)
) -> tuple[User, str]:
    user, code = users.add_user(session, TERMINAL, label, grants)
    assert code is not None
    return user, code


def test_an_invitation_makes_somebody_known_once(database: Database) -> None:
    """The code opens the way for one subject, which needs it no more; others get nothing."""
    with database.write() as session:
        user, code = invited(session)
        assert comes(session, person()) == "unknown"
        assert comes(session, person(), "x" * 32) == "invitation_over"
        found = comes(session, person(), code)
        assert found == Principal(user_name(user.id), frozenset({BROKER}), "Broker 1")
        assert comes(session, person()) == found
        assert comes(session, person("jo"), code) == "invitation_over"
        assert code not in {user.invitation, user.subject}
    with database.read() as session:
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.sequence)).all()
    assert actions == ["user.create", "user.grant", "user.join"]


def test_an_invitation_ends_after_a_week_or_with_the_next(database: Database) -> None:
    """So that a link that was lost opens nothing."""
    with database.write() as session:
        user, code = invited(session)
        late = users.INVITED_FOR + timedelta(seconds=1)
        assert comes(session, person(), code, later=late) == "invitation_over"
        newer = users.invite(session, TERMINAL, user.id)
        assert comes(session, person(), code) == "invitation_over"
        assert isinstance(comes(session, person(), newer), Principal)


def test_nobody_takes_a_second_place(database: Database) -> None:
    """Who is a user already stays that one, and the invitation stays open for another."""
    with database.write() as session:
        _, first = invited(session)
        _, second = invited(session, "Broker 2")
        comes(session, person(), first)
        assert comes(session, person(), second) == "invited_twice"
        assert isinstance(comes(session, person("jo"), second), Principal)


def test_who_has_no_role_is_not_let_in(database: Database) -> None:
    """But known from then on, so that an administrator can give one."""
    with database.write() as session:
        user, code = invited(session, grants=())
        assert comes(session, person(), code) == "no_role"
        users.grant(session, TERMINAL, user.id, [BROKER])
        assert isinstance(comes(session, person()), Principal)


def test_a_role_ends_by_itself(database: Database) -> None:
    """And can be given again."""
    with database.write() as session:
        user, _ = invited(session, grants=())
        now = database_now(session)
        users.grant(session, TERMINAL, user.id, [BROKER], expires_at=now + timedelta(days=1))
        name = user_name(user.id)

        def roles(at: datetime) -> frozenset[Role]:
            found = principal_of_holder(session, name, at)
            assert found is not None
            return found.roles

        assert roles(now) == {Role.BROKER}
        assert roles(now + timedelta(days=2)) == frozenset()
        with pytest.raises(BadUser, match="Enter a later date"):
            users.grant(session, TERMINAL, user.id, [BROKER], expires_at=now)
        users.give(session, user, [BROKER], by="terminal", now=now + timedelta(days=2))
        assert roles(now + timedelta(days=2)) == {Role.BROKER}


def test_what_was_taken_away_is_gone_at_once(database: Database) -> None:
    """Roles, sessions, invitation, and what they made; an invitation brings them back."""
    with database.write() as session:
        user, code = invited(session)
        found = comes(session, person(), code)
        assert isinstance(found, Principal)
        secret = browser_sessions.begin(session, found)
        user_id = user.id
    with database.read() as session:
        assert browser_sessions.find(session, secret)
    with database.write() as session:
        users.revoke_user(session, TERMINAL, user_id)
        now = database_now(session)
        assert principal_of_holder(session, user_name(user_id), now) is None
        assert comes(session, person()) == "revoked"
        with pytest.raises(Conflict, match="already removed"):
            users.revoke_user(session, TERMINAL, user_id)
        with pytest.raises(Conflict, match="Invite them again"):
            users.grant(session, TERMINAL, user_id, [BROKER])
    with database.read() as session:
        assert browser_sessions.find(session, secret) is None
    with database.write() as session:
        code = users.invite(session, TERMINAL, user_id)
        users.grant(session, TERMINAL, user_id, [BROKER])
        assert isinstance(comes(session, person(), code), Principal)
        now = database_now(session)
        assert principal_of_holder(session, user_name(user_id), now) is not None


def test_one_role_is_taken_and_the_others_stay(database: Database) -> None:
    """A session goes on with what is left of them."""
    viewer = Grant(Role.VIEWER)
    with database.write() as session:
        user, code = invited(session, grants=[BROKER, viewer])
        found = comes(session, person(), code)
        assert isinstance(found, Principal)
        secret = browser_sessions.begin(session, found)
        rows_ = users.get_user(session, TERMINAL, user.id).grants
        (row,) = [each for each in rows_ if each.role == Role.BROKER]
        users.revoke_role(session, TERMINAL, user.id, row.id)
        with pytest.raises(NotFound):
            users.revoke_role(session, TERMINAL, user.id, row.id)
    with database.read() as session:
        visiting = browser_sessions.find(session, secret)
    assert visiting is not None
    assert visiting.principal.grants == {viewer}


def test_the_role_of_an_organisation_comes_and_goes_with_it(database: Database) -> None:
    """Who moves from a school to a trust speaks for the trust, and no more for the school."""
    with database.write() as session:
        rows.add_school(session, 100000)
        rows.add(session, Group(uid=1234, **A_TRUST))
        at_school = person(organisation=OF_SCHOOL)
        assert comes(session, at_school) == "unknown"
        found = comes(session, at_school, role=Role.CONTACT)
        assert isinstance(found, Principal)
        assert found.grants == {Grant(Role.CONTACT, SCHOOL)}
        assert found.label == f"Person {found.name.partition(':')[2]}"
        moved = comes(session, person(organisation=OF_TRUST), role=Role.CONTACT)
        assert isinstance(moved, Principal)
        assert moved.grants == {Grant(Role.CONTACT, Scope(ScopeKind.TRUST, "1234"))}
        assert comes(session, person(), role=Role.CONTACT) == "no_role"
        assert comes(session, person("jo"), role=Role.CONTACT) == "unknown"


def test_an_administrator_s_roles_stay_whatever_the_organisation(database: Database) -> None:
    """Only what came from the issuer follows it."""
    with database.write() as session:
        rows.add_school(session, 100000)
        _, code = invited(session)
        found = comes(session, person(organisation=OF_SCHOOL), code, Role.CONTACT)
        assert isinstance(found, Principal)
        assert found.roles == {Role.BROKER, Role.CONTACT}
        found = comes(session, person(), role=Role.CONTACT)
        assert isinstance(found, Principal)
        assert found.roles == {Role.BROKER}


def test_an_authority_s_people_are_no_contacts(database: Database) -> None:
    """A contact speaks for one school or trust."""
    authority = {"category": {"id": "002"}, "establishmentNumber": "999"}
    with database.write() as session:
        rows.add_calendar(session)
        assert comes(session, person(organisation=authority), role=Role.CONTACT) == "unknown"
        found = comes(session, person(organisation=authority), role=Role.VIEWER)
        assert isinstance(found, Principal)
        assert found.grants == {Grant(Role.VIEWER, Scope(ScopeKind.AREA, "999"))}


def test_who_it_is_is_kept_apart_and_erased(database: Database) -> None:
    """The audit never has it; administrators see it until it is erased."""
    with database.write() as session:
        user, code = invited(session)
        comes(session, person(name="Kim Someone", email="kim@example.org"), code)
        shown = users.get_user(session, TERMINAL, user.id)
        assert shown.details is not None
        assert (shown.details.name, shown.details.email) == ("Kim Someone", "kim@example.org")
        users.erase_details(session, TERMINAL, user.id)
        assert session.scalars(select(UserDetails)).all() == []
        assert users.get_user(session, TERMINAL, user.id).details is None
    with database.read() as session:
        events = session.scalars(select(AuditEvent)).all()
        assert events
        assert not [each for each in events if "kim" in f"{each.subject}{each.detail}".lower()]


@pytest.mark.parametrize("label", ["", " ", "x" * 61, "a\nb"])
def test_a_label_can_be_shown(database: Database, label: str) -> None:
    """And there are no two alike."""
    with database.write() as session:
        with pytest.raises(BadUser):
            users.add_user(session, TERMINAL, label)
        user, _ = invited(session)
        with pytest.raises(Conflict, match="Enter another label"):
            users.add_user(session, TERMINAL, "Broker 1 ")
        assert users.rename(session, TERMINAL, user.id, "Broker 2").label == "Broker 2"
        assert users.user_called(session, TERMINAL, "Broker 2").id == user.id
        assert users.user_called(session, TERMINAL, str(user.id)).id == user.id
        for unknown in ("Broker 1", "9" * 30, "²"):
            with pytest.raises(NotFound):
                users.user_called(session, TERMINAL, unknown)


def test_only_administrators_manage_users(database: Database) -> None:
    """Nobody else sees or changes them; nobody takes their own access away."""
    with database.write() as session:
        user, code = invited(session, grants=[Grant(Role.ADMINISTRATOR)])
        broker = acting(Role.BROKER)
        for act in (
            lambda: users.add_user(session, broker, "x"),
            lambda: users.list_users(session, broker),  # type: ignore[arg-type]
            lambda: users.get_user(session, broker, user.id),
            lambda: users.invite(session, broker, user.id),
            lambda: users.rename(session, broker, user.id, "y"),
            lambda: users.set_password(session, broker, user.id, "x" * 20),
            lambda: users.grant(session, broker, user.id, [BROKER]),
            lambda: users.revoke_role(session, broker, user.id, 1),
            lambda: users.revoke_user(session, broker, user.id),
            lambda: users.erase_details(session, broker, user.id),
            lambda: users.user_called(session, broker, "1"),
            lambda: browser_sessions.end_sessions(session, broker, user_name(user.id)),
        ):
            with pytest.raises(Forbidden):
                act()
        found = comes(session, person(), code)
        assert isinstance(found, Principal)
        with pytest.raises(Conflict, match="Ask another administrator"):
            users.revoke_user(session, found, user.id)
        row = users.get_user(session, found, user.id).grants[0]
        with pytest.raises(Conflict, match="Ask another administrator"):
            users.revoke_role(session, found, user.id, row.id)
        with pytest.raises(BadGrant):
            users.add_user(session, found, "z", [Grant(Role.SYSTEM)])


def test_a_password_opens_for_its_owner_alone(database: Database) -> None:
    """Unknown and wrong are told alike, and both take as long as a check does."""
    with database.write() as session:
        user, code = users.add_user(session, TERMINAL, "Dev", [BROKER], password="correct horse!")
        assert code is None
        assert user.password is not None
        assert user.password.startswith("$argon2id$")
        with pytest.raises(BadPassword, match="between 12 and 200"):
            users.add_user(session, TERMINAL, "Short", password="short")
        user_id = user.id
    assert by_password(database, "Dev", "correct horse!") == user_id
    told = set()
    for label, password in (("Dev", "wrong"), ("Nobody", "correct horse!"), ("Dev", "")):
        with pytest.raises(Unauthenticated) as refused:
            by_password(database, label, password)
        told.add(refused.value.detail)
    assert len(told) == 1
    with database.write() as session:
        assert isinstance(enter(session, user_id, database_now(session)), Principal)
        users.set_password(session, TERMINAL, user_id, "another horse!")
        users.revoke_user(session, TERMINAL, user_id)
        assert enter(session, user_id, database_now(session)) == "revoked"
    with pytest.raises(Unauthenticated):
        by_password(database, "Dev", "another horse!")


def test_a_user_without_a_password_has_none_that_is_right() -> None:
    """Not the one that it is compared with, either."""
    assert not is_right("nobody has this password", None)
    assert not is_right("", None)


def test_sessions_are_seen_and_ended_by_their_owner(database: Database) -> None:
    """One, or all others; those of somebody else are found by nobody but administrators."""
    kim, jo = acting(Role.BROKER, name="user:1"), acting(Role.BROKER, name="user:2")
    with database.write() as session:
        here = browser_sessions.begin(session, kim)
        for _ in range(3):
            browser_sessions.begin(session, kim)
        browser_sessions.begin(session, jo)

    def listed(who: Principal = kim) -> list[browser_sessions.Session]:
        with database.read() as session:
            return browser_sessions.list_sessions(session, who, "user:1", here)

    assert [each.here for each in listed()].count(True) == 1
    assert len(listed()) == 4
    assert len(listed(TERMINAL)) == 4
    with pytest.raises(Forbidden):
        listed(jo)
    other = next(each for each in listed() if not each.here)
    with database.write() as session:
        with pytest.raises(Forbidden):
            browser_sessions.end_session(session, jo, "user:1", other.number)
        with pytest.raises(NotFound):
            browser_sessions.end_session(session, jo, "user:2", other.number)
        for number in ("", other.number[:-1], "%"):
            with pytest.raises(NotFound):
                browser_sessions.end_session(session, kim, "user:1", number)
        browser_sessions.end_session(session, kim, "user:1", other.number)
    assert len(listed()) == 3
    with database.write() as session:
        assert browser_sessions.end_sessions(session, kim, "user:1", but=here) == 2
    assert [each.here for each in listed()] == [True]
