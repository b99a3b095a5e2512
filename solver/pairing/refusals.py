"""Why an offer and a need may not be paired, in words and counted."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from solver.pairing.columns import Ints


class Refusal(StrEnum):
    """Why an offer cannot be paired with a need, in order of test.

    `OTHER_EXPERTISE` answers for one pair only (`why_refused`); it is never counted.
    """

    OTHER_EXPERTISE = "other_expertise"
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
    Refusal.OTHER_EXPERTISE: "The offer's expertise does not cover the need's.",
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
    Refusal.OTHER_EXPERTISE: "other expertise",
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


@dataclass(frozen=True, slots=True, eq=False)
class Refusals:
    """How many offers were refused, by need and reason.

    Attributes
    ----------
    by_need : int64[N, 16]
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
