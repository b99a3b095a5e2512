"""Reading the files that people made: by column name, every fault with its line."""

import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.fields import FieldInfo

from app.errors import CellFault, Fault, FaultyFile, plain_reason
from app.files.findings import Notes, notes_of
from app.files.headings import columns_of, header_faults, looks_like_headings
from app.files.spreadsheets import is_error, plain, restore_accents, slug, unguard
from app.files.stand_ins import closed_list, standing_in
from app.files.tables import IsHeader, records
from app.files.values import (
    parse_half_days,
    parse_whole,
    parse_yes_no,
    read_date,
    read_number,
)
from app.progress import Progress, silent

MAX_FAULTS = 1_000
"""Nobody corrects more rows than this by hand."""
SHOWN_CHARACTERS = 80
INVISIBLE = "Cf"
"""The category of characters that only say how others are shown."""


class RowModel(BaseModel):
    """One row; fields are columns by alias or name, and a blank cell is an absent one."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True
    )

    examples: ClassVar[tuple[dict[str, str], ...]] = ()
    """Plainly made-up rows for the template of the file."""
    always_present: ClassVar[frozenset[str]] = frozenset()
    """Columns that the header must have although their cells may be blank."""
    synonyms: ClassVar[dict[str, str]] = {}
    """Other headings of a column, in lower case."""
    stand_ins: ClassVar[dict[str, str]] = {}
    """Cells that fit whatever else a row holds, where one that is required cannot be read."""
    told: ClassVar[tuple[str, ...]] = ()
    """Columns that exports have besides and imports pass over: what came of a row."""

    @classmethod
    def columns(cls) -> dict[str, FieldInfo]:
        """The fields by the names of their columns."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


R = TypeVar("R", bound=RowModel)


class Numbered(NamedTuple):
    """A row's line in the file: the first of its lines, the header being line 1."""

    line: int
    cells: dict[str, str]


def clean_text(value: object) -> object:
    """Refuse what a database or a screen cannot hold; compose accents one way.

    What nobody sees is left out, such as what turns the direction of the text around it.
    """
    if not isinstance(value, str):
        return value
    composed = unicodedata.normalize("NFC", value)
    if not composed.isprintable():
        for character in composed:
            if unicodedata.category(character) in ("Cc", "Cs") and character not in "\t\r\n":
                raise ValueError(f"contains the character U+{ord(character):04X}. Remove it")
        visible = "".join(each for each in composed if unicodedata.category(each) != INVISIBLE)
        if visible != composed and not visible.strip():
            raise ValueError("holds nothing that can be seen. Enter text")
        composed = visible
    return " ".join(composed.split())


Text = Annotated[str, StringConstraints(max_length=300), BeforeValidator(clean_text)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=50)]
ParticipantCell = Annotated[Text, Field(max_length=200)]
"""A URN, DfE number, key or reference; a name is answered with whom it may mean."""
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
"""A word of an open list, like new_head."""
SlugCell = Annotated[Slug, BeforeValidator(slug)]
"""The same as people write it: New head."""
Date = Annotated[date, Field(ge=date(1100, 1, 1), le=date(2200, 1, 1)), BeforeValidator(read_date)]
Whole = Annotated[
    int, Field(ge=0, le=2**31 - 1), BeforeValidator(parse_whole), BeforeValidator(read_number())
]
HalfDays = Annotated[int, BeforeValidator(parse_half_days), BeforeValidator(read_number("days?|d"))]
YesNo = Annotated[bool, BeforeValidator(parse_yes_no)]


def _is_header(model: type[RowModel]) -> IsHeader:
    return lambda cells: looks_like_headings(cells, model)


def read_header(path: Path, model: type[RowModel]) -> list[str]:
    """The columns that a file has; none for an empty file."""
    _, header = next(records(path, [], Notes(), _is_header(model)), (1, []))
    return columns_of(header, model, Notes())


