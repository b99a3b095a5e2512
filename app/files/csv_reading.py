"""Reading CSV files that people made: by column name, every fault with its line."""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
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

from app.errors import Fault, FaultyFile, plain_reason
from app.files.spreadsheets import heading, restore_accents, separator_of, unguard
from app.progress import Progress, silent
from models.vocabulary import HALF_DAYS_PER_DAY
from solver.formats.bounded import FileTooLarge, read_bounded

MAX_COLUMNS = 5_000
MAX_RECORD_CHARACTERS = 2_000_000
"""Of one row, over all of its lines: cells are held as objects of their own."""
MAX_FAULTS = 1_000
"""Nobody corrects more rows than this by hand."""
MAX_DAYS = 10_000
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


def parse_date(value: object) -> object:
    """Accept `dd-mm-yyyy`, `dd/mm/yyyy`, `yyyy-mm-dd`, and dates as we write them ourselves."""
    if not isinstance(value, str):
        return value
    parts = value.replace("/", "-").split("-")
    if written := re.fullmatch(r"([0-9]{1,2}) ([A-Za-z]{3,9}) ([0-9]{4})", value):
        day, month, year = written.groups()
        names = {n: f"{date(2000, n, 1):%B}".lower() for n in range(1, 13)}
        parts = [day, *(str(n) for n in names if names[n].startswith(month.lower())), year]
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError("must be a date, like 27/11/2026 or 2026-11-27")
    if len(parts[0]) != 4:
        parts.reverse()
    if [len(part) for part in parts] not in ([4, 2, 2], [4, 1, 2], [4, 2, 1], [4, 1, 1]):
        raise ValueError("must be a date, like 27/11/2026 or 2026-11-27")
    try:
        return date(*map(int, parts))
    except ValueError as impossible:
        raise ValueError("is not a real date") from impossible


