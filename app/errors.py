"""Errors that people can act on; each names the thing, the value and the fix.

`status` is what HTTP answers, `exit_code` what the terminal ends with.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from app.wording import counted


class Problem(Exception):
    """A request that was refused; `detail` says what is wrong, then how to put it right."""

    status: ClassVar[int] = 400
    exit_code: ClassVar[int] = 2
    title: ClassVar[str] = "Invalid request"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def extra(self) -> dict[str, Any]:
        """What the error carries besides its sentence, for JSON."""
        return {}


class NotFound(Problem):
    status = 404
    title = "Not found"


class Conflict(Problem):
    status = 409
    title = "Not possible in the current state"


class Stale(Problem):
    """A change made from a version that is no longer the newest."""

    status = 412
    title = "Changed since you read it"


def plain_reason(message: str) -> str:
    """What pydantic says of a value, as words that follow the name of a field."""
    said = re.sub(r"^(Value error, |(Input|String|List|Value|Dictionary) should )", _begin, message)
    return "is missing. Enter it" if said == "Field required" else said


def _begin(found: re.Match[str]) -> str:
    return "must " if found[2] else ""


def require_version(newest: int, known: int | None, what: str) -> None:
    """Compare before anything is written; a version that is None takes whatever there is."""
    if known not in (None, newest):
        raise Stale(
            f"{what} has changed since you read it: it is at version {newest:,}, not {known:,}. "
            "Read it again and repeat your change."
        )


class Forbidden(Problem):
    status = 403
    title = "Not allowed"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file; `line` counts from 1, the header being line 1."""

    file: str
    line: int | None
    column: str | None
    value: str | None
    reason: str

    @property
    def mend(self) -> str:
        """How to put it right, as a sentence."""
        _, stop, what_to_do = self.reason.partition(". ")
        if stop:
            return what_to_do.rstrip(".?") + ("?" if what_to_do.endswith("?") else ".")
        name = "The cell" if self.column is None else self.column
        return f"Change it: {name} {self.reason}."

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        column = "" if self.column is None else f", {self.column}"
        value = "" if self.value is None else f" {self.value!r}"
        return f"{where}{column}{value}: {self.reason}"


class CellFault(Fault):
    """A cell that could not be read: what is said of it besides rests on a stand-in."""

    __slots__ = ()


def _told_once(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """The faults without what else was found of cells that could not be read."""
    unread = {(each.file, each.line, each.column) for each in faults if isinstance(each, CellFault)}
    return tuple(
        Fault(each.file, each.line, each.column, each.value, each.reason)
        for each in faults
        if isinstance(each, CellFault) or (each.file, each.line, each.column) not in unread
    )


class FaultyFile(Problem):
    """A file that was not imported; nothing of it was kept."""

    status = 422
    title = "The file has errors"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = _told_once(faults)
        errors = counted(len(self.faults), "error")
        them = "it" if len(self.faults) == 1 else "them"
        super().__init__(
            f"{errors}. No changes were made. Correct {them} and import the file again."
        )

    @property
    def extra(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) | {"mend": fault.mend} for fault in self.faults]}
