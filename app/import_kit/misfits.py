"""What keeps a row from being stored: its column, its value and what to do."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.errors import Problem

Columns = dict[str, Any]


Stored = Mapping[str, Any]


class Misfit(NamedTuple):
    """One reason why a row cannot be taken: the column, its value and what to do."""

    column: str
    value: str | None
    reason: str


class Unfit(Problem):
    """A need, an offer or another entry that does not fit what is stored."""

    status = 422
    title = "It does not fit what is stored"

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__("; ".join(f"{m.column} {m.value!r} {m.reason}" for m in misfits))
        self.misfits = tuple(misfits)

    @property
    def extra(self) -> dict[str, Any]:
        return {
            "errors": [
                {"pointer": f"#/{column}", "detail": f"{value!r} {reason}"}
                for column, value, reason in self.misfits
            ]
        }
