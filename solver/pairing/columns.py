"""What is asked and given in one period, as columns: the input to candidates and points.

Rows are positions: `participant` of a need is an index into `ParticipantColumns`, `expertise` an
index into `Taxonomy`. Words (mode, availability, phase) come in as the vocabulary's codes, see
`encode` and `phase_mask`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

import numpy as np
from scipy import sparse

from models.vocabulary import Availability, Mode, Phase
from solver.arrays import BoolArray, CodeArray, FloatArray, IntArray, MaskArray
from solver.pairing.places import Places

_DTYPES: Final[dict[Any, type[np.generic]]] = {
    IntArray: np.int64,
    FloatArray: np.float64,
    BoolArray: np.bool_,
    CodeArray: np.int8,
    MaskArray: np.uint8,
}


def encode(words: type[StrEnum], values: Iterable[str]) -> CodeArray:
    """Positions of `values` in the enumeration `words`.

    Raises
    ------
    ValueError
        If a value is none of the words; the message lists them.
    """
    positions = {str(word): position for position, word in enumerate(words)}
    codes = []
    for row, value in enumerate(values):
        if value not in positions:
            raise ValueError(
                f"row {row}: {value!r} is no {words.__name__}; use one of {', '.join(positions)}"
            )
        codes.append(positions[value])
    return np.array(codes, np.int8)


_PHASE_BIT: Final = {str(phase): 1 << position for position, phase in enumerate(Phase)}


def phase_mask(phases: Iterable[str]) -> int:
    """One bit per `vocabulary.Phase`, the first the lowest; 0 for none."""
    mask = 0
    for phase in phases:
        if phase not in _PHASE_BIT:
            raise ValueError(f"{phase!r} is no Phase; use one of {', '.join(_PHASE_BIT)}")
        mask |= _PHASE_BIT[phase]
    return mask


def memberships(
    participant: Sequence[int] | IntArray, group: Sequence[int] | IntArray, shape: tuple[int, int]
) -> sparse.csr_array:
    """Build a membership matrix, participants x groups, from its pairs.

    Raises
    ------
    ValueError
        If an index is out of range.
    """
    rows, columns = np.asarray(participant, np.int64), np.asarray(group, np.int64)
    matrix = sparse.csr_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _as_columns(table: Any, length: int) -> None:
    """Turn the fields of an array type into arrays of `length`, or say which is wrong."""
    for column in fields(table):
        dtype = _DTYPES.get(column.type)
        if dtype is None:
            continue
        values = np.asarray(getattr(table, column.name), dtype)
        if values.shape != (length,):
            raise ValueError(
                f"{type(table).__name__}.{column.name} has shape {values.shape}; "
                f"give one value for each of the {length} rows"
            )
        object.__setattr__(table, column.name, values)


def check_indices(name: str, values: IntArray, size: int) -> None:
    """Refuse indices outside 0 .. size - 1.

    Raises
    ------
    ValueError
        Naming the column, the row and the value.
    """
    bad = np.flatnonzero((values < 0) | (values >= size))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] is {values[bad[0]]}; it must be in 0 .. {size - 1}")


def holds(keys: IntArray, wanted: IntArray) -> BoolArray:
    """Whether `keys`, in ascending order, hold each of `wanted`; many times as fast as `isin`."""
    if not len(keys):
        return np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.asarray(keys[at] == wanted)


STAYS_OPEN: Final = 10**9
CLOSES_UNDATED: Final = STAYS_OPEN - 1
"""Days of `ParticipantColumns.last_day` that no calendar has, after every other."""


@dataclass(frozen=True, slots=True, eq=False)
class Taxonomy:
    """The tree of expertise.

    Attributes
    ----------
    parent : int64[E]
        Index of the broader entry, -1 for a root.
    name
        What people call each entry; its number where not given.
    related : bool[E, E]
        Whether one entry is the other, or lies above or below it.
    depth : int64[E]
        Entries from it up to its root, both counted.
    """

    parent: IntArray
    name: tuple[str, ...] = ()
    related: BoolArray = field(init=False)
    depth: IntArray = field(init=False)

    def __post_init__(self) -> None:
        parent = np.asarray(self.parent, np.int64)
        object.__setattr__(self, "parent", parent)
        check_indices("Taxonomy.parent", parent[parent != -1], len(parent))
        name = tuple(self.name) or tuple(str(entry) for entry in range(len(parent)))
        if len(name) != len(parent):
            raise ValueError(f"Taxonomy.name has {len(name)} entries; give {len(parent)}")
        object.__setattr__(self, "name", name)
        related = np.zeros((len(parent), len(parent)), np.bool_)
        paths = [self.path(entry) for entry in range(len(parent))]
        for entry, above in enumerate(paths):
            related[entry, above] = related[above, entry] = True
        object.__setattr__(self, "related", related)
        object.__setattr__(self, "depth", np.array([len(path) for path in paths], np.int64))

    def path(self, entry: int) -> list[int]:
        """`entry` and the broader ones above it, up to the root.

        Raises
        ------
        ValueError
            If the parents run in a circle.
        """
        path = [entry]
        while (above := int(self.parent[path[-1]])) != -1:
            if above in path:
                raise ValueError(f"expertise {entry} is its own ancestor; break the circle")
            path.append(above)
        return path


@dataclass(frozen=True, slots=True, eq=False)
class ParticipantColumns:
    """Who may give or take.

    Attributes
    ----------
    places : Places
        Ids, positions (NaN unknown) and urban or rural, one per participant.
    phases : uint8[P]
        `phase_mask` of what it teaches; 0 where not known or not a school.
    local_authority, region, district : int64[P]
        Areas it lies in, in one numbering over all kinds of area; -1 unknown.
    may_give, may_take : bool[P]
        False where it is closed or takes no part; as giver also where a circumstance takes it out.
    last_day : int64[P]
        Ordinal of the last day that it is open; `STAYS_OPEN` where it is not known to close, and
        `CLOSES_UNDATED` where that is known and the day is not.
    give_limit : int64[P]
        Half-days left to give in the period.
    designated : bool[P]
        Nationally designated to give, on the day of planning.
    groups, networks : csr_array, P x groups, P x networks
        Memberships on the day of planning: trusts and federations; networks.
    serves : csr_array, P x areas
        Areas served; an empty row serves everywhere (leave `country` areas out).
    """

    places: Places
    phases: MaskArray
    local_authority: IntArray
    region: IntArray
    district: IntArray
    may_give: BoolArray
    may_take: BoolArray
    last_day: IntArray
    give_limit: IntArray
    designated: BoolArray
    groups: sparse.csr_array
    networks: sparse.csr_array
    serves: sparse.csr_array

    def __post_init__(self) -> None:
        _as_columns(self, len(self.places.id))
        for name in ("groups", "networks", "serves"):
            matrix = sparse.csr_array(getattr(self, name), dtype=np.bool_)
            if matrix.shape[0] != len(self.places.id):
                raise ValueError(
                    f"ParticipantColumns.{name} has {matrix.shape[0]} rows; "
                    f"give one for each of the {len(self.places.id)} participants"
                )
            object.__setattr__(self, name, matrix)


@dataclass(frozen=True, slots=True, eq=False)
class NeedColumns:
    """What is asked.

    Attributes
    ----------
    participant, expertise : int64[N]
    half_days_min : int64[N]
        Shortest useful half-days.
    priority : int64[N]
        1 (first) to 5.
    mode : int8[N]
        `encode(Mode, ...)`.
    limit_m, limit_minutes : float64[N]
        Travel limits; NaN not given.
    window_starts, window_ends : int64[N]
        Ordinal days, both inclusive.
    suggested : bool[N]
        True until the school's side confirms it.
    outside : bool[N]
        Whether it is for support from outside the own trust or federation; by default none is.
    """

    participant: IntArray
    expertise: IntArray
    half_days_min: IntArray
    priority: IntArray
    mode: CodeArray
    limit_m: FloatArray
    limit_minutes: FloatArray
    window_starts: IntArray
    window_ends: IntArray
    suggested: BoolArray
    outside: BoolArray = field(default_factory=lambda: np.empty(0, np.bool_))

    def __post_init__(self) -> None:
        if not len(self.outside):
            object.__setattr__(self, "outside", np.zeros(len(self.participant), np.bool_))
        _as_columns(self, len(self.participant))
        _check_common(self)
        _check_range(self, "priority", 1, 5)
        _check_range(self, "half_days_min", 1, None)


@dataclass(frozen=True, slots=True, eq=False)
class OfferColumns:
    """What can be given.

    Attributes
    ----------
    participant, expertise : int64[O]
    half_days : int64[O]
        Half-days offered.
    quality : int64[O]
        What the evidence of quality comes to, 1 to 5 (see `quality`); 0 where there is none.
    mode, availability : int8[O]
        `encode(Mode, ...)`, `encode(Availability, ...)`.
    phases : uint8[O]
        `phase_mask`; 0 serves every phase.
    limit_m, limit_minutes : float64[O]
        Travel limits; NaN not given.
    window_starts, window_ends : int64[O]
        Ordinal days, both inclusive.
    first_call_until : int64[O]
        Ordinal of the last day on which it is for the giver's own trust, federation and networks
        only, that day being still to come; 0, the default, where there is none.
    """

    participant: IntArray
    expertise: IntArray
    half_days: IntArray
    quality: IntArray
    mode: CodeArray
    availability: CodeArray
    phases: MaskArray
    limit_m: FloatArray
    limit_minutes: FloatArray
    window_starts: IntArray
    window_ends: IntArray
    first_call_until: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        if not len(self.first_call_until):
            object.__setattr__(self, "first_call_until", np.zeros(len(self.participant), np.int64))
        _as_columns(self, len(self.participant))
        _check_common(self)
        _check_range(self, "quality", 0, 5)
        _check_range(self, "half_days", 1, None)
        _check_range(self, "availability", 0, len(Availability) - 1)


def _check_range(table: Any, name: str, low: float, high: float | None) -> None:
    values = getattr(table, name)
    wrong = (values < low) | (values > (np.inf if high is None else high))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        span = f"at least {low:g}" if high is None else f"in {low:g} .. {high:g}"
        raise ValueError(
            f"{type(table).__name__}.{name}[{row}] is {values[row]}; it must be {span}"
        )


def _check_common(table: NeedColumns | OfferColumns) -> None:
    _check_range(table, "mode", 0, len(Mode) - 1)
    _check_range(table, "limit_m", 0, None)
    _check_range(table, "limit_minutes", 0, None)
    wrong = np.flatnonzero(table.window_ends < table.window_starts)
    if len(wrong):
        raise ValueError(
            f"{type(table).__name__}: the window of row {wrong[0]} ends before it starts; "
            "give an end on or after the start"
        )


def _no_rows() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of row numbers: (giver, taker) participants, or (offer, need), as the user says."""

    giving: IntArray = field(default_factory=_no_rows)
    taking: IntArray = field(default_factory=_no_rows)

    def __post_init__(self) -> None:
        _as_columns(self, len(self.giving))
