"""What is likely a slip of the hand, though it can be stored: noted with its row, never refused."""

from collections.abc import Iterable
from typing import Final

from app.files.findings import places
from app.wording import counted, number
from models.vocabulary import HALF_DAYS_PER_DAY, days_text

DAYS_OF_A_YEAR: Final = 190
"""On which schools are open in England."""


def note_days(one: str, rows: Iterable[tuple[int, str, int | None]]) -> list[str]:
    """A note of rows, by line and name, of more half-days than a school year has."""
    most = DAYS_OF_A_YEAR * HALF_DAYS_PER_DAY
    found = [
        (line, f"{name}, {days_text(half_days)}")
        for line, name, half_days in rows
        if half_days is not None and half_days > most
    ]
    if not found:
        return []
    what = counted(len(found), f"{one} is", f"{one}s are")
    return [
        f"{what} of more days than the {number(DAYS_OF_A_YEAR)} of a school year: "
        f"{places(found)}. Check the days."
    ]
