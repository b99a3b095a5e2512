"""Organisations, as HTTP shows and takes them."""

from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from app.files.csv_reading import Slug
from app.http.fields import Content, Day, Flag, Moment, NamedId, Shown, Text, Words
from app.http.replies import Listed, Page
from app.register.dates import not_before
from app.register.organisation_rows import Described, OrganisationKey, OrganisationRow
from app.register.schemas import AfterKey, AreaCode


class DesignationShown(Shown):
    name: str = Field(examples=["teaching_school_hub"])
    designated_by: str = Field(examples=["Made-up department"])
    starts: date | None
    ends: date | None


class OrganisationListed(Shown):
    """A supporting organisation that is not a school."""

    key: str = Field(examples=["made-up-hub"])
    name: str = Field(examples=["Made-up Teaching School Hub"])
    kind: str = Field(examples=["teaching_school_hub"])
    group_uid: int | None
    funded: bool
    opened: date | None
    closed: date | None
    postcode: str | None
    latitude: float | None = Field(examples=[51.5])
    longitude: float | None = Field(examples=[-0.5])
    local_authority_code: str | None = Field(examples=["886"])
    local_authority_name: str | None = Field(examples=["Kent"])
    region_code: str | None = Field(examples=["J"])
    areas_served: list[str] = Field(
        description="none: everywhere in reach", examples=[["region:J"]]
    )
    version: int = Field(examples=[1])
    updated_at: Moment


class OrganisationShown(OrganisationListed):
    designations: list[DesignationShown]
    position_note: str | None = Field(
        None,
        description="after a change: how the position was found, or why not, if none was given",
        examples=["The position is that of an institution with the postcode CT17 0DQ."],
    )


class DesignationContent(Content):
    name: Annotated[Text, Field(max_length=100, examples=["teaching_school_hub"])]
    designated_by: Annotated[Text, Field(max_length=100, examples=["Made-up department"])]
    starts: Day | None = None
    ends: Annotated[Day, AfterValidator(not_before("starts"))] | None = None


def _each_once(designations: tuple[DesignationContent, ...]) -> tuple[DesignationContent, ...]:
    if len({(one.name, one.starts) for one in designations}) < len(designations):
        raise ValueError("must not include a designation twice from the same day")
    return designations


class OrganisationContent(Content):
    """What an organisation is and which areas it serves, from now on."""

    name: Annotated[Text, Field(examples=["Made-up Teaching School Hub"])]
    kind: Annotated[Slug, Field(examples=["teaching_school_hub"])]
    group_uid: Annotated[NamedId | None, Field(description="of its trust, where it is of one")] = (
        None
    )
    address: Annotated[
        Text | None, Field(description="to find the position by where none is given; not kept")
    ] = None
    postcode: Annotated[Text, Field(max_length=10)] | None = None
    latitude: Annotated[
        float | None,
        Field(
            strict=True,
            ge=-90,
            le=90,
            allow_inf_nan=False,
            description="absent: by the address and postcode",
        ),
    ] = None
    longitude: Annotated[float | None, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)] = (
        None
    )
    areas_served: Annotated[
        tuple[AreaCode, ...],
        Field(max_length=500, fail_fast=True, description="none: everywhere in reach"),
    ] = ()
    funded: Flag = False
    opened: Day | None = None
    closed: Annotated[Day, AfterValidator(not_before("opened"))] | None = None
    designations: Annotated[
        tuple[DesignationContent, ...],
        Field(max_length=100, fail_fast=True, description="one that is left out ends today"),
        AfterValidator(_each_once),
    ] = ()

    @model_validator(mode="after")
    def check(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("must have both a latitude and a longitude, or neither")
        return self

    def described(self, key: str) -> Described:
        own = self.model_dump(exclude={"key", "areas_served", "designations"})
        row = OrganisationRow(key=key, areas_served=";".join(self.areas_served) or None, **own)
        designations = {
            (one.name, one.starts): OrganisationRow(
                key=key,
                designation=one.name,
                designated_by=one.designated_by,
                designated_from=one.starts,
                designated_to=one.ends,
            )
            for one in self.designations
        }
        return Described(1, row, designations=designations)


class NewOrganisation(OrganisationContent):
    key: Annotated[OrganisationKey, Field(examples=["made-up-hub"])]


class Organisations(Listed[OrganisationListed]):
    pass


class OrganisationQuery(Page):
    after: AfterKey = None
    q: Words | None = None
    kind: Words | None = None
    area: Annotated[AreaCode | None, Field(description="where it is")] = None
    serves: Annotated[AreaCode | None, Field(description="an area that it names")] = None
    open_on: Day | None = None
