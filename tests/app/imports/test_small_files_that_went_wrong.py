"""Small files, each a sign of a whole kind of slip: what they become when they are imported."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.errors import FaultyFile
from app.exchange.files import export_offers
from app.import_kit.report import ImportReport
from app.imports.kinds import KINDS
from models.exchange import Need, Offer
from models.register import Measure
from tests.factories import (
    establishment,
    group,
    import_schools,
    link,
    succession,
    take_in,
    write_gias,
)

MEASURES = "urn,measure,period,value\n"
NEEDS = "reference,participant,expertise,period,days\n"
OFFERS = "reference,participant,expertise,period,days,evidence\n"
ORGANISATIONS = "key,name,kind,postcode,easting,northing\n"


@pytest.fixture
def exchange(sqlite_database: Database, tmp_path: Path) -> Database:
    import_schools(
        sqlite_database, tmp_path, *(establishment(900101 + number) for number in range(4))
    )
    with sqlite_database.write() as session:
        load_packaged(session)
    return sqlite_database


def importing(database: Database, folder: Path, kind: str, text: str | bytes) -> ImportReport:
    path = folder / f"{kind}.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with database.write() as session:
        return KINDS[kind].import_files(session, TERMINAL, {kind: path})


def stored_measures(database: Database) -> Mapping[int, tuple[float | None, str | None, bool]]:
    query = select(Measure.urn, Measure.value, Measure.text, Measure.suppressed)
    with database.read() as session:
        return {urn: (value, text, held) for urn, value, text, held in session.execute(query)}


def test_a_school_that_converts_takes_its_need_along(exchange: Database, tmp_path: Path) -> None:
    """The report names what hung on the closed school, its successor and what went over."""
    importing(exchange, tmp_path, "needs", f"{NEEDS}m-1,900101,music,2026-27,4\n")
    closed = establishment(900101, status="2") | {"CloseDate": "31-08-2026"}
    files = write_gias(
        tmp_path,
        [closed, establishment(900111)],
        successors=[succession(900101, 900111, "Successor", "01-09-2026")],
    )
    (affected,) = take_in(exchange, files).affected
    assert (affected.urn, affected.successors, affected.needs) == (900101, [900111], ["m-1"])
    assert affected.carried_over == {"need": 1}


def test_a_school_that_is_to_close_is_told(exchange: Database, tmp_path: Path) -> None:
    importing(exchange, tmp_path, "needs", f"{NEEDS}m-1,900101,music,2026-27,4\n")
    closing = establishment(900101, status="3") | {"CloseDate": "31-12-2026"}
    (affected,) = take_in(exchange, write_gias(tmp_path, [closing])).affected
    assert (affected.urn, affected.change, affected.needs) == (900101, "to_close", ["m-1"])


@pytest.mark.parametrize("cell", ["NE", "LOWCOV", "NP", ":", ".", "u", "SUPP", "c"])
def test_what_stands_for_no_figure_is_none(exchange: Database, tmp_path: Path, cell: str) -> None:
    """Also where the first file has nothing else, so that nothing tells of which kind it is."""
    importing(exchange, tmp_path, "measures", f"{MEASURES}900101,progress8,2025,{cell}\n")
    importing(exchange, tmp_path, "measures", f"{MEASURES}900102,progress8,2025,-0.3\n")
    assert stored_measures(exchange) == {900101: (None, None, True), 900102: (-0.3, None, False)}


@pytest.mark.parametrize(
    ("measure", "cell", "value"),
    [("fsm6_pct", "14.5%", 14.5), ("pupils", '"1,307"', 1307.0)],
)
def test_figures_never_become_words(
    exchange: Database, tmp_path: Path, measure: str, cell: str, value: float
) -> None:
    importing(exchange, tmp_path, "measures", f"{MEASURES}900101,{measure},2025,{cell}\n")
    assert stored_measures(exchange)[900101] == (value, None, False)


@pytest.mark.parametrize(
    "text",
    [
        "reference,participant,expertise,period,days,mode,state\nm-1,900101,music,2026-27,4\n",
        NEEDS.title() + "m-1,900101,music,2026-27,4\n",
        f"{NEEDS}m-1,900101,music,2026-27,4\n".replace(",", ";"),
        f"{NEEDS}m-1,900101.0,music,2026-27,4\n",
        f"{NEEDS}m-1,900101,Music,2026-27,4\n",
        f"{NEEDS}m-1,900101,music,2026-27,4\n".encode("utf-16"),
    ],
)
def test_needs_are_read_as_spreadsheets_leave_them(
    exchange: Database, tmp_path: Path, text: str | bytes
) -> None:
    importing(exchange, tmp_path, "needs", text)
    with exchange.read() as session:
        need = session.scalars(select(Need)).one()
        assert (need.expertise_code, need.half_days) == ("music", 8)


def test_a_register_with_semicolons_is_read(sqlite_database: Database, tmp_path: Path) -> None:
    files = write_gias(tmp_path, [establishment(900101), establishment(900102)])
    text = files.establishments.read_text("cp1252").replace('","', '";"')
    files.establishments.write_text(text, "cp1252")
    assert take_in(sqlite_database, files).things["institutions"].added == 2


def test_text_survives_the_way_through_a_spreadsheet(exchange: Database, tmp_path: Path) -> None:
    """Exported with a byte order mark; what was opened without it is restored."""
    said = ["Théâtre network – 2 schools", "=A1+A2", "-3 places", "'=quoted", "''twas"]
    lines = "".join(
        f"p-{number},90010{number},music,2026-27,2,{text}\n"
        for number, text in enumerate(said[:4], start=1)
    )
    importing(exchange, tmp_path, "offers", OFFERS + lines)
    with exchange.read() as session:
        exported = export_offers(session, TERMINAL)
        before = session.scalars(select(Offer.evidence).order_by(Offer.id)).all()
    assert exported.startswith("\ufeff")
    mangled = exported.removeprefix("\ufeff").encode().decode("cp1252").encode("utf-8-sig")
    report = importing(exchange, tmp_path, "offers", mangled)
    assert not report.any_change
    assert before[0] == said[0]


@pytest.mark.parametrize(
    ("row", "refused"), [("180000,590000", True), ("420000,560000", False), (",", False)]
)
def test_a_position_at_sea_is_refused(
    exchange: Database, tmp_path: Path, row: str, refused: bool
) -> None:
    text = f"{ORGANISATIONS}hub-9,Quay Hub,teaching_school_hub,,{row}\n"
    if refused:
        with pytest.raises(FaultyFile, match="1 error"):
            importing(exchange, tmp_path, "organisations", text)
        return
    notes = importing(exchange, tmp_path, "organisations", text).notes
    assert any("hub-9 (line 2)" in note for note in notes) == (row == ",")


def test_links_of_unknown_schools_are_left_out_and_counted(
    exchange: Database, tmp_path: Path
) -> None:
    files = write_gias(
        tmp_path,
        [establishment(900101)],
        groups=[group(7101)],
        links=[link(900101, 7101), link(900199, 7101)],
    )
    report = take_in(exchange, files)
    assert report.things["memberships"].added == 1
    assert any("left out: memberships of 1 URN" in note for note in report.notes)


def test_the_same_need_twice_is_noted(exchange: Database, tmp_path: Path) -> None:
    text = f"{NEEDS}m-1,900101,music,2026-27,4\nm-2,900101,music,2026-27,4\n"
    (note,) = importing(exchange, tmp_path, "needs", text).notes
    assert note.startswith("1 need looks to have been entered more than once: m-1 and m-2")
