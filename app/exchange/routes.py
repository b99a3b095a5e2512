"""Expertise, periods, needs, offers, their availability, and limits over HTTP."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes
from app.access.declared import does
from app.access.policy import Action, Principal, authorise
from app.database import ReadSession, WriteSession
from app.exchange import finding, queries, service
from app.exchange.finding_schemas import FoundOffer, FoundOffers, OfferFilter
from app.exchange.list_query import NeedQuery, OfferQuery
from app.exchange.progress import progress_of
from app.exchange.rows import NeedRow, OfferRow, Reference
from app.exchange.schemas import (
    Answer,
    AvailabilityShown,
    Confirmation,
    CountShown,
    NeedContent,
    NeedDetail,
    NeedListed,
    Needs,
    NeedShown,
    NeedTotals,
    NewNeed,
    NewOffer,
    OfferContent,
    Offers,
    OfferShown,
    OfferTotals,
    ProposalOfNeed,
)
from app.exchange.shown import (
    needs_in_file,
    needs_listed,
    needs_shown,
    offers_listed,
    offers_shown,
)
from app.files.csv_writing import columns, exported
from app.http.conditions import Known
from app.http.fields import half_days, in_days
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, wants_csv
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown, whole_list
from app.register.naming import reference_named
from models.exchange import Need, Offer
from models.vocabulary import AreaKind, Availability, ProposalState

router = APIRouter(tags=["exchange"])
NeedReference = Annotated[Reference, Path(examples=["made-up-need-1"])]
OfferReference = Annotated[Reference, Path(examples=["made-up-offer-1"])]


@router.get("/needs", response_model=Needs, responses=AS_CSV)
@does(Action.READ)
def list_needs(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[NeedQuery, Query()]
) -> Response:
    """List needs; as CSV they are as an import reads them."""
    if wants_csv(request):
        found = queries.need_ids(session, principal, wanted)
        return whole_list(request, "needs", exported(NeedRow), found, needs_in_file)

    def read(limit: int | None) -> list[NeedListed]:
        return needs_listed(session, queries.need_ids(session, principal, wanted, limit=limit))

    def after(need: NeedListed) -> str:
        return queries.place_of_need(session, principal, wanted, need.reference)

    return listed(request, wanted, Needs, read, after)


@router.get("/totals/needs", response_model=NeedTotals)
@does(Action.READ)
def count_needs(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[NeedQuery, Query()]
) -> Response:
    """Count needs and their days as filtered, and what has come of them."""
    return shown(request, NeedTotals.of(queries.count_needs(session, principal, wanted)))


@router.post("/needs", response_model=NeedShown, status_code=201)
@does(Action.CHANGE_NEED)
def create_need(
    request: Request, principal: Caller, session: Writes, body: NewNeed, key: Key
) -> Response:
    """Create a need."""

    def create() -> Response:
        need = service.create_need(session, principal, body.row(body.reference))
        return _need(request, session, need, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/needs/{reference:path}", response_model=NeedDetail)
@does(Action.READ)
def get_need(
    request: Request, principal: Caller, session: Reads, reference: NeedReference
) -> Response:
    """Read one need, with all its open proposals."""
    need = queries.get_need(session, principal, reference)
    [content] = needs_shown(session, [need])
    detail = NeedDetail(
        **content.model_dump(),
        progress=progress_of(session, [need])[need.id],
        open_proposals=[
            ProposalOfNeed(
                id=proposal.id,
                run=run.id,
                area=run.scope["name"],
                state=ProposalState(proposal.state),
                giver=giver.reference.partition(":")[2],
                giver_name=giver.name,
                days=in_days(proposal.half_days),
            )
            for proposal, run, giver in queries.open_proposals(session, principal, need)
        ],
    )
    return shown(request, detail, version=need.version, with_others=True)


@router.put("/needs/{reference:path}", response_model=NeedShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_NEED)
def change_need(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: NeedReference,
    version: Known,
    body: NeedContent,
) -> Response:
    """Replace a need. Its state can only change to one that may follow."""
    row = body.row(reference)
    need = service.change_need(session, principal, row, version)
    return _need(request, session, need)


@router.post(
    "/needs/{reference:path}/withdrawal",
    response_model=NeedShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_NEED)
def withdraw_need(
    request: Request, principal: Caller, session: Writes, reference: NeedReference, version: Known
) -> Response:
    """Withdraw a need. It is kept and can still be read."""
    need = service.withdraw_need(session, principal, reference, version)
    return _need(request, session, need)


@router.post(
    "/needs/{reference:path}/confirmation",
    response_model=NeedShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CONFIRM_NEED)
def confirm_need(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: NeedReference,
    version: Known,
    body: Confirmation,
) -> Response:
    """Confirm a suggested need, as the school has told you."""
    need = service.confirm_need(
        session, principal, reference, by_role=body.by_role, version=version
    )
    return _need(request, session, need)


@router.get("/offers", response_model=Offers | FoundOffers, responses=AS_CSV)
@does(Action.READ)
def list_offers(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[OfferFilter, Query()],
    now: Now,
) -> Response:
    """List offers that are not withdrawn, or find support near a place.

    As CSV the list is as an import reads it. With `near` it has all offers that supporting
    organisations answered themselves, also of other areas, nearest first.
    """
    if wanted.near is not None:
        return _near(request, session, principal, wanted, now.date())
    if wants_csv(request):
        found = queries.offer_ids(session, principal, wanted)
        return whole_list(request, "offers", columns(OfferRow), found, offers_listed)

    def read(limit: int | None) -> list[OfferShown]:
        return offers_listed(session, queries.offer_ids(session, principal, wanted, limit=limit))

    def after(offer: OfferShown) -> str:
        return queries.place_of_offer(session, principal, wanted, offer.reference)

    return listed(request, wanted, Offers, read, after)


@router.get("/totals/offers", response_model=OfferTotals)
@does(Action.READ)
def count_offers(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[OfferQuery, Query()]
) -> Response:
    """Count offers that are not withdrawn, and their days, as filtered."""
    total = CountShown.of(queries.count_offers(session, principal, wanted).total)
    return shown(request, OfferTotals(total=total))


def _near(
    request: Request, session: ReadSession, principal: Principal, wanted: OfferFilter, today: date
) -> Response:
    authorise(principal, Action.READ)
    origin = finding.origin_of(session, wanted.near or "")
    meant: list[str] = []
    covering = None
    if wanted.expertise is not None:
        meant, covering = finding.expertise_covering(session, wanted.expertise)
    kind, _, code = (wanted.area or "").partition(":")
    participant = wanted.participant and reference_named(session, wanted.participant)
    answered = [each for each in finding.ANSWERED if wanted.availability in (None, each)]
    found = finding.find(
        session,
        finding.Search(
            origin,
            miles=wanted.miles,
            minutes=wanted.minutes,
            expertise=covering,
            network=wanted.network,
            phase=wanted.phase,
            mode=wanted.mode,
            period=wanted.period,
            area=(AreaKind(kind), code) if code else None,
            participant=participant,
            availability=answered,
        ),
        today,
    )
    place = {offer.offer_id: number for number, offer in enumerate(found, start=1)}
    numbers: dict[str, int] = {}

    def read(limit: int | None) -> list[FoundOffer]:
        first = 0 if limit is None else int(wanted.after or 0)
        some = found[first:] if limit is None else found[first : first + limit]
        rows = finding.details(session, some)
        numbers.update((row["reference"], place[row["id"]]) for row in rows)
        return [FoundOffer.model_validate(row) for row in rows]

    return listed(
        request,
        wanted,
        FoundOffers,
        read,
        lambda offer: numbers[offer.reference],
        place=origin.sentence,
        total=len(found),
        expertise=meant,
    )


@router.post("/offers", response_model=OfferShown, status_code=201)
@does(Action.CHANGE_OFFER)
def create_offer(
    request: Request, principal: Caller, session: Writes, body: NewOffer, key: Key
) -> Response:
    """Create an offer, with the supporting organisation's answer if it has one."""

    def create() -> Response:
        answer = {
            "availability": body.availability,
            "availability_updated": body.availability_updated,
        }
        offer = service.create_offer(session, principal, body.row(body.reference, **answer))
        return _offer(request, session, offer, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/offers/{reference:path}/availability", response_model=AvailabilityShown)
@does(Action.READ)
def get_availability(
    request: Request, principal: Caller, session: Reads, reference: OfferReference
) -> Response:
    """Read what the supporting organisation last said about an offer."""
    return _availability(request, queries.get_offer(session, principal, reference))


@router.put(
    "/offers/{reference:path}/availability",
    response_model=AvailabilityShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.ANSWER_OFFER)
def answer_offer(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: OfferReference,
    version: Known,
    body: Answer,
) -> Response:
    """Record what the supporting organisation says that it can give, and when."""
    offer = service.answer_offer(
        session,
        principal,
        reference,
        body.availability,
        half_days=None if body.days is None else half_days(body.days),
        on=body.on,
        version=version,
    )
    return _availability(request, offer)


@router.get("/offers/{reference:path}", response_model=OfferShown)
@does(Action.READ)
def get_offer(
    request: Request, principal: Caller, session: Reads, reference: OfferReference
) -> Response:
    """Read one offer."""
    return _offer(request, session, queries.get_offer(session, principal, reference))


@router.put("/offers/{reference:path}", response_model=OfferShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_OFFER)
def change_offer(
    request: Request,
    principal: Caller,
    session: Writes,
    reference: OfferReference,
    version: Known,
    body: OfferContent,
) -> Response:
    """Replace an offer. The supporting organisation's answer stays as it is."""
    row = body.row(reference)
    offer = service.change_offer(session, principal, row, version)
    return _offer(request, session, offer)


@router.post(
    "/offers/{reference:path}/withdrawal",
    response_model=OfferShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_OFFER)
def withdraw_offer(
    request: Request, principal: Caller, session: Writes, reference: OfferReference, version: Known
) -> Response:
    """Withdraw an offer. It is kept and can still be read."""
    offer = service.withdraw_offer(session, principal, reference, version)
    return _offer(request, session, offer)


def _need(
    request: Request, session: ReadSession | WriteSession, need: Need, status: int = 200
) -> Response:
    location = place_of(request, need.reference) if status == 201 else None
    [content] = needs_shown(session, [need])
    return shown(request, content, status=status, version=need.version, location=location)


def _offer(
    request: Request, session: ReadSession | WriteSession, offer: Offer, status: int = 200
) -> Response:
    location = place_of(request, offer.reference) if status == 201 else None
    [content] = offers_shown(session, [offer])
    return shown(request, content, status=status, version=offer.version, location=location)


def _availability(request: Request, offer: Offer) -> Response:
    content = AvailabilityShown(
        reference=offer.reference,
        availability=Availability(offer.availability),
        availability_updated=offer.availability_updated,
        days=in_days(offer.half_days),
        withdrawn=offer.withdrawn,
    )
    return shown(request, content, version=offer.version)
