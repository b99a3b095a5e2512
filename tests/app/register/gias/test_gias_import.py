"""Importing the public register: what its columns become, and what a second import does."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.access.policy import TERMINAL, Role
from app.database import Database
from app.errors import FaultyFile, Forbidden
from app.import_kit.upsert import Counts
from app.register.gias.importer import GiasFiles, import_gias
from app.register.lookups import Scope, participants_in
from models.access import AuditEvent
from models.register import Area, ImportBatch, Institution, Participant
from models.tables import metadata
from tests.factories import (
    MONDAY,
    TUESDAY,
    acting,
    establishment,
    group,
    institution,
    link,
    spell,
    succession,
    take_in,
    write_gias,
)


def everything(database: Database) -> dict[str, list[Any]]:
    with database.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table))))
            for table in metadata.sorted_tables
        }


def test_a_row_of_the_register_becomes_an_institution(database: Database, tmp_path: Path) -> None:
    """Names keep their accents from cp1252, dates of both forms are read, figures are numbers."""
    row = establishment(
        900001,
        name="Ecole Sainte-Thérèse – ‘Made-up’",
        opened="01-09-2012",
        closed="31/08/2026",
        district="E07999999",
        district_name="Made-up District",
        sen1="Not Applicable",
        sen2="SEMH - Social, Emotional and Mental Health",
    )
    report = take_in(database, write_gias(tmp_path, [row]))
    participant, school = institution(database, 900001)
    assert report.things["institutions"] == Counts(added=1)
    assert participant.name == "Ecole Sainte-Thérèse – ‘Made-up’"
    assert (school.open_date, school.close_date) == (date(2012, 9, 1), date(2026, 8, 31))
    assert (school.pupils, school.free_school_meals_percent) == (200, 21.5)
    assert school.sen_types == ["SEMH"]
    assert (school.in_scope, school.history) == (True, "unknown")
    assert participant.latitude == pytest.approx(54.934, abs=0.001)
    assert participant.longitude == pytest.approx(-1.689, abs=0.001)
    with database.read() as session:
        areas = session.execute(
            select(Area.kind, Area.code, Area.name, Area.region_code).order_by(Area.kind)
        ).all()
    assert [tuple(area) for area in areas] == [
        ("district", "E07999999", "Made-up District", "A"),
        ("local_authority", "001", "Made-up County", "A"),
        ("region", "A", "North East", None),
    ]


@pytest.mark.parametrize(
    ("easting", "northing"), [("0", "0"), ("", ""), ("420000", ""), ("0", "560000")]
)
def test_an_unknown_position_stays_unknown(
    sqlite_database: Database, tmp_path: Path, easting: str, northing: str
) -> None:
    """Blank or zero is no place: all four columns of the position are empty."""
    files = write_gias(tmp_path, [establishment(900001, easting=easting, northing=northing)])
    report = take_in(sqlite_database, files)
    place, _ = institution(sqlite_database, 900001)
    assert (place.easting, place.northing, place.latitude, place.longitude) == (None,) * 4
    assert report.notes == ["1 institution has no known position. It was left as unknown."]


@pytest.mark.parametrize("withheld", ["c", "z", "x", "low", "SUPP"])
def test_a_withheld_figure_is_not_available(
    sqlite_database: Database, tmp_path: Path, withheld: str
) -> None:
    """What a publisher suppresses is unknown, never nought."""
    take_in(
        sqlite_database,
        write_gias(tmp_path, [establishment(900001, pupils=withheld, fsm=withheld)]),
    )
    _, school = institution(sqlite_database, 900001)
    assert (school.pupils, school.free_school_meals_percent) == (None, None)


def test_types_decide_scope_provision_and_fees(sqlite_database: Database, tmp_path: Path) -> None:
    """Special, alternative, fee-paying and out-of-scope come from the extract's type codes."""
    types = {900001: "7", 900002: "38", 900003: "11", 900004: "10", 900005: "30", 900006: "8"}
    rows = [establishment(urn, type=code) for urn, code in types.items()]
    rows.append(establishment(900007, status="4"))
    rows.append(establishment(900008, status="3"))
    take_in(sqlite_database, write_gias(tmp_path, rows))
    with sqlite_database.read() as session:
        said = {
            urn: flags
            for urn, *flags in session.execute(
                select(
                    Institution.urn,
                    Institution.specialist,
                    Institution.alternative_provision,
                    Institution.fee_paying,
                    Institution.in_scope,
                )
            )
        }
    assert said == {
        900001: [True, False, False, True],
        900002: [False, True, False, True],
        900003: [False, False, True, True],
        900004: [True, False, False, True],
        900005: [False, False, False, False],
        900006: [True, False, False, True],
        900007: [False, False, False, False],
        900008: [False, False, False, True],
    }


