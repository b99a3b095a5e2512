"""What a run is asked to do: stored with it, so that it can be done again."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from app.http.fields import Day
from models.vocabulary import BalanceHolder, Ladder, Reciprocity
from solver.pairing.weights import OLD_PRIORITY, Weights, weight_names
from solver.solve import METHODS


class AllowanceRule(BaseModel):
    """Days a school may take before it gives: more, the more disadvantage it serves.

    The school in most difficulty can so take first and give later. A participant's own
    limit, if given, replaces this; a circumstance adds to either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    base_half_days: int = Field(4, strict=True, ge=0, le=10_000)
    half_days_per_10_percent_disadvantaged: float = Field(
        2.0, strict=True, ge=0, le=1_000, allow_inf_nan=False
    )
    half_days_for_an_urgent_need: int = Field(4, strict=True, ge=0, le=10_000)
    most_half_days: int = Field(40, strict=True, ge=0, le=10_000)

    def half_days(self, disadvantaged_percent: float | None, *, urgent: bool) -> int:
        """A missing share counts as unknown: it adds nothing, and takes nothing away."""
        share = disadvantaged_percent or 0.0
        earned = self.base_half_days + int(self.half_days_per_10_percent_disadvantaged * share / 10)
        if urgent:
            earned += self.half_days_for_an_urgent_need
        return min(earned, self.most_half_days)


PairText = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*=[A-Za-z0-9][A-Za-z0-9._:/-]*$",
        max_length=130,
        examples=["made-up-need-1=made-up-offer-1"],
    ),
]
"""`NEED=OFFER`, by their references."""
Pairs = Annotated[tuple[PairText, ...], Field(max_length=10_000, fail_fast=True)]
NeedText = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=64, examples=["made-up-need-1"]),
]
Weight = Annotated[int, Field(strict=True, ge=0, le=5_000_000)]


def _known_method(method: str) -> str:
    if method not in METHODS:
        raise ValueError(f"must be one of: {', '.join(METHODS)}")
    return method


Method = Annotated[
    str,
    Field(max_length=20),
    AfterValidator(_known_method),
    WithJsonSchema({"type": "string", "enum": list(METHODS)}),
]


class MatchOptions(BaseModel):
    """Which pairings are allowed, what they are worth, and how long to search."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    reciprocity: Reciprocity = Reciprocity.BALANCED
    max_loop: int = Field(3, strict=True, ge=2, le=100)
    """Largest loop of schools, where reciprocity is `closed_loops`."""
    balance_held_by: BalanceHolder = BalanceHolder.SCHOOL
    allowance: AllowanceRule = AllowanceRule()
    max_given: int = Field(3, strict=True, ge=0, le=10_000)
    """Maximum schools supported at a time by an institution without a limit of its own."""
    max_taken: int = Field(3, strict=True, ge=0, le=10_000)
    """Maximum supporting organisations at a time, current ones included, if no limit is set."""
    travel_limit_miles: float = Field(20.0, strict=True, ge=0, le=1_000, allow_inf_nan=False)
    """For needs and offers without a limit of their own."""
    max_neighbours: int = Field(30, strict=True, ge=1, le=10_000)
    """Maximum offers considered for each need, besides those of its own group or networks."""
    include_suggestions: bool = Field(False, strict=True)
    include_declined: bool = Field(False, strict=True)
    """Propose pairings again that were declined; otherwise only a pin does."""
    refuse_failed_support_years: int = Field(0, strict=True, ge=0, le=100)
    """Leave out pairs whose earlier support did not work and ended so few years ago; 0: none."""
    steps: Annotated[tuple[Ladder, ...], Field(max_length=len(Ladder), fail_fast=True)] = ()
    """Steps of the ladder on which supporting organisations are looked for; none: all."""
    nearest_step_first: bool = Field(False, strict=True)
    """For each need look only up to the nearest step of the ladder on which the rules allow
    somebody, and further once nothing came of that step (docs/points.md)."""
    as_of: Day | None = None
    """The day to plan from; none: today."""
    weights: dict[str, Weight] = Field(default_factory=dict, examples=[{"nearness": 200}])
    """Weights of the points' components that differ from the default (docs/points.md)."""
    change_price: Weight = 125
    """Points that it costs to move a school from the supporting organisation that the last plan
    proposes for it, as long as nobody has decided on that (docs/rebrokering.md)."""
    change_tolerance: float = Field(0.005, strict=True, ge=0, le=1, allow_inf_nan=False)
    """Share of its points that a plan gives up at most so that fewer schools move, of what its gap
    leaves open (docs/rebrokering.md)."""
    free: Annotated[tuple[NeedText, ...], Field(max_length=10_000, fail_fast=True)] = ()
    """Needs whose pairing of the last plan can change at no price, by reference."""
    pins: Pairs = ()
    exclusions: Pairs = ()
    method: Method = "auto"
    time_limit_s: float | None = Field(None, strict=True, gt=0, le=86_400, allow_inf_nan=False)
    """None: 60 seconds, or no limit if `work` is given."""
    work: int | None = Field(None, strict=True, ge=1, le=1_000_000_000)
    """A deterministic limit: the same problem, seed and work give the same plan."""
    gap: float = Field(0.002, strict=True, ge=0, le=1, allow_inf_nan=False)
    seed: int = Field(0, strict=True, ge=0, le=2**31 - 1)
    workers: int = Field(2, strict=True, ge=1, le=256)

    def without_pairs(self) -> "MatchOptions":
        """The same without the needs and offers that it names."""
        return self.model_copy(update={"pins": (), "exclusions": (), "free": ()})

    @field_validator("method")
    @classmethod
    def _fitting_method(cls, method: str, info: ValidationInfo) -> str:
        reciprocity = info.data.get("reciprocity")
        closed = reciprocity is Reciprocity.CLOSED_LOOPS
        if method != "auto" and reciprocity is not None and closed != (method == "loops"):
            raise ValueError(f"does not work with reciprocity {reciprocity}. Use auto")
        return method

    @field_validator("exclusions")
    @classmethod
    def _not_pinned(cls, exclusions: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        pinned = set(info.data.get("pins", ()))
        if both := next((pair for pair in exclusions if pair in pinned), None):
            raise ValueError(f"must not have {both}, which is pinned. Choose one of the two")
        return exclusions

    @field_validator("weights")
    @classmethod
    def _known_weights(cls, weights: dict[str, int]) -> dict[str, int]:
        if set(weights) - {*weight_names(), OLD_PRIORITY}:
            raise ValueError(f"must be weights named {', '.join(weight_names())}")
        Weights.of(weights)
        return weights
