"""What a plan comes to, as HTTP shows it."""

from pydantic import Field

from app.http.fields import Content, Shown
from app.http.replies import Listed
from app.insight.breakdown import BrokenDownBy, Part
from app.insight.labels import part_name


class PartShown(Shown):
    """The needs of one local authority, expertise or phase."""

    by: BrokenDownBy
    name: str = Field(description="of a school with several phases, all of them", examples=["Kent"])
    needs: int = Field(examples=[120])
    met: int = Field(description="at least in part", examples=[96])
    days_needed: float = Field(examples=[480.5])
    days_planned: float = Field(examples=[390])

    @classmethod
    def of(cls, by: BrokenDownBy, part: Part) -> "PartShown":
        return cls(
            by=by,
            name=part_name(by, part),
            needs=part.needs,
            met=part.met,
            days_needed=part.days_needed,
            days_planned=part.days_planned,
        )


class Parts(Listed[PartShown]):
    pass


class PartFilter(Content):
    by: BrokenDownBy | None = None
