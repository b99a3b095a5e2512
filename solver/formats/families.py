"""Families of schools that could cover each other's needs: what is asked, and what was found."""

from dataclasses import dataclass

from solver.arrays import FloatArray, IntArray

SMALLEST = 4
LARGEST = 8


@dataclass(frozen=True, slots=True, eq=False)
class FamilyProblem:
    """Schools, what each needs and can give, and how long the way between any two is.

    Attributes
    ----------
    minutes : float64[S, S]
        Of the longer way between two schools; NaN where not known.
    limit_minutes
        Most minutes between any two members of a family.
    give_limit : int64[S]
        Half-days that each school has left to give.
    most_given, most_taken : int64[S]
        Pairings at once as giver and as taker.
    need_of, asked, least : int64[N]
        Whose need it is, the half-days that it asks for, and the fewest useful.
    offer_of, offered, pairings : int64[O]
        Whose offer it is, its half-days, and how many needs it can meet at a time.
    pair_offer, pair_need : int64[K]
        Pairs that every rule of a pair allows, ascending by need and the best first.
    smallest, largest
        Fewest and most members of a family.
    """

    minutes: FloatArray
    limit_minutes: float
    give_limit: IntArray
    most_given: IntArray
    most_taken: IntArray
    need_of: IntArray
    asked: IntArray
    least: IntArray
    offer_of: IntArray
    offered: IntArray
    pairings: IntArray
    pair_offer: IntArray
    pair_need: IntArray
    smallest: int = SMALLEST
    largest: int = LARGEST

    def __post_init__(self) -> None:
        if not 2 <= self.smallest <= self.largest:
            raise ValueError(
                f"families of {self.smallest} to {self.largest} members; give at least 2, and no "
                "more at least than at most"
            )
        if not self.limit_minutes > 0:
            raise ValueError(f"limit_minutes is {self.limit_minutes}; give more than 0")
        schools = len(self.give_limit)
        if self.minutes.shape != (schools, schools):
            raise ValueError(
                f"minutes has shape {self.minutes.shape}; give a row and a column for each of "
                f"{schools} schools"
            )


@dataclass(frozen=True, slots=True)
class Covered:
    """A need of one member that an offer of another covers, by half-days."""

    offer: int
    need: int
    half_days: int


@dataclass(frozen=True, slots=True)
class Family:
    """Schools, ascending, and who would cover whose need; every one of them gives or receives."""

    members: tuple[int, ...]
    covers: tuple[Covered, ...]


@dataclass(frozen=True, slots=True)
class Families:
    """Families with no member in common, the most needs covered first.

    Attributes
    ----------
    bound
        Most needs that any choice of families could cover; see `methods.families`.
    generated
        Families that were looked at.
    """

    found: tuple[Family, ...]
    bound: int
    generated: int

    @property
    def covered(self) -> int:
        """Needs that these families cover."""
        return sum(len(family.covers) for family in self.found)
