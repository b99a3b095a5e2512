"""What was found while a file was read: faults, and what was read otherwise than written."""

from collections.abc import Iterable, Mapping
from typing import Final

from app.errors import Fault
from app.wording import number

LISTED: Final = 5


class Notes:
    """What was read otherwise than written: each kind once for a column, with its first place."""

    def __init__(self) -> None:
        self.line = 0
        """Of the row that is being read."""
        self.called: Mapping[str, str] = {}
        """What the file calls fields of its rows, where that is not their name."""
        self._lines: list[str] = []
        self._first: dict[tuple[str, str], str] = {}
        self._times: dict[tuple[str, str], int] = {}

    def say(self, sentence: str) -> None:
        """Note something of the file as a whole."""
        self._lines.append(sentence)

    def header_on(self, line: int) -> None:
        """Note that something stands above the headings."""
        self.say(f"The headings are on line {number(line)}. What is above them was left out.")

    def read_as(self, column: str, how: str, written: str, meant: str) -> None:
        """Note a cell of the row that is being read; `how` tells one kind from another."""
        column = self.called.get(column, column)
        key = column, how
        self._first.setdefault(
            key, f"Line {number(self.line)}, {column}: “{written}” was read as {meant}"
        )
        self._times[key] = self._times.get(key, 0) + 1

    @property
    def sentences(self) -> list[str]:
        return self._lines + [
            f"{said}{_more(self._times[key] - 1)}." for key, said in self._first.items()
        ]


def _more(times: int) -> str:
    return "" if not times else f", and {number(times)} more like it"


class Findings(list[Fault]):
    """Faults of the files of one import, with notes on what was read otherwise than written."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        super().__init__(faults)
        self.notes = Notes()


def notes_of(faults: list[Fault] | None) -> Notes:
    """The notes beside some faults; where nobody asks for any, they are forgotten."""
    return faults.notes if isinstance(faults, Findings) else Notes()


def places(found: Iterable[tuple[int, str]]) -> str:
    """Rows by name and line, the first of them: "n-1 (line 2), n-7 (line 9) and 3 more"."""
    listed = [f"{name} (line {number(line)})" for line, name in found]
    more = len(listed) - LISTED
    shown = ", ".join(listed[:LISTED])
    return f"{shown} and {number(more)} more" if more > 0 else shown
