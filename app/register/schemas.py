"""Who takes part, as HTTP shows and takes it."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo
from sqlalchemy import RowMapping

from app.files.csv_reading import Key, Slug
from app.http.fields import (
    DIGITS,
    LARGEST,
    Content,
    Day,
    Days,
    Flag,
    Id,
    Moment,
    Shown,
    Text,
    Words,
)
from app.http.replies import Listed, Page
from app.register.circumstances import Kind
from app.register.dates import not_before
from app.register.geocoder_server import EXAMPLE
from app.register.geocoding import FoundBy
from app.register.nearby import MOST_MILES
from models.vocabulary import AreaKind, GroupKind, ParticipantKind, Phase

AreaCode = Annotated[
    str,
    Field(
        pattern=r"^(country|region|local_authority|district):[A-Za-z0-9]{1,12}$",
        description="an area as kind:code",
        examples=["local_authority:886"],
    ),
]
Participant = Annotated[
    Key,
    Field(
        description="a URN, the key of an organisation, or the reference or UID of a trust or "
        "federation",
        examples=["100000"],
    ),
]
AfterKey = Annotated[Key | None, Field(description="as `Link` gives it")]
AfterId = Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS]
Known = Annotated[
    Text, Field(max_length=200, description="how this is known", examples=["told by the school"])
]
Code = Annotated[int, Field(ge=0, le=1_000), DIGITS]


class InstitutionListed(Shown):
    """One establishment of the public register."""

    urn: int = Field(examples=[100000])
    name: str = Field(examples=["Made-up Primary School"])
    type_code: int = Field(examples=[1])
    type_name: str = Field(examples=["Community school"])
    type_group_code: int | None = Field(examples=[4])
    status_code: int = Field(
        description="1 open, 2 closed, 3 open but proposed to close, 4 proposed to open",
        examples=[1],
    )
    phase_code: int | None = Field(examples=[2])
    phases: list[Phase] = Field(examples=[["primary"]])
    low_age: int | None = Field(examples=[4])
    high_age: int | None = Field(examples=[11])
    pupils: int | None = Field(description="null: unknown, never 0", examples=[210])
    free_school_meals_percent: float | None = Field(examples=[24.5])
    specialist: bool
    alternative_provision: bool
    resourced_provision: str | None = Field(
        description="of a mainstream school, as the register says; null: none",
        examples=["Resourced provision and SEN unit"],
    )
    fee_paying: bool
    in_scope: bool = Field(description="open, and of a type that may take part", examples=[True])
    town: str | None = Field(examples=["Otherton"])
    postcode: str | None = Field(examples=["ZZ1 1ZZ"])
    latitude: float | None = Field(description="WGS84; null: unknown", examples=[51.5])
    longitude: float | None = Field(examples=[-0.5])
    local_authority_code: str | None = Field(examples=["886"])
    local_authority_name: str | None = Field(examples=["Kent"])
    region_code: str | None = Field(examples=["J"])
    region_name: str | None = Field(examples=["South East"])
    district_code: str | None = Field(examples=["E07000105"])
    updated_at: Moment


class InstitutionFound(InstitutionListed):
    distance_miles: float | None = Field(
        None, description="from the place `near`, in a straight line", examples=[2.3]
    )


class GroupOf(Shown):
    """A group that an institution is or was in."""

    uid: int = Field(examples=[5143])
    reference: str | None = Field(examples=["TR00001"])
    name: str = Field(examples=["Made-up Trust"])
    kind: GroupKind
    joined: date | None = Field(description="null: unknown since when")
    left: date | None


class NetworkOf(Shown):
    """A network that an institution is or was in."""

    key: str = Field(examples=["made-up-family"])
    name: str = Field(examples=["Made-up Family of Schools"])
    kind: str = Field(examples=["family"])
    starts: date | None
    ends: date | None


class Source(Shown):
    """Where this information comes from, and its date."""

    name: str = Field("Get Information about Schools", description="of the public register")
    register_changed: date | None = Field(description="when the register last changed it")
    import_id: int | None = Field(description="the import that last changed it here", examples=[1])
    imported_at: Moment | None


class SuccessionOf(Shown):
    """An institution whose place this one took, or the other way round."""

    urn: int = Field(examples=[100001])
    name: str | None = Field(description="null: not in the register here")
    kind: str = Field(description="as the register says", examples=["replaced"])
    effective: date | None


class InstitutionShown(InstitutionListed):
    establishment_number: str | None = Field(examples=["2000"])
    ukprn: str | None = Field(examples=["10000000"])
    gender: str | None = Field(examples=["Mixed"])
    religious_character: str | None
    diocese: str | None
    admissions_policy: str | None
    urban_rural: str | None
    capacity: int | None = Field(examples=[240])
    sen_types: list[str] = Field(examples=[["SEMH"]])
    resourced_provision_pupils: int | None = Field(description="on roll", examples=[12])
    resourced_provision_capacity: int | None = Field(examples=[15])
    sen_unit_pupils: int | None = Field(description="on roll", examples=[8])
    sen_unit_capacity: int | None = Field(examples=[10])
    trust_flag: int | None = Field(examples=[3])
    open_date: date | None
    close_date: date | None
    history: str = Field(description="known, or unknown until its files came", examples=["known"])
    easting: int | None = Field(description="of the national grid", examples=[530000])
    northing: int | None = Field(examples=[180000])
    groups: list[GroupOf]
    networks: list[NetworkOf]
    predecessors: list[SuccessionOf]
    successors: list[SuccessionOf]
    followed_by: int | None = Field(
        description="URN of the open institution that took the place of a closed one, where the "
        "links name one; `Link` leads there",
        examples=[100001],
    )
    source: Source


class GroupListed(Shown):
    """A trust, federation or sponsor of the public register."""

    uid: int = Field(examples=[5143])
    reference: str | None = Field(examples=["TR00001"])
    name: str = Field(examples=["Made-up Trust"])
    kind: GroupKind
    open: bool = Field(examples=[True])
    companies_house_number: str | None = Field(examples=["01234567"])
    ukprn: str | None
    opened: date | None
    closed: date | None


class MemberOfGroup(Shown):
    urn: int = Field(examples=[100000])
    name: str = Field(examples=["Made-up Primary School"])
    joined: date | None
    left: date | None


class OrganisationOfGroup(Shown):
    key: str = Field(examples=["made-up-central-team"])
    name: str = Field(examples=["Made-up Trust central team"])
    joined: date | None
    left: date | None


class GroupShown(GroupListed):
    members: list[MemberOfGroup]
    organisations: list[OrganisationOfGroup] = Field(
        description="central team and others that name this group as theirs"
    )


class NetworkListed(Shown):
    key: str = Field(examples=["made-up-family"])
    name: str = Field(examples=["Made-up Family of Schools"])
    kind: str = Field(examples=["family"])
    version: int = Field(examples=[1])


class MemberShown(Shown):
    participant: str = Field(examples=["100000"])
    name: str = Field(examples=["Made-up Primary School"])
    starts: date | None
    ends: date | None


class NetworkShown(NetworkListed):
    members: list[MemberShown]


class MemberContent(Content):
    participant: Participant
    starts: Day | None = None
    ends: Annotated[Day, AfterValidator(not_before("starts"))] | None = None


class NetworkContent(Content):
    """The name and members of a network, from now on."""

    name: Annotated[Text, Field(examples=["Made-up Family of Schools"])]
    kind: Annotated[Slug, Field(examples=["family"])]
    members: Annotated[list[MemberContent], Field(max_length=5_000)]


class NewNetwork(NetworkContent):
    key: Annotated[Key, Field(examples=["made-up-family"])]


class AreaShown(Shown):
    kind: AreaKind = Field(examples=["local_authority"])
    code: str = Field(examples=["886"])
    name: str = Field(examples=["Kent"])
    region_code: str | None = Field(examples=["J"])


class CircumstanceShown(Shown):
    """A dated fact that changes what a participant may give or should receive."""

    id: int = Field(examples=[1])
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Primary School"])
    kind: str = Field(examples=["new_head"])
    starts: date
    ends: date | None
    source: str = Field(examples=["told by the school"])
    version: int = Field(examples=[1])


class CircumstanceContent(Content):
    ends: Day | None = None
    source: Known


class NewCircumstance(Content):
    participant: Participant
    kind: Annotated[Kind, Field(examples=["new_head"])]
    starts: Day
    ends: Annotated[Day, AfterValidator(not_before("starts"))] | None = None
    source: Known


class CircumstanceWithdrawal(Content):
    reason: Annotated[Text, Field(examples=["Entered for the wrong school."])]


class WithdrawnShown(Shown):
    """A circumstance that was withdrawn, as it was then."""

    id: int = Field(examples=[1])
    participant: str = Field(examples=["100000"])
    participant_name: str = Field(examples=["Made-up Primary School"])
    kind: str = Field(examples=["formal_concern"])
    starts: date
    ends: date | None
    source: str = Field(examples=["told by the school"])
    reason: str = Field(examples=["Entered for the wrong school."])
    withdrawn_by: str = Field(examples=["portal (broker)"])
    withdrawn_at: Moment

    @classmethod
    def of(cls, row: RowMapping) -> "WithdrawnShown":
        participant = row["reference"].partition(":")[2]
        return cls.model_validate({**row, **row["deleted"], "participant": participant})


class RuleContent(Content):
    """What a kind of circumstance changes about giving and receiving."""

    statement: Annotated[Text, Field(examples=["A new head halves the days a school may give."])]
    may_give: Flag
    days_percent: Annotated[int, Field(strict=True, ge=0, le=100, examples=[50])]
    extra_allowance_days: Annotated[Days, Field(examples=[2.5])] = 0
    priority: Annotated[int | None, Field(strict=True, ge=1, le=5)] = None


class NewRule(RuleContent):
    kind: Annotated[Kind, Field(examples=["new_head"])]


class RuleShown(Shown):
    kind: str = Field(examples=["new_head"])
    statement: str = Field(examples=["A new head halves the days a school may give."])
    may_give: bool
    days_percent: int = Field(examples=[50])
    extra_allowance_days: float = Field(examples=[2.5])
    priority: int | None
    version: int = Field(examples=[1])


class PlaceShown(Shown):
    """The place that distances are measured from."""

    latitude: float = Field(examples=[51.13])
    longitude: float = Field(examples=[1.31])
    found_by: FoundBy
    sentence: str = Field(
        description="whose position it is",
        examples=["The position is that of an institution with the postcode CT17 0DQ."],
    )


class Institutions(Listed[InstitutionFound]):
    place: PlaceShown | None = Field(None, description="of `near`")


class Groups(Listed[GroupListed]):
    pass


class Networks(Listed[NetworkListed]):
    pass


class Areas(Listed[AreaShown]):
    pass


class Circumstances(Listed[CircumstanceShown]):
    pass


class WithdrawnCircumstances(Listed[WithdrawnShown]):
    pass


class CircumstanceRules(Listed[RuleShown]):
    pass


def _with_near(miles: float | None, info: ValidationInfo) -> float | None:
    if miles is not None and not info.data.get("near"):
        raise ValueError(f"means nothing without near. {EXAMPLE}")
    return miles


class InstitutionQuery(Page):
    after: AfterId = 0
    q: Annotated[
        Words | None,
        Field(
            description="a URN, a DfE number, a trust's name, or words of name, town, postcode and "
            "local authority; unlike `/search`, a misspelt word finds nothing",
            examples=["St Marys Dover"],
        ),
    ] = None
    area: AreaCode | None = None
    group: Annotated[Id | None, Field(description="UID of a group it is in today")] = None
    network: Annotated[Key | None, Field(description="key of a network it is in today")] = None
    phase: Phase | None = None
    type_code: Code | None = None
    type_group_code: Code | None = None
    specialist: bool | None = None
    alternative_provision: bool | None = None
    resourced_provision: Annotated[
        bool | None, Field(description="whether a mainstream school has one, or a SEN unit")
    ] = None
    fee_paying: bool | None = None
    in_scope: bool | None = None
    trust: Annotated[bool | None, Field(description="whether it is in an academy trust")] = None
    near: Annotated[
        Text | None,
        Field(
            max_length=200,
            description="a postcode or its first half, the name of a district or local authority, "
            "or latitude,longitude: nearest first",
            examples=["CT17 0DQ"],
        ),
    ] = None
    within_miles: Annotated[
        float | None,
        Field(gt=0, le=MOST_MILES, allow_inf_nan=False, description="with `near` only; absent: 10"),
        AfterValidator(_with_near),
    ] = None


class SearchQuery(Page):
    q: Annotated[
        Words,
        Field(
            description="a URN, key, DfE number or trust, or words of name, town, postcode and "
            "local authority",
            examples=["St Marys Dover"],
        ),
    ]
    open_only: Annotated[
        bool, Field(description="without institutions that are closed or take no part")
    ] = False


class SearchResult(Shown):
    """An institution or organisation that was found."""

    reference: str = Field(examples=["urn:100000"])
    name: str = Field(examples=["Made-up Primary School"])
    kind: ParticipantKind
    type_name: str | None
    town: str | None
    postcode: str | None
    local_authority: str | None
    in_scope: bool
    successor: str | None = Field(description="URN of what took the place of a closed one")


class SearchResults(Shown):
    """The best results, and how many there are."""

    found: list[SearchResult]
    total: int = Field(examples=[1])
    note: str | None = Field(description="which word was taken for another", examples=[None])


class GroupQuery(Page):
    after: AfterId = 0
    q: Annotated[Words | None, Field(description="words of the name, or TRnnnnn")] = None
    kind: GroupKind | None = None
    open: bool | None = None


class NetworkQuery(Page):
    after: AfterKey = None
    q: Words | None = None
    kind: Words | None = None
    member: Participant | None = None


class AreaQuery(Page):
    after: Annotated[AreaCode | None, Field(description="as `Link` gives it")] = None
    q: Words | None = None
    kind: AreaKind | None = None
    region: Annotated[str | None, Field(pattern="^[A-Z]$", examples=["J"])] = None


class CircumstanceQuery(Page):
    after: AfterId = 0
    participant: Participant | None = None
    kind: Words | None = None
    area: AreaCode | None = None
    on: Annotated[Day | None, Field(description="a day on which it applies")] = None


class WithdrawnQuery(Page):
    after: AfterId = 0
    participant: Participant | None = None


class RuleQuery(Page):
    after: AfterKey = None
