"""Families that schools of an area could form: who is asked, how far apart, and what is told."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from typer.testing import CliRunner

from app.access.policy import TERMINAL, Scope
from app.cli.main import app
from app.database import Database
from app.errors import Conflict, NotFound
from app.graph import families
from app.graph.families import ProposedFamilies, WhyProposed, propose_families
from app.portal.labels import MINUTES_WRONG, label
from app.settings import settings
from models.exchange import Period
from models.register import NetworkMembership, Participant
from models.vocabulary import Role, ScopeKind
from tests import rows
from tests.callers import keyed
from tests.portal import Visitor, broker

AREA = "local_authority:999"
FAMILIES = "/api/v1/graph/families"


def fill(database: Database, **window: Any) -> Database:
    """Four schools alone meet each other's needs, and with them one whose network leaves a need."""
    with database.write() as session:
        rows.add_calendar(session)
        people = [
            rows.add_school(session, 100_000 + n, n * 1.0, name=f"School {n}") for n in range(7)
        ]
        for n, (gives, needs) in enumerate([("maths", "reading"), ("reading", "maths")] * 2):
            places = {"max_pairings": 2, "half_days": 8} if n == 1 else {"max_pairings": 1}
            rows.add_offer(session, f"o-{n}", people[n], expertise_code=gives, **places, **window)
            rows.add_need(session, f"n-{n}", people[n], expertise_code=needs, **window)
        rows.add_network(session, "family", [people[4], people[5]])
        rows.add_offer(session, "o-4", people[4], half_days=4, max_pairings=1, **window)
        rows.add_need(session, "met-within", people[5], **window)
        rows.add_need(session, "left-open", people[5], expertise_code="reading", **window)
    return database


def propose(database: Database, minutes: int = 30, **changes: Any) -> ProposedFamilies:
    with database.read() as session:
        asked: dict[str, Any] = {"area": AREA, "day": rows.STARTS} | changes
        return propose_families(
            session, TERMINAL, asked.pop("area"), minutes, asked.pop("day"), **asked
        )


def test_schools_alone_and_those_left_with_needs_are_proposed_one_family(
    database: Database,
) -> None:
    """What their own network can meet is left to it; who has neither need nor offer is counted."""
    found = propose(fill(database))
    [family] = found.families
    assert [(each.name, each.why, each.needs, each.covered) for each in family.members] == [
        *((f"School {n}", WhyProposed.NO_NETWORK, 1, 1) for n in range(4)),
        ("School 5", WhyProposed.NEEDS_LEFT_OPEN, 1, 1),
    ]
    assert sorted(each.need for each in family.covers) == [
        "left-open", "n-0", "n-1", "n-2", "n-3",
    ]  # fmt: skip
    assert (found.needs, found.covered, found.bound, found.period) == (5, 5, 5, rows.YEAR)
    assert (found.schools, found.taking_part) == (6, 5), "School 6 has nothing to give or to ask"
    assert 0 < family.minutes <= 30


def test_who_joins_a_network_that_has_what_they_need_is_asked_no_more(
    sqlite_database: Database,
) -> None:
    """A network of another area counts, and one that they have left does not."""
    fill(sqlite_database)
    with sqlite_database.write() as session:
        elsewhere = rows.add_school(session, 100_100, 3.0, local_authority_code="998")
        rows.add_offer(session, "o-far", elsewhere, expertise_code="reading", half_days=4)
        one = session.scalars(select(Participant).where(Participant.name == "School 0")).one()
        rows.add_network(session, "other", [one, elsewhere])
        who = one.id
    assert "School 0" not in members(propose(sqlite_database))
    with sqlite_database.write() as session:
        session.execute(
            update(NetworkMembership)
            .where(NetworkMembership.participant_id == who)
            .values(ends=rows.STARTS)
        )
    assert "School 0" in members(propose(sqlite_database, day=date(2026, 9, 2)))


def members(found: ProposedFamilies) -> set[str]:
    return {each.name for family in found.families for each in family.members}


def test_nothing_is_proposed_beyond_the_minutes_or_without_needs(
    sqlite_database: Database,
) -> None:
    fill(sqlite_database)
    near = propose(sqlite_database, 1)
    assert (near.families, near.covered, near.bound) == ((), 0, 0)
    term = propose(sqlite_database, period=rows.TERM)
    assert term.period == rows.TERM
    with pytest.raises(NotFound, match="There is no academic year of today or later"):
        propose(sqlite_database, day=date(2099, 1, 1))


def test_an_area_that_is_too_large_is_refused(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(sqlite_database)
    monkeypatch.setattr(families, "MOST_SCHOOLS", 3)
    with pytest.raises(Conflict, match="is too large to look for families in"):
        propose(sqlite_database)


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    fill(database)
    with keyed(database, rows.NOW.replace(month=11)) as client:
        yield client


def test_families_come_over_http(client: TestClient) -> None:
    """As the service finds them, days as days."""
    asked = {"area": "Testshire", "minutes": 30, "period": rows.YEAR, "on": "2026-09-01"}
    answer = client.get(FAMILIES, params=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["covered"], told["bound"], told["taking_part"]) == (5, 5, 5)
    [family] = told["families"]
    assert family["members"][4] == {
        "participant": "urn:100005",
        "name": "School 5",
        "why": "needs_left_open",
        "needs": 1,
        "covered": 1,
        "gives": 0,
    }
    assert {each["days"] for each in family["covers"]} == {2}
    for minutes in (0, 121, "x"):
        wrong = client.get(FAMILIES, params=asked | {"minutes": minutes})
        assert wrong.status_code == 422, wrong.text


@pytest.fixture
def years(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A year that goes on whatever the day, for what asks the clock."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", sqlite_database.url)
    settings.cache_clear()
    fill(sqlite_database, window_ends=rows.ENDS.replace(year=2100))
    with sqlite_database.write() as session:
        session.execute(update(Period).values(ends=rows.ENDS.replace(year=2100)))
    yield sqlite_database
    settings.cache_clear()


def test_families_are_told_in_the_terminal(years: Database) -> None:
    done = CliRunner().invoke(app, ["graph", "families", "--area", "Testshire"])
    assert done.exit_code == 0, done.output
    assert "5 of 5 needs covered:" in done.output
    assert "School 5 (urn:100005)" in done.output
    assert "1 family in 2026-27: 5 of 5 needs covered; no families could cover" in done.output


def test_the_page_suggests_families_and_says_what_is_wrong(database: Database) -> None:
    """To those who may read plans; a contact does not see the needs of others."""
    fill(database)
    now = datetime(2026, 9, 1, 12, tzinfo=UTC)
    who: Visitor = broker(database, now)
    page = who.open("/graph/families?area=Testshire&minutes=30")
    assert (page.status, page.faults) == (200, [])
    assert "Together they meet 5 of 5 needs" in page.text
    assert label(WhyProposed.NEEDS_LEFT_OPEN, WhyProposed) in page.text
    wrong = who.open("/graph/families?area=Testshire&minutes=many")
    assert (wrong.status, wrong.faults) == (422, [])
    assert MINUTES_WRONG.format(families.MOST_MINUTES) in wrong.text
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "100000"))
    assert who.open("/graph/families").status == 403
