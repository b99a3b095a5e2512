"""Finding places, groups and participants by what people call them; what codes mean."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.cli.main import app
from app.database import Database
from app.errors import Conflict, NotFound
from app.register.gias.classification import phases, sen_types
from app.register.gias.importer import import_gias
from app.register.lookups import Scope, find_participants, find_scope, participants_in
from app.register.networks import import_networks
from app.settings import settings
from tests.factories import establishment, group, import_schools, link, write_gias

TODAY = date(2026, 11, 23)


@pytest.fixture
def places(database: Database, tmp_path: Path) -> Database:
    """Two authorities, one of them also a district; trusts, a sponsor and a family."""
    other = {"la": "002", "la_name": "Otherton", "region": "K", "region_name": "South West"}
    files = write_gias(
        tmp_path,
        [
            establishment(900001, name="Alder Made-up School"),
            establishment(900002, district="E07999999", district_name="Otherton", **other),
            establishment(900003, name="Closed Made-up School", status="2"),
        ],
        groups=[
            group(5001, name="Birch Trust"),
            group(5002, name="Birch Trust", type="05", reference=""),
            group(5003, name="Elm Federation", type="01", reference=""),
            group(5004, name="Elm Federation", type="01", reference=""),
            group(5005, name="Rowan Trust", reference="TR05001", status="CLOSED"),
        ],
        links=[link(900001, 5001, "01-12-2026"), link(900002, 5001), link(900003, 5001)],
    )
    family = tmp_path / "networks.csv"
    family.write_text("key,name,kind,member,starts,ends\nfam,Family,family,900001,,22-11-2026\n")
    with database.write() as session:
        import_gias(session, TERMINAL, files)
        import_networks(session, TERMINAL, family)
    return database


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("Made-up County", "local_authority:001"),
        ("  made-up county ", "local_authority:001"),
        ("001", "local_authority:001"),
        ("Otherton", "local_authority:002"),
        ("district:E07999999", "district:E07999999"),
        ("E07999999", "district:E07999999"),
        ("South West", "region:K"),
        ("K", "region:K"),
        ("England", "country:E92000001"),
        ("Birch Trust", "group:5001"),
        ("tr05001", "group:5001"),
        ("5002", "group:5002"),
        ("group:5004", "group:5004"),
        ("fam", "network:fam"),
        ("Family", "network:fam"),
        ("  SOUTH-west", "region:K"),
    ],
)
def test_a_scope_is_found_by_name_code_or_key(places: Database, text: str, exact: str) -> None:
    """An authority goes before a district of its name, an open trust before the rest."""
    with places.read() as session:
        assert find_scope(session, TERMINAL, text).exact == exact


def test_what_may_mean_several_is_asked_back(places: Database) -> None:
    """The answer lists each candidate in the form that is never ambiguous."""
    with places.read() as session, pytest.raises(Conflict) as asked:
        find_scope(session, TERMINAL, "elm federation")
    assert asked.value.detail == (
        "'elm federation' could mean several areas: "
        "group:5003 (Elm Federation), group:5004 (Elm Federation). "
        "Enter one of these."
    )


def test_what_is_not_there_names_the_nearest(places: Database) -> None:
    """A slip of the pen is answered with the names that it may have been meant for."""
    with places.read() as session, pytest.raises(NotFound, match="Did you mean Otherton"):
        find_scope(session, TERMINAL, "Othertown")
    with places.read() as session, pytest.raises(NotFound, match=r"'Qqq'\. Check the name"):
        find_scope(session, TERMINAL, "Qqq")


def test_an_empty_register_says_so(sqlite_database: Database) -> None:
    """Even then England is a scope, and anything else is told apart from a slip."""
    with sqlite_database.read() as session, pytest.raises(NotFound, match=r"no .* 'Kent'"):
        find_scope(session, TERMINAL, "Kent")


@pytest.mark.parametrize(
    ("kind", "code", "day", "urns"),
    [
        ("country", "E92000001", TODAY, [900001, 900002]),
        ("local_authority", "001", TODAY, [900001]),
        ("region", "K", TODAY, [900002]),
        ("district", "E07999999", TODAY, [900002]),
        ("group", "5001", TODAY, [900002]),
        ("group", "5001", date(2026, 12, 1), [900001, 900002]),
        ("network", "fam", date(2026, 11, 22), [900001]),
        ("network", "fam", TODAY, []),
    ],
)
def test_who_is_in_a_scope_depends_on_the_day(
    places: Database, kind: str, code: str, day: date, urns: list[int]
) -> None:
    """Closed schools are in none; who has not joined yet or has left is not a member."""
    with places.read() as session:
        found = {
            one.participant_id: one.reference
            for one in find_participants(session, TERMINAL, "made-up", on=day).found
        }
        inside = participants_in(session, TERMINAL, Scope(kind, code, ""), day)
    assert [found[participant_id] for participant_id in inside] == [f"urn:{urn}" for urn in urns]


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("900002", ["urn:900002"]),
        ("alder", ["urn:900001"]),
        ("ALDER county", ["urn:900001"]),
        ("alder otherton", []),
        ("zz1 otherton", ["urn:900002"]),
        ("100%", []),
        ("", []),
    ],
)
def test_participants_are_found_by_number_or_words(
    places: Database, text: str, references: list[str]
) -> None:
    """All words must be in the name, the postcode or the authority; no character is a wildcard."""
    with places.read() as session:
        results = find_participants(session, TERMINAL, text, on=TODAY)
    assert [one.reference for one in results.found] == references
    assert results.total == len(references)


def test_an_import_tells_the_database_what_there_is(database: Database, tmp_path: Path) -> None:
    """Without counts of its rows a list of one area is searched for among all institutions."""
    import_schools(database, tmp_path, establishment(100000), establishment(100001))
    counted = {
        True: "select stat from sqlite_stat1 where tbl = 'participant' limit 1",
        False: "select reltuples::int from pg_class where relname = 'participant'",
    }[database.is_embedded]
    with database.read() as session:
        assert str(session.scalar(text(counted))).split()[0] == "2"


def test_find_in_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`givetake find` prints the URN, name, type and place; or says that there is nobody."""
    url = f"sqlite:///{tmp_path / 'terminal.sqlite3'}"
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", url)
    settings.cache_clear()
    terminal = CliRunner()
    assert "There are no institutions yet" in terminal.invoke(app, ["find", "alder"]).stdout
    with Database(url) as database:
        import_schools(database, tmp_path, establishment(900001, name="Alder Made-up School"))
    assert terminal.invoke(app, ["find", "alder", "county"]).stdout == (
        "900001  Alder Made-up School (Community school) Made-up County, ZZ1 1AA\n"
    )
    settings.cache_clear()


