"""What was typed into a form, read by the rows of our files, with each fault at its field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.import_kit.misfits import Misfit

R = TypeVar("R", bound=BaseModel)
SHOWN_LETTERS = 60
MOST_DIGITS = 9


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


def read(model: type[R], filled: Filled, labels: Mapping[str, str]) -> R | None:
    """The row that the values make; none where some are wrong, which the form then says."""
    known = {each.alias or name for name, each in model.model_fields.items()}
    cells = {name: value for name, value in filled.values.items() if value and name in known}
    try:
        return model.model_validate(cells)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_context=False):
            name = str(error["loc"][0]) if error["loc"] else ""
            label = labels.get(name, name)
            if error["type"] == "missing":
                filled.add(name, f"Enter {label[:1].lower()}{label[1:]}")
            else:
                reason = str(error["msg"]).removeprefix("Value error, ")
                filled.add(name, _said(label, cells.get(name, ""), reason))
        return None


def whole(text: str | None) -> int | None:
    """A number of a query or hidden field; none for what no row of ours has."""
    fits = text and text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if text and fits else None


def take(filled: Filled, misfits: Iterable[Misfit], labels: Mapping[str, str]) -> None:
    """Put what does not fit what is stored at its field."""
    for misfit in misfits:
        said = _said(labels.get(misfit.column, ""), misfit.value or "", misfit.reason)
        if misfit.column in labels:
            filled.add(misfit.column, said)
        else:
            filled.general.append(said)


def _said(label: str, value: str, reason: str) -> str:
    shown = value if len(value) <= SHOWN_LETTERS else value[:SHOWN_LETTERS] + "…"
    quoted = f" “{shown}”" if shown else ""
    if reason[:1].isupper():
        return f"{label}{quoted}: {reason[:1].lower()}{reason[1:]}"
    return f"{label}{quoted} {reason}".strip()
