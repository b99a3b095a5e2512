"""What is to be solved: one period's participants, needs, offers and candidates, checked.

Files of it are read and written in `solver.formats.problem_json`, the checks are in
`solver.formats.problem_checks`.
"""

from __future__ import annotations

from dataclasses import dataclass

from solver.formats.problem_checks import faults_of
from solver.formats.tables import ProblemFault, Tables


@dataclass(frozen=True, slots=True, eq=False)
class Problem(Tables):
    """One period to plan; checked when made, never changed.

    Raises
    ------
    ProblemFault
        If anything breaks the format; it lists every fault.
    """

    def __post_init__(self) -> None:
        faults = faults_of(self)
        if faults:
            raise ProblemFault(faults)
