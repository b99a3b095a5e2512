"""What a run is asked to do: stored with it, so that it can be done again."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.vocabulary import BalanceHolder, Reciprocity


class AllowanceRule(BaseModel):
    """Days a school may take before it gives: more, the more disadvantage it serves.

    The school in most difficulty can so take first and give later. A participant's own
    limit, where given, stands instead; a circumstance adds to either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_half_days: int = Field(4, ge=0, le=10_000)
    half_days_per_10_percent_disadvantaged: float = Field(2.0, ge=0, le=1_000)
    half_days_for_an_urgent_need: int = Field(4, ge=0, le=10_000)
    most_half_days: int = Field(40, ge=0, le=10_000)

    def half_days(self, disadvantaged_percent: float | None, *, urgent: bool) -> int:
        """A missing share counts as unknown: it adds nothing, and takes nothing away."""
        share = disadvantaged_percent or 0.0
        earned = self.base_half_days + int(self.half_days_per_10_percent_disadvantaged * share / 10)
        if urgent:
            earned += self.half_days_for_an_urgent_need
        return min(earned, self.most_half_days)


PairText = Annotated[str, Field(pattern=r"^[^=\s]+=[^=\s]+$", max_length=130)]
"""`NEED=OFFER`, by their references."""


class MatchOptions(BaseModel):
    """Which pairings may be, what they are worth, and how long to look for the best."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reciprocity: Literal[Reciprocity.NONE, Reciprocity.BALANCED, Reciprocity.BOTH_ROLES] = (
        Reciprocity.BALANCED
    )
    balance_held_by: BalanceHolder = BalanceHolder.SCHOOL
    allowance: AllowanceRule = AllowanceRule()
    max_given: int = Field(3, ge=0, le=10_000)
    """Takers at once of an institution that set no limit of its own."""
    max_taken: int = Field(3, ge=0, le=10_000)
    """Supporters at once, running ones counted, of a participant that set no limit."""
    travel_limit_miles: float = Field(20.0, ge=0, le=1_000, allow_inf_nan=False)
    """For needs and offers that give no limit of their own."""
    max_neighbours: int = Field(30, ge=1, le=10_000)
    include_suggestions: bool = False
    include_declined: bool = False
    """Propose pairs again that somebody declined; without it only a pin does."""
    as_of: date | None = None
    """The day planned from; none: today."""
    weights: dict[str, int] = Field(default_factory=dict)
    """Weights of the points' components that differ from the default."""
    pins: tuple[PairText, ...] = ()
    exclusions: tuple[PairText, ...] = ()
    method: str = Field("auto", max_length=20)
    time_limit_s: float | None = Field(None, gt=0, le=86_400, allow_inf_nan=False)
    """None: 60 seconds, or no limit where `work` limits."""
    work: int | None = Field(None, ge=1, le=1_000_000_000)
    """A limit that repeats: the same problem, seed and work give the same plan."""
    gap: float = Field(0.001, ge=0, le=1, allow_inf_nan=False)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    workers: int = Field(2, ge=1, le=256)
