"""Writing CSV files that our own importers read back: the same columns, from the same models.

They begin with a byte order mark, without which spreadsheets read UTF-8 as cp1252 and every accent
is lost on the way through one.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from typing import Final

from app.files.csv_reading import RowModel
from app.files.spreadsheets import FORMULA_STARTS, unguard
from app.files.workbooks import SIGNIFICANT
from models.vocabulary import HALF_DAYS_PER_DAY

BYTE_ORDER_MARK: Final = "\ufeff"
_FORMULA = re.compile(rf"'*{FORMULA_STARTS}")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_PLAIN_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def columns(model: type[RowModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def exported(model: type[RowModel]) -> list[str]:
    """The columns of an export: those that an import reads, and what it passes over."""
    return [*columns(model), *model.told]


def csv_text(model: type[RowModel], rows: Iterable[Mapping[str, object]]) -> str:
    """A header and the rows, by column name; what a row does not have stays blank."""
    return csv_of(exported(model), rows)


def csv_of(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A header and the rows, of which only these columns are written."""
    return "".join(csv_parts(columns, [rows]))


def csv_parts(
    columns: Sequence[str], parts: Iterable[Iterable[Mapping[str, object]]]
) -> Iterator[str]:
    """The same in pieces of text, each when its rows are there."""
    text = StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    text.write(BYTE_ORDER_MARK)
    writer.writeheader()
    for rows in parts:
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def template(model: type[RowModel]) -> str:
    """An importer's header with the model's made-up example rows."""
    return csv_of(columns(model), model.examples)


def days(half_days: int) -> str:
    """Half-days as days in steps of 0.5."""
    return f"{half_days / HALF_DAYS_PER_DAY:g}"


def _cell(value: object) -> str:
    """A value as text that a spreadsheet does not run; `unguard` undoes the guard."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = ";".join(map(str, value))
    if isinstance(value, dict):
        value = json.dumps(value)
    cell = str(value)
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def workbook_of(text: str) -> bytes:
    """A CSV text as a workbook of one sheet: numbers as numbers, all else as text never run."""
    from openpyxl.cell.cell import WriteOnlyCell
    from openpyxl.workbook.workbook import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    for row in csv.reader(StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")):
        cells = []
        for each in row:
            value = _number(each)
            cell = WriteOnlyCell(sheet, unguard(each) if value is None else value)
            if value is None and each:
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _number(cell: str) -> int | float | None:
    """A cell as a number where that is written just so: 007 and 1e5 are no numbers of ours."""
    if not _PLAIN_NUMBER.fullmatch(cell) or len(cell) > SIGNIFICANT:
        return None
    return float(cell) if "." in cell else int(cell)
