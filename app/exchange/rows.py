"""What a row of each of the exchange's files may hold by itself."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from app.files.csv_reading import (
    Date,
    HalfDays,
    Key,
    ParticipantCell,
    RowModel,
    Text,
    YesNo,
)
from app.files.spreadsheets import plain
from app.files.values import MAX_DAYS, parse_half_days, read_number
from models.vocabulary import (
    HALF_DAYS_PER_DAY,
    Availability,
    LadderStep,
    LookedOutcome,
    Mode,
    NeedEvidence,
    NeedState,
    Phase,
    Word,
)

MOST = MAX_DAYS * HALF_DAYS_PER_DAY


def _some_half_days(half_days: int) -> int:
    if not 1 <= half_days <= MOST:
        raise ValueError(f"must be between 0.5 and {MAX_DAYS:,} days")
    return half_days


def _signed_half_days(value: object) -> object:
    if isinstance(value, str) and value.startswith("-"):
        parsed = parse_half_days(value[1:])
        return -parsed if isinstance(parsed, int) else parsed
    return parse_half_days(value)


def _listed(words: type[Word], what: str) -> Callable[[object], object]:
    """A reader of several words of an enum, separated by semicolons."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        known = {plain(word): word.value for word in words}
        written = [part.strip() for part in re.split("[;,/|\n]", value) if part.strip()]
        named = [known.get(plain(part), part) for part in written]
        unknown = [name for name in named if name not in list(words)]
        if unknown:
            listed = "; ".join(words)
            raise ValueError(f"includes {unknown[0]!r}, which is not {what}. Use: {listed}")
        return tuple(word.value for word in words if word in named)

    return read


def _outcomes(value: object) -> object:
    """Read `step:outcome` pairs, separated by semicolons."""
    if not isinstance(value, str):
        return value
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in value.split(";"))):
        step, _, outcome = (text.strip() for text in part.partition(":"))
        if step not in list(LadderStep):
            raise ValueError(
                f"includes {part!r}, whose step is not known. Use, before the colon: "
                f"{', '.join(LadderStep)}"
            )
        if outcome not in list(LookedOutcome):
            raise ValueError(
                f"includes {part!r}, which does not say what came of it. Use, after the colon: "
                f"{', '.join(LookedOutcome)}"
            )
        if step in found:
            raise ValueError(f"names {step} more than once. Enter one outcome for each step")
        found[step] = outcome
    return {step.value: found[step] for step in LadderStep if step in found}


def outcomes_text(outcomes: Mapping[Any, str] | None) -> str:
    """What came of looking nearer first, as a cell has it."""
    return ";".join(f"{step}:{came}" for step, came in (outcomes or {}).items())


def _addressable(reference: str) -> str:
    """Refuse what would have the address of another offer's availability."""
    if reference.endswith("/availability"):
        raise ValueError("must not end in /availability. Choose another reference")
    return reference


Reference = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=60)
]
OfferReference = Annotated[Reference, AfterValidator(_addressable)]
SomeHalfDays = Annotated[HalfDays, AfterValidator(_some_half_days)]
SignedHalfDays = Annotated[int, Field(ge=-MOST, le=MOST), BeforeValidator(_signed_half_days)]
Count = Annotated[int, Field(ge=0, le=1_000), BeforeValidator(read_number())]
Miles = Annotated[
    float, Field(gt=0, le=1_000, allow_inf_nan=False), BeforeValidator(read_number("miles?|mi"))
]
Minutes = Annotated[int, Field(gt=0, le=1_440), BeforeValidator(read_number("min(ute)?s?"))]
OneToFive = Annotated[int, Field(ge=1, le=5), BeforeValidator(read_number())]
ExpertiseCell = Annotated[Text, Field(max_length=200)]
"""A code or a name of the taxonomy."""
Phases = Annotated[tuple[str, ...], BeforeValidator(_listed(Phase, "a phase"))]
Looked = Annotated[tuple[str, ...], BeforeValidator(_listed(LadderStep, "a step of the ladder"))]
Outcomes = Annotated[dict[str, str], BeforeValidator(_outcomes)]


