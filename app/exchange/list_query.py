"""What needs and offers can be filtered and sorted by."""

from typing import Annotated, Any, Final

from pydantic import Field
from sqlalchemy import String, cast, func, or_, select

from app.catalogue.schemas import ExpertiseCode, PeriodCode
from app.exchange.progress import PROGRESS
from app.files.csv_reading import Key
from app.http.fields import DIGITS, Words
from app.http.list_query import By, ListQuery, SortBy, in_order_of
from app.register import list_filters
from app.register.naming import reference_named
from app.register.schemas import AreaCode
from app.register.schemas import Participant as OneParticipant
from models.exchange import Expertise, Need, Offer
from models.register import Area, Participant
from models.vocabulary import AreaKind, Availability, NeedProgress, NeedState, Phase

NameText = Annotated[
    Words, Field(description="words of name, town, postcode and local authority", examples=["oak"])
]
TrustText = Annotated[
    Words,
    Field(
        description="words of the name of a trust, federation or other group that it is in today, "
        "or the group's reference or UID",
        examples=["TR00001"],
    ),
]
NetworkKey = Annotated[Key, Field(description="key of a network it is in today")]
Rank = Annotated[int, Field(ge=1, le=5), DIGITS]

AUTHORITY: Final = func.coalesce(
    select(Area.name)
    .where(
        Area.kind == AreaKind.LOCAL_AUTHORITY.value, Area.code == Participant.local_authority_code
    )
    .correlate(Participant)
    .scalar_subquery(),
    "",
)
"""The name of the local authority in which a participant lies."""


def expertise_name(code: Any) -> Any:
    return select(Expertise.name).where(Expertise.code == code).scalar_subquery()


class _Item(ListQuery):
    """Of needs and offers alike; whose they are is joined to them."""

    q: Annotated[NameText | None, By(lambda _, text: list_filters.called(text, Participant.id))] = (
        None
    )
    area: Annotated[
        AreaCode | None, By(lambda _, code: list_filters.in_area(code, Participant.id))
    ] = None
    trust: Annotated[
        TrustText | None, By(lambda _, text: list_filters.in_trust(text, Participant.id))
    ] = None
    network: Annotated[
        NetworkKey | None, By(lambda _, key: list_filters.in_network(key, Participant.id))
    ] = None
    participant: Annotated[
        OneParticipant | None,
        By(lambda session, cell: Participant.reference == reference_named(session, cell)),
    ] = None


class NeedQuery(_Item):
    sort: Annotated[
        str,
        SortBy(
            {
                "id": Need.id.expression,
                "expertise": expertise_name(Need.expertise_code),
                "participant": Participant.name.expression,
                "area": AUTHORITY,
                "period": Need.period_code.expression,
                "days": Need.half_days.expression,
                "priority": Need.priority.expression,
                "state": in_order_of(Need.state, NeedState),
                "progress": in_order_of(PROGRESS, NeedProgress),
            }
        ),
    ] = "id"
    phase: Annotated[
        Phase | None,
        Field(description="that the school teaches"),
        By(lambda _, phase: list_filters.of_phase(phase, Participant.id)),
    ] = None
    period: Annotated[PeriodCode | None, By(lambda _, code: Need.period_code == code)] = None
    expertise: Annotated[ExpertiseCode | None, By(lambda _, code: Need.expertise_code == code)] = (
        None
    )
    priority: Annotated[
        Rank | None, Field(description="1 is highest"), By(lambda _, rank: Need.priority == rank)
    ] = None
    state: Annotated[NeedState | None, By(lambda _, state: Need.state == state)] = None
    progress: Annotated[
        NeedProgress | None,
        Field(description="what has come of it so far, in all runs"),
        By(lambda _, word: PROGRESS.in_([word.value])),
    ] = None


def _serves(_: Any, phase: Phase) -> Any:
    phases = cast(Offer.phases, String)
    return or_(phases.contains(f'"{phase}"'), ~phases.contains('"'))


class OfferQuery(_Item):
    sort: Annotated[
        str,
        SortBy(
            {
                "id": Offer.id.expression,
                "expertise": expertise_name(Offer.expertise_code),
                "participant": Participant.name.expression,
                "area": AUTHORITY,
                "period": Offer.period_code.expression,
                "days": Offer.half_days.expression,
                "quality": func.coalesce(Offer.quality, 0),
                "availability": in_order_of(Offer.availability, Availability),
            }
        ),
    ] = "id"
    phase: Annotated[Phase | None, Field(description="that it can serve"), By(_serves)] = None
    period: Annotated[PeriodCode | None, By(lambda _, code: Offer.period_code == code)] = None
    expertise: Annotated[ExpertiseCode | None, By(lambda _, code: Offer.expertise_code == code)] = (
        None
    )
    quality: Annotated[
        Rank | None,
        Field(description="what its giver claims"),
        By(lambda _, rank: Offer.quality == rank),
    ] = None
    availability: Annotated[Availability | None, By(lambda _, said: Offer.availability == said)] = (
        None
    )
