"""What spreadsheets do to a table on its way through them, and how it is undone."""

import re
from typing import Final

SEPARATORS: Final = ",;\t|"
LOOKED_AT: Final = 25
"""Lines among which the headings are looked for: titles and notes stand above them."""
MAX_COLUMNS: Final = 5_000
_WORDS: Final = re.compile(r"[^\W_]+")
_QUOTED: Final = re.compile(r'"[^"]*"')
# The wide forms also: spreadsheets set to East Asian languages run those.
FORMULA_STARTS: Final = r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]"
ERRORS: Final = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
)
_GUARDED: Final = re.compile(rf"'+{FORMULA_STARTS}")
_FLOATED: Final = re.compile(r"([0-9]+)\.0*")
# What the bytes C2, C3 and E2 80 begin in UTF-8: accents of western Europe, dashes and quotation
# marks. Other letters that two such characters could stand for are left: "ST ANDRÉ’S" is right.
_WESTERN: Final = re.compile(r"[\x00-\xff\u2010-\u203a\u20ac]*")


def separator_of(header: str) -> str:
    """What separates most columns of a header; a comma where there is only one."""
    bare = _QUOTED.sub("", header)
    return max(SEPARATORS, key=bare.count)


def heading(text: str) -> str:
    """A heading as it is compared: in any case, and however it is spaced."""
    return " ".join(text.split()).casefold()


def plain(text: str) -> str:
    """Letters and digits in lower case: "On-site" and "on_site" are one, as people write both."""
    return " ".join(_WORDS.findall(text.casefold()))


def slug(value: object) -> object:
    """A word of a list as it is stored: "New head" is new_head."""
    return plain(value).replace(" ", "_") if isinstance(value, str) else value


def unguard(cell: str) -> str:
    """Take away the apostrophe that keeps a spreadsheet from running a cell."""
    return cell[1:] if _GUARDED.match(cell) else cell


def restore_accents(cell: str) -> str:
    """Undo that UTF-8 was opened as cp1252 and saved again: "CafÃ©" is "Café"."""
    if cell.isascii():
        return cell
    try:
        restored = cell.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return cell
    return restored if _WESTERN.fullmatch(restored) else cell


def is_error(cell: str) -> bool:
    """Whether a spreadsheet could not work the cell out: #N/A, #REF!."""
    return cell.startswith("#") and cell in ERRORS


def unfloat(value: object) -> object:
    """Digits without the `.0` that spreadsheets add to whole numbers; anything else as it is."""
    if isinstance(value, str) and value.isascii() and (floated := _FLOATED.fullmatch(value)):
        return floated[1]
    return value
