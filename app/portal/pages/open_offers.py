"""Open offers of one's own school or organisation: added, confirmed and withdrawn."""

import secrets

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action
from app.exchange import open_offers
from app.exchange.open_offers import NewOpenOffer
from app.exchange.rows import Reference
from app.files.csv_reading import Date, Key, RowModel, Text
from app.portal import forms
from app.portal.choices import Saved
from app.portal.forms import Filled
from app.portal.labels import OPEN_OFFER_FIELDS
from app.portal.pages.needs_and_offers import catalogue_choices
from app.portal.pages.partnerships import typed_day
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from models.vocabulary import OpenOfferKind

router = APIRouter()


class OpenOfferForm(RowModel):
    reference: Reference
    participant: Key
    expertise: Key
    kind: OpenOfferKind
    title: Text
    link: Text | None = None
    starts: Date
    ends: Date


@router.get("/find/open/new")
@does(Action.CHANGE_OFFER, reach=Reach.OPEN)
def new_open_offer(request: Request, who: Who, now: Now, participant: str = "") -> Response:
    values = {
        "reference": f"open-{secrets.token_hex(6)}",
        "participant": participant[:60],
        "starts": typed_day(now.date()),
    }
    return _form(request, who, Filled(values))


@router.post("/find/open/new")
@does(Action.CHANGE_OFFER)
def create_open_offer(request: Request, who: Who, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(OpenOfferForm, filled, OPEN_OFFER_FIELDS)
    if content is not None:
        new = NewOpenOffer(**content.model_dump())
        with forms.refused(filled, OPEN_OFFER_FIELDS), who.database.write() as session:
            open_offers.create(session, who.principal, new, now=now)
        if not filled.wrong:
            address = f"{BASE}/find/supporters/{content.participant}?done={Saved.CREATED}"
            return RedirectResponse(address, 303)
    return _form(request, who, filled)


@router.post("/find/open/{reference:path}/confirmation")
@does(Action.CHANGE_OFFER)
def confirm_open_offer(
    request: Request, who: Who, reference: str, form: SentBy, now: Now
) -> Response:
    version = forms.whole(texts(form).get("version"))
    with who.database.write() as session:
        open_offers.confirm(session, who.principal, reference, version=version, now=now)
    return _to_giver(who, reference)


@router.post("/find/open/{reference:path}/withdrawal")
@does(Action.CHANGE_OFFER)
def withdraw_open_offer(
    request: Request, who: Who, reference: str, form: SentBy, now: Now
) -> Response:
    version = forms.whole(texts(form).get("version"))
    with who.database.write() as session:
        open_offers.withdraw(session, who.principal, reference, version=version, now=now)
    return _to_giver(who, reference)


def _to_giver(who: Visitor, reference: str) -> Response:
    with who.database.read() as session:
        cell = open_offers.giver_of(session, who.principal, reference)
    return RedirectResponse(f"{BASE}/find/supporters/{cell}?done={Saved.CHANGED}", 303)


def _form(request: Request, who: Visitor, filled: Filled) -> Response:
    with who.database.read() as session:
        choices = catalogue_choices(session, who)
    return page(
        request,
        "open_offer_form.html",
        who,
        status=422 if filled.wrong else 200,
        filled=filled,
        fields=OPEN_OFFER_FIELDS,
        **choices,
    )
