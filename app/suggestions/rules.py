"""The open rules of suggestions: criteria of similarity, and what is well below or above."""

import json
import tomllib
from collections.abc import Set
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from app.errors import Fault, FaultyFile, plain_reason
from app.files.tables import read_text
from app.files.values import MAX_DAYS
from app.register.measure_table import NUMERIC, MeasureKind, declared_measures
from models.vocabulary import HALF_DAYS_PER_DAY, Mode, Phase

PACKAGED = Path(__file__).parent / "data" / "suggest-rules.toml"


def _half_days(days: object) -> object:
    if not isinstance(days, int | float) or isinstance(days, bool):
        raise ValueError("must be a number of days")
    half_days = days * HALF_DAYS_PER_DAY
    if half_days != round(half_days) or not 1 <= half_days <= MAX_DAYS * HALF_DAYS_PER_DAY:
        raise ValueError(f"must be between 0.5 and {MAX_DAYS:,} days, in steps of 0.5")
    return round(half_days)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Days = Annotated[int, BeforeValidator(_half_days)]
Years = Annotated[int, Field(ge=0, le=100)]
MeasureName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$", max_length=60)]


def _check_kind(measure: str, kinds: Set[MeasureKind]) -> None:
    """Refuse to compare words by size, or to look for words among figures."""
    declared = declared_measures().get(measure)
    if declared and declared.kind not in kinds:
        raise ValueError(f"{measure} is a measure of kind {declared.kind}. Use another")


class Criterion(_Strict):
    """A measure by which schools are similar; `log` for what differs by factors."""

    measure: MeasureName
    weight: Annotated[float, Field(gt=0, le=100)]
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def check(self) -> Self:
        _check_kind(self.measure, NUMERIC)
        return self


class NeedDraft(_Strict):
    expertise: str
    half_days: Days = Field(alias="days")
    half_days_min: Days = Field(alias="days_min")
    priority: Annotated[int, Field(ge=1, le=5)] = 3
    mode: Mode = Mode.EITHER

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.half_days_min > self.half_days:
            raise ValueError("days_min must be at most days")
        return self


class OfferDraft(_Strict):
    expertise: str
    half_days: Days = Field(alias="days")
    max_pairings: Annotated[int, Field(ge=1, le=1_000)] = 1
    mode: Mode = Mode.EITHER


class _Rule(_Strict):
    """What a figure or a grade of a school suggests."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=24)]
    measure: MeasureName
    phase: Phase | None = None
    """None: schools of every phase."""
    mainstream_only: bool = False
    oldest_years: Years | None = None
    """None: as the file says for all."""
    need: NeedDraft | None = None
    offer: OfferDraft | None = None


class Rule(_Rule):
    """What makes a figure stand out from those of similar schools."""

    better: Literal["higher", "lower"]
    spreads: Annotated[float, Field(gt=0, le=10)]
    gap: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def check(self) -> Self:
        _check_kind(self.measure, NUMERIC)
        return self


class GradeRule(_Rule):
    """What words of a scale, such as an inspection's, suggest; scales are never merged."""

    need_when: tuple[str, ...] = ()
    urgent_when: tuple[str, ...] = ()
    """As `need_when`, with the highest priority."""
    offer_when: tuple[str, ...] = ()
    superseded_by: tuple[MeasureName, ...] = ()
    """Measures of a newer scale: a school that has one of a later date is left out."""

    @model_validator(mode="after")
    def check(self) -> Self:
        _check_kind(self.measure, frozenset(MeasureKind) - NUMERIC)
        said = (*self.need_when, *self.urgent_when, *self.offer_when)
        declared = declared_measures().get(self.measure)
        words = declared.words if declared else said
        if unknown := [word for word in said if word not in words]:
            raise ValueError(f"{unknown[0]!r} must be one of: {', '.join(words)}")
        if len(set(said)) < len(said) or not said:
            raise ValueError("must have each word once, in need_when, urgent_when or offer_when")
        return self


class SuggestRules(_Strict):
    version: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    similar_schools: Annotated[int, Field(ge=1, le=500)]
    minimum_similar: Annotated[int, Field(ge=2, le=500)]
    minimum_criteria: Annotated[int, Field(ge=1, le=50)]
    oldest_years: Years
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    grades: tuple[GradeRule, ...] = ()

    @property
    def both(self) -> tuple[Rule | GradeRule, ...]:
        """In the order in which they come before each other for one area of expertise."""
        return (*self.rules, *self.grades)

    def oldest_years_of(self, measure: str) -> int:
        """How old figures of a measure may be, as the most patient of its rules says."""
        said = [rule.oldest_years for rule in self.both if rule.measure == measure]
        return max((years for years in said if years is not None), default=self.oldest_years)

    @model_validator(mode="after")
    def check(self) -> Self:
        ids = [rule.id for rule in self.both]
        measures = [criterion.measure for criterion in self.criteria]
        for what, named in (("rule", ids), ("criterion", measures)):
            if twice := sorted({name for name in named if named.count(name) > 1}):
                raise ValueError(f"{what} {twice[0]!r} is repeated. Keep one")
        if self.minimum_similar > self.similar_schools:
            raise ValueError("minimum_similar must be at most similar_schools")
        if self.minimum_criteria > len(self.criteria):
            raise ValueError("minimum_criteria must be at most the number of criteria")
        return self


def read_rules(path: Path = PACKAGED) -> tuple[SuggestRules, str]:
    """The rules of a TOML file, or JSON if its name ends so, and the digest of its text."""
    text = read_text(path)
    try:
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as unreadable:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise FaultyFile(
            [Fault(path.name, None, None, None, f"is not valid {kind} ({unreadable}). Correct it")]
        ) from unreadable
    try:
        rules = SuggestRules.model_validate(content)
    except ValidationError as invalid:
        raise FaultyFile(
            [
                Fault(
                    path.name,
                    None,
                    ".".join(map(str, error["loc"])) or None,
                    None if isinstance(error["input"], dict | list) else str(error["input"]),
                    plain_reason(error["msg"]),
                )
                for error in invalid.errors(include_url=False)
            ]
        ) from invalid
    return rules, sha256(text.encode()).hexdigest()