class NeedRow(RowModel):
    stand_ins: ClassVar = {"days": str(MAX_DAYS)}
    told = ("progress",)
    examples = (
        {
            "reference": "made-up-need-1",
            "participant": "900001",
            "expertise": "early-reading",
            "period": "2026-27",
            "days": "6",
            "days_min": "2.5",
            "max_givers": "1",
            "priority": "2",
            "evidence": "self_evaluation",
            "agreed_by": "headteacher",
            "improvement_plan_line": "2.3 made up",
            "looked_within": "school;own_group",
            "looked_within_note": "made up",
            "looked_outcomes": "own_group:no_capacity",
            "outside_stimulus": "no",
            "signed_by_head_on": "2026-09-01",
            "signed_by_adviser_on": "2026-09-02",
            "travel_limit_miles": "25",
            "mode": "either",
            "state": "identified",
        },
    )

    reference: Reference
    participant: ParticipantCell
    expertise: ExpertiseCell
    period: Key
    half_days: SomeHalfDays = Field(alias="days")
    half_days_min: SomeHalfDays | None = Field(None, alias="days_min")
    """The minimum days; blank: all of them."""
    max_givers: Count = 1
    """0: any number."""
    priority: OneToFive = 3
    evidence: NeedEvidence = NeedEvidence.SELF_EVALUATION
    agreed_by: Annotated[Text, Field(max_length=100)] | None = None
    improvement_plan_line: Text | None = None
    """The line of the school's improvement plan that the need serves."""
    looked_within: Looked = ()
    """Where the school looked before it asked; empty: not known."""
    looked_within_note: Text | None = None
    looked_outcomes: Outcomes = Field(default_factory=dict)
    """What came of it, by step; a step named here counts as looked at."""
    outside_stimulus: YesNo = False
    """Whether it asks for support from outside the own trust or federation."""
    signed_by_head_on: Date | None = None
    signed_by_adviser_on: Date | None = None
    travel_limit_miles: Miles | None = None
    travel_limit_minutes: Minutes | None = None
    mode: Mode = Mode.EITHER
    window_starts: Date | None = None
    window_ends: Date | None = None
    state: NeedState | None = None
    """Blank: `identified` for a new need, else what it is."""
    pot: Reference | None = None
    """The pot that pays for it; blank: none does."""


class OfferRow(RowModel):
    examples = (
        {
            "reference": "made-up-offer-1",
            "participant": "900002",
            "expertise": "early-reading",
            "period": "2026-27",
            "days": "8",
            "max_pairings": "2",
            "quality": "4",
            "evidence": "supported three schools last year",
            "strength_line": "4.1 made up",
            "signed_by_head_on": "2026-09-01",
            "travel_limit_miles": "30",
            "mode": "either",
            "phases": "primary",
            "availability": "can_offer",
            "availability_updated": "2026-09-01",
        },
    )

    reference: OfferReference
    participant: ParticipantCell
    expertise: ExpertiseCell
    period: Key
    half_days: SomeHalfDays = Field(alias="days")
    max_pairings: Annotated[int, Field(ge=1, le=1_000), BeforeValidator(read_number())] = 1
    quality: OneToFive | None = None
    evidence: Annotated[Text, Field(max_length=200)] | None = None
    strength_line: Text | None = None
    """The line of the self-evaluation that the strength comes from."""
    signed_by_head_on: Date | None = None
    signed_by_adviser_on: Date | None = None
    travel_limit_miles: Miles | None = None
    travel_limit_minutes: Minutes | None = None
    mode: Mode = Mode.EITHER
    phases: Phases = ()
    """Empty: every phase."""
    first_call_until: Date | None = None
    """Until that day it is for the giver's own trust, federation and networks only."""
    window_starts: Date | None = None
    window_ends: Date | None = None
    availability: Availability | None = None
    """Blank: `not_answered` for a new offer, else what it is."""
    availability_updated: Date | None = None


class LimitsRow(RowModel):
    examples = (
        {
            "participant": "900001",
            "period": "2026-27",
            "give_days": "10",
            "max_given": "3",
            "max_taken": "3",
            "allowance_days": "4",
            "exempt": "no",
            "carried_days": "-1.5",
        },
    )

    participant: ParticipantCell
    period: Key
    give_half_days: HalfDays | None = Field(None, alias="give_days")
    max_given: Count | None = None
    max_taken: Count | None = None
    allowance_half_days: HalfDays | None = Field(None, alias="allowance_days")
    exempt: YesNo = False
    carried_half_days: SignedHalfDays = Field(0, alias="carried_days")
    """Given less taken in earlier plans."""