def parse_whole(value: object) -> object:
    """Accept digits, and the `.0` that spreadsheets add."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"-?[0-9]{1,15}(\.0*)?", value):
        raise ValueError("must be a whole number, like 12")
    return int(value.partition(".")[0])


def parse_half_days(value: object) -> object:
    """Turn days in steps of 0.5 into half-days."""
    if not isinstance(value, str):
        return value
    try:
        half_days = Decimal(value) * HALF_DAYS_PER_DAY
    except InvalidOperation as unreadable:
        raise ValueError("must be a number of days, like 2 or 2.5") from unreadable
    if not half_days.is_finite() or half_days != half_days.to_integral_value():
        raise ValueError("must be in steps of half a day, like 2 or 2.5")
    if not 0 <= half_days <= MAX_DAYS * HALF_DAYS_PER_DAY:
        raise ValueError(f"must be between 0 and {MAX_DAYS:,} days")
    return int(half_days)


def parse_yes_no(value: object) -> object:
    if not isinstance(value, str):
        return value
    said = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if value.lower() not in said:
        raise ValueError("must be yes or no")
    return said[value.lower()]


Text = Annotated[str, StringConstraints(max_length=300), BeforeValidator(clean_text)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=50)]
Date = Annotated[date, Field(ge=date(1100, 1, 1), le=date(2200, 1, 1)), BeforeValidator(parse_date)]
Whole = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(parse_whole)]
HalfDays = Annotated[int, BeforeValidator(parse_half_days)]
YesNo = Annotated[bool, BeforeValidator(parse_yes_no)]


def decode(path: Path) -> str:
    """The text of a UTF-8 or cp1252 file; text in cp1252 is practically never valid UTF-8."""

    def refuse(reason: str, line: int | None = None) -> FaultyFile:
        return FaultyFile([Fault(path.name, line, None, None, reason)])

    # Where files are read, not where rows are described: settings load a database library.
    from app.settings import settings

    try:
        content = read_bounded(path, settings().file_mib)
    except FileTooLarge as large:
        raise refuse(str(large)) from large
    except OSError as unreadable:
        raise refuse(
            f"could not be read ({unreadable.strerror}). Check the name of the file"
        ) from unreadable
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refuse("is in UTF-16. Save it as CSV UTF-8")
    if content.startswith((b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise refuse("is an archive, spreadsheet or PDF, not a CSV file. Save it as CSV UTF-8")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise refuse("contains a NUL byte. Save it again as CSV UTF-8", line)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as undecodable:
        line = content[: undecodable.start].count(b"\n") + 1
        byte = content[undecodable.start]
        raise refuse(
            f"byte 0x{byte:02X} is neither UTF-8 nor cp1252. Save the file as CSV UTF-8", line
        ) from undecodable


def _lines(text: str) -> Iterator[str]:
    """The text line by line; a StringIO would hold it a second time, at four bytes a letter."""
    if "\n" not in text:
        text = text.replace("\r", "\n")
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


class _LongRecord(ValueError):
    pass


class _Fed:
    """The lines of a text, counted since the last record began."""

    def __init__(self, text: str) -> None:
        self._lines = _lines(text)
        self.characters = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.characters += len(line)
            if self.characters > MAX_RECORD_CHARACTERS:
                raise _LongRecord(
                    f"is longer than {MAX_RECORD_CHARACTERS:,} characters. Check the quotation "
                    "marks, and that rows end with a line break"
                )
            yield line


def _records(path: Path, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    text = decode(path)
    header = next((line for line in _lines(text) if line.strip()), "")
    last = -1 if text.endswith(("\n", "\r")) else sum(1 for _ in _lines(text))
    fed = _Fed(text)
    reader = csv.reader(fed, strict=True, delimiter=separator_of(header))
    line, width = 1, 0

    def note(reason: str) -> None:
        faults.append(Fault(path.name, line, None, None, reason))

    while True:
        fed.characters = 0
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            note(f"could not be split into columns ({broken}). Check the quotation marks")
            return
        except _LongRecord as long:
            note(str(long))
            return
        if len(record) > MAX_COLUMNS:
            note(f"has {len(record):,} columns. The limit is {MAX_COLUMNS:,}. Remove some")
            return
        width = width or len(record)
        if reader.line_num == last and len(record) < width:
            note("is cut off. Download the file again, or add the missing cells")
            return
        if any(cell.strip() for cell in record):
            yield line, record
        line = reader.line_num + 1


def _check_header(
    path: Path, header: list[str], model: type[RowModel], *, ignore_unknown: bool
) -> None:
    known = model.columns()
    faults = [
        Fault(path.name, 1, _shortened(column), None, "is in the header twice. Keep one of them")
        for column, times in Counter(header).items()
        if column and times > 1
    ]
    faults += [
        Fault(path.name, 1, column, None, "is missing from the header. Add the column")
        for column, field in known.items()
        if (field.is_required() or column in model.always_present) and column not in header
    ]
    if not ignore_unknown:
        faults += [
            Fault(
                path.name,
                1,
                _shortened(column),
                None,
                f"is not a column of this file. Remove it or use one of: {', '.join(known)}",
            )
            for column in header
            if column not in known and column not in model.told
        ]
    if faults:
        raise FaultyFile(faults[:MAX_FAULTS])


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _columns(header: list[str], model: type[RowModel]) -> list[str]:
    """The columns that headings name, in any case; what names none stays as it is."""
    named = (*model.columns(), *model.told)
    known = {heading(column): column for column in named} | model.synonyms
    return [known.get(heading(column), column.strip()) for column in header]


def read_header(path: Path, model: type[RowModel]) -> list[str]:
    """The columns that a file has; none for an empty file."""
    _, header = next(_records(path, []), (1, []))
    return _columns(header, model)


def read_cells(
    path: Path, model: type[RowModel], faults: list[Fault], *, ignore_unknown: bool = False
) -> Iterator[Numbered]:
    """Each row's cells that are not blank, by column name.

    Raises `FaultyFile` when the file cannot be read as a table of this kind at all;
    faults of single rows are added to `faults` and the rows left out.
    """
    records = _records(path, faults)
    _, header = next(records, (1, []))
    if not header:
        raise FaultyFile(
            faults or [Fault(path.name, None, None, None, "is empty. Add a header and rows")]
        )
    header = _columns(header, model)
    while not header[-1]:
        header.pop()
    _check_header(path, header, model, ignore_unknown=ignore_unknown)
    wanted = model.columns()
    places = [(place, column) for place, column in enumerate(header) if column in wanted]
    for line, record in records:
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
    them together; otherwise they are raised here as one `FaultyFile`.
    """
    found: list[Fault] = [] if faults is None else faults
    rows: list[tuple[int, R]] = []
    lines = _lines_in(path)
    cells_of_rows = read_cells(path, model, found, ignore_unknown=ignore_unknown)
    for read, (line, cells) in enumerate(cells_of_rows):
        try:
            rows.append((line, model.model_validate(cells)))
        except ValidationError as invalid:
            found.extend(_faults(path.name, line, cells, invalid))
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


def _faults(file: str, line: int, cells: dict[str, str], invalid: ValidationError) -> list[Fault]:
    return [
        _fault(file, line, cells, dict(error))
        for error in invalid.errors(include_url=False, include_context=False)
    ]


def _fault(file: str, line: int, cells: dict[str, str], error: dict[str, Any]) -> Fault:
    column = str(error["loc"][0]) if error["loc"] else None
    value = cells.get(column) if column else None
    if value is not None:
        value = _shortened(value)
    return Fault(file, line, column, value, plain_reason(str(error["msg"])))
