"""What is wrong with a file, as the terminal tells it: grouped, and no more than a screen holds."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.errors import Fault
from app.files.faults import faults_csv
from app.wording import counted, number
from solver.formats.whole_files import CannotWrite, write_whole

MOST: Final = 20
LINES: Final = 8
"""Lines that are listed of faults that are alike."""


def told(faults: Sequence[Fault]) -> list[str]:
    """The faults, those that are alike together; where there are more, the file that has all."""
    groups: dict[tuple[str, str | None, str | None, str], list[Fault]] = defaultdict(list)
    for fault in faults:
        groups[fault.file, fault.column, fault.value, fault.reason].append(fault)
    shown = list(groups.values())[:MOST]
    lines = [_line(group) for group in shown]
    if len(groups) > MOST or any(len(group) > LINES for group in shown):
        left = len(faults) - sum(len(group) for group in shown)
        lines.append(_rest(faults, left))
    return lines


def _line(group: Sequence[Fault]) -> str:
    first = group[0]
    numbers = [number(fault.line) for fault in group if fault.line is not None]
    if len(numbers) < 2:
        return str(first)
    listed = ", ".join(numbers[:LINES])
    more = len(numbers) - LINES
    if more > 0:
        listed += f" and {number(more)} more"
    return str(first).replace(f", line {first.line}", f", lines {listed}", 1)


def _rest(faults: Sequence[Fault], left: int) -> str:
    """Write all of them to a file beside the command, and say so."""
    path = Path(f"{Path(faults[0].file).stem}.errors.csv")
    more = f"{counted(left, 'more error')}. " if left else ""
    try:
        write_whole(path, faults_csv(faults).encode())
    except (CannotWrite, OSError):
        return f"{more}Correct these first, or use --json to see all."
    return f"{more}All are in {path}, each with how to put it right."
