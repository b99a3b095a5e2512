"""Somebody's work as HTTP shows it."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.catalogue.schemas import PeriodCode
from app.http.fields import Moment, Shown, Words
from app.http.replies import Listed, Page
from app.work.kinds import WorkGroup, WorkKind
from app.work.queries import WorkItem


class WorkQuery(Page):
    kind: WorkKind | None = None
    group: WorkGroup | None = None
    text: Annotated[Words | None, Field(description="words in the name of either side")] = None
    period: PeriodCode | None = None
    after: Annotated[
        str | None, Field(max_length=100, description="as the `Link` of an answer has it")
    ] = None


class WorkShown(Shown):
    """One thing to do, or to wait for."""

    kind: WorkKind
    group: WorkGroup
    step: str = Field(description="what to do, in words", examples=["Approve or defer"])
    number: int = Field(description="of the visit, link or whatever waits", examples=[1])
    party: str | None = Field(description="who is awaited", examples=["giver"])
    role: str | None = Field(description="who was asked, by role", examples=["headteacher"])
    since: date | None
    since_at: Moment | None
    due: date | None = Field(description="when it is due, lapses or ends")
    due_at: Moment | None
    proposal: int | None = Field(examples=[1])
    partnership: int | None = Field(examples=[None])
    run: int | None = Field(examples=[1])
    need: str | None = Field(examples=["made-up-need-1"])
    offer: str | None = Field(examples=["made-up-offer-1"])
    period: str | None = Field(examples=["2026-27"])
    school: str = Field(description="URN or key", examples=["100000"])
    school_name: str = Field(examples=["Oak School"])
    giver_name: str | None = Field(examples=["Ash School"])
    expertise: str | None = Field(examples=["maths"])
    alliance: str | None = Field(description="name of the one that asks", examples=[None])
    day: date | None = Field(description="of the visit", examples=["2026-12-03"])
    link: str = Field(description="what it is about", examples=["/api/v1/proposals/1"])

    @classmethod
    def of(cls, item: WorkItem, prefix: str) -> "WorkShown":
        full, need = item.full, item.need
        about = item.item if full is None else full.need
        offer = full.offer if full is not None else item.offer
        return cls(
            kind=item.kind,
            group=item.group,
            step=item.step,
            number=item.number,
            party=item.party or None,
            role=item.role,
            since=item.since,
            since_at=item.since_at,
            due=item.due,
            due_at=item.due_at,
            proposal=full and full.proposal.id,
            partnership=item.partnership,
            run=full and full.proposal.run_id,
            need=need and need.reference,
            offer=offer and offer.reference,
            period=about and about.period_code,
            school=item.school.reference.partition(":")[2],
            school_name=item.school.name,
            giver_name=full and full.giver.name,
            expertise=about and about.expertise_code,
            alliance=item.name,
            day=item.day,
            link=prefix + item.about,
        )


class Counted(Shown):
    """How much there is of one kind, as filtered by text and period."""

    kind: WorkKind
    number: int = Field(examples=[3])


class WorkPage(Listed[WorkShown]):
    counts: list[Counted]
