"""What fields of requests may hold: strict JSON types, bounded, as the database can keep them.

Bodies are not converted: `"5"` is not a number and `1` is not true. Queries and paths are text by
nature and are read as numbers where a number is asked for.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from app.files.csv_reading import clean_text
from app.files.values import MAX_DAYS
from models.vocabulary import HALF_DAYS_PER_DAY

LARGEST: Final = 2**31 - 1
"""The largest whole number that both databases hold in a column."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DIGITS = re.compile(r"-?\d{1,40}", re.ASCII)


def _written_day(value: object) -> object:
    """Keep numbers from being read as seconds since 1970, and moments as days."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    if type(value) is date:
        return value
    raise ValueError("must be a date, like 2026-09-01")


def _written_number(value: object) -> object:
    """Of text take digits alone: `5_0`, ` 5` and `+5` are slips, though Python reads them."""
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("must be a whole number, like 12")
    return value


def _written_moment(value: object) -> object:
    if isinstance(value, str):
        return value
    raise ValueError("must be a date and time, like 2026-09-01T09:30:00Z")


class Content(BaseModel):
    """A body or a set of query parameters: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shown(BaseModel):
    """What is answered; made from rows that the database has checked."""

    model_config = ConfigDict(from_attributes=True)


Text = Annotated[str, StringConstraints(min_length=1, max_length=300), BeforeValidator(clean_text)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=100), BeforeValidator(clean_text)]
"""What somebody types to find something."""
DIGITS: Final = BeforeValidator(_written_number)
"""For a whole number in a query or a path, where everything is text."""
Id = Annotated[int, Field(ge=1, le=LARGEST), DIGITS]
NamedId = Annotated[int, Field(strict=True, ge=1, le=LARGEST)]
"""The id of something that a body names."""
Whole = Annotated[int, Field(strict=True, ge=0, le=LARGEST)]
Flag = Annotated[bool, Field(strict=True)]
Day = Annotated[
    date,
    Field(ge=date(1100, 1, 1), le=date(2200, 1, 1)),
    BeforeValidator(_written_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-09-01"]}),
]
Instant = Annotated[
    AwareDatetime,
    Field(ge=datetime(1100, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC)),
    BeforeValidator(_written_moment),
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-09-01T09:30:00Z"]}),
]
"""A moment that a caller names, with its zone."""
Days = Annotated[float, Field(strict=True, ge=0, le=MAX_DAYS, multiple_of=0.5, allow_inf_nan=False)]
"""Days in steps of 0.5, as people say them; inside they are half-days."""
SomeDays = Annotated[Days, Field(ge=0.5)]
SignedDays = Annotated[
    float,
    Field(strict=True, ge=-MAX_DAYS, le=MAX_DAYS, multiple_of=0.5, allow_inf_nan=False),
]
Miles = Annotated[float, Field(strict=True, gt=0, le=1_000, allow_inf_nan=False)]
Moment = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.isoformat().replace("+00:00", "Z"), when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-09-01T09:30:00Z"]}),
]


def half_days(days: float) -> int:
    return round(days * HALF_DAYS_PER_DAY)


def in_days(half_days: int) -> float:
    return half_days / HALF_DAYS_PER_DAY
