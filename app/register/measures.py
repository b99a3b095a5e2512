"""Taking in published measures: figures and grades of institutions by period."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, StringConstraints
from sqlalchemy import func, select

from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.errors import Fault
from app.files.csv_reading import RowModel, Text
from app.files.findings import Findings
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
from app.register.gias.rows import Urn
from app.register.measure_table import (
    NUMERIC,
    DeclaredMeasure,
    MeasureKind,
    Name,
    Value,
    declared_measures,
    read_value,
    undeclared,
)
from app.wording import counted
from models.register import Institution, Measure


def _period(value: object) -> object:
    """A school year as statistics write it, 202425 or 2024/25, is 2024-25."""
    year = re.fullmatch(r"([0-9]{4})/?([0-9]{2})", value) if isinstance(value, str) else None
    return f"{year[1]}-{year[2]}" if year else value


PeriodName = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}){0,2}$"), BeforeValidator(_period)
]


class MeasureRow(RowModel):
    """A blank value is not available, like a suppressed one.

    `kind` is for measures that the packaged table does not have.
    """

    always_present: ClassVar = frozenset({"value"})
    examples: ClassVar = (
        {"urn": "900001", "measure": "pupils", "period": "2030-01", "value": "210"},
        {
            "urn": "900001",
            "measure": "made_up_grade",
            "period": "2030",
            "value": "Good",
            "kind": "text",
        },
        {
            "urn": "900001",
            "measure": "made_up_share",
            "period": "2030",
            "value": "c",
            "kind": "percent",
        },
    )

    urn: Urn
    measure: Name
    period: PeriodName
    value: Annotated[Text, Field(max_length=60)] | None = None
    kind: MeasureKind | None = None


def import_measures(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add and change measures; those that the file does not name are kept.

    URNs need not be in the register: figures of predecessors are published under theirs.
    What a measure is, its kind, is declared (`measure_table`), never guessed from values.
    """
    authorise(principal, Action.IMPORT, everywhere=True)
    faults = Findings()
    rows = read_file(path, MeasureRow, faults, on_progress)
    check_unique(path, rows, "urn", lambda row: (row.urn, row.measure, row.period), faults)
    measures = _kinds(path, rows, faults)
    values = list(_values(path, rows, measures, faults))
    raise_faults(faults)
    report = new_report("measures", {"measures": path}, faults.notes)
    written = upsert(
        session,
        Measure,
        ("urn", "name", "period"),
        watched(
            (_stored(row, value) for row, value in values), len(values), "writing", on_progress
        ),
    )
    report.wrote(session, "measures", written)
    known = set(session.scalars(select(Institution.urn)))
    unknown = {row.urn for row, _ in values} - known
    if unknown:
        report.notes.append(
            f"Not in the register, but kept: measures of {counted(len(unknown), 'URN')}."
        )
    report.notes += _unavailable(measures, values)
    report.notes += _of_another_kind(session, measures)
    return record(session, principal, report)


def _kinds(
    path: Path, rows: list[tuple[int, MeasureRow]], faults: list[Fault]
) -> dict[str, DeclaredMeasure]:
    """What each measure of the file is: as the packaged table says, or else the file."""
    named = {row.measure for _, row in rows}
    measures = {name: known for name, known in declared_measures().items() if name in named}
    for line, row in rows:
        if row.kind is not None:
            measure = measures.setdefault(row.measure, undeclared(row.measure, row.kind))
            if measure.kind is not row.kind:
                reason = f"must be {measure.kind} for {row.measure}, in each row or blank"
                faults.append(Fault(path.name, line, "kind", row.kind, reason))
    refused: set[str] = set()
    for line, row in rows:
        if row.measure not in measures and row.measure not in refused:
            refused.add(row.measure)
            near = get_close_matches(row.measure, declared_measures(), n=3)
            hint = f"use {' or '.join(near)}, or " if near else ""
            reason = (
                f"is not a measure that givetake knows. Correct the name, {hint}add a column kind "
                f"with one of: {', '.join(MeasureKind)}"
            )
            faults.append(Fault(path.name, line, "measure", row.measure, reason))
    return measures


def _values(
    path: Path,
    rows: list[tuple[int, MeasureRow]],
    measures: Mapping[str, DeclaredMeasure],
    faults: list[Fault],
) -> Iterator[tuple[MeasureRow, Value]]:
    for line, row in rows:
        if row.measure not in measures:
            continue
        try:
            yield row, read_value(row.value, measures[row.measure])
        except ValueError as unreadable:
            faults.append(Fault(path.name, line, "value", row.value, str(unreadable)))


def _unavailable(
    measures: Mapping[str, DeclaredMeasure], values: Sequence[tuple[MeasureRow, Value]]
) -> Iterator[str]:
    """How many values of each measure are not available, by what the file has instead."""
    held = Counter(row.measure for row, _ in values)
    without: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row, value in values:
        if value.unavailable:
            without[row.measure][row.value or "blank", value.unavailable] += 1
    for name, said in sorted(without.items()):
        listed = "; ".join(
            f"{count:,} {cell}" + ("" if cell == why else f", {why}")
            for (cell, why), count in said.most_common()
        )
        yield (
            f"{measures[name].label}: {said.total():,} of {counted(held[name], 'value')} not "
            f"available ({listed})."
        )


def _of_another_kind(
    session: WriteSession, measures: Mapping[str, DeclaredMeasure]
) -> Iterator[str]:
    """What earlier imports stored as words where a number belongs, or the other way round."""
    stored = session.execute(
        select(Measure.name, func.count(Measure.value), func.count(Measure.text))
        .where(Measure.name.in_(sorted(measures)))
        .group_by(Measure.name)
        .order_by(Measure.name)
    )
    for name, numbers, texts in stored:
        numeric = measures[name].kind in NUMERIC
        wrong = texts if numeric else numbers
        if wrong:
            yield (
                f"{measures[name].label}: {counted(wrong, 'value')} stored by earlier imports "
                f"{'is' if wrong == 1 else 'are'} not of the kind {measures[name].kind}. To "
                "correct this, import those files again."
            )


def _stored(row: MeasureRow, value: Value) -> Row:
    return {
        "urn": row.urn,
        "name": row.measure,
        "period": row.period,
        "value": value.number,
        "text": value.text,
        "suppressed": value.suppressed,
    }
