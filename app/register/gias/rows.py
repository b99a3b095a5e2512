"""The rows of the public register's downloads, of the columns that are kept."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from app.files.csv_reading import Date, RowModel, Text, Whole
from app.files.spreadsheets import unfloat
from app.files.values import read_number
from app.register.not_available import not_available
from solver.pairing.geography import GRID_HEIGHT_M, GRID_WIDTH_M

Urn = Annotated[Whole, Field(ge=1)]
Code = Annotated[Text, Field(max_length=12), BeforeValidator(unfloat)]
Label = Annotated[Text, Field(max_length=100)]
Age = Annotated[Annotated[Whole, Field(le=120)] | None, BeforeValidator(not_available)]
Figure = Annotated[Whole | None, BeforeValidator(not_available)]
Percent = Annotated[
    Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), BeforeValidator(read_number("%"))]
    | None,
    BeforeValidator(not_available),
]
SenNeed = Annotated[Label | None, Field(default=None)]


class EstablishmentRow(RowModel):
    """edubasealldata."""

    always_present: ClassVar = frozenset({"TypeOfEstablishment (name)", "LA (name)"})

    urn: Urn = Field(alias="URN")
    name: Text = Field(alias="EstablishmentName")
    type_code: Whole = Field(alias="TypeOfEstablishment (code)")
    type_name: Label = Field("", alias="TypeOfEstablishment (name)")
    type_group_code: Whole | None = Field(None, alias="EstablishmentTypeGroup (code)")
    status_code: Annotated[Whole, Field(ge=1, le=4)] = Field(alias="EstablishmentStatus (code)")
    la_code: Code = Field(alias="LA (code)")
    la_name: Text | None = Field(None, alias="LA (name)")
    establishment_number: Annotated[Code, Field(max_length=10)] | None = Field(
        None, alias="EstablishmentNumber"
    )
    ukprn: Code | None = Field(None, alias="UKPRN")
    open_date: Date | None = Field(None, alias="OpenDate")
    close_date: Date | None = Field(None, alias="CloseDate")
    phase_code: Annotated[Whole, Field(le=7)] | None = Field(None, alias="PhaseOfEducation (code)")
    low_age: Age = Field(None, alias="StatutoryLowAge")
    high_age: Age = Field(None, alias="StatutoryHighAge")
    sixth_form: Label | None = Field(None, alias="OfficialSixthForm (name)")
    gender: Annotated[Text, Field(max_length=40)] | None = Field(None, alias="Gender (name)")
    religious_character: Label | None = Field(None, alias="ReligiousCharacter (name)")
    diocese: Label | None = Field(None, alias="Diocese (name)")
    admissions_policy: Annotated[Text, Field(max_length=60)] | None = Field(
        None, alias="AdmissionsPolicy (name)"
    )
    capacity: Figure = Field(None, alias="SchoolCapacity")
    pupils: Figure = Field(None, alias="NumberOfPupils")
    free_school_meals_percent: Percent = Field(None, alias="PercentageFSM")
    trust_flag: Whole | None = Field(None, alias="TrustSchoolFlag (code)")
    trust_uid: Urn | None = Field(None, alias="Trusts (code)")
    trust_name: Text | None = Field(None, alias="Trusts (name)")
    federation_flag: Label | None = Field(None, alias="FederationFlag (name)")
    federation_uid: Urn | None = Field(None, alias="Federations (code)")
    federation_name: Text | None = Field(None, alias="Federations (name)")
    register_changed: Date | None = Field(None, alias="LastChangedDate")
    town: Annotated[Text, Field(max_length=100)] | None = Field(None, alias="Town")
    postcode: Annotated[Text, Field(max_length=10)] | None = Field(None, alias="Postcode")
    region_code: Code | None = Field(None, alias="GOR (code)")
    region_name: Text | None = Field(None, alias="GOR (name)")
    district_code: Code | None = Field(None, alias="DistrictAdministrative (code)")
    district_name: Text | None = Field(None, alias="DistrictAdministrative (name)")
    urban_rural: Label | None = Field(None, alias="UrbanRural (name)")
    easting: Annotated[Whole, Field(le=GRID_WIDTH_M)] | None = Field(None, alias="Easting")
    northing: Annotated[Whole, Field(le=GRID_HEIGHT_M)] | None = Field(None, alias="Northing")
    resourced_provision: Annotated[Text, Field(max_length=60)] | None = Field(
        None, alias="TypeOfResourcedProvision (name)"
    )
    resourced_provision_pupils: Figure = Field(None, alias="ResourcedProvisionOnRoll")
    resourced_provision_capacity: Figure = Field(None, alias="ResourcedProvisionCapacity")
    sen_unit_pupils: Figure = Field(None, alias="SenUnitOnRoll")
    sen_unit_capacity: Figure = Field(None, alias="SenUnitCapacity")
    sen1: SenNeed = Field(None, alias="SEN1 (name)")
    sen2: SenNeed = Field(None, alias="SEN2 (name)")
    sen3: SenNeed = Field(None, alias="SEN3 (name)")
    sen4: SenNeed = Field(None, alias="SEN4 (name)")
    sen5: SenNeed = Field(None, alias="SEN5 (name)")
    sen6: SenNeed = Field(None, alias="SEN6 (name)")
    sen7: SenNeed = Field(None, alias="SEN7 (name)")
    sen8: SenNeed = Field(None, alias="SEN8 (name)")
    sen9: SenNeed = Field(None, alias="SEN9 (name)")
    sen10: SenNeed = Field(None, alias="SEN10 (name)")
    sen11: SenNeed = Field(None, alias="SEN11 (name)")
    sen12: SenNeed = Field(None, alias="SEN12 (name)")
    sen13: SenNeed = Field(None, alias="SEN13 (name)")

    @property
    def sen_needs(self) -> list[str | None]:
        return [getattr(self, f"sen{number}") for number in range(1, 14)]


class GroupRow(RowModel):
    """allgroupsdata."""

    uid: Urn = Field(alias="Group UID")
    reference: Annotated[Text, Field(max_length=60)] | None = Field(None, alias="Group ID")
    name: Text = Field(alias="Group Name")
    companies_house_number: Code | None = Field(None, alias="Companies House Number")
    type_code: Annotated[Code, Field(max_length=4)] = Field(alias="Group Type (code)")
    closed: Date | None = Field(None, alias="Closed Date")
    status: Label | None = Field(None, alias="Group Status (code)")
    ukprn: Code | None = Field(None, alias="UKPRN")
    opened: Date | None = Field(None, alias="Open date")
    incorporated: Date | None = Field(None, alias="Incorporated on (open date)")


class LinkRow(RowModel):
    """alllinksdata: an institution's place in a group today."""

    urn: Urn = Field(alias="URN")
    uid: Urn = Field(alias="Group UID")
    reference: Annotated[Text, Field(max_length=60)] | None = Field(None, alias="Group ID")
    name: Text | None = Field(None, alias="Group Name")
    type_code: Annotated[Code, Field(max_length=4)] | None = Field(None, alias="Group Type (code)")
    status: Label | None = Field(None, alias="Group Status (code)")
    joined: Date | None = Field(None, alias="Joined date")


class SuccessorRow(RowModel):
    """links_edubasealldata: `link_urn` is to `urn` what `kind` says."""

    urn: Urn = Field(alias="URN")
    link_urn: Urn = Field(alias="LinkURN")
    kind: Annotated[Text, Field(max_length=80)] = Field(alias="LinkType")
    established: Date | None = Field(None, alias="LinkEstablishedDate")


class MembershipRow(RowModel):
    """academiesmatmembership: trusts without an academy have rows without a URN."""

    always_present: ClassVar = frozenset({"URN", "Group UID", "Date Joined Group"})
    synonyms: ClassVar = {
        heading: column
        for column, headings in (
            ("Date Joined Group", ("date joined group", "joined date", "date joined")),
            ("Date Left Group", ("date left group", "left date", "date left")),
        )
        for heading in headings
    }

    urn: Urn | None = Field(None, alias="URN")
    uid: Urn | None = Field(None, alias="Group UID")
    joined: Date | None = Field(None, alias="Date Joined Group")
    left: Date | None = Field(None, alias="Date Left Group")
