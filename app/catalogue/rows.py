"""What a row of the taxonomy's and the calendar's files may hold by itself."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.files.csv_reading import (
    Date,
    Key,
    RowModel,
    Text,
)


class ExpertiseRow(RowModel):
    examples = (
        {"code": "teaching", "name": "Curriculum and teaching", "version": "2026.1"},
        {"code": "music", "parent": "teaching", "name": "Music", "version": "2026.1"},
    )

    code: Key
    parent: Key | None = None
    name: Annotated[Text, Field(max_length=200)]
    version: Annotated[Text, Field(max_length=20)]


class PeriodRow(RowModel):
    examples = (
        {
            "code": "2030-31",
            "kind": "year",
            "name": "2030 to 2031",
            "starts": "2030-09-01",
            "ends": "2031-08-31",
        },
        {
            "code": "2030-31/autumn",
            "kind": "term",
            "name": "Autumn term 2030",
            "year": "2030-31",
            "starts": "2030-09-02",
            "ends": "2030-12-20",
        },
    )

    code: Annotated[Key, Field(max_length=20)]
    kind: Literal["year", "term"]
    name: Annotated[Text, Field(max_length=60)]
    year: Annotated[Key, Field(max_length=20)] | None = None
    starts: Date
    ends: Date

    @model_validator(mode="after")
    def check(self) -> Self:
        if self.starts > self.ends:
            raise ValueError(f"period {self.code} ends before it starts. Correct the dates")
        if self.kind == "term" and self.year is None:
            raise ValueError(f"term {self.code} has no year. Enter the year it belongs to")
        if self.kind == "year" and self.year is not None:
            raise ValueError(f"year {self.code} has a year. Leave the year blank")
        return self
