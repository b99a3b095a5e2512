"""The tables of a problem, in columns: participants, needs, offers, candidates and rules.

Days are counted in half-days, points are whole points per half-day. Nothing is checked here but
the types of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.vocabulary import UNLIMITED, Reciprocity
from solver.arrays import BoolArray, FloatArray, IntArray

SHOWN_FAULTS: Final = 20
SHOWN_LETTERS: Final = 400
"""Of one fault: it may name a field or value of any length."""


class ProblemFault(ValueError):
    """A problem or plan that cannot be used; nothing was solved.

    Attributes
    ----------
    faults
        One sentence each, naming column and position; of very many alike, the first hundred.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        shown = [fault[:SHOWN_LETTERS] for fault in self.faults[:SHOWN_FAULTS]]
        if len(self.faults) > SHOWN_FAULTS:
            shown.append(f"... and {len(self.faults) - SHOWN_FAULTS} more")
        super().__init__("\n".join(shown))

    def __reduce__(self) -> tuple[type[ProblemFault], tuple[tuple[str, ...]]]:
        return ProblemFault, (self.faults,)


def _whole(values: ArrayLike | None, default: int, size: int) -> IntArray:
    return frozen(np.full(size, default) if values is None else values, np.int64, size)


def frozen(values: ArrayLike, dtype: type[np.generic], size: int | None = None) -> NDArray[Any]:
    """Return a read-only array of `dtype`; a single value is repeated `size` times.

    Raises
    ------
    ProblemFault
        If `values` would lose something in the conversion, such as 1.5 or True to an integer.
    """
    given = np.asarray(values)
    if given.size == 0:
        given = given.astype(dtype)
    if given.dtype != dtype:
        whole = given.dtype.kind in "iu" if dtype is np.int64 else given.dtype.kind in "iuf"
        if not whole or (given.dtype.kind == "u" and given.max(initial=0) >= 2**63):
            raise ProblemFault([f"expected {np.dtype(dtype).name}, got {given.dtype.name}"])
        given = given.astype(dtype)
    if size is not None and given.ndim == 0:
        given = np.full(size, given, dtype)
    result = given.view()
    result.flags.writeable = False
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Participants:
    """Institutions and organisations that take part; every column has one entry for each.

    Attributes
    ----------
    id
        Unique names.
    lat, lon
        Degrees (WGS84), NaN where unknown. They serve only to cut blocks.
    give_limit
        Half-days that it may give in all, 0 to 10^9 (no limit).
    max_given, max_taken
        Pairings at once as giver and as taker, 0 to 10^9 (no limit).
    allowance
        Half-days that it may take beyond what it gives, 0 to 10^9.
    exempt
        Whether it is free of reciprocity of any kind. It then stands outside its account too.
    account
        Position of the participant that stands for the account holding its balance.
    """

    id: tuple[str, ...]
    lat: FloatArray
    lon: FloatArray
    give_limit: IntArray
    max_given: IntArray
    max_taken: IntArray
    allowance: IntArray
    exempt: BoolArray
    account: IntArray

    @classmethod
    def of(
        cls,
        id: Sequence[str],
        *,
        lat: ArrayLike | None = None,
        lon: ArrayLike | None = None,
        give_limit: ArrayLike | None = None,
        max_given: ArrayLike | None = None,
        max_taken: ArrayLike | None = None,
        allowance: ArrayLike | None = None,
        exempt: ArrayLike = False,
        account: ArrayLike | None = None,
    ) -> Participants:
        """Return the columns, with the format's defaults for those left out."""
        size = len(id)
        return cls(
            id=tuple(id),
            lat=frozen(np.nan if lat is None else lat, np.float64, size),
            lon=frozen(np.nan if lon is None else lon, np.float64, size),
            give_limit=_whole(give_limit, UNLIMITED, size),
            max_given=_whole(max_given, UNLIMITED, size),
            max_taken=_whole(max_taken, UNLIMITED, size),
            allowance=_whole(allowance, 0, size),
            exempt=frozen(np.asarray(exempt, np.bool_), np.bool_, size),
            account=frozen(np.arange(size) if account is None else account, np.int64),
        )

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """What participants want.

    Attributes
    ----------
    id
        Unique names.
    participant
        Position of the taker.
    expertise
        The taxonomy's code; informative.
    days, days_min
        Most half-days, and fewest that one pairing is useful with: 1 <= days_min <= days.
    max_givers
        Most givers at once; 0 is any number.
    priority
        1 is highest; informative.
    """

    id: tuple[str, ...]
    participant: IntArray
    expertise: tuple[str, ...]
    days: IntArray
    days_min: IntArray
    max_givers: IntArray
    priority: IntArray

    @classmethod
    def of(
        cls,
        id: Sequence[str],
        participant: ArrayLike,
        days: ArrayLike,
        *,
        expertise: Sequence[str] | None = None,
        days_min: ArrayLike | None = None,
        max_givers: ArrayLike | None = None,
        priority: ArrayLike | None = None,
    ) -> Needs:
        """Return the columns, with the format's defaults for those left out."""
        size = len(id)
        return cls(
            id=tuple(id),
            participant=_whole(participant, 0, size),
            expertise=("",) * size if expertise is None else tuple(expertise),
            days=_whole(days, 1, size),
            days_min=_whole(days if days_min is None else days_min, 1, size),
            max_givers=_whole(max_givers, 1, size),
            priority=_whole(priority, 1, size),
        )

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """What participants can give.

    Attributes
    ----------
    id
        Unique names.
    participant
        Position of the giver.
    expertise
        The taxonomy's code; informative.
    days
        Half-days on offer, 0 to 10^9.
    max_pairings
        Most pairings at once, 0 to 10^9 (no limit).
    """

    id: tuple[str, ...]
    participant: IntArray
    expertise: tuple[str, ...]
    days: IntArray
    max_pairings: IntArray

    @classmethod
    def of(
        cls,
        id: Sequence[str],
        participant: ArrayLike,
        days: ArrayLike,
        *,
        expertise: Sequence[str] | None = None,
        max_pairings: ArrayLike | None = None,
    ) -> Offers:
        """Return the columns, with the format's defaults for those left out."""
        size = len(id)
        return cls(
            id=tuple(id),
            participant=_whole(participant, 0, size),
            expertise=("",) * size if expertise is None else tuple(expertise),
            days=_whole(days, 0, size),
            max_pairings=_whole(max_pairings, UNLIMITED, size),
        )

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Offers and needs that the rules of one pair allow together.

    Attributes
    ----------
    offer, need
        Positions.
    points
        Worth of one half-day, 0 to 10^9.
    half_days
        The only half-days that the pairing can have; 0 leaves it to the need's range.
    bonus
        Points for the pairing as such, 0 to 10^9.
    """

    offer: IntArray
    need: IntArray
    points: IntArray
    half_days: IntArray
    bonus: IntArray

    @classmethod
    def of(
        cls,
        offer: ArrayLike,
        need: ArrayLike,
        points: ArrayLike,
        *,
        half_days: ArrayLike | None = None,
        bonus: ArrayLike | None = None,
    ) -> Candidates:
        """Return the columns, with the format's defaults for those left out."""
        size = np.size(offer)
        return cls(
            offer=_whole(offer, 0, size),
            need=_whole(need, 0, size),
            points=_whole(points, 0, size),
            half_days=_whole(half_days, 0, size),
            bonus=_whole(bonus, 0, size),
        )

    def __len__(self) -> int:
        return len(self.offer)


