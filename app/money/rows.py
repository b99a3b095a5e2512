"""What somebody enters of a pot, by form, file or HTTP."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from app.exchange.rows import Reference
from app.files.csv_reading import Date, Key, RowModel, Text, YesNo, clean_text
from app.register.dates import not_before
from models.vocabulary import PotHolder

_POUNDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
MOST_PENCE = 100_000_000_000
"""A thousand million pounds; more is a slip."""
MOST_RATE = 1_000_000
"""£10,000 a day."""
Pence = Annotated[int, Field(ge=0, le=MOST_PENCE)]
RatePence = Annotated[int, Field(ge=0, le=MOST_RATE)]
Name = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(clean_text)]


class PotContent(BaseModel):
    """What a pot is from now on; in pence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    holder: str
    """A URN, the key of an organisation, or the reference of a trust."""
    holder_kind: PotHolder
    budget_pence: Pence
    starts: date
    ends: date
    day_rate_pence: RatePence
    highest_day_rate_pence: RatePence | None = None
    fee_pence: RatePence | None = None
    fee_basis_points: Annotated[int, Field(ge=0, le=10_000)] | None = None
    areas: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    expertise: tuple[str, ...] = ()
    open: bool = True


def parse_pounds(value: object) -> object:
    """Turn pounds, with pence or without, into whole pence: "25,000", "£333.33"."""
    if not isinstance(value, str):
        return value
    text = value.strip().removeprefix("£").replace(",", "")
    if not _POUNDS.fullmatch(text):
        raise ValueError("must be a sum in pounds, like 500 or 499.50")
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") if part else 0)


def parse_percent(value: object) -> object:
    """Turn a percentage into hundredths of it."""
    if not isinstance(value, str):
        return value
    text = value.strip().removesuffix("%").strip()
    if not _POUNDS.fullmatch(text):
        raise ValueError("must be a percentage, like 10 or 7.5")
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") if part else 0)


def _listed(value: object) -> object:
    """Several things, separated by semicolons."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(";") if part.strip())


Sum = Annotated[Pence, BeforeValidator(parse_pounds)]
RateSum = Annotated[RatePence, BeforeValidator(parse_pounds)]
Several = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class PotRow(RowModel):
    """A pot as its form asks for it: money in pounds."""

    reference: Reference
    name: Name
    holder: Key
    holder_kind: PotHolder
    budget: Sum
    starts: Date
    ends: Annotated[Date, AfterValidator(not_before("starts"))]
    day_rate: RateSum
    highest_day_rate: RateSum | None = None
    fee: RateSum | None = None
    fee_percent: Annotated[int, Field(ge=0, le=10_000), BeforeValidator(parse_percent)] | None = (
        None
    )
    areas: Several = ()
    organisations: Several = ()
    expertise: Several = ()
    open: YesNo = True

    @property
    def content(self) -> "NewPotContent":
        return NewPotContent(
            budget_pence=self.budget,
            day_rate_pence=self.day_rate,
            highest_day_rate_pence=self.highest_day_rate,
            fee_pence=self.fee,
            fee_basis_points=self.fee_percent,
            **{name: getattr(self, name) for name in _SAME},
        )


_SAME = (
    *("reference", "name", "holder", "holder_kind", "starts", "ends", "areas", "organisations"),
    *("expertise", "open"),
)


class ClaimRow(RowModel):
    """A claim as its form asks for it."""

    visits: Several = ()
    pounds: Sum | None = None


class NewPotContent(PotContent):
    reference: Reference
