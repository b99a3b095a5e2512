"""What was typed into a form, read by the rows of our files, with each error at its field."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from app.errors import Forbidden, NotFound, Problem, Stale, plain_reason
from app.import_kit.misfits import Misfit
from app.wording import capital, number, on_day

R = TypeVar("R", bound=BaseModel)
SHOWN_LETTERS = 60
MOST_DIGITS = 9
WRONG_DAY: Final = "Enter a real date, like 1 9 2026"
CHANGED: Final = "This has changed since you opened the page. Open it again to see the changes"
NOT_A_NUMBER: Final = frozenset(
    {"int_parsing", "int_type", "int_parsing_size", "float_parsing", "float_type", "finite_number"}
)
OUT_OF_RANGE: Final = frozenset(
    {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
)
NOT_A_CHOICE: Final = frozenset({"missing", "enum", "literal_error"})


class Field(NamedTuple):
    """A field's label, and what to do where it is blank or no choice: "Select a period"."""

    label: str
    enter: str

    @property
    def name(self) -> str:
        """The label as sentences have it: whether it can be blank is for the form alone."""
        return self.label.removesuffix(" (optional)")


@dataclass(slots=True)
class Filled:
    """A form's values as they were typed, and what is wrong with them, by field."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)
    """What is wrong with no field in particular."""

    def has(self, name: str, value: str) -> bool:
        """Whether a choice of several was made."""
        return value in self.values.get(name, "").split(";")

    def add(self, name: str, error: str) -> None:
        self.errors.setdefault(name, error)

    @property
    def wrong(self) -> bool:
        return bool(self.errors or self.general)


def read(model: type[R], filled: Filled, fields: Mapping[str, Field]) -> R | None:
    """The row that the values make; none where some are wrong, which the form then says."""
    known = {each.alias or name for name, each in model.model_fields.items()}
    cells = {name: value for name, value in filled.values.items() if value and name in known}
    try:
        return model.model_validate(cells)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            name = str(error["loc"][0]) if error["loc"] else ""
            if name in fields:
                filled.add(name, _error(fields[name], model, name, dict(error)))
            else:
                filled.general.append(capital(_own_words(dict(error))))
        return None


@contextmanager
def refused(filled: Filled, fields: Mapping[str, Field]) -> Iterator[None]:
    """Put why something was refused into the form, at the field that the refusal names."""
    try:
        yield
    except (NotFound, Forbidden):
        raise
    except Stale:
        filled.general.append(CHANGED)
    except Problem as problem:
        name = getattr(problem, "field", None) or ""
        if name in fields:
            filled.add(name, capital(problem.detail))
        else:
            filled.general.append(capital(problem.detail))


def day_of(values: Mapping[str, str]) -> tuple[date | None, str | None]:
    """The date of a `day`, a `month` and a `year`, or what is wrong with it."""
    try:
        return date(int(values["year"]), int(values["month"]), int(values["day"])), None
    except (ValueError, OverflowError):
        return None, WRONG_DAY


def whole(text: str | None) -> int | None:
    """A number of a query or hidden field; none for what no row of ours has."""
    fits = text and text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if text and fits else None


def take(filled: Filled, misfits: Iterable[Misfit], fields: Mapping[str, Field]) -> None:
    """Put what does not fit what is stored at its field."""
    for misfit in misfits:
        value = misfit.value or ""
        shown = value if len(value) <= SHOWN_LETTERS else value[:SHOWN_LETTERS] + "…"
        quoted = f"“{shown}” " if shown else ""
        if misfit.column in fields:
            filled.add(misfit.column, f"{fields[misfit.column].name} {quoted}{misfit.reason}")
        else:
            filled.general.append(capital(f"{quoted}{misfit.reason}"))


def _error(of: Field, model: type[BaseModel], name: str, error: dict[str, Any]) -> str:
    """What is wrong with a field, and how to put it right."""
    kind = error["type"]
    if kind in NOT_A_CHOICE:
        return of.enter
    if kind in NOT_A_NUMBER:
        return f"{of.name} must be a number"
    if kind in OUT_OF_RANGE:
        return f"{of.name} must be {_range(model, name, error['ctx'])}"
    if kind == "string_too_long":
        return f"{of.name} must be {number(error['ctx']['max_length'])} characters or fewer"
    if kind == "string_pattern_mismatch":
        return f"{of.name} must contain only letters, numbers and the characters . _ : / -"
    return f"{of.name} {_own_words(error)}"


def _own_words(error: dict[str, Any]) -> str:
    return plain_reason(str(error["msg"]))


def _range(model: type[BaseModel], name: str, broken: dict[str, Any]) -> str:
    """What a value must be: "between 1 and 5"."""
    (bound,) = broken.values()
    if not isinstance(bound, int | float):
        day = on_day(date.fromisoformat(str(bound)))
        return f"{day} or {'later' if 'ge' in broken else 'earlier'}"
    limits = _limits(model, name)
    most = number(min(each.le for each in limits if hasattr(each, "le")))
    least = [each.ge for each in limits if hasattr(each, "ge")]
    if least:
        return f"between {number(max(least))} and {most}"
    above = max(each.gt for each in limits if hasattr(each, "gt"))
    return f"more than {number(above)} and at most {most}"


def _limits(model: type[BaseModel], name: str) -> list[Any]:
    """The bounds that a field is annotated with, also where it may be blank."""
    info = next(each for at, each in model.model_fields.items() if name in (at, each.alias))
    inner = [part for arg in get_args(info.annotation) for part in get_args(arg)[1:]]
    return [
        *info.metadata,
        *(each for part in inner for each in getattr(part, "metadata", (part,))),
    ]
