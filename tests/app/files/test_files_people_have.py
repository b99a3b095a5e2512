"""Real files are read as they come; what is read otherwise than written is told, never guessed."""

import zipfile
from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from app.errors import FaultyFile
from app.exchange.rows import NeedRow, OfferRow
from app.files.csv_reading import RowModel, read_rows
from app.files.findings import Findings
from app.register.circumstances import CircumstanceRow, CircumstanceRuleRow
from app.register.gias.rows import EstablishmentRow
from app.register.measures import MeasureRow
from app.settings import settings

HEADER = "reference,participant,expertise,period,days"
ROW = "n-1,900001,early-reading,2026-27,6"
PLAIN = f"{HEADER}\n{ROW}\n"
ACCENTED = f"{HEADER},agreed_by\n{ROW},Café manager\n"


def read(path: Path, model: type[RowModel] = NeedRow) -> tuple[list[Any], list[str]]:
    """The rows of a file without a fault, and what was noted."""
    findings = Findings()
    rows = [row for _, row in read_rows(path, model, faults=findings)]
    assert list(findings) == []
    return rows, findings.notes.sentences


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def faults(path: Path, model: type[RowModel] = NeedRow) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(FaultyFile) as refused:
        read_rows(path, model)
    return [(each.line, each.column, each.reason) for each in refused.value.faults]


def workbook(*sheets: tuple[str, list[list[Any]]], percent: str = "") -> bytes:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if percent:
            sheet[percent].number_format = "0.0%"
    content = BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    """With a byte order mark or without."""
    rows, notes = read(written(tmp_path, ACCENTED.encode(encoding)))
    assert [row.agreed_by for row in rows] == ["Café manager"]
    assert notes == []


@pytest.mark.parametrize("cut", [b"\xff\xfea", b"\xff\xfea\0\0\0b\0"])
def test_broken_utf_16_is_refused(tmp_path: Path, cut: bytes) -> None:
    assert len(faults(written(tmp_path, cut))) == 1


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_usual_separator_is_recognised(tmp_path: Path, separator: str) -> None:
    rows, notes = read(written(tmp_path, PLAIN.replace(",", separator)))
    assert [row.reference for row in rows] == ["n-1"]
    assert notes == []


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ("Needs of Made-up County; autumn\n\n", 3),
        ("\n\n", None),
        ("Needs, as of, 1 September\nfor all\n", 3),
        ("sep=,\n", None),
        (",,,,\n", None),
    ],
)
def test_headings_are_found_below_a_title(tmp_path: Path, above: str, line: int | None) -> None:
    """Lines of faults are those of the file; a title that was left out is told."""
    rows, notes = read(written(tmp_path, above + PLAIN))
    assert [row.reference for row in rows] == ["n-1"]
    told = (
        []
        if line is None
        else [f"The headings are on line {line}. What is above them was left out."]
    )
    assert notes == told
    bad = written(tmp_path, above + PLAIN.replace(",6\n", ",six\n"))
    assert [fault[:2] for fault in faults(bad)] == [(above.count("\n") + 2, "days")]


def test_columns_come_in_any_order_and_by_other_names(tmp_path: Path) -> None:
    """What a column is called in one's own words is told; what the register tells is left out."""
    text = (
        "Days needed,School URN,School name,Area of expertise,Academic year,Ref\n"
        "6,900001,Made-up School,early-reading,2026-27,n-1\n"
    )
    rows, notes = read(written(tmp_path, text))
    assert (rows[0].reference, rows[0].participant, rows[0].half_days) == ("n-1", "900001", 12)
    assert "The column “School URN” was read as participant." in notes
    assert "The column “School name” was left out: the register tells it." in notes
    assert len(notes) == 6
    spaced = PLAIN.replace("participant", "Participant ").replace("days", "DAYS")
    assert read(written(tmp_path, spaced))[1] == []


def test_two_columns_are_never_taken_for_one(tmp_path: Path) -> None:
    """A column's own name comes first, and another heading for it is not a column."""
    text = f"{HEADER},miles,travel_limit_miles\n{ROW},5,25\n"
    ((line, column, reason),) = faults(written(tmp_path, text))
    assert (line, column) == (1, "miles")
    assert reason.startswith("is not a column of this file")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("URN:days\n900001:6\n", "has none of the headings of this kind of file"),
        (PLAIN.replace(",", ":"), "looks like one column"),
        ("a,b,c,d,e,f\n1,2,3,4,5,6\n", "has none of the headings of this kind of file"),
        (f"{HEADER},colour,size,weight\n{ROW},1,2,3\n", "are not columns of this file"),
        ("reference,days\nn-1,6\n", "are missing from the header"),
    ],
)
def test_a_wrong_header_is_one_fault(tmp_path: Path, text: str, expected: str) -> None:
    """Not one for each column, nor one for each row."""
    ((line, _, reason),) = faults(written(tmp_path, text))
    assert line == 1
    assert expected in reason


