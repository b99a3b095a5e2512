"""Flags of proposals, and what rests on a need, an offer or a participant, as HTTP shows them."""

from pydantic import Field

from app.http.fields import Moment, Shown
from models.vocabulary import FlagOutcome


class FlagShown(Shown):
    """A proposal can no longer go ahead as planned, and nobody has dealt with that yet."""

    reasons: list[str] = Field(
        examples=[["The supporting organisation does not offer this now, or others use all of it."]]
    )
    raised_at: Moment
    raised_by: str = Field(description="whose change it was", examples=["portal (broker)"])
    cleared_at: Moment | None = Field(examples=[None])
    cleared_by: str | None = Field(examples=[None])
    outcome: FlagOutcome | None = Field(
        description="how it was cleared; null: it is not", examples=[None]
    )
