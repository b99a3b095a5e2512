"""What somebody enters of a pot, by form, file or HTTP."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.exchange.rows import Reference
from app.files.csv_reading import clean_text
from models.vocabulary import PotHolder

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


class NewPotContent(PotContent):
    reference: Reference
