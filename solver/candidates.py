"""Pairwise rules: which offers and needs may be paired, and why the others may not.

Only offers whose **expertise covers the need** are looked at and counted: the same entry of the
taxonomy, a broader one (its ancestor), or a narrower one (its descendant). The last is allowed
because a need is often stated broadly ("SEND") while evidence of quality exists for a part of it
("autism"); `points` values such a pairing lower.

Each such pair is either a candidate or refused for exactly one reason, the first of `Refusal`
that applies. Order matters for the numbers, not for what is allowed: reasons of one side come
first, then the distance, because those are counted by arithmetic over groups of offers; only
pairs within reach are ever looked at one by one.

**Nearness.** A pair that may be on site and lies within both sides' limits is on site. A pair that
may be remote and is not on site is remote, whatever the distance. The pairs of a need are walked
from the nearest on (on site by distance, then remote by distance, then remote where the distance
is unknown, ties by the row of the offer) until `max_neighbours` candidates are found; all pairs
after that are `NOT_AMONG_NEAREST`, whatever else might speak against them, save those in `kept`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.vocabulary import METRES_PER_MILE
from solver.exchange import Bools, Codes, Floats, Ints

DEFAULT_LIMIT_MILES: Final = 20


class Refusal(StrEnum):
    """Why an offer whose expertise covers a need cannot be paired with it, in order of test."""

    NEED_NOT_CONFIRMED = "need_not_confirmed"
    GIVER_MAY_NOT_GIVE = "giver_may_not_give"
    NOT_OFFERING = "not_offering"
    NOT_ANSWERED = "not_answered"
    MODE = "mode"
    UNKNOWN_POSITION = "unknown_position"
    TOO_FAR = "too_far"
    OWN_OFFER = "own_offer"
    CONFLICT = "conflict"
    DECLINED = "declined"
    WINDOW = "window"
    PHASE = "phase"
    AREA_SERVED = "area_served"
    TOO_FEW_DAYS = "too_few_days"
    NOT_AMONG_NEAREST = "not_among_nearest"

    @property
    def statement(self) -> str:
        """The reason as a sentence."""
        return _STATEMENTS[self]

    @property
    def short(self) -> str:
        """The reason in a few words, to follow a number: "7 too far"."""
        return _SHORT[self]


_STATEMENTS: Final = {
    Refusal.NEED_NOT_CONFIRMED: "The need is only suggested, and suggestions were not asked for.",
    Refusal.GIVER_MAY_NOT_GIVE: "A circumstance takes the giver out of giving.",
    Refusal.NOT_OFFERING: "The giver has said that it does not offer this now.",
    Refusal.NOT_ANSWERED: "The giver has not answered, and suggestions were not asked for.",
    Refusal.MODE: "One side wants it on site only, the other remote only.",
    Refusal.UNKNOWN_POSITION: "Where one side is, or how long the journey takes, is not known.",
    Refusal.TOO_FAR: "The journey is beyond the travel limit of one side.",
    Refusal.OWN_OFFER: "Giver and taker are the same.",
    Refusal.CONFLICT: "The two have a conflict of interest.",
    Refusal.DECLINED: "One side has declined this pairing.",
    Refusal.WINDOW: "The dates of the offer and of the need do not meet.",
    Refusal.PHASE: "The offer is for other phases than the taker's.",
    Refusal.AREA_SERVED: "The giver does not serve the taker's area.",
    Refusal.TOO_FEW_DAYS: "The giver's days are fewer than the shortest useful days.",
    Refusal.NOT_AMONG_NEAREST: "Enough nearer offers may serve the need.",
}
_SHORT: Final = {
    Refusal.NEED_NOT_CONFIRMED: "need not confirmed",
    Refusal.GIVER_MAY_NOT_GIVE: "giver may not give",
    Refusal.NOT_OFFERING: "not offering",
    Refusal.NOT_ANSWERED: "not answered",
    Refusal.MODE: "on site against remote",
    Refusal.UNKNOWN_POSITION: "unknown position",
    Refusal.TOO_FAR: "too far",
    Refusal.OWN_OFFER: "its own offer",
    Refusal.CONFLICT: "conflict of interest",
    Refusal.DECLINED: "declined",
    Refusal.WINDOW: "other dates",
    Refusal.PHASE: "wrong phase",
    Refusal.AREA_SERVED: "area not served",
    Refusal.TOO_FEW_DAYS: "too few days",
    Refusal.NOT_AMONG_NEAREST: "not among the nearest",
}
REFUSALS: Final = tuple(Refusal)


@dataclass(frozen=True, slots=True)
class Options:
    """What planning asks for.

    Attributes
    ----------
    default_limit_m : float
        Travel limit of a side that gives none in miles or minutes, metres.
    max_neighbours : int or None
        Most candidates of one need, nearest first; None for all.
    with_suggestions : bool
        Whether suggested needs and offers not answered may be paired, for planning only.
    """

    default_limit_m: float = DEFAULT_LIMIT_MILES * METRES_PER_MILE
    max_neighbours: int | None = 30
    with_suggestions: bool = False

    def __post_init__(self) -> None:
        if not self.default_limit_m >= 0:
            raise ValueError(f"default_limit_m is {self.default_limit_m}; give 0 or more")
        if self.max_neighbours is not None and self.max_neighbours < 1:
            raise ValueError(f"max_neighbours is {self.max_neighbours}; give 1 or more, or None")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs that every rule allows, by need, then nearest first.

    Attributes
    ----------
    offer, need : int64[K]
        Rows of the offers and needs.
    distance_m : int64[K]
        Geodesic, rounded; -1 where remote.
    minutes : float64[K]
        One way; NaN where remote or not known.
    remote : bool[K]
    ladder : int8[K]
        Position in `vocabulary.Ladder`.
    broader : int8[K]
        Levels of the taxonomy by which the offer's expertise lies above the need's (negative:
        below, 0: the same).
    """

    offer: Ints
    need: Ints
    distance_m: Ints
    minutes: Floats
    remote: Bools
    ladder: Codes
    broader: Codes

    def __len__(self) -> int:
        return len(self.offer)


@dataclass(frozen=True, slots=True, eq=False)
class Refusals:
    """How many offers were refused, by need and reason.

    Attributes
    ----------
    by_need : int64[N, 15]
        Columns in the order of `Refusal`.
    """

    by_need: Ints

    def total(self) -> dict[Refusal, int]:
        """Refusals of all needs by reason, without zeros."""
        return _named(self.by_need.sum(axis=0))

    def of_need(self, need: int) -> dict[Refusal, int]:
        """Refusals of one need by reason, without zeros."""
        return _named(self.by_need[need])

    def sentence(self, need: int) -> str:
        """Return for example "12 refused: 7 too far, 5 wrong phase", most frequent first."""
        counts = sorted(self.of_need(need).items(), key=lambda item: -item[1])
        if not counts:
            return "no offer of this expertise was refused"
        parts = ", ".join(f"{count} {reason.short}" for reason, count in counts)
        return f"{sum(count for _, count in counts)} refused: {parts}"


def _named(counts: Ints) -> dict[Refusal, int]:
    return {reason: int(n) for reason, n in zip(REFUSALS, counts, strict=True) if n}
