"""Closed institutions to settle, as HTTP shows and takes them."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from app.http.fields import DIGITS, LARGEST, Content, Flag, NamedId, Shown
from app.http.replies import Listed, Page
from app.successions.queries import Unsettled
from models.vocabulary import SuccessorState


class SuccessorShown(Shown):
    urn: int = Field(examples=[100001])
    name: str = Field(examples=["Made-up Academy"])
    in_scope: bool = Field(description="open, and of a type that may take part", examples=[True])


class UnsettledShown(Shown):
    """A closed institution that open needs, offers or support still hang on."""

    urn: int = Field(examples=[100000])
    name: str = Field(examples=["Made-up Primary School"])
    closed: date | None = Field(description="null: unknown")
    state: SuccessorState = Field(
        description="where the register's links lead; clear: the successor has the same already"
    )
    successors: list[SuccessorShown]
    needs: list[str] = Field(description="open, by reference", examples=[["n-1"]])
    offers: list[str] = Field(examples=[["o-1"]])
    support: list[str] = Field(description="running, by reference", examples=[[]])
    proposals: list[int] = Field(description="not ended, by number", examples=[[12]])

    @classmethod
    def of(cls, one: Unsettled) -> Self:
        return cls(
            urn=one.school.urn,
            name=one.school.name,
            closed=one.closed,
            state=one.followed.state,
            successors=[SuccessorShown.model_validate(each) for each in one.followed.successors],
            needs=[each.reference for each in one.items.needs],
            offers=[each.reference for each in one.items.offers],
            support=[each.reference for each in one.items.support],
            proposals=[each.id for each in one.items.proposals],
        )


class UnsettledList(Listed[UnsettledShown]):
    pass


class UnsettledQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0


class Settlement(Content):
    """How to settle it: carry over to another institution, or withdraw everything."""

    to: NamedId | None = Field(
        None, description="URN of the open institution that takes over", examples=[100001]
    )
    withdraw: Flag = Field(False, description="withdraw everything instead")

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        if (self.to is None) != self.withdraw:
            raise ValueError("must have a URN in `to`, or `withdraw` true, and not both")
        return self


class SettledShown(Shown):
    """What became of what was open, by kind."""

    urn: int = Field(examples=[100000])
    to: int | None = Field(examples=[100001])
    carried_over: dict[str, int] = Field(examples=[{"need": 1, "offer": 1}])
    withdrawn: dict[str, int] = Field(examples=[{}])
    to_do: list[str] = Field(description="what a person has to look after", examples=[[]])
