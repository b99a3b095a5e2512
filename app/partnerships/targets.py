"""What support is to achieve: targets as people write them, and the columns they become."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Annotated, ClassVar

from pydantic import Field
from sqlalchemy import select

from app.chunks import chunked
from app.database import ReadSession, WriteSession
from app.files.csv_reading import Date, RowModel, Text
from app.import_kit.misfits import Columns, Misfit
from app.partnerships.service import Reference
from app.register.measure_table import (
    NUMERIC,
    DeclaredMeasure,
    MeasureKind,
    Unreadable,
    Value,
    declared_measures,
    read_value,
    undeclared,
)
from app.wording import on_day
from models.targets import SupportTarget, TargetColumns
from models.vocabulary import TargetDirection, TargetKind

AnySession = ReadSession | WriteSession
LONGEST_NAME = 60
NEAREST = 3


class TargetRow(RowModel):
    """One target of an arrangement of support; `kind` is of a measure that is not packaged."""

    examples: ClassVar = (
        {
            "support": "made-up-support-1",
            "measure": "persistent_absence_pct",
            "direction": "lower",
            "value": "12.5",
            "by_date": "2027-07-16",
            "owner": "deputy headteacher",
            "statement": "made up",
        },
        {
            "support": "made-up-support-1",
            "measure": "made_up_survey",
            "kind": "percent",
            "direction": "raise",
            "value": "80",
            "by_date": "2027-07-16",
        },
    )

    support: Reference
    measure: Text | None = None
    kind: TargetKind | None = None
    direction: TargetDirection
    value: Annotated[Text, Field(max_length=60)] | None = None
    """Blank: as it is, for what is to be kept."""
    by_date: Date
    owner: Annotated[Text, Field(max_length=100)] | None = None
    """A role, never a name."""
    statement: Text | None = None


def measures_of_targets() -> list[DeclaredMeasure]:
    """Those of the packaged table that a target can be set for, by label."""
    found = (each for each in declared_measures().values() if _can_be_target(each))
    return sorted(found, key=lambda each: each.label)


def target_choices() -> list[tuple[str, str]]:
    """Measures to choose from, by code; two of one label are told apart by what they count."""
    measures = measures_of_targets()
    labels = Counter(each.label for each in measures)
    found: dict[str, str] = {}
    for each in measures:
        text = each.label if labels[each.label] == 1 else f"{each.label} ({each.shown_unit})"
        found.setdefault(text, each.measure)  # another name of one measure is no choice
    return [(measure, text) for text, measure in found.items()]


def _can_be_target(measure: DeclaredMeasure) -> bool:
    of_words = measure.kind is MeasureKind.SCALE and bool(measure.words)
    return measure.kind in NUMERIC or of_words


def stored_measure(target: TargetColumns) -> DeclaredMeasure:
    """What a stored target's measure is."""
    declared = declared_measures().get(target.measure)
    return declared or undeclared(target.measure, MeasureKind(target.kind or TargetKind.NUMBER))


def shown_value(target: TargetColumns) -> str:
    """A target's value with its unit; empty for what is to be kept as it is."""
    if target.value is not None:
        return stored_measure(target).shown(target.value)
    return target.word or ""


def target_columns(row: TargetRow, starts: date | None, misfits: list[Misfit]) -> Columns:
    """The columns a target is stored with; what is wrong with it goes to `misfits`.

    `starts` is when its support starts.
    """
    measure = _measure(row, misfits)
    value = Value() if measure is None else _value(row, measure, misfits)
    if starts is not None and row.by_date < starts:
        reason = f"must not be before the support starts ({on_day(starts)})"
        misfits.append(Misfit("by_date", row.by_date.isoformat(), reason))
    is_declared = measure is not None and measure.measure in declared_measures()
    return {
        "measure": measure and measure.measure,
        "kind": None if is_declared or row.kind is None else row.kind.value,
        "direction": row.direction.value,
        "value": value.number,
        "word": value.text,
        "by_date": row.by_date,
        "owner": row.owner,
        "statement": row.statement,
    }


