"""Errors that people can act on; each names the thing, the value and the fix.

`status` is what HTTP answers, `exit_code` what the terminal ends with.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


class Problem(Exception):
    """A request that cannot be carried out as it stands."""

    status: ClassVar[int] = 400
    exit_code: ClassVar[int] = 2
    title: ClassVar[str] = "The request cannot be carried out"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def extra(self) -> dict[str, Any]:
        """What the error carries besides its sentence, for JSON."""
        return {}


class NotFound(Problem):
    status = 404
    title = "There is no such thing"


class Conflict(Problem):
    status = 409
    title = "The state does not allow it"


class Stale(Problem):
    """A change made from a version that is no longer the newest."""

    status = 412
    title = "It was changed in the meantime"


def require_version(newest: int, known: int | None, what: str) -> None:
    """Compare before anything is written; a version that is None takes whatever there is."""
    if known not in (None, newest):
        raise Stale(
            f"{what} is at version {newest}, the change was made from version {known}: "
            "read it again"
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

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        column = "" if self.column is None else f", {self.column}"
        value = "" if self.value is None else f" {self.value!r}"
        return f"{where}{column}{value}: {self.reason}"


class FaultyFile(Problem):
    """A file that was not taken in; nothing of it was kept."""

    status = 422
    title = "The file has faults and nothing was changed"

    def __init__(self, faults: Sequence[Fault]) -> None:
        rows = "1 fault" if len(faults) == 1 else f"{len(faults):,} faults"
        super().__init__(f"{rows}; nothing was changed. Mend them and import again.")
        self.faults = tuple(faults)

    @property
    def extra(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) for fault in self.faults]}
