"""Search that forgives: what people type finds what is meant, the best first, on both databases."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select, text, update
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.cli.main import app
from app.database import Database
from app.migrate import migrate
from app.register.lookups import Results, find_participants
from app.search_index import PARTICIPANT_SEARCH, refresh
from app.settings import settings
from models.register import Area, Group, Membership, Organisation, Participant
from tests import rows
from tests.callers import keyed

DAY = date(2026, 11, 23)
NAMES = {
    1: ("Dover Grammar School for Girls", "Dover", "CT16 2PZ"),
    2: ("Dovercourt Primary School", "Harwich", "CO12 3XX"),
    3: ("St Mary’s Church of England Primary School", "Dover", "CT16 1QX"),
    4: ("St. Mary's C of E (VA) Primary School", "Folkestone", "CT19 6QH"),
    5: ("Saint Augustine & St Anne Catholic Academy", "Deal", "CT14 7AA"),
    6: ("Andover High School", "Andover", "SP10 1AA"),
    7: ("Hythe Bay CofE Primary School", "Hythe", "CT21 6HS"),
    8: ("Ysgol Tŷ Gwyn", None, None),
    9: ("Whitfield Aspen School", "Dover", "CT16 3LJ"),
}


@pytest.fixture
def schools(database: Database) -> Database:
    """Nine schools of Kent, all made up; one of a trust, one that left it."""
    with database.write() as session:
        rows.add_calendar(session)
        session.add(Area(kind="local_authority", code="886", name="Kent"))
        trust = Group(
            uid=5143, reference="TR0514", name="Samphire Star Education Trust",
            kind="multi_academy_trust", type_code="06", open=True,
        )  # fmt: skip
        session.add(trust)
        session.flush()
        for urn, (name, town, postcode) in NAMES.items():
            who = rows.add_school(
                session, urn, name=name, town=town, postcode=postcode,
                local_authority_code="886", establishment_number=f"{4000 + urn}",
            )  # fmt: skip
            if urn in (6, 9):
                left = date(2026, 9, 1) if urn == 6 else None
                session.add(
                    Membership(group_id=trust.id, participant_id=who.id, joined=None, left=left)
                )
        hub = rows.add_hub(session, "hub")
        hub.name, hub.postcode = "Dover English Hub", "CT16 9ZZ"
    return database


def results(database: Database, typed: str) -> Results:
    with database.read() as session:
        return find_participants(session, TERMINAL, typed, on=DAY)


def found(database: Database, typed: str) -> list[str]:
    return [each.reference.partition(":")[2] for each in results(database, typed).found]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("dover grammar", ["1"]),
        ("Dover", ["hub", "1", "3", "9", "2", "6"]),
        ("st marys dover", ["3"]),
        ("St Mary's", ["3", "4"]),
        ("Saint Mary’s", ["3", "4"]),
        ("st. mary`s kent cofe", ["3", "4"]),
        ("c of e hythe", ["7"]),
        ("augustine and anne", ["5"]),
        ("St Augustine & St Anne", ["5"]),
        ("hythe-bay", ["7"]),
        ("ysgol ty gwyn", ["8"]),
        ("CT17", []),
        ("ct162pz", ["1"]),
        ("CT16 2PZ", ["1"]),
        ("ct16", ["hub", "1", "3", "9"]),
        ("886/4005", ["5"]),
        ("8864005", ["5"]),
        ("886 4005", ["5"]),
        ("887/4005", []),
        ("samphire star", ["9"]),
        ("9", ["9"]),
        ("%", []),
        ("...", []),
        ("' or 1=1 --", []),
    ],
)
def test_what_people_type_finds_what_is_meant(
    schools: Database, typed: str, expected: list[str]
) -> None:
    """Marks, short forms and cases do not matter; whole words go before parts of words."""
    assert found(schools, typed) == expected


@pytest.mark.parametrize(
    ("typed", "meant", "urn"),
    [
        ("dover gramar", "grammar", "1"),
        ("dover *gramar!", "grammar", "1"),
        ("dvoer grammar", "dover", "1"),
        ("dovercuort", "dovercourt", "2"),
        ("witfield", "whitfield", "9"),
        ("folkstone", "folkestone", "4"),
        ("samfire star", "samphire", "9"),
        ("augustin anne", None, "5"),
    ],
)
def test_a_misspelt_word_is_taken_for_the_nearest(
    schools: Database, typed: str, meant: str | None, urn: str
) -> None:
    """The result says what was searched for instead; a part of a word is no mistake."""
    made = results(schools, typed)
    assert [each.reference for each in made.found][:1] == [f"urn:{urn}"]
    assert (made.note is None) == (meant is None)
    if meant is not None:
        assert made.note is not None
        assert made.note.endswith(f"Showing results for “{meant}”.")


def test_what_is_like_nothing_finds_nothing(schools: Database) -> None:
    """No guess where no word is near, and none of figures, which mean what they say."""
    for typed in ("xylophonist", "ct99", "zzzz dover"):
        assert results(schools, typed) == Results([], 0)


def test_search_follows_every_change(schools: Database) -> None:
    """Names, towns and postcodes that change are found as they are now, and what is gone is not."""
    with schools.write() as session:
        school = session.scalars(select(Participant).where(Participant.reference == "urn:2")).one()
        school.name, school.town, school.postcode = "Parkeston Primary School", None, None
        session.scalars(select(Group)).one().name = "Sea Kale Trust"
    assert found(schools, "dovercourt") == []
    assert found(schools, "parkeston") == ["2"]
    assert found(schools, "samphire") == []
    assert found(schools, "sea kale") == ["9"]
    with schools.write() as session:
        session.execute(delete(Organisation))
        hub = session.scalars(select(Participant).where(Participant.reference == "org:hub"))
        session.delete(hub.one())
    assert "hub" not in found(schools, "dover")
    with schools.read() as session:
        searched, there = (
            session.scalar(text(f"select count(*) from {table}"))
            for table in ("participant_search", "participant")
        )
    assert searched == there


def test_a_migration_makes_the_texts_that_are_kept(schools: Database) -> None:
    """What was there before is found after an upgrade; towns come with the next import."""
    with schools.write() as session:
        session.execute(update(Participant).values(town=None))
        refresh(session)
        before = session.execute(select(PARTICIPANT_SEARCH)).all()
    migrate(schools, "0040_link_mailbox")
    migrate(schools)
    with schools.read() as session:
        assert sorted(map(tuple, session.execute(select(PARTICIPANT_SEARCH)))) == sorted(
            map(tuple, before)
        )


def test_search_over_http(schools: Database) -> None:
    """The same results in the same order, with their number and what was taken for what."""
    with keyed(schools) as client:
        answer = found_by(client, "dover gramar")
        assert [each["reference"] for each in answer["found"]] == ["urn:1"]
        assert answer["total"] == 1
        assert "grammar" in answer["note"]
        first = found_by(client, "dover", limit=2)
        assert [each["name"] for each in first["found"]] == [
            "Dover English Hub",
            "Dover Grammar School for Girls",
        ]
        assert first["total"] == 6
        listed = client.get("/api/v1/institutions", params={"q": "st marys gramar"})
        assert listed.json()["items"] == []
        listed = client.get("/api/v1/institutions", params={"q": "st marys dover"})
        assert [each["urn"] for each in listed.json()["items"]] == [3]
        guessed = client.get("/api/v1/institutions", params={"q": "st marys dver"})
        assert guessed.json()["items"] == []
        assert client.get("/api/v1/search").status_code == 422


def found_by(client: TestClient, typed: str, **more: Any) -> Any:
    answer = client.get("/api/v1/search", params={"q": typed, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_find_counts_and_tells_an_empty_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many there are beyond those shown; whether there is anything; and the same as JSON."""
    url = f"sqlite:///{tmp_path / 'find.sqlite3'}"
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", url)
    settings.cache_clear()
    terminal = CliRunner()
    assert "Import the register first" in terminal.invoke(app, ["find", "alder"]).stdout
    with Database(url) as database, database.write() as session:
        for urn in range(100000, 100005):
            rows.add_school(session, urn, name=f"Alder {urn} School")
    said = terminal.invoke(app, ["find", "alder", "--limit", "2"]).stdout
    assert "2 of 5 results." in said
    assert "No results for 'oak'" in terminal.invoke(app, ["find", "oak"]).stdout
    given_json = terminal.invoke(app, ["find", "aldr", "--limit", "1", "--json"]).stdout
    assert json.loads(given_json)["total"] == 5
    settings.cache_clear()
