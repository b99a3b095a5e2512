"""Open offers over HTTP: resources, open days and what one gives to many at once."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.exchange import finding, open_offers
from app.exchange.open_schemas import (
    NewOpenOfferContent,
    OpenOfferChanged,
    OpenOfferQuery,
    OpenOffers,
    OpenOfferShown,
)
from app.exchange.rows import Reference
from app.http.conditions import Known
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, shown
from app.register.naming import reference_named
from models.exchange import OpenOffer

router = APIRouter(tags=["exchange"])
OneReference = Annotated[Reference, Path(examples=["made-up-open-offer-1"])]
AT = "/open-offers/{reference:path}"
MOST: Final = 500


@router.get("/open-offers", response_model=OpenOffers, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_open_offers(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[OpenOfferQuery, Query()],
    now: Now,
) -> Response:
    """List what is open to many schools now, nearest first if a place is given; 500 at most."""
    authorise(principal, Action.READ)
    origin = None if wanted.near is None else finding.origin_of(session, wanted.near)
    covering = None
    if wanted.expertise is not None:
        _, covering = finding.expertise_covering(session, wanted.expertise)
    whose = None
    if wanted.participant is not None:
        whose = reference_named(session, wanted.participant)
    found = open_offers.list_open(
        session, now.date(), origin=origin, expertise=covering, participant=whose, limit=MOST
    )
    rows = [OpenOfferShown.of(each) for each in found]
    return listed(request, None, OpenOffers, lambda _: rows, lambda each: each.reference)


@router.post("/open-offers", response_model=OpenOfferChanged, status_code=201)
@does(Action.CHANGE_OFFER)
def create_open_offer(
    request: Request,
    principal: Caller,
    session: Writes,
    body: NewOpenOfferContent,
    key: Key,
    now: Now,
) -> Response:
    """Add an open offer."""

    def create() -> Response:
        made = open_offers.create(session, principal, body.new(), now=now)
        return _changed(request, made, status=201)

    return once(request, session, principal.name, key, body, create)


@router.post(f"{AT}/confirmation", response_model=OpenOfferChanged, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_OFFER)
def confirm_open_offer(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: OneReference,
    version: Known,
    now: Now,
) -> Response:
    """Say that an open offer still stands."""
    return _changed(
        request, open_offers.confirm(session, principal, reference, version=version, now=now)
    )


@router.post(f"{AT}/withdrawal", response_model=OpenOfferChanged, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_OFFER)
def withdraw_open_offer(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: OneReference,
    version: Known,
    now: Now,
) -> Response:
    """Withdraw an open offer."""
    return _changed(
        request, open_offers.withdraw(session, principal, reference, version=version, now=now)
    )


def _changed(request: Request, made: OpenOffer, status: int = 200) -> Response:
    content = OpenOfferChanged.model_validate(made)
    return shown(request, content, status=status, version=made.version)
