"""The pages about users: for administrators, without JavaScript, each mistake at its field."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.access import browser_sessions
from app.access.holders import principal_of_holder
from app.access.policy import TERMINAL, Grant
from app.database import Database, database_now
from app.people import users
from app.portal.choices import UserChange
from app.portal.labels import LABELS, USER_FIELDS
from models.access import AuditEvent
from models.people import User, UserDetails
from models.vocabulary import Role
from tests import rows
from tests.portal import BASE, Visitor, broker

DONE = LABELS[UserChange]


@pytest.fixture
def who(sqlite_database: Database) -> Visitor:
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100000, name="Oak School")
    return broker(sqlite_database, issuer="https://issuer.example", issuer_client="givetake")


def kim(database: Database) -> int:
    with database.write() as session:
        user, _ = users.add_user(session, TERMINAL, "Kim's place", [Grant(Role.BROKER)])
        session.add(UserDetails(user_id=user.id, name="Kim Someone", email="k@example.org"))
        return user.id


def test_a_user_is_invited_with_a_role(who: Visitor, sqlite_database: Database) -> None:
    """The link is shown once, and leads to the page that accepts it."""
    page = who.send(
        who.open("/users/new"),
        "/users/new",
        label="Contact of Oak",
        role="contact",
        scope_kind="institution",
        scope="Oak School",
    )
    assert "Invitation link" in page.text
    assert "Contact Oak School No end" in page.text
    with sqlite_database.read() as session:
        user = session.scalars(select(User)).one()
    again = who.open(f"/users/{user.id}")
    assert "Invitation link" not in again.text
    assert "Invited" in again.text
    assert "Contact for Oak School" in who.open("/users").text
    with sqlite_database.write() as session:
        ended = database_now(session) - timedelta(days=1)
        session.execute(update(User).values(invited_until=ended))
    assert "Invitation expired" in who.open("/users").text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "Taken"}, "label"),
        ({"role": ""}, "role"),
        ({"role": "system"}, "role"),
        ({"scope_kind": "planet"}, "scope_kind"),
        ({"scope_kind": ""}, "scope_kind"),
        ({"expires": "soon"}, "expires"),
        ({"expires": "1/9/2020"}, "expires"),
        ({"scope_kind": "area", "scope": ""}, "scope"),
        ({"scope_kind": "area", "scope": "Nowhere"}, "scope"),
        ({"role": "contact", "scope_kind": "all", "scope": ""}, "scope_kind"),
        ({"scope_kind": "all"}, "scope"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    who: Visitor, sqlite_database: Database, change: dict[str, str], field: str
) -> None:
    """And nobody is added."""
    with sqlite_database.write() as session:
        users.add_user(session, TERMINAL, "Taken")
    given = {"label": "New", "role": "broker", "scope_kind": "area", "scope": "Testshire"} | change
    page = who.send(who.open("/users/new"), "/users/new", **given)
    assert page.status == 422
    assert "There is a problem" in page.text
    assert f"#{field}" in page.links
    with sqlite_database.read() as session:
        assert len(session.scalars(select(User)).all()) == 1


def test_roles_label_and_details_are_changed(who: Visitor, sqlite_database: Database) -> None:
    """Each change is said, and in the audit, which has no name of a person."""
    user_id = kim(sqlite_database)
    where = f"/users/{user_id}"
    page = who.open(where)
    assert "Kim Someone" in page.text
    page = who.send(
        page, f"{where}/grant", role="viewer", scope_kind="area", scope="999", expires="31/8/2199"
    )
    assert DONE[UserChange.GRANTED] in page.text
    assert "Viewer Testshire 31 August 2199" in page.text
    page = who.send(page, f"{where}/grant", role="", scope_kind="all")
    assert USER_FIELDS["role"].enter in page.text
    (remove, *_) = [form.action for form in who.open(where).forms if "/roles/" in form.action]
    page = who.send(who.open(where), remove.removeprefix(BASE))
    assert DONE[UserChange.ROLE_REMOVED] in page.text
    page = who.send(page, f"{where}/label", label="Broker 7")
    assert DONE[UserChange.RENAMED] in page.text
    page = who.send(page, f"{where}/label", label="")
    assert page.status == 422
    page = who.send(who.open(where), f"{where}/erase")
    assert DONE[UserChange.ERASED] in page.text
    assert "Kim Someone" not in page.text
    with sqlite_database.read() as session:
        events = session.scalars(select(AuditEvent)).all()
        assert not [each for each in events if "Kim" in f"{each.subject} {each.detail}"]


def test_access_is_removed_after_a_question_and_given_back(
    who: Visitor, sqlite_database: Database
) -> None:
    """Whoever is signed in is out at once."""
    user_id = kim(sqlite_database)
    where = f"/users/{user_id}"
    with sqlite_database.write() as session:
        now = database_now(session)
        principal = principal_of_holder(session, f"user:{user_id}", now)
        assert principal is not None
        secret = browser_sessions.begin(session, principal)
    page = who.open(where)
    assert "Not signed in" not in page.text
    page = who.send(page, f"{where}/sessions/end")
    assert DONE[UserChange.SIGNED_OUT] in page.text
    assert "Not signed in" in page.text
    with sqlite_database.write() as session:
        secret = browser_sessions.begin(session, principal)
    page = who.send(who.open(f"{where}/remove"), f"{where}/remove")
    assert DONE[UserChange.REMOVED] in page.text
    with sqlite_database.read() as session:
        assert browser_sessions.find(session, secret) is None
    page = who.send(page, f"{where}/invite")
    assert "Invitation link" in page.text


def test_nobody_else_gets_there(who: Visitor, sqlite_database: Database) -> None:
    """A broker has no link to it, and no page."""
    user_id = kim(sqlite_database)
    assert f"{BASE}/users" in who.open("/").links
    who.limit_to(Role.BROKER)
    assert f"{BASE}/users" not in who.open("/").links
    for path in ("/users", "/users/new", f"/users/{user_id}", f"/users/{user_id}/remove"):
        page = who.open(path)
        assert page.status == 403
        assert "Kim" not in page.text
    with sqlite_database.read() as session:
        refused = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "access.refuse")
        ).all()
    assert [each.subject for each in refused][:2] == ["GET /users", "GET /users/new"]


def test_in_development_a_user_gets_a_password(sqlite_database: Database) -> None:
    """Instead of a link."""
    who = broker(sqlite_database, development=True)
    given = {"label": "Dev", "role": "broker", "scope_kind": "all"}
    page = who.send(who.open("/users/new"), "/users/new", **given, password="short")
    assert "#password" in page.links
    page = who.send(who.open("/users/new"), "/users/new", **given, password="correct horse!")
    assert page.status == 200
    assert "Invitation link" not in page.text
