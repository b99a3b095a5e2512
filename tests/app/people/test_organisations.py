"""What DfE Sign-in says of an organisation, as a scope of the register."""

from typing import Any

import pytest

from app.access.policy import Scope
from app.database import Database
from app.people.organisations import scope_of
from models.register import Group
from models.vocabulary import ScopeKind
from tests import rows

SCHOOL = {"id": "001", "name": "Establishment"}
TRUST = {"id": "010", "name": "Multi-Academy Trust"}
AUTHORITY = {"id": "002", "name": "Local Authority"}
AT_999 = {"id": "9", "name": "Testshire", "code": "999"}


@pytest.mark.parametrize(
    ("organisation", "scope"),
    [
        ({"category": SCHOOL, "urn": "100000"}, (ScopeKind.INSTITUTION, "100000")),
        ({"category": SCHOOL, "urn": 100000}, (ScopeKind.INSTITUTION, "100000")),
        (
            {
                "category": SCHOOL,
                "urn": None,
                "localAuthority": AT_999,
                "establishmentNumber": "2001",
            },
            (ScopeKind.INSTITUTION, "100000"),
        ),
        ({"category": TRUST, "uid": "1234"}, (ScopeKind.TRUST, "1234")),
        ({"category": {"id": "013"}, "uid": 1234, "urn": None}, (ScopeKind.TRUST, "1234")),
        ({"category": AUTHORITY, "establishmentNumber": "999"}, (ScopeKind.AREA, "999")),
        ({"category": SCHOOL, "urn": "100001"}, None),
        ({"category": SCHOOL, "urn": "9" * 30}, None),
        ({"category": SCHOOL, "localAuthority": AT_999, "establishmentNumber": "7"}, None),
        # Two schools have it, and nobody is of both.
        ({"category": SCHOOL, "localAuthority": AT_999, "establishmentNumber": "3000"}, None),
        ({"category": TRUST, "uid": "4321"}, None),
        ({"category": TRUST, "uid": "1234 or 1=1"}, None),
        ({"category": AUTHORITY, "establishmentNumber": "998"}, None),
        ({"category": {"id": "050", "name": "Software supplier"}, "urn": "100000"}, None),
        ({"category": "001", "urn": "100000"}, None),
        ({"category": SCHOOL, "urn": True}, None),
        ({"category": SCHOOL, "urn": {"id": "100000"}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_only_what_the_register_has_becomes_a_scope(
    database: Database, organisation: dict[str, Any] | None, scope: tuple[ScopeKind, str] | None
) -> None:
    """Whatever the claim holds, nothing is guessed."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100000, establishment_number="2001")
        for urn in (100010, 100011):
            rows.add_school(session, urn, establishment_number="3000")
        trust = {"name": "A trust", "kind": "multi_academy_trust", "type_code": "06", "open": True}
        rows.add(session, Group(uid=1234, **trust))
        assert scope_of(session, organisation) == (Scope(*scope) if scope else None)
