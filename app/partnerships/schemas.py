"""Support and its targets as HTTP shows and takes them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import RowMapping

from app.catalogue.schemas import ExpertiseCode, PeriodCode
from app.files.csv_reading import Key
from app.http.fields import (
    DIGITS,
    LARGEST,
    Content,
    Day,
    Days,
    Moment,
    Shown,
    Text,
    Words,
    half_days,
    in_days,
)
from app.http.replies import Listed, Page
from app.partnerships.service import Reference, SupportRow
from app.partnerships.targets import TargetRow, shown_value, stored_measure
from app.register.dates import not_before
from app.register.schemas import AreaCode, Participant
from models.targets import SupportTarget, TargetColumns
from models.vocabulary import (
    SupportAuthority,
    SupportResult,
    SupportState,
    TargetDirection,
    TargetKind,
)

Number = Annotated[float, Field(strict=True, ge=-1e12, le=1e12, allow_inf_nan=False)]


class TargetContent(Content):
    """What a measure of the school is to be by a day."""

    measure: Annotated[
        Text,
        Field(
            max_length=60,
            description="a name of docs/register.md, or one of your own with its `kind`",
            examples=["persistent_absence_pct"],
        ),
    ]
    kind: Annotated[
        TargetKind | None,
        Field(description="of a measure of your own; otherwise absent", examples=[None]),
    ] = None
    direction: Annotated[TargetDirection, Field(examples=["lower"])]
    value: Annotated[
        Number | Annotated[Text, Field(max_length=60)] | None,
        Field(description="a number, or a grade; absent: as it is, to `keep`", examples=[12.5]),
    ] = None
    by_date: Day
    owner: Annotated[
        Text | None,
        Field(
            max_length=100,
            description="who answers for it: a role, never a name",
            examples=["deputy headteacher"],
        ),
    ] = None
    statement: Text | None = None

    def row(self, support: str) -> TargetRow:
        value = self.value if isinstance(self.value, str | None) else f"{self.value!r}"
        return TargetRow(support=support, value=value, **self.model_dump(exclude={"value"}))


class SupportContent(Content):
    """Support of another agency, from now on."""

    taker: Participant
    giver: Annotated[
        Participant | None,
        Field(description="absent: the supporter is not in the register", examples=["100001"]),
    ] = None
    giver_name: Text | None = None
    agency: Annotated[
        Text, Field(max_length=100, description="who arranged it", examples=["made-up programme"])
    ]
    authority: SupportAuthority | None = None
    expertise: ExpertiseCode | None = None
    target: Annotated[Text | None, Field(description="the aim in words")] = None
    period: PeriodCode | None = None
    days: Days | None = None
    leader_days: Annotated[
        Days | None, Field(description="of the school's own leaders, in the period")
    ] = None
    starts: Day | None = None
    ends: Annotated[Day, AfterValidator(not_before("starts"))] | None = None
    state: SupportState = SupportState.ACTIVE
    result: Annotated[
        SupportResult | None, Field(description="of support that has ended", examples=[None])
    ] = None
    targets: Annotated[tuple[TargetContent, ...], Field(max_length=50, fail_fast=True)] = ()

    def row(self, reference: str) -> SupportRow:
        def half(days: float | None) -> int | None:
            return None if days is None else half_days(days)

        return SupportRow(
            reference=reference,
            half_days=half(self.days),
            leader_half_days=half(self.leader_days),
            **self.model_dump(exclude={"reference", "days", "leader_days", "targets"}),
        )

    def target_rows(self, reference: str) -> list[TargetRow]:
        return [each.row(reference) for each in self.targets]


class NewSupport(SupportContent):
    reference: Annotated[Reference, Field(examples=["made-up-support-1"])]


class TargetShown(Shown):
    """A target of an arrangement."""

    measure: str = Field(examples=["persistent_absence_pct"])
    measure_label: str = Field(examples=["Persistent absence"])
    kind: TargetKind | None = Field(description="of a measure that is not packaged")
    direction: TargetDirection
    value: float | str | None = Field(description="null: as it is", examples=[12.5])
    shown: str = Field(description="the value with its unit", examples=["12.5% of pupils"])
    by_date: date
    owner: str | None = Field(examples=["deputy headteacher"])
    statement: str | None

    @classmethod
    def of(cls, target: TargetColumns) -> "TargetShown":
        return cls(
            measure=target.measure,
            measure_label=stored_measure(target).label,
            kind=None if target.kind is None else TargetKind(target.kind),
            direction=TargetDirection(target.direction),
            value=target.word if target.value is None else target.value,
            shown=shown_value(target),
            by_date=target.by_date,
            owner=target.owner,
            statement=target.statement,
        )


class SupportShown(Shown):
    """An arrangement of this service or another agency: current, or with its result."""

    reference: str = Field(examples=["made-up-support-1"])
    taker: str = Field(examples=["100000"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver: str | None = Field(
        description="null: another agency gives it, by name", examples=["100001"]
    )
    giver_name: str | None = Field(
        description="if the supporting organisation is not in the register"
    )
    supporter: str = Field(
        description="name of the supporting organisation", examples=["Made-up Academy"]
    )
    agency: str | None = Field(description="who arranged it, if not this service")
    authority: SupportAuthority | None = Field(
        description="on whose authority the school has it; null: not recorded",
        examples=["own_choice"],
    )
    expertise: str | None = Field(examples=["early-reading"])
    target: str | None
    period: str | None = Field(examples=["2026-27"])
    days: float | None = Field(examples=[4.5])
    leader_days: float | None = Field(
        description="of the school's own leaders, in the period", examples=[1.5]
    )
    starts: date | None
    ends: date | None
    state: SupportState
    result: SupportResult | None
    targets: list[TargetShown]
    version: int = Field(examples=[1])
    updated_at: Moment

    @classmethod
    def of(cls, row: RowMapping, targets: Sequence[SupportTarget]) -> "SupportShown":
        def days(half_days: int | None) -> float | None:
            return None if half_days is None else in_days(half_days)

        def cell(reference: str | None) -> str | None:
            return None if reference is None else reference.partition(":")[2]

        content = dict(row) | {
            "taker": cell(row["taker_reference"]),
            "giver": cell(row["giver_reference"]),
            "supporter": row["giver_participant_name"] or row["giver_name"],
            "expertise": row["expertise_code"],
            "period": row["period_code"],
            "days": days(row["half_days"]),
            "leader_days": days(row["leader_half_days"]),
            "targets": [TargetShown.of(each) for each in targets],
        }
        return cls.model_validate(content)


class SupportPage(Listed[SupportShown]):
    pass


class SupportQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    participant: Annotated[Participant | None, Field(description="on either side")] = None
    taker: Participant | None = None
    giver: Participant | None = None
    agency: Words | None = None
    expertise: Key | None = None
    period: Key | None = None
    state: SupportState | None = None
    area: Annotated[AreaCode | None, Field(description="area of the school receiving support")] = (
        None
    )
