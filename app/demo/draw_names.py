"""What the needs and offers of a draw are called: no two draws overwrite each other."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

PREFIX: Final = "DRAWN"
LONGEST: Final = 60
"""Letters of a reference."""
LONGEST_AREA: Final = 16
FEWEST: Final = 8
"""Letters that still tell one participant from another."""


@dataclass(frozen=True, slots=True)
class DrawnNames:
    """What the references of one draw begin with, so that two draws never overwrite each other."""

    area: str
    """The area in a word, such as `kent`."""
    period: str
    seed: int

    @classmethod
    def of(cls, area: str, period: str, seed: int) -> "DrawnNames":
        word = "-".join(re.findall("[a-z0-9]+", area.casefold()))[:LONGEST_AREA].strip("-")
        return cls(word or "area", "-".join(re.findall("[A-Za-z0-9]+", period)), seed)

    def reference(self, what: str, cell: str, serial: int) -> str:
        """The reference of a need (N) or an offer (O) of a participant."""
        start = f"{PREFIX}-{self.area}-{self.period}-{self.seed}-{what}-"
        end = f"-{serial}"
        if len(start) + len(cell) + len(end) > LONGEST:
            cell = sha256(cell.encode()).hexdigest()[: max(FEWEST, LONGEST - len(start) - len(end))]
        return f"{start}{cell}{end}"