def test_an_unknown_heading_is_told_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEADER},travel_limit_mile\n{ROW},25\n")
    assert "travel_limit_miles" in faults(path)[0][2]


@pytest.mark.parametrize(
    ("cell", "day", "guessed"),
    [
        ("46266", date(2026, 9, 1), True),
        ("01-Sep-26", date(2026, 9, 1), True),
        ("1 Sep 2026", date(2026, 9, 1), False),
        ("1/9/26", date(2026, 9, 1), True),
        ("01/09/2026 00:00", date(2026, 9, 1), False),
        ("2026-09-01 00:00:00", date(2026, 9, 1), False),
        ("2026-09-01T00:00:00", date(2026, 9, 1), False),
        ("01.09.2026", date(2026, 9, 1), False),
        ("1/9/71", date(1971, 9, 1), True),
    ],
)
def test_dates_are_read_as_spreadsheets_leave_them(
    tmp_path: Path, cell: str, day: date, guessed: bool
) -> None:
    """A number of a day and a year of two digits are told, with what they were taken for."""
    text = f"participant,kind,starts,source\n900001,New head,{cell},made up\n"
    rows, notes = read(written(tmp_path, text), CircumstanceRow)
    assert (rows[0].starts, rows[0].kind) == (day, "new_head")
    assert [f"“{cell}” was read as" in note for note in notes] == [True] * guessed


@pytest.mark.parametrize("cell", ["13/13/2026", "1/9/026", "9/2026", "1 Foo 2026", "99999"])
def test_what_is_no_date_is_still_refused(tmp_path: Path, cell: str) -> None:
    text = f"participant,kind,starts,source\n900001,new_head,{cell},made up\n"
    assert [fault[1] for fault in faults(written(tmp_path, text), CircumstanceRow)] == ["starts"]


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("travel_limit_miles", "25 miles", "travel_limit_miles", 25.0),
        ("travel_limit_minutes", "45 mins", "travel_limit_minutes", 45),
        ("days_min", "2.5 days", "half_days_min", 5),
        ("mode", "On-site", "mode", "on_site"),
        ("evidence", "Self evaluation", "evidence", "self_evaluation"),
        ("state", "MATCH", "state", "match"),
        ("looked_within", "School, Own network", "looked_within", ("school", "own_network")),
    ],
)
def test_cells_are_read_as_people_write_them(
    tmp_path: Path, column: str, cell: str, field: str, value: object
) -> None:
    rows, _ = read(written(tmp_path, f'{HEADER},{column}\n{ROW},"{cell}"\n'))
    assert getattr(rows[0], field) == value


@pytest.mark.parametrize(("cell", "half_days"), [("1,204", 2408), ("1204.0", 2408)])
def test_thousands_separators_are_told(tmp_path: Path, cell: str, half_days: int) -> None:
    rows, notes = read(written(tmp_path, PLAIN.replace(",6\n", f',"{cell}"\n')))
    assert rows[0].half_days == half_days
    assert notes == (["Line 2, days: “1,204” was read as 1204."] if "," in cell else [])


@pytest.mark.parametrize("cell", ["2,5", "12%", "25 km", "1,20"])
def test_numbers_that_could_mean_several_things_are_refused(tmp_path: Path, cell: str) -> None:
    """A comma may be a point elsewhere; a unit of another kind is no number of days."""
    path = written(tmp_path, PLAIN.replace(",6\n", f',"{cell}"\n'))
    assert [fault[1] for fault in faults(path)] == ["days"]


@pytest.mark.parametrize(("cell", "said"), [("Y", True), ("TRUE", True), ("No", False)])
def test_yes_and_percentages_are_read_as_written(tmp_path: Path, cell: str, said: bool) -> None:
    text = f"kind,statement,may_give,days_percent\nnew_head,Made up.,{cell},50%\n"
    rows, notes = read(written(tmp_path, text), CircumstanceRuleRow)
    assert (rows[0].may_give, rows[0].days_percent, notes) == (said, 50, [])


