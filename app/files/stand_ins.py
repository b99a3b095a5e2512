"""What takes the place of cells that could not be read, so that the rest of a row is checked too.

The import ends with the faults of those cells in any case. What is said of them besides, which is
said of the stand-in, is left out (`app.errors.CellFault`).
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

UNREAD: Final = "unread_line_"
_FIRST_DAY: Final = date(1100, 1, 1)
_LARGEST: Final = 2**31 - 1

M = TypeVar("M", bound=BaseModel)


def standing_in(
    model: type[M],
    columns: Mapping[str, FieldInfo],
    known: Mapping[str, str],
    cells: Mapping[str, str],
    line: int,
    faulty: Collection[str | None],
) -> list[tuple[int, M]]:
    """The row with stand-ins for its faulty cells; none where the row is wrong as a whole.

    `known` are cells that fit. A stand-in is like nothing that is stored or on another line, as
    far as a column lets it, so that it repeats nothing.
    """
    if not columns.keys() >= set(faulty):
        return []
    trial = {column: cell for column, cell in cells.items() if column not in faulty}
    for column, field in columns.items():
        if column in faulty and field.is_required():
            trial[column] = next(
                (
                    cell
                    for cell in _candidates(field, known.get(column), line)
                    if column not in _wrong(model, {**trial, column: cell})
                ),
                "",
            )
    try:
        return [(line, model.model_validate(trial))]
    except ValidationError:
        return []


def _wrong(model: type[BaseModel], cells: Mapping[str, str]) -> set[str]:
    try:
        model.model_validate(cells)
    except ValidationError as invalid:
        return {str(error["loc"][0]) for error in invalid.errors() if error["loc"]}
    return set()


def _candidates(field: FieldInfo, known: str | None, line: int) -> Iterator[str]:
    yield from closed_list(field.annotation)
    yield f"{UNREAD}{line}"
    if known is not None and not known.isdigit():
        yield known
    yield str(_LARGEST - line)
    yield (_FIRST_DAY + timedelta(days=line % 100_000)).isoformat()
    yield known or "1"


def closed_list(annotation: Any) -> tuple[str, ...]:
    """The words that a field takes, where it takes no others."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(annotation)
    if get_origin(annotation) is Literal:
        return tuple(str(word) for word in get_args(annotation))
    for inner in get_args(annotation):
        is_type = isinstance(inner, type) or get_origin(inner) is not None
        if is_type and (words := closed_list(inner)):
            return words
    return ()
