"""A preview tells which rows are added and changed, field by field, in the words of the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.access.policy import TERMINAL
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.exchange.files import import_limits, import_needs
from app.import_kit.changes import RowChange
from app.import_kit.report import ImportReport
from app.import_kit.upsert import SHOWN
from app.register.gias.importer import import_gias
from app.register.networks import import_networks
from app.register.organisations import import_organisations
from tests.factories import establishment, import_schools, write_gias

Importer = Callable[..., ImportReport]
ITEMS = "reference,participant,expertise,period,days,travel_limit_miles\n"


@pytest.fixture
def exchange(database: Database, tmp_path: Path) -> Database:
    import_schools(database, tmp_path, establishment(900001), establishment(900002))
    with database.write() as session:
        load_packaged(session)
    return database


def look_at(database: Database, importer: Importer, folder: Path, text: str) -> ImportReport:
    path = folder / "file.csv"
    path.write_text(text, "utf-8")
    with database.rehearse() as session:
        return importer(session, TERMINAL, path)


def take_in(database: Database, importer: Importer, folder: Path, text: str) -> ImportReport:
    path = folder / "file.csv"
    path.write_text(text, "utf-8")
    with database.write() as session:
        return importer(session, TERMINAL, path)


def test_each_field_is_told_before_and_after(exchange: Database, tmp_path: Path) -> None:
    """Days as days, schools by URN, blanks as blanks; what stays the same is left out."""
    take_in(exchange, import_needs, tmp_path, f"{ITEMS}n-1,900001,music,2026-27,6,25\n")
    text = f"{ITEMS}n-1,900001,music,2026-27,2.5,\nn-2,900002,music,2026-27,1,\n"
    changed, added = look_at(exchange, import_needs, tmp_path, text).changes
    assert (changed.record, changed.name, changed.became) == ("needs", "n-1", RowChange.CHANGED)
    assert {each.field: (each.before, each.after) for each in changed.fields} == {
        "days": ("6", "2.5"),
        "days_min": ("6", "2.5"),
        "travel_limit_miles": ("25.0", ""),
    }
    assert (added.name, added.became) == ("n-2", RowChange.ADDED)
    told = {each.field: each.after for each in added.fields}
    assert (told["participant"], told["expertise"], told["days"]) == ("900002", "music", "1")
    assert {each.before for each in added.fields} == {""}


def test_rows_without_a_reference_are_named_by_what_they_are_of(
    exchange: Database, tmp_path: Path
) -> None:
    text = "participant,period,give_days\n900001,2026-27,6\n"
    (added,) = look_at(exchange, import_limits, tmp_path, text).changes
    assert added.name == "900001, 2026-27"


@pytest.mark.parametrize(
    ("importer", "text", "names"),
    [
        (
            import_networks,
            "key,name,kind,member\nfam,Family,family,900001\n",
            {("networks", "fam"), ("members", "fam, 900001")},
        ),
        (
            import_organisations,
            "key,name,kind,postcode\nhub-1,Made-up Hub,hub,ZZ1 1AA\n",
            {("organisations", "hub-1")},
        ),
    ],
)
def test_every_kind_of_file_tells_its_rows(
    exchange: Database, tmp_path: Path, importer: Importer, text: str, names: set[tuple[str, str]]
) -> None:
    report = look_at(exchange, importer, tmp_path, text)
    assert {(each.record, each.name) for each in report.changes} == names


def test_changes_of_the_register_are_told_by_school(exchange: Database, tmp_path: Path) -> None:
    """What all participants have, and what institutions have besides."""
    files = write_gias(
        tmp_path,
        [establishment(900001, name="Renamed", pupils="300"), establishment(900002)],
    )
    with exchange.rehearse() as session:
        report = import_gias(session, TERMINAL, files)
    fields = [(each.name, one.field, one.after) for each in report.changes for one in each.fields]
    assert fields == [("900001", "name", "Renamed"), ("900001", "pupils", "300")]


def test_no_more_is_told_than_people_read(exchange: Database, tmp_path: Path) -> None:
    """The counts are of all rows."""
    lines = "".join(f"n-{n},900001,music,2026-27,1,\n" for n in range(SHOWN + 50))
    report = look_at(exchange, import_needs, tmp_path, ITEMS + lines)
    assert len(report.changes) == SHOWN
    assert report.things["needs"].added == SHOWN + 50