def test_alike_readings_are_told_once(tmp_path: Path) -> None:
    """By column and kind, with how many more there are."""
    lines = "".join(f"90000{n},new_head,46{n}66,made up\n" for n in range(1, 5))
    _, notes = read(written(tmp_path, f"participant,kind,starts,source\n{lines}"), CircumstanceRow)
    assert len(notes) == 1
    assert notes[0].endswith(", and 3 more like it.")


def test_a_spreadsheet_is_read_by_itself(tmp_path: Path) -> None:
    """Of several sheets the one with the headings; days, numbers and yes as they look."""
    table = [
        ["Needs of Made-up County"],
        [],
        [*HEADER.split(","), "window_starts", "travel_limit_miles"],
        ["n-1", 900001, "early-reading", "2026-27", 6.0, datetime(2026, 9, 1), 25],  # noqa: DTZ001
        ["n-2", 900002, "early-reading", "2026-27", 2.5, date(2026, 9, 2), None],
        [None, None],
    ]
    content = workbook(("Notes", [["nothing of it"]]), ("Needs", table))
    path = tmp_path / "needs.xlsx"
    path.write_bytes(content)
    findings = Findings()
    rows = read_rows(path, NeedRow, faults=findings)
    assert [line for line, _ in rows] == [4, 5]
    first, second = (row for _, row in rows)
    assert (first.participant, first.half_days, first.window_starts) == (
        "900001",
        12,
        date(2026, 9, 1),
    )
    assert (second.half_days, second.travel_limit_miles) == (5, None)
    assert findings.notes.sentences == [
        "Read from the sheet “Needs”. Other sheets were left out: “Notes”.",
        "The headings are on line 3. What is above them was left out.",
    ]


def test_percentages_of_a_spreadsheet_are_percentages(tmp_path: Path) -> None:
    """What shows as 12.3% is stored as 0.123 in the file."""
    table = [["urn", "measure", "period", "value"], [900001, "fsm6", 2025, 0.123]]
    path = tmp_path / "m.xlsx"
    path.write_bytes(workbook(("m", table), percent="D2"))
    rows, _ = read(path, MeasureRow)
    assert (rows[0].value, rows[0].period) == ("12.3%", "2025")


def _archive() -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("hello.txt", "hello")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_archive, "is an archive, not a table"),
        (lambda: b"PK\x03\x04 and nothing more", "broken or cut off"),
        (lambda: workbook(("a", [["x"]]))[:-200], "broken or cut off"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old or protected Excel file"),
        (lambda: b"%PDF-1.7", "is an archive or PDF"),
        (lambda: workbook(("a", [])), "is empty"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(
    tmp_path: Path, content: Callable[[], bytes], expected: str
) -> None:
    ((_, _, reason),) = faults(written(tmp_path, content()))
    assert expected in reason


def test_a_spreadsheet_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small it is while packed."""
    content = BytesIO(workbook(("a", [["x"]])))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/large.xml", b"0" * (2 * 2**20))
    monkeypatch.setenv("GIVETAKE_FILE_MIB", "1")
    settings.cache_clear()
    try:
        ((_, _, reason),) = faults(written(tmp_path, content.getvalue()))
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert "has more than 1 MiB" in reason


def test_an_error_of_the_spreadsheet_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, PLAIN.replace(",6\n", ",#REF!\n"))
    assert faults(path) == [(2, "days", "is an error of the spreadsheet. Enter the value")]


def test_a_faulty_row_is_checked_to_its_end(tmp_path: Path) -> None:
    """It comes back with stand-ins that fit the rest of it, and repeat nothing."""
    text = f"{HEADER},days_min\n{ROW},2\n?!,900001,early-reading,2026-27,many,3\n"
    findings = Findings()
    rows = read_rows(written(tmp_path, text), NeedRow, faults=findings)
    assert [(each.line, each.column) for each in findings] == [(3, "reference"), (3, "days")]
    assert [line for line, _ in rows] == [2, 3]
    stand_in = rows[1][1]
    assert stand_in.participant == "900001"
    assert stand_in.half_days_min == 6 <= stand_in.half_days
    assert stand_in.reference != rows[0][1].reference


@pytest.mark.parametrize(
    "model", [NeedRow, OfferRow, CircumstanceRow, MeasureRow, EstablishmentRow], ids=str
)
def test_a_row_without_anything_right_has_stand_ins(tmp_path: Path, model: type[RowModel]) -> None:
    """Whatever its columns are of, one that is required can be stood in for."""
    names = list(model.columns())
    text = ",".join(names) + "\n" + ",".join("\x01" for _ in names) + "\n"
    findings = Findings()
    rows = read_rows(written(tmp_path, text), model, faults=findings)
    assert len(rows) == 1
    assert len(findings) > 3