def read_cells(
    path: Path, model: type[RowModel], faults: list[Fault], *, ignore_unknown: bool = False
) -> Iterator[Numbered]:
    """Each row's cells that are not blank, by column name.

    Raises `FaultyFile` when the file cannot be read as a table of this kind at all;
    faults of single rows are added to `faults` and the rows left out.
    """
    notes = notes_of(faults)
    rows = records(path, faults, notes, _is_header(model))
    first, header = next(rows, (1, []))
    if not header:
        raise FaultyFile(
            faults or [Fault(path.name, None, None, None, "is empty. Add a header and rows")]
        )
    while not header[-1].strip():
        header.pop()
    header = columns_of(header, model, notes)
    if found := header_faults(path.name, first, header, model, ignore_unknown=ignore_unknown):
        raise FaultyFile(found[:MAX_FAULTS])
    wanted = model.columns()
    places = [(place, column) for place, column in enumerate(header) if column in wanted]
    for line, record in rows:
        # Spreadsheets leave out the blank cells at the end of a row, or add some.
        if any(cell.strip() for cell in record[len(header) :]):
            reason = (
                f"has {len(record):,} cells, but the header has {len(header):,}. Make them match"
            )
            faults.append(Fault(path.name, line, None, None, reason))
            if len(faults) >= MAX_FAULTS:
                return
            continue
        cells = ((column, record[place].strip()) for place, column in places if place < len(record))
        yield Numbered(
            line, {column: restore_accents(unguard(cell)) for column, cell in cells if cell}
        )


def read_rows(
    path: Path,
    model: type[R],
    *,
    faults: list[Fault] | None = None,
    ignore_unknown: bool = False,
    on_progress: Progress = silent,
) -> list[tuple[int, R]]:
    """Every row as a `model` with its line number.

    Faults are added to `faults` when given, so that a caller can add its own and raise
    them together; otherwise they are raised here as one `FaultyFile`. A row with a cell that could
    not be read comes back too, with a stand-in for the cell, so that the rest of it is checked.
    """
    found: list[Fault] = [] if faults is None else faults
    rows: list[tuple[int, R]] = []
    lines = _lines_in(path)
    notes = notes_of(found)
    notes.called = {name: field.alias or name for name, field in model.model_fields.items()}
    words = _words(model)
    cells_of_rows = read_cells(path, model, found, ignore_unknown=ignore_unknown)
    for read, (line, cells) in enumerate(cells_of_rows):
        notes.line = line
        for column, known in words:
            if (cell := cells.get(column)) is not None:
                cells[column] = known.get(plain(cell), cell)
        try:
            rows.append((line, model.model_validate(cells, context=notes)))
        except ValidationError as invalid:
            wrong = _faults(path.name, line, cells, invalid)
            found.extend(wrong)
            # What else is wrong with the row is found in the same pass.
            faulty = {fault.column for fault in wrong}
            rows += standing_in(model, model.columns(), _cells_that_fit(model), cells, line, faulty)
        if len(found) >= MAX_FAULTS:
            break
        if read % 1000 == 0:
            on_progress(f"Reading {path.name}", min(1.0, line / lines))
    if len(found) >= MAX_FAULTS:
        found.append(
            Fault(
                path.name,
                None,
                None,
                None,
                "has more errors than are listed here. Correct these first",
            )
        )
    if faults is None and found:
        raise FaultyFile(found)
    return rows


def _lines_in(path: Path) -> int:
    """How many lines there may be, for progress; at least 1."""
    if not path.is_file():
        return 1
    with path.open("rb") as file:
        return max(1, sum(part.count(b"\n") for part in iter(lambda: file.read(2**20), b"")))


@lru_cache(maxsize=64)
def _words(model: type[RowModel]) -> list[tuple[str, dict[str, str]]]:
    """The columns with a closed list of words, and these as people write them: "On-site"."""
    listed = ((column, closed_list(field.annotation)) for column, field in model.columns().items())
    return [(column, {plain(word): word for word in words}) for column, words in listed if words]


def _cells_that_fit(model: type[RowModel]) -> dict[str, str]:
    examples = (item for example in reversed(model.examples) for item in example.items())
    return {**dict(examples), **model.stand_ins}


def _faults(
    file: str, line: int, cells: dict[str, str], invalid: ValidationError
) -> list[CellFault]:
    return [
        _fault(file, line, cells, dict(error))
        for error in invalid.errors(include_url=False, include_context=False)
    ]


def _fault(file: str, line: int, cells: dict[str, str], error: dict[str, Any]) -> CellFault:
    column = str(error["loc"][0]) if error["loc"] else None
    value = cells.get(column) if column else None
    reason = plain_reason(str(error["msg"]))
    if value is not None:
        if is_error(value):
            reason = "is an error of the spreadsheet. Enter the value"
        value = value if len(value) <= SHOWN_CHARACTERS else f"{value[:SHOWN_CHARACTERS]}..."
    return CellFault(file, line, column, value, reason)