def _measure(row: TargetRow, misfits: list[Misfit]) -> DeclaredMeasure | None:
    """The measure that a target names: by its code or label, or one of its own with its kind."""
    cell = row.measure
    if cell is None:
        reason = "is missing. Enter what the target measures, like persistent absence"
        misfits.append(Misfit("measure", None, reason))
        return None
    code = "_".join(re.findall(r"[a-z0-9]+", cell.casefold()))
    declared = declared_measures().get(code) or next(
        (each for each in measures_of_targets() if each.label.casefold() == cell.casefold()), None
    )
    if declared is not None:
        if not _can_be_target(declared):
            reason = (
                f"cannot be a target, because it is a {declared.kind}. Enter a measure that is a "
                "number, a percentage or a grade"
            )
            misfits.append(Misfit("measure", cell, reason))
        elif row.kind is not None and row.kind.value != declared.kind:
            reason = f"must be {declared.kind} for {declared.measure}, or blank"
            misfits.append(Misfit("kind", row.kind, reason))
        else:
            return declared
        return None
    if not code[:1].isalpha() or len(code) > LONGEST_NAME:
        reason = f"must begin with a letter and have at most {LONGEST_NAME} letters and digits"
        misfits.append(Misfit("measure", cell, reason))
    elif row.kind is None:
        near = get_close_matches(code, declared_measures(), n=NEAREST)
        hint = f"use {' or '.join(near)}, or " if near else ""
        reason = (
            f"is not a measure that givetake knows. Correct the name, {hint}say its kind: "
            f"{' or '.join(TargetKind)}"
        )
        misfits.append(Misfit("measure", cell, reason))
    else:
        return undeclared(code, MeasureKind(row.kind))
    return None


def _value(row: TargetRow, measure: DeclaredMeasure, misfits: list[Misfit]) -> Value:
    if row.value is None:
        if row.direction is not TargetDirection.KEEP:
            reason = f"is missing. Enter what to {row.direction} {measure.label} to"
            misfits.append(Misfit("value", None, reason))
        return Value()
    try:
        value = read_value(row.value, measure)
    except Unreadable as unreadable:
        misfits.append(Misfit("value", row.value, unreadable.reason))
        return Value()
    if value.suppressed:
        reason = f"is not a value. Enter what {measure.label} is to be"
        misfits.append(Misfit("value", row.value, reason))
    return value


def typed(target: SupportTarget, reference: str) -> TargetRow:
    """A stored target of the arrangement `reference` as it would be written."""
    value = target.word
    if target.value is not None:
        short = f"{target.value:.10g}"
        value = short if float(short) == target.value else repr(target.value)
    return TargetRow(
        support=reference,
        measure=target.measure,
        kind=None if target.kind is None else TargetKind(target.kind),
        direction=TargetDirection(target.direction),
        value=value,
        by_date=target.by_date,
        owner=target.owner,
        statement=target.statement,
    )


def targets_of(session: AnySession, support_ids: Iterable[int]) -> dict[int, list[SupportTarget]]:
    """Targets by arrangement, by measure and date."""
    found: dict[int, list[SupportTarget]] = {each: [] for each in sorted(set(support_ids))}
    for ids in chunked(found):
        query = (
            select(SupportTarget)
            .where(SupportTarget.support_id.in_(ids))
            .order_by(SupportTarget.measure, SupportTarget.by_date)
        )
        for target in session.scalars(query):
            found[target.support_id].append(target)
    return found


def repeated(columns: Sequence[Columns]) -> set[int]:
    """Places of targets of one arrangement whose measure and date came before."""
    seen: set[tuple[str, date]] = set()
    again = set()
    for at, each in enumerate(columns):
        key = (each["measure"], each["by_date"])
        if key in seen:
            again.add(at)
        seen.add(key)
    return again