def test_resourced_provision_and_sen_units_are_kept(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """A mainstream school's own specialist places; withheld figures are unknown, never nought."""
    both = {
        "TypeOfResourcedProvision (name)": "Resourced provision and SEN unit",
        "ResourcedProvisionOnRoll": "12",
        "ResourcedProvisionCapacity": "15",
        "SenUnitOnRoll": "c",
        "SenUnitCapacity": "10",
    }
    none = {"TypeOfResourcedProvision (name)": "Not applicable"}
    rows = [establishment(900001) | both, establishment(900002) | none]
    take_in(sqlite_database, write_gias(tmp_path, rows))
    school = institution(sqlite_database, 900001)[1]
    assert school.resourced_provision == "Resourced provision and SEN unit"
    assert (school.resourced_provision_pupils, school.resourced_provision_capacity) == (12, 15)
    assert (school.sen_unit_pupils, school.sen_unit_capacity) == (None, 10)
    assert institution(sqlite_database, 900002)[1].resourced_provision is None
    lacking = write_gias(tmp_path, rows, without=both)
    take_in(sqlite_database, lacking)
    assert institution(sqlite_database, 900001)[1].sen_unit_capacity == 10


def test_the_same_files_twice_change_nothing(database: Database, tmp_path: Path) -> None:
    """A second import of the same bytes leaves every table as it was, the audit included."""
    files = write_gias(
        tmp_path,
        [establishment(900001), establishment(900002, easting="0", northing="0")],
        groups=[group(5001), group(5002, status="CLOSED")],
        links=[link(900001, 5001)],
        successors=[succession(900001, 100, "Predecessor", "01-09-2015")],
        memberships=[
            spell(900001, 5002, "2015-09-01", "2019-08-31"),
            spell(900002, 5002, "2015-09-01"),
            spell("", 5002),
        ],
    )
    take_in(database, files)
    before = everything(database)
    report = take_in(database, files, TUESDAY)
    assert everything(database) == before
    assert not report.any_change
    assert report.things["institutions"] == Counts(unchanged=2)
    assert report.things["memberships"] == Counts(unchanged=3)


def test_a_later_download_is_told_apart(database: Database, tmp_path: Path) -> None:
    """Added, changed, closed, unchanged and absent are counted; nothing absent is deleted."""
    first = [establishment(urn) for urn in range(900001, 900006)]
    take_in(database, write_gias(tmp_path, first))
    later = [
        establishment(900001),
        establishment(900002, name="Renamed Made-up School"),
        establishment(900003, status="2", closed="31-08-2026"),
        establishment(900004, pupils="201"),
        establishment(900006),
    ]
    report = take_in(database, write_gias(tmp_path, later))
    assert report.things["institutions"] == Counts(
        added=1, changed=2, closed=1, unchanged=1, absent=1
    )
    versions = {urn: institution(database, urn)[0].version for urn in range(900001, 900007)}
    assert versions == {900001: 1, 900002: 2, 900003: 2, 900004: 2, 900005: 1, 900006: 1}
    assert institution(database, 900003)[1].in_scope is False
    with database.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all()
        batches = session.scalars(select(ImportBatch)).all()
    assert [event.action for event in events] == ["import.gias", "import.gias"]
    assert {event.digest for event in events} == {batch.digest for batch in batches}
    assert len({batch.digest for batch in batches}) == 2


def test_a_column_that_left_the_download_is_left_alone(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """A column that is gone says nothing; a blank cell says that there is no value."""
    rows = [establishment(900001, sen1="MLD - Moderate Learning Difficulty")]
    take_in(sqlite_database, write_gias(tmp_path, rows))
    gone = ["NumberOfPupils", "SEN1 (name)", "Easting", "Northing", "OfstedRating (name)"]
    report = take_in(sqlite_database, write_gias(tmp_path, rows, without=gone))
    assert report.things["institutions"] == Counts(unchanged=1)
    take_in(sqlite_database, write_gias(tmp_path, [establishment(900001, pupils="", sen1="")]))
    place, school = institution(sqlite_database, 900001)
    assert (school.pupils, school.sen_types, place.easting) == (None, [], 420000)


def test_faults_of_several_files_are_listed_together(database: Database, tmp_path: Path) -> None:
    """Every fault of every file is in one list, and nothing of any file is kept."""
    before = everything(database)
    files = write_gias(
        tmp_path,
        [establishment(900001), establishment(900001), establishment(900002, pupils="many")],
        groups=[group(5001), group(5001)],
        links=[link(900001, 5001, "31-02-2020")],
    )
    with pytest.raises(FaultyFile) as refused:
        take_in(database, files)
    assert [(fault.file, fault.line, fault.column) for fault in refused.value.faults] == [
        ("edubasealldata.csv", 3, "URN"),
        ("edubasealldata.csv", 4, "NumberOfPupils"),
        ("alllinksdata.csv", 2, "Joined date"),
        ("allgroupsdata.csv", 3, "Group UID"),
    ]
    assert everything(database) == before


def test_only_brokers_and_administrators_import(sqlite_database: Database, tmp_path: Path) -> None:
    """Whoever may not import is refused before a file is opened."""
    analyst = acting(Role.ANALYST, name="analyst")
    missing = GiasFiles(tmp_path / "missing.csv")
    with (
        sqlite_database.write() as session,
        pytest.raises(Forbidden, match="do not have permission to"),
    ):
        import_gias(session, analyst, missing)


@pytest.mark.national
def test_the_national_register(sqlite_database: Database, national_data: Path) -> None:
    """The whole register is taken in without a fault, and the second time changes nothing."""
    gias = national_data / "gias"
    files = GiasFiles(
        gias / "edubasealldata.csv", gias / "allgroupsdata.csv", gias / "alllinksdata.csv"
    )
    report = take_in(sqlite_database, files)
    assert report.things["institutions"] == Counts(added=24_518)
    assert report.things["groups"] == Counts(added=6_523)
    assert report.things["memberships"] == Counts(added=10_345)
    again = take_in(sqlite_database, files)
    assert not again.any_change
    kent = Scope("local_authority", "886", "Kent")
    with sqlite_database.read() as session:
        assert len(participants_in(session, TERMINAL, kent, MONDAY)) == 692
        unknown = select(func.count()).where(Participant.latitude.is_(None))
        assert session.scalar(unknown) == 2
