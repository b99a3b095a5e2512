"""What keeps a row from being stored: its column, its value and what to do."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from app.errors import Problem

Columns = dict[str, Any]
Stored = Mapping[str, Any]

UNKNOWN_PARTICIPANT: Final = (
    "is not in the register. Use a URN, the key of an organisation or the reference of a trust or "
    "federation, or import it first"
)
UNKNOWN_EXPERTISE: Final = (
    "is not in the list of expertise. Use a code from `givetake export expertise`"
)


class Misfit(NamedTuple):
    """One reason why a row was refused: the column, its value and what to do."""

    column: str
    value: str | None
    reason: str


class Unfit(Problem):
    """A need, an offer or another entry that is not consistent with what is stored."""

    status = 422
    title = "Not consistent with stored data"

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__(" ".join(f"{m.column} {m.value!r} {m.reason}." for m in misfits))
        self.misfits = tuple(misfits)

    @property
    def extra(self) -> dict[str, Any]:
        return {
            "errors": [
                {"pointer": f"#/{column}", "detail": f"{value!r} {reason}"}
                for column, value, reason in self.misfits
            ]
        }
