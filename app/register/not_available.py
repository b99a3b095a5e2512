"""What publishers write where a figure is withheld or does not apply: not available, never 0."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from app.files.csv_reading import RowModel, Text, read_rows

TABLE: Final = Path(__file__).parent / "data" / "not_available.csv"


class Marker(RowModel):
    marker: str
    meaning: Text


@cache
def markers() -> Mapping[str, str]:
    """What each marker means, by the marker in lower case."""
    return {row.marker.casefold(): row.meaning for _, row in read_rows(TABLE, Marker)}


def meaning_of(cell: str | None) -> str | None:
    """Why a cell has no figure, in any case and in brackets ([c]) or without; none if it has."""
    if cell is None:
        return None
    said = cell.casefold()
    return markers().get(said) or markers().get(said.removeprefix("[").removesuffix("]"))


def not_available(value: object) -> object:
    """Nothing, where a cell has a marker for a figure."""
    return None if isinstance(value, str) and meaning_of(value) else value