@dataclass(frozen=True, slots=True)
class Rules:
    """How giving and taking are held together.

    Attributes
    ----------
    reciprocity
        Of what kind.
    max_loop
        Most participants of a closed loop, 2 to 10^9; of no account with other reciprocity.
    """

    reciprocity: Reciprocity = Reciprocity.BALANCED
    max_loop: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Linking:
    """A rule over many participants: weighted half-days or pairings, at most or at least `limit`.

    Attributes
    ----------
    id
        Unique among the linking rules.
    sense
        "<=" or ">=".
    limit
        0 to 2^53.
    unit
        "half_days" or "pairings".
    candidates
        Positions of candidates, each at most once.
    weight
        One per candidate named, 0 to 10^9.
    """

    id: str
    sense: str
    limit: int
    unit: str
    candidates: IntArray
    weight: IntArray


def pairs(values: ArrayLike | None = None, width: int = 2) -> IntArray:
    """Return rows of positions as a read-only array of shape (n, width)."""
    rows = np.zeros((0, width), np.int64) if values is None else np.asarray(values)
    return frozen(rows.reshape(-1, width) if rows.size == 0 else rows, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Everything that a problem is made of, unchecked.

    Attributes
    ----------
    pins, exclusions
        Rows of (offer, need), shape (n, 2): pairs that must, and must not, be in the plan.
    current
        Rows of (offer, need, half_days), shape (n, 3): the plan in force.
    change_penalty
        Points lost for each entry of `current` that is a candidate and not in the plan.
    linking
        Rules over many participants.
    """

    participants: Participants
    needs: Needs
    offers: Offers
    candidates: Candidates
    rules: Rules = field(default_factory=Rules)
    pins: IntArray = field(default_factory=pairs)
    exclusions: IntArray = field(default_factory=pairs)
    current: IntArray = field(default_factory=lambda: pairs(width=3))
    change_penalty: int = 0
    linking: tuple[Linking, ...] = ()

    @property
    def giver(self) -> IntArray:
        """Position of each candidate's giver."""
        return self.offers.participant[self.candidates.offer]

    @property
    def taker(self) -> IntArray:
        """Position of each candidate's taker."""
        return self.needs.participant[self.candidates.need]

    def positions(self, pairs: IntArray) -> IntArray:
        """Return the candidate of each row (offer, need, ...) of `pairs`, -1 where there is none.

        Rows that name no offer or no need are no candidates either.
        """
        width = max(len(self.needs), 1)
        keys = self.candidates.offer * width + self.candidates.need
        wanted = pairs[:, 0] * width + pairs[:, 1]
        if not len(keys) or not len(wanted):
            return np.full(len(wanted), -1)
        order = np.argsort(keys, kind="stable")
        found = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
        inside = (pairs[:, 1] >= 0) & (pairs[:, 1] < width)
        return np.where((keys[found] == wanted) & inside, found, -1)
