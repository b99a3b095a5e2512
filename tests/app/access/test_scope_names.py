"""What somebody types for a scope, and what is said where it names nothing, or several."""

import pytest
from sqlalchemy import update

from app.access.grants import BadGrant
from app.access.policy import Scope
from app.access.scope_names import MOST_TOLD, scope_named
from app.database import Database
from models.register import Group
from models.vocabulary import ScopeKind
from tests import rows

AREA, SCHOOL, TRUST = ScopeKind.AREA, ScopeKind.INSTITUTION, ScopeKind.TRUST


@pytest.fixture
def register(database: Database) -> Database:
    with database.write() as session:
        rows.add_calendar(session)
        for urn, name in ((1, "Oak Grammar School"), (2, "Ash School"), (3, "Ash School")):
            rows.add_school(session, urn, name=name)
    return database


def named(database: Database, kind: ScopeKind, text: str) -> Scope:
    with database.read() as session:
        return scope_named(session, kind, text)


def refused(database: Database, kind: ScopeKind, text: str) -> str:
    with pytest.raises(BadGrant) as bad:
        named(database, kind, text)
    return bad.value.detail


def test_a_trust_is_meant_before_a_sponsor_of_its_name(register: Database) -> None:
    """And what is open before what is closed; a sponsor has no schools."""
    with register.write() as session:
        for uid, kind in ((7, "sponsor"), (8, "multi_academy_trust"), (9, "single_academy_trust")):
            rows.add_group(session, uid, kind, [])
        session.execute(update(Group).values(name="Elm Trust"))
        session.execute(update(Group).where(Group.uid == 9).values(open=False))
    assert named(register, TRUST, "elm trust") == Scope(TRUST, "8")
    assert named(register, TRUST, "7") == Scope(TRUST, "7")
    with register.write() as session:
        session.execute(update(Group).values(open=True, kind="federation"))
    assert refused(register, TRUST, "Elm Trust").endswith("Enter the code of one: 7, 8, 9.")


def test_of_several_schools_each_is_told_with_its_place(register: Database) -> None:
    assert "Enter the code of one: 2 (Testshire), 3 (Testshire)." in refused(
        register, SCHOOL, "Ash School"
    )
    with register.write() as session:
        for urn in range(4, 4 + MOST_TOLD):
            rows.add_school(session, urn, name="Ash School")
    assert refused(register, SCHOOL, "Ash School").endswith(" or another.")


@pytest.mark.parametrize(
    ("kind", "text", "hint"),
    [
        (SCHOOL, "Oak Grammar", "Did you mean Oak Grammar School (1)?"),
        (AREA, "Tesshire", "Did you mean Testshire (999)?"),
        (AREA, "%", "Check the name or code."),
        (ScopeKind.NETWORK, "Family", "None has been imported or added yet."),
    ],
)
def test_a_name_that_names_nothing_is_told_what_is_near(
    register: Database, kind: ScopeKind, text: str, hint: str
) -> None:
    """Names that hold its words, or else are written alike."""
    assert refused(register, kind, text).endswith(hint)
