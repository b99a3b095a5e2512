"""Postcodes and positions that are likely slips are noted with their rows, and taken."""

from pathlib import Path

import pytest

from app.access.policy import TERMINAL
from app.database import Database
from app.import_kit.report import ImportReport
from app.register.organisations import import_organisations
from app.register.plausible import Placed, note_places
from tests.factories import establishment, take_in, write_gias

HEAD = "key,name,kind,postcode,easting,northing\n"


def schools(number: int, **cells: str) -> list[dict[str, str]]:
    return [establishment(900001 + each, postcode="ZZ1 1AA", **cells) for each in range(number)]


def organisations(database: Database, folder: Path, text: str) -> ImportReport:
    path = folder / "organisations.csv"
    path.write_text(HEAD + text, "utf-8")
    with database.write() as session:
        return import_organisations(session, TERMINAL, path)


def test_a_school_far_from_its_postcode_is_noted(database: Database, tmp_path: Path) -> None:
    """By URN and line; it is imported all the same."""
    away = establishment(900009, postcode="ZZ1 2AA", easting="520000", northing="160000")
    report = take_in(database, write_gias(tmp_path, [*schools(4), away]))
    (note,) = (each for each in report.notes if "postcode district" in each)
    assert "900009, ZZ1 2AA (line 6)" in note
    assert report.things["institutions"].added == 5


def test_a_postcode_that_is_none_is_noted(database: Database, tmp_path: Path) -> None:
    wrong = establishment(900009, postcode="ZZ11AAA")
    report = take_in(database, write_gias(tmp_path, [*schools(2), wrong]))
    (note,) = (each for each in report.notes if "postcode" in each)
    assert "1 institution has a postcode that is not one: 900009, “ZZ11AAA” (line 4)" in note


def test_organisations_are_compared_with_the_schools_there(
    database: Database, tmp_path: Path
) -> None:
    """Only where they say both where they are and their postcode."""
    take_in(database, write_gias(tmp_path, schools(4)))
    report = organisations(
        database,
        tmp_path,
        "hub-1,One,hub,ZZ1 3AA,520000,160000\n"
        "hub-2,Two,hub,ZZ1 3AA,420100,560100\n"
        "hub-3,Three,hub,no idea,,\n"
        "hub-4,Four,hub,,,\n",
    )
    notes = " ".join(report.notes)
    assert "1 organisation lies more than 25 miles" in notes
    assert "hub-1, ZZ1 3AA (line 2)" in notes
    assert "1 organisation has a postcode that is not one: hub-3, “no idea” (line 4)" in notes
    assert "Not known where: hub-4 (line 5), hub-3 (line 4)." in notes
    assert report.things["organisations"].added == 4


@pytest.mark.parametrize("number", [1, 2])
def test_too_few_tell_nothing_of_a_district(number: int) -> None:
    """Two that are far from each other: either could be right."""
    rows = [
        Placed(2 + each, str(each), "ZZ1 1AA", (51.0 + 2 * each, 0.0)) for each in range(number)
    ]
    assert note_places("institution", rows) == []
