"""Contacts in the portal: from an institution's page, each look on record."""

import pytest
from sqlalchemy import select

from app.access.policy import Role
from app.contacts.schemas import NEITHER
from app.database import Database
from app.portal.labels import CONTACT_FIELDS
from app.portal.pages.contacts import CHANGED
from models.access import AuditEvent
from models.contacts import Contact
from tests import runs
from tests.portal import Visitor

LIST = "/participants/1/contacts"
NEW = f"{LIST}/new"
FACTS = {"name": "Made-up Person", "role": "headteacher", "email": "head@school.example"}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    return runs.matched(sqlite_database)


def test_a_contact_is_added_changed_and_erased(who: Visitor, exchange: Database) -> None:
    """With what is wrong at its field, and a change of an older version refused."""
    assert "Contacts" in who.open("/participants/1").text
    assert "There are no contacts yet" in who.open(LIST).text
    form = who.open(NEW)
    assert form.faults == []
    blank = who.send(form, NEW)
    assert blank.status == 422
    assert CONTACT_FIELDS["name"].enter in blank.text
    unreachable = who.send(form, NEW, **(FACTS | {"email": ""}))
    assert NEITHER in unreachable.text
    added = who.send(form, NEW, **FACTS)
    assert "Made-up Person" in added.text
    assert added.faults == []
    edit = who.open("/contacts/1/change")
    changed = who.send(edit, "/contacts/1/change", role="chair of governors")
    assert "chair of governors" in changed.text
    late = who.send(edit, "/contacts/1/change", role="clerk")
    assert (late.status, CHANGED in late.text) == (422, True)
    asked = who.open("/contacts/1/erase")
    assert asked.faults == []
    assert "There are no contacts yet" in who.send(asked, "/contacts/1/erase").text
    with exchange.read() as session:
        assert session.scalars(select(Contact)).all() == []
        events = session.scalars(
            select(AuditEvent.action).where(AuditEvent.action.startswith("contact."))
        ).all()
        assert {"contact.create", "contact.read", "contact.change", "contact.erase"} == set(events)


def test_an_analyst_is_shown_no_contacts(who: Visitor, exchange: Database) -> None:
    """Neither the link nor the page."""
    who.limit_to(Role.ANALYST)
    assert "Contacts" not in who.open("/participants/1").text
    for path in (LIST, NEW):
        assert who.open(path).status == 403
