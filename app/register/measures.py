"""Taking in published measures: figures and grades of institutions by period."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from sqlalchemy import func, select

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.errors import Fault
from app.files.csv_reading import RowModel, Text
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    raise_faults,
    read_file,
    record,
    watched,
)
from app.import_kit.upsert import Row, upsert
from app.progress import Progress, silent
from app.register.gias.rows import SUPPRESSED, Urn
from app.wording import counted
from models.register import Institution, Measure

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
PeriodName = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$")]


class MeasureRow(RowModel):
    """A blank value is not available, like a suppressed one."""

    always_present: ClassVar = frozenset({"value"})
    examples: ClassVar = (
        {"urn": "900001", "measure": "pupils", "period": "2030-01", "value": "210"},
        {"urn": "900001", "measure": "made_up_grade", "period": "2030", "value": "Good"},
        {"urn": "900001", "measure": "made_up_share", "period": "2030", "value": "c"},
    )

    urn: Urn
    measure: Name
    period: PeriodName
    value: Annotated[Text, Field(max_length=60)] | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """What a cell says: a number, a text, or neither where it was withheld."""

    number: float | None = None
    text: str | None = None

    @property
    def suppressed(self) -> bool:
        return self.number is None and self.text is None


def read_value(cell: str | None) -> Value:
    """Tell figures from grades; raises ValueError for numbers that are none."""
    if cell is None or cell.lower() in SUPPRESSED:
        return Value()
    try:
        number = float(cell)
    except ValueError:
        return Value(text=cell)
    if not math.isfinite(number) or not cell.isascii() or "_" in cell:
        raise ValueError("must be a number, like 12.5, or z if it is not available")
    return Value(number=number)


def import_measures(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add and change measures; those that the file does not name are kept.

    URNs need not be in the register: figures of predecessors are published under theirs.
    Each measure is one scale, of numbers or of words: the two are never mixed.
    """
    authorise(principal, Action.IMPORT)
    faults: list[Fault] = []
    rows = read_file(path, MeasureRow, faults, on_progress)
    check_unique(path, rows, "urn", lambda row: (row.urn, row.measure, row.period), faults)
    values = list(_values(path, rows, faults))
    _check_scales(session, path, values, faults)
    raise_faults(faults)
    report = new_report("measures", {"measures": path})
    report.things["measures"] = upsert(
        session,
        Measure,
        ("urn", "name", "period"),
        watched(
            (_stored(row, value) for _, row, value in values), len(values), "writing", on_progress
        ),
    ).counts
    known = set(session.scalars(select(Institution.urn)))
    unknown = {row.urn for _, row, _ in values} - known
    if unknown:
        report.notes.append(
            f"Not in the register, but kept: measures of {counted(len(unknown), 'URN')}."
        )
    return record(session, principal, report)


def _values(
    path: Path, rows: list[tuple[int, MeasureRow]], faults: list[Fault]
) -> Iterator[tuple[int, MeasureRow, Value]]:
    for line, row in rows:
        try:
            yield line, row, read_value(row.value)
        except ValueError as unreadable:
            faults.append(Fault(path.name, line, "value", row.value, str(unreadable)))


def _check_scales(
    session: WriteSession,
    path: Path,
    values: list[tuple[int, MeasureRow, Value]],
    faults: list[Fault],
) -> None:
    """Find words among numbers and numbers among words; what is stored decides, else the most."""
    seen: dict[str, Counter[bool]] = defaultdict(Counter)
    for _, row, value in values:
        if not value.suppressed:
            seen[row.measure][value.text is None] += 1
    holds_numbers = {name: counts[True] >= counts[False] for name, counts in seen.items()}
    stored = session.execute(
        select(Measure.name, func.count(Measure.value), func.count(Measure.text)).group_by(
            Measure.name
        )
    )
    for name, numbers, texts in stored:
        if numbers or texts:
            holds_numbers[name] = numbers >= texts
    for line, row, value in values:
        if value.suppressed or holds_numbers[row.measure] == (value.text is None):
            continue
        kind = "numbers" if holds_numbers[row.measure] else "words"
        reason = (
            f"must be one of the {kind} that {row.measure} holds. Correct it or rename the measure"
        )
        faults.append(Fault(path.name, line, "value", row.value, reason))


def _stored(row: MeasureRow, value: Value) -> Row:
    return {
        "urn": row.urn,
        "name": row.measure,
        "period": row.period,
        "value": value.number,
        "text": value.text,
        "suppressed": value.suppressed,
    }
