"""The difference of two plans as HTTP and the terminal show it."""

from typing import Annotated, Any

from pydantic import Field

from app.http.fields import Content, Id, Shown, in_days
from app.runs.diff import Change, Diff, Line, Support
from app.runs.diff_causes import Cause


class DiffFilter(Content):
    """What to compare with."""

    from_: Annotated[
        Id | None,
        Field(
            alias="from",
            description="another run of the same period; absent: the last planned run of the same "
            "schools before this one",
            examples=[None],
        ),
    ] = None


class LineShown(Shown):
    """One pairing of a need in one plan, and what is in its place in the other."""

    change: Change
    need: str = Field(examples=["made-up-need-1"])
    expertise: str = Field(examples=["early-reading"])
    taker: str = Field(examples=["100000"])
    taker_name: str = Field(examples=["Made-up Primary School"])
    giver_before: str | None = Field(examples=["100001"])
    giver_before_name: str | None = Field(examples=["Made-up Junior School"])
    days_before: float | None = Field(examples=[2.5])
    giver_after: str | None = Field(examples=["100002"])
    giver_after_name: str | None = Field(examples=["Made-up Infant School"])
    days_after: float | None = Field(examples=[2.5])
    proposal_before: int | None = Field(
        description="the earlier plan's; preferring it keeps it in place of the newer plan's",
        examples=[12],
    )
    proposal_after: int | None = Field(
        description="the newer plan's; preferring it takes the change over", examples=[40]
    )
    points: int = Field(description="that the newer plan has more for it", examples=[-120])
    cause: Cause | None = Field(description="why they differ", examples=["offer_over"])
    why: str | None = Field(
        description="the cause in words, with the day of the change where that is known",
        examples=["The earlier offer no longer stands (28 November 2026)."],
    )

    @classmethod
    def of(cls, line: Line) -> "LineShown":
        return cls(
            change=line.change,
            need=line.need,
            expertise=line.expertise,
            taker=line.taker.reference.partition(":")[2],
            taker_name=line.taker.name,
            **_side("before", line.before),
            **_side("after", line.after),
            proposal_before=line.before and line.before.proposal.id,
            proposal_after=line.after and line.after.proposal.id,
            points=line.points,
            cause=line.came and line.came.cause,
            why=line.came and line.came.sentence,
        )


def _side(when: str, support: Support | None) -> dict[str, Any]:
    return {
        f"giver_{when}": support and support.giver.reference.partition(":")[2],
        f"giver_{when}_name": support and support.giver.name,
        f"days_{when}": support and in_days(support.half_days),
    }


class DiffShown(Shown):
    """Two plans of one period, need by need."""

    before: int | None = Field(
        description="the run compared with; null: there is none, so all is new", examples=[1]
    )
    after: int = Field(examples=[2])
    counts: dict[Change, int] = Field(examples=[{"kept": 220, "changed": 2}])
    points: int = Field(description="that the newer plan has more", examples=[-240])
    people: int = Field(description="schools and organisations whose support differs", examples=[6])
    items: list[LineShown] = Field(description="what changed first, then what was kept")

    @classmethod
    def of(cls, found: Diff) -> "DiffShown":
        return cls(
            before=found.before and found.before.id,
            after=found.after.id,
            counts={change: found.count(change) for change in Change},
            points=found.points,
            people=found.people,
            items=[LineShown.of(line) for line in found.lines],
        )
