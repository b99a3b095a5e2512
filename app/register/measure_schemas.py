"""Published figures as HTTP shows them."""

from datetime import date

from pydantic import Field

from app.http.fields import Content, Shown, Words
from app.http.replies import Listed
from app.register.measure_table import MeasureKind


class MeasureShown(Shown):
    """A published figure: a number, a word, or neither where it is not available."""

    measure: str = Field(examples=["fsm6_pct"])
    label: str = Field(examples=["Pupils eligible for free school meals in the last six years"])
    period: str = Field(examples=["2025-01"])
    measured_on: date | None = Field(description="the last day of the period")
    value: float | None = Field(examples=[24.5])
    text: str | None
    suppressed: bool = Field(description="true: the publisher gave no figure")
    kind: MeasureKind | None = Field(description="null: only the imported file said what it is")
    unit: str = Field(examples=["% of pupils"])
    source: str | None = Field(examples=["Department for Education, school census"])


class Measures(Listed[MeasureShown]):
    pass


class MeasureQuery(Content):
    measure: Words | None = None
    period: Words | None = None
