"""Families of schools as HTTP asks for them and shows them: days as days."""

from typing import Annotated

from pydantic import Field

from app.graph.families import DEFAULT_MINUTES, MOST_MINUTES, ProposedFamilies, WhyProposed
from app.graph.schemas import OnDay
from app.http.fields import DIGITS, Shown, Words, in_days


class FamilyQuery(OnDay):
    area: Words = Field(
        description="name or code of an area, group or network, smaller than a region",
        examples=["Kent"],
    )
    minutes: Annotated[
        int,
        Field(ge=1, le=MOST_MINUTES, description="most between any two of a family"),
        DIGITS,
    ] = DEFAULT_MINUTES
    period: Annotated[
        Words | None, Field(description="absent: this academic year, or the next to begin")
    ] = None


class FamilyMemberShown(Shown):
    participant: str = Field(description="by reference", examples=["urn:100000"])
    name: str = Field(examples=["Made-up Primary School"])
    why: WhyProposed = Field(description="in no network, or in one that leaves needs open")
    needs: int = Field(description="needs that were looked at", examples=[1])
    covered: int = Field(description="those that others of the family would cover", examples=[1])
    gives: int = Field(description="needs of others that it would cover", examples=[1])


class WouldCoverShown(Shown):
    giver: str = Field(description="by reference", examples=["urn:100000"])
    giver_name: str = Field(examples=["Made-up Primary School"])
    taker: str = Field(description="by reference", examples=["urn:100001"])
    taker_name: str = Field(examples=["Made-up Junior School"])
    offer: str = Field(examples=["made-up-offer-1"])
    need: str = Field(examples=["made-up-need-1"])
    expertise: str = Field(examples=["early-reading"])
    days: float = Field(examples=[2.5])


class FamilyShown(Shown):
    members: list[FamilyMemberShown]
    covers: list[WouldCoverShown]
    minutes: int = Field(description="between the two furthest apart", examples=[25])
    needs: int = Field(description="of its members, in all", examples=[6])


class FamiliesShown(Shown):
    """Families that schools could form, the one that covers most first; nothing is stored."""

    period: str = Field(examples=["2026-27"])
    minutes: int = Field(description="most between any two of a family", examples=[30])
    schools: int = Field(
        description="without a network, or whose network leaves needs open", examples=[10]
    )
    taking_part: int = Field(description="those with a need or an offer", examples=[8])
    needs: int = Field(description="that could be covered in a family", examples=[9])
    covered: int = Field(description="by the families proposed", examples=[6])
    bound: int = Field(description="the most that any families could cover", examples=[7])
    families: list[FamilyShown]

    @classmethod
    def of(cls, found: ProposedFamilies) -> "FamiliesShown":
        return cls.model_construct(
            **{
                name: getattr(found, name)
                for name in FamiliesShown.model_fields
                if name != "families"
            },
            families=[
                FamilyShown.model_construct(
                    members=[
                        FamilyMemberShown.model_construct(
                            participant=each.reference,
                            **{
                                name: getattr(each, name)
                                for name in FamilyMemberShown.model_fields
                                if name != "participant"
                            },
                        )
                        for each in family.members
                    ],
                    covers=[
                        WouldCoverShown.model_construct(
                            **{
                                name: getattr(each, name)
                                for name in WouldCoverShown.model_fields
                                if name != "days"
                            },
                            days=in_days(each.half_days),
                        )
                        for each in family.covers
                    ],
                    minutes=family.minutes,
                    needs=family.needs,
                )
                for family in found.families
            ],
        )
