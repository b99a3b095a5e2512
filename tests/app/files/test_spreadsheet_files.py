"""Tables as spreadsheets leave them are read like those that givetake writes, of every kind."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import FaultyFile
from app.files.csv_reading import RowModel, clean_text, read_header, read_rows
from app.files.csv_writing import BYTE_ORDER_MARK, template
from app.files.spreadsheets import restore_accents, separator_of, unfloat
from app.imports.kinds import KINDS
from app.register.gias.rows import EstablishmentRow, GroupRow, LinkRow, SuccessorRow
from app.register.measures import MeasureRow
from tests.factories import establishment, group, link, succession

Table = list[list[str]]
SINGLE = [kind for kind in KINDS.values() if kind.row]
REGISTER = [
    (EstablishmentRow, establishment(900001, name="Café School")),
    (GroupRow, group(5001)),
    (LinkRow, link(900001, 5001)),
    (SuccessorRow, succession(900001, 900002, "Successor")),
]
MODELS = [
    pytest.param(
        kind.row_model, template(kind.row_model).removeprefix(BYTE_ORDER_MARK), id=kind.name
    )
    for kind in SINGLE
]


def joined(table: Table, separator: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(table)
    return text.getvalue()


MODELS += [
    pytest.param(model, joined([list(row), list(row.values())]), id=model.__name__)
    for model, row in REGISTER
]


def without_trailing_blanks(table: Table) -> str:
    return joined(
        [[*"".join(f"{cell}\0" for cell in row).rstrip("\0").split("\0")] for row in table]
    )


def with_extra_blanks(table: Table) -> str:
    return joined([[*row, "", ""] for row in table])


def spaced_capitals(table: Table) -> str:
    return joined([[f" {cell.upper()} " for cell in table[0]], *table[1:]])


SAVED: dict[str, Callable[[Table], bytes]] = {
    "trailing blanks dropped": lambda table: without_trailing_blanks(table).encode(),
    "trailing blanks added": lambda table: with_extra_blanks(table).encode(),
    "headings in capitals": lambda table: spaced_capitals(table).encode(),
    "semicolons": lambda table: joined(table, ";").encode(),
    "tabs": lambda table: joined(table, "\t").encode(),
    "byte order mark": lambda table: joined(table).encode("utf-8-sig"),
    "cp1252": lambda table: joined(table).encode("cp1252"),
    "opened as cp1252 and saved": lambda table: (
        joined(table).encode().decode("cp1252").encode("utf-8-sig")
    ),
}


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize(("model", "plain"), MODELS)
def test_what_a_spreadsheet_does_to_a_file_changes_nothing(
    tmp_path: Path, model: type[RowModel], plain: str, saved: str
) -> None:
    """Every kind of file gives the same rows and columns however a spreadsheet saved it."""
    path = tmp_path / "file.csv"
    path.write_text(plain, "utf-8", newline="")
    rows = read_rows(path, model, ignore_unknown=True)
    columns = set(read_header(path, model)) & set(model.columns())
    path.write_bytes(SAVED[saved](list(csv.reader(io.StringIO(plain, newline="")))))
    assert rows
    assert read_rows(path, model, ignore_unknown=True) == rows
    assert set(read_header(path, model)) & set(model.columns()) == columns


def test_a_blank_that_was_dropped_must_not_be_a_required_cell(tmp_path: Path) -> None:
    """A row whose missing cells are needed is refused by the name of the first of them."""
    path = tmp_path / "m.csv"
    path.write_text("urn,measure,period,value\n900001,pupils\n")
    with pytest.raises(FaultyFile) as refused:
        read_rows(path, MeasureRow)
    assert [(fault.line, fault.column) for fault in refused.value.faults] == [(2, "period")]


def test_a_heading_twice_in_two_cases_is_refused(tmp_path: Path) -> None:
    """URN and urn are one column: neither is taken silently for the other."""
    path = tmp_path / "m.csv"
    path.write_text("urn,URN,measure,period,value\n900001,900002,pupils,2030,1\n")
    with pytest.raises(FaultyFile, match="1 error") as refused:
        read_rows(path, MeasureRow)
    assert "twice" in refused.value.faults[0].reason


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("CafÃ© network â€“ 3 schools", "Café network – 3 schools"),
        ("Â£350 a day", "£350 a day"),
        ("St AndrÃ©â€™s", "St André’s"),
        ("Café network – 3 schools", "Café network – 3 schools"),
        ("ST ANDRÉ’S", "ST ANDRÉ’S"),
        ("plain", "plain"),
    ],
)
def test_accents_are_restored_where_they_were_lost(written: str, read: str) -> None:
    """UTF-8 that was read as cp1252 is undone; text that is right stays as it is."""
    assert restore_accents(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Oak\u200b School", "Oak School"),
        ("\ufeffhead\u00adteacher", "headteacher"),
        ("\u202erehcaet", "rehcaet"),
        (" \u2066\u200d ", None),
        ("\ufeff", None),
        ("a\0b", None),
    ],
)
def test_what_nobody_sees_is_left_out(written: str, read: str | None) -> None:
    """No cell turns the text around it, and none looks blank but is not."""
    if read is not None:
        assert clean_text(written) == read
        return
    with pytest.raises(ValueError, match=r"U\+0000|nothing that can be seen"):
        clean_text(written)


def test_the_separator_is_the_one_that_splits_most() -> None:
    """Commas in a heading do not outweigh the semicolons between headings."""
    assert separator_of('a;"b, c, d";e') == ";"
    assert separator_of("a\tb\tc;d") == "\t"
    assert separator_of("alone") == ","


@pytest.mark.parametrize(
    ("cell", "whole"),
    [
        ("900001.0", "900001"),
        ("900001.", "900001"),
        ("900001.5", "900001.5"),
        ("hub-1.0", "hub-1.0"),
    ],
)
def test_a_whole_number_with_a_point_is_whole(cell: str, whole: str) -> None:
    """Only `.0` is taken away, and only from digits."""
    assert unfloat(cell) == whole
