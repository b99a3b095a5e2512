"""What published measures are: their kinds, labels and units, and how their cells are read."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, StringConstraints

from app.files.csv_reading import RowModel, Text, read_rows
from app.files.values import parse_date
from app.register.not_available import meaning_of
from app.wording import from_code, on_day

DATA: Final = Path(__file__).parent / "data"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
OR_NONE: Final = ", or z if it is not available"
_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)?(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class MeasureKind(StrEnum):
    NUMBER = "number"
    PERCENT = "percent"
    SCALE = "scale"
    """Words that are ordered from the best to the worst."""
    TEXT = "text"
    DATE = "date"


NUMERIC: Final = frozenset({MeasureKind.NUMBER, MeasureKind.PERCENT})


def _listed(value: object) -> object:
    return tuple(value.split(";")) if isinstance(value, str) else value


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class DeclaredMeasure(RowModel):
    """A measure of the packaged table; a percentage lies between 0 and 100 unless it says else."""

    measure: Name
    label: Text
    kind: MeasureKind
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    words: Listed = ()
    codes: Listed = ()
    """What a publisher writes for each of the words."""
    source: Text

    @property
    def shown_unit(self) -> str:
        """What a figure is of: "% of pupils", "points"."""
        return f"% {self.unit}".rstrip() if self.kind is MeasureKind.PERCENT else self.unit

    def shown(self, value: float) -> str:
        """A figure with its unit: "12.5% of pupils", "42.1 points"."""
        close = self.kind is MeasureKind.PERCENT
        return f"{value:,.10g}{'' if close else ' '}{self.shown_unit}".rstrip()


class Unreadable(ValueError):
    """A cell that is no value of its measure; `reason` leaves out how to say that there is none."""

    def __init__(self, reason: str, or_none: str = "") -> None:
        super().__init__(reason + or_none)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Value:
    """What a cell says: a number, a text, or neither where it is not available."""

    number: float | None = None
    text: str | None = None
    unavailable: str | None = None
    """Why there is neither."""

    @property
    def suppressed(self) -> bool:
        return self.number is None and self.text is None


@cache
def declared_measures() -> Mapping[str, DeclaredMeasure]:
    """The packaged table, by name; whoever adds a measure adds a row to it."""
    return {row.measure: row for _, row in read_rows(DATA / "measures.csv", DeclaredMeasure)}


def label_of(name: str) -> str:
    """What people read for a measure; one that is not declared is told by its name."""
    declared = declared_measures().get(name)
    return declared.label if declared else from_code(name)


def undeclared(name: str, kind: MeasureKind) -> DeclaredMeasure:
    """A measure that only a file declares."""
    return DeclaredMeasure(measure=name, label=from_code(name), kind=kind, source="the file")


def read_value(cell: str | None, measure: DeclaredMeasure) -> Value:
    """What a cell says of a measure of this kind; raises ValueError if it cannot say that."""
    if cell is not None and measure.words and (word := _word(cell, measure)):
        return Value(text=word)
    unavailable = meaning_of(cell)
    if cell is None or unavailable:
        return Value(unavailable=unavailable or "blank")
    if measure.kind in NUMERIC:
        return Value(number=_number(cell, measure))
    if measure.kind is MeasureKind.DATE:
        return Value(text=str(parse_date(cell)))
    if measure.kind is MeasureKind.SCALE and measure.words:
        words = ", ".join(measure.words)
        raise Unreadable(f"must be one of: {words}", ". Use z if not available")
    return Value(text=cell)


def _word(cell: str, measure: DeclaredMeasure) -> str | None:
    said = cell.casefold()
    for word in measure.words:
        if word.casefold() == said:
            return word
    for code, word in zip(measure.codes, measure.words, strict=False):
        if code.casefold() == said:
            return word
    return None


def _number(cell: str, measure: DeclaredMeasure) -> float:
    text = cell.replace("\u2212", "-")
    if measure.kind is MeasureKind.PERCENT:
        text = text.removesuffix("%").rstrip()
    if not re.search("[0-9]", text) or not text.isascii() or not _NUMBER.fullmatch(text):
        example = "12.5 or 12.5%" if measure.kind is MeasureKind.PERCENT else "12.5 or 1,204"
        raise Unreadable(f"must be a number, like {example}", OR_NONE)
    number = float(text.replace(",", ""))
    least, most = measure.minimum, measure.maximum
    if measure.kind is MeasureKind.PERCENT:
        least, most = 0 if least is None else least, 100 if most is None else most
    if not math.isfinite(number):
        raise Unreadable("must be a number, like 12.5 or 1,204", OR_NONE)
    if (least is not None and number < least) or (most is not None and number > most):
        between = f"between {least:,g} and {most:,g}"
        raise Unreadable(
            f"must be {between} for {measure.label}", ". Check the column and its unit"
        )
    return number


def measured_on(period: str) -> date | None:
    """The last day a period stands for: a day, a month (2025-01) or a school year (2024-25)."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", period):
        try:
            return date.fromisoformat(period)
        except ValueError:
            return None
    if month := re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", period):
        first = date(int(month[1]), int(month[2]), 1)
        return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    if year := re.fullmatch(r"(\d{4})(?:[-/]\d\d)?", period):
        return date(int(year[1]) + (len(period) > 4), 8, 31)
    return None


def period_words(period: str) -> str:
    """A period in a sentence: "in January 2025", "in the school year 2024-25"."""
    day = measured_on(period)
    if day is None:
        return f"in {period}"
    if period.count("-") == 2:
        return f"on {on_day(day)}"
    if (day.month, day.day) == (8, 31) and not period.endswith("-08"):
        return f"in the school year {day.year - 1}-{day.year % 100:02}"
    return f"in {day:%B} {day.year}"
