"""What partnerships can be filtered and sorted by."""

from collections.abc import Collection
from typing import Annotated, Any, Final

from sqlalchemy import ColumnElement, func, select

from app.catalogue.schemas import PeriodCode
from app.http.list_query import By, SortBy, in_order_of
from app.proposals.list_query import OF_PAIRS, PairQuery
from models.partnerships import Partnership, Support, SupportVisit
from models.vocabulary import DELIVERED, SupportState, VisitState


def _of_visits(states: Collection[str]) -> ColumnElement[int]:
    found = select(func.sum(SupportVisit.half_days)).where(
        SupportVisit.partnership_id == Partnership.id, SupportVisit.state.in_(sorted(states))
    )
    return func.coalesce(found.correlate(Partnership).scalar_subquery(), 0)


_AGREED = select(func.sum(Support.agreed_half_days)).where(Support.partnership_id == Partnership.id)
HALF_DAYS: Final[dict[str, ColumnElement[Any]]] = {
    "agreed": func.coalesce(_AGREED.correlate(Partnership).scalar_subquery(), 0),
    "delivered": _of_visits(DELIVERED),
    "signed": _of_visits([VisitState.SIGNED]),
    "booked": _of_visits([VisitState.BOOKED]),
}


def _of_period(code: str) -> ColumnElement[bool]:
    rows = select(Support.partnership_id).where(Support.period_code == code)
    return Partnership.id.in_(rows)


class PartnershipQuery(PairQuery):
    """Which partnerships, and in which order."""

    sort: Annotated[
        str,
        SortBy(
            {
                "id": Partnership.id.expression,
                "starts": Partnership.starts.expression,
                "ends": func.coalesce(Partnership.over_on, Partnership.ends),
                "state": in_order_of(Partnership.state, SupportState),
                **HALF_DAYS,
                **OF_PAIRS,
            }
        ),
    ] = "id"
    period: Annotated[PeriodCode | None, By(lambda _, code: _of_period(code))] = None
    state: Annotated[SupportState | None, By(lambda _, state: Partnership.state == state)] = None
