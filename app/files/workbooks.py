"""Spreadsheets as `.xlsx` files, their cells as somebody would have typed them into a CSV file."""

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from app.errors import Fault, FaultyFile
from app.files.findings import Notes
from app.files.spreadsheets import LOOKED_AT, MAX_COLUMNS

ZIPPED: Final = b"PK\x03\x04"
_WORKBOOK: Final = "xl/workbook.xml"
SIGNIFICANT: Final = 15
"""Digits that a spreadsheet keeps of a number."""

IsHeader = Callable[[Sequence[str]], bool]
Row = tuple[int, list[str]]


def rows_of(path: Path, content: bytes, is_header: IsHeader, notes: Notes) -> Iterator[Row]:
    """The headings and the rows after them, of the first sheet that has the headings."""
    _check(path, content)
    try:
        sheets = _read(content)
    except Exception as broken:  # the reader lets through whatever a broken file makes it meet
        raise _refused(
            path, "could not be read as a spreadsheet. Save it again as .xlsx, or as CSV UTF-8"
        ) from broken
    filled = {name: rows for name, rows in sheets.items() if rows}
    for name, rows in filled.items():
        for place, (line, cells) in enumerate(islice(rows, LOOKED_AT)):
            if is_header(cells):
                _tell(notes, name, list(filled), line if place else None)
                return iter(rows[place:])
    first = next(iter(filled.values()), [])
    return iter(first)


def _tell(notes: Notes, name: str, names: Sequence[str], header: int | None) -> None:
    others = [each for each in names if each != name]
    if others:
        left = ", ".join(f"“{each}”" for each in others)
        notes.say(f"Read from the sheet “{name}”. Other sheets were left out: {left}.")
    if header is not None:
        notes.header_on(header)


def _refused(path: Path, reason: str) -> FaultyFile:
    return FaultyFile([Fault(path.name, None, None, None, reason)])


def _check(path: Path, content: bytes) -> None:
    """Refuse what is no spreadsheet, and what unpacks to more than is read of any file."""
    from app.settings import settings

    mib = settings().file_mib
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            held = packed.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as broken:
        raise _refused(path, "is broken or cut off. Download or save it again") from broken
    if _WORKBOOK not in {each.filename for each in held}:
        raise _refused(path, "is an archive, not a table. Save it as .xlsx or CSV UTF-8")
    if sum(each.file_size for each in held) > mib * 2**20:
        raise _refused(
            path, f"has more than {mib} MiB. Send a smaller file, or raise GIVETAKE_FILE_MIB"
        )


def _read(content: bytes) -> dict[str, list[Row]]:
    """The rows of each sheet that are not blank, with their numbers."""
    # Loaded where one is read: the command would start later for it.
    from openpyxl.reader.excel import load_workbook

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        return {
            sheet.title: list(_rows(sheet))
            for sheet in book.worksheets
            if sheet.sheet_state == "visible"
        }
    finally:
        book.close()


def _rows(sheet: Any) -> Iterator[Row]:
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        row = [_text(cell.value, cell) for cell in cells[: MAX_COLUMNS + 1]]
        while row and not row[-1].strip():
            row.pop()
        if row:
            yield number, row


def _text(value: Any, cell: Any) -> str:
    """A cell as it would be typed."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        day = value.date().isoformat()
        return day if value.time() == time() else f"{day} {value.time().isoformat()}"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int | float):
        if "%" in (cell.number_format or ""):
            return f"{value * 100:.{SIGNIFICANT}g}%"
        return str(int(value)) if value == int(value) else f"{value:.{SIGNIFICANT}g}"
    return str(value)
