"""What the cells of a file say, as people and spreadsheets write it: numbers, days, yes and no.

What is read otherwise than it is written, such as a year of two digits, is noted where a file is
read; its notes are the context of the validation.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from pydantic import ValidationInfo

from app.files.findings import Notes
from app.wording import on_day
from models.vocabulary import HALF_DAYS_PER_DAY

MAX_DAYS: Final = 10_000
NOT_A_DATE: Final = "must be a date, like 27/11/2026 or 2026-11-27"
_MIDNIGHT: Final = re.compile(r"[ T]0?0:00(:00(\.0+)?)?$")
_IN_WORDS: Final = re.compile(r"([0-9]{1,2})[ -]([A-Za-z]{3,9})[ -]([0-9]{4}|[0-9]{2})")
_IN_FIGURES: Final = re.compile(r"([0-9]{1,4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,4})")
_NUMBER_OF_A_DAY: Final = re.compile(r"[2-7][0-9]{4}(\.0+)?")
"""How spreadsheets count days: from 1954 to 2119."""
_DAY_NOUGHT: Final = date(1899, 12, 30)
_CENTURY: Final = 70
"""Years of two digits from here on are of the century before."""
_SAID: Final = {
    **{word: True for word in ("yes", "y", "true", "t", "1")},
    **{word: False for word in ("no", "n", "false", "f", "0")},
}
NUMBER_OF_A_DAY: Final = "a number of a day"
TWO_DIGITS: Final = "a year of two digits"


def parse_date(value: object) -> object:
    """Accept `dd-mm-yyyy`, `dd/mm/yyyy`, `yyyy-mm-dd`, and dates as we write them ourselves.

    Spreadsheets' own ways too: 1-Sep-26, the number that they count a day by, a time of 00:00.
    """
    return _day_of(value)[0] if isinstance(value, str) else value


def read_date(value: object, info: ValidationInfo) -> object:
    """The same of a cell; what was guessed of it is noted."""
    if not isinstance(value, str):
        return value
    day, guessed = _day_of(value)
    if guessed:
        _note(info, guessed, value, on_day(day))
    return day


def _note(info: ValidationInfo, how: str, written: str, meant: str) -> None:
    if isinstance(info.context, Notes):
        info.context.read_as(info.field_name or "", how, written, meant)


@lru_cache(maxsize=4096)
def _day_of(value: str) -> tuple[date, str | None]:
    """A day, and what had to be guessed to read it."""
    written = _MIDNIGHT.sub("", value)
    if _NUMBER_OF_A_DAY.fullmatch(written):
        return _DAY_NOUGHT + timedelta(days=int(written[:5])), NUMBER_OF_A_DAY
    if named := _IN_WORDS.fullmatch(written):
        day, month, year = named[1], _month(named[2]), named[3]
    elif figures := _IN_FIGURES.fullmatch(written):
        day, month, year = figures.groups()
        if len(day) == 4:
            day, year = year, day
    else:
        raise ValueError(NOT_A_DATE)
    if len(day) > 2 or len(year) not in (2, 4):
        raise ValueError(NOT_A_DATE)
    guessed = TWO_DIGITS if len(year) == 2 else None
    century = 0 if guessed is None else 1900 if int(year) >= _CENTURY else 2000
    try:
        return date(century + int(year), int(month), int(day)), guessed
    except ValueError as impossible:
        raise ValueError("is not a real date") from impossible


def _month(word: str) -> str:
    for number in range(1, 13):
        if f"{date(2000, number, 1):%B}".casefold().startswith(word.casefold()):
            return str(number)
    raise ValueError(NOT_A_DATE)


def read_number(units: str = "") -> Callable[[object, ValidationInfo], object]:
    """A reader of numbers with thousands separators, and one of these units after them."""
    written = re.compile(
        rf"(£?)\s*([+-]?(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]+)(?:\.[0-9]+)?)\s*(?:{units})?",
        re.IGNORECASE,
    )

    def read(value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str) or value.isdigit():
            return value
        found = written.fullmatch(value)
        if found is None:
            return value
        number = found[2].replace(",", "")
        if number != value and "%" not in value:
            _note(info, "a number", value, number)
        return number

    return read


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
    if value.casefold() not in _SAID:
        raise ValueError("must be yes or no")
    return _SAID[value.casefold()]
