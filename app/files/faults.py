"""The list of a file's faults as a table, to go through beside the file itself."""

from collections.abc import Iterable
from typing import Final

from app.errors import Fault
from app.files.csv_writing import csv_of

COLUMNS: Final = ("file", "line", "column", "value", "error", "how_to_correct_it")


def faults_csv(faults: Iterable[Fault]) -> str:
    """Each fault with its place, and how to put it right."""
    return csv_of(
        COLUMNS,
        (
            {
                "file": fault.file,
                "line": fault.line,
                "column": fault.column,
                "value": fault.value,
                "error": fault.reason.partition(". ")[0],
                "how_to_correct_it": fault.mend,
            }
            for fault in faults
        ),
    )