@pytest.mark.parametrize(
    ("code", "low", "high", "sixth_form", "expected"),
    [
        (1, 2, 5, None, "early_years"),
        (2, 4, 11, None, "early_years primary"),
        (2, 7, 11, None, "primary"),
        (3, 9, 13, None, "primary secondary"),
        (5, 9, 13, None, "primary secondary"),
        (4, 11, 16, None, "secondary"),
        (4, 11, 18, None, "secondary post_16"),
        (4, 11, 18, "Does not have a sixth form", "secondary"),
        (4, 11, 16, "Has a sixth form", "secondary post_16"),
        (6, 16, 19, None, "post_16"),
        (7, 3, 18, None, "early_years primary secondary post_16"),
        (0, 2, 19, None, "early_years primary secondary post_16"),
        (0, 5, 11, None, "primary"),
        (0, 11, 16, "Not applicable", "secondary"),
        (0, 14, 19, None, "secondary post_16"),
        (0, 16, 25, None, "post_16"),
        (0, None, None, None, ""),
        (None, 4, 11, None, "early_years primary"),
    ],
)
def test_phases_come_from_the_phase_or_the_ages(
    code: int | None, low: int | None, high: int | None, sixth_form: str | None, expected: str
) -> None:
    """Special schools and referral units mostly say phase 0: their ages decide."""
    assert phases(code, low, high, sixth_form) == expected.split()


def test_sen_types_are_codes_once_each() -> None:
    """ "Not Applicable" is no type, wherever it stands, and a type named twice is one."""
    said = ["Not Applicable", None, "ASD - Autistic Spectrum Disorder", "HI - Hearing Impairment"]
    assert sen_types([*said, "ASD - Autistic Spectrum Disorder"]) == ["ASD", "HI"]
