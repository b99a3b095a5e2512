"""Expertise and periods as HTTP shows and takes them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.catalogue.rows import PeriodRow
from app.files.csv_reading import Key
from app.http.fields import (
    Content,
    Day,
    Shown,
    Text,
)
from app.http.replies import Listed, Page
from app.register.dates import not_before

ExpertiseCode = Annotated[Key, Field(examples=["early-reading"])]


PeriodCode = Annotated[Key, Field(max_length=20, examples=["2026-27"])]


class ExpertiseContent(Content):
    """The name and parent of an entry of the taxonomy, from now on."""

    parent: Annotated[
        Key | None, Field(description="absent: it has no parent", examples=["teaching"])
    ] = None
    name: Annotated[Text, Field(max_length=200, examples=["Early reading"])]
    version: Annotated[
        Text, Field(max_length=20, description="of the taxonomy", examples=["2026.1"])
    ]


class NewExpertise(ExpertiseContent):
    code: ExpertiseCode


class PeriodContent(Content):
    """The name and dates of an academic year or a term, from now on."""

    name: Annotated[Text, Field(max_length=60, examples=["Autumn term 2026"])]
    year: Annotated[
        PeriodCode | None, Field(description="of a term; absent: it is a year itself")
    ] = None
    starts: Annotated[Day, Field(examples=["2026-09-01"])]
    ends: Annotated[Day, AfterValidator(not_before("starts")), Field(examples=["2026-12-18"])]

    def row(self, code: str) -> PeriodRow:
        kind: Literal["year", "term"] = "year" if self.year is None else "term"
        return PeriodRow(code=code, kind=kind, **self.model_dump(exclude={"code"}))


class NewPeriod(PeriodContent):
    code: Annotated[PeriodCode, Field(examples=["2026-27/autumn"])]


class ExpertiseShown(Shown):
    code: str = Field(examples=["early-reading"])
    parent: str | None = Field(validation_alias="parent_code", examples=["teaching"])
    name: str = Field(examples=["Early reading"])
    version: str = Field(description="of the taxonomy", examples=["2026.1"])
    retired: bool
    revision: int = Field(description="counts the changes of this entry", examples=[1])


class PeriodShown(Shown):
    code: str = Field(examples=["2026-27/autumn"])
    kind: str = Field(examples=["term"])
    name: str = Field(examples=["Autumn term 2026"])
    year: str | None = Field(validation_alias="year_code", examples=["2026-27"])
    starts: date
    ends: date
    version: int = Field(examples=[1])


class Taxonomy(Listed[ExpertiseShown]):
    pass


class Periods(Listed[PeriodShown]):
    pass


class ExpertiseFilter(Page):
    after: Annotated[Key | None, Field(description="as `Link` gives it")] = None
    parent: Annotated[ExpertiseCode | None, Field(description="only entries with this parent")] = (
        None
    )
    retired: Annotated[bool | None, Field(description="absent: only entries in use")] = False


class PeriodFilter(Page):
    after: Annotated[PeriodCode | None, Field(description="as `Link` gives it")] = None
    year: PeriodCode | None = None
    kind: Annotated[str | None, Field(pattern="^(year|term)$", examples=["term"])] = None
