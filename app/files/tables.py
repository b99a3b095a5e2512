"""The cells of a file row by row, however it was saved: CSV in any usual form, or a spreadsheet."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from app.errors import Fault, FaultyFile
from app.files import workbooks
from app.files.findings import Notes
from app.files.spreadsheets import LOOKED_AT, MAX_COLUMNS, SEPARATORS, separator_of
from solver.formats.bounded import FileTooLarge, read_bounded

MAX_RECORD_CHARACTERS = 2_000_000
"""Of one row, over all of its lines: cells are held as objects of their own."""
BLANK: Final = f' \r\n"{SEPARATORS}'
"""What rows without a cell are made of."""
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_SEPARATOR_LINE: Final = re.compile(r'"?sep=.?"?\s*')

IsHeader = Callable[[Sequence[str]], bool]
Record = tuple[int, list[str]]
"""A row's line in the file, the first of its lines, and its cells."""


def records(path: Path, faults: list[Fault], notes: Notes, is_header: IsHeader) -> Iterator[Record]:
    """The headings, wherever they begin, and every row after them that is not blank."""
    content = _content(path)
    if content.startswith(workbooks.ZIPPED):
        rows = workbooks.rows_of(path, content, is_header, notes)
    else:
        rows = _rows_of_text(path, decode(path, content), faults, notes, is_header)
    for line, record in rows:
        if len(record) > MAX_COLUMNS:
            reason = f"has {len(record):,} columns. The limit is {MAX_COLUMNS:,}. Remove some"
            faults.append(Fault(path.name, line, None, None, reason))
            return
        if any(cell.strip() for cell in record):
            yield line, record


def _content(path: Path) -> bytes:
    # Where files are read, not where rows are described: settings load a database library.
    from app.settings import settings

    try:
        return read_bounded(path, settings().file_mib)
    except FileTooLarge as large:
        raise refused(path, str(large)) from large
    except OSError as unreadable:
        raise refused(
            path, f"could not be read ({unreadable.strerror}). Check the name of the file"
        ) from unreadable


def read_text(path: Path) -> str:
    """What a file of text holds, in whichever encoding."""
    return decode(path, _content(path))


def refused(path: Path, reason: str, line: int | None = None) -> FaultyFile:
    return FaultyFile([Fault(path.name, line, None, None, reason)])


def decode(path: Path, content: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or cp1252, which is practically never valid UTF-8."""
    if content.startswith((b"\x1f\x8b", b"%PDF")):
        raise refused(path, "is an archive or PDF, not a table. Save it as .xlsx or CSV UTF-8")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise refused(path, "is an old or protected Excel file. Save it as .xlsx or CSV UTF-8")
    if content.startswith(_UTF_16) or _looks_like_utf_16(content):
        return _from_utf_16(path, content)
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise refused(path, "contains a NUL byte. Save it again as CSV UTF-8", line)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as undecodable:
        line = content[: undecodable.start].count(b"\n") + 1
        byte = content[undecodable.start]
        raise refused(
            path,
            f"byte 0x{byte:02X} is neither UTF-8 nor cp1252. Save the file as CSV UTF-8",
            line,
        ) from undecodable


def _looks_like_utf_16(content: bytes) -> bool:
    """Whether every other byte is NUL where the headings are, as in UTF-16 without its mark."""
    start = content[:64]
    return len(start) >= 8 and (not any(start[1::2]) or not any(start[::2]))


def _from_utf_16(path: Path, content: bytes) -> str:
    if content.startswith(_UTF_16):
        encoding = "utf-16"
    else:
        encoding = "utf-16-be" if content[0] == 0 else "utf-16-le"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as undecodable:
        raise refused(
            path, "is in UTF-16, and broken or cut off. Save it again as CSV UTF-8"
        ) from undecodable
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise refused(path, "contains a NUL byte. Save it again as CSV UTF-8", line)
    return text


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

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
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


def _header_at(text: str, is_header: IsHeader, notes: Notes) -> tuple[int, str]:
    """How many lines stand above the headings, and what separates these.

    Where nothing looks like headings, they are the first line that is not blank.
    """
    first: tuple[int, str] | None = None
    titles = 0
    for above, line in zip(range(LOOKED_AT), _lines(text), strict=False):
        if not line.strip(BLANK) or _SEPARATOR_LINE.fullmatch(line):
            continue
        separator = separator_of(line)
        first = first or (above, separator)
        if _is_header(line, separator, is_header):
            if titles:
                notes.header_on(above + 1)
            return above, separator
        titles += 1
    return first or (0, ",")


def _is_header(line: str, separator: str, is_header: IsHeader) -> bool:
    try:
        return is_header(next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return False


def _rows_of_text(
    path: Path, text: str, faults: list[Fault], notes: Notes, is_header: IsHeader
) -> Iterator[Record]:
    above, separator = _header_at(text, is_header, notes)
    last = -1 if text.endswith(("\n", "\r")) else sum(1 for _ in _lines(text)) - above
    lines = _lines(text)
    for _ in range(above):
        next(lines)
    fed = _Fed(lines)
    reader = csv.reader(fed, strict=True, delimiter=separator)
    line, width = 1, 0

    def note(reason: str) -> None:
        faults.append(Fault(path.name, above + line, None, None, reason))

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
        width = width or len(record)
        if reader.line_num == last and len(record) < width <= MAX_COLUMNS:
            note("is cut off. Download the file again, or add the missing cells")
            return
        yield above + line, record
        line = reader.line_num + 1
