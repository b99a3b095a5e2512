"""Needs and offers: listed, recorded, changed, answered and withdrawn."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import Reach, does
from app.access.policy import Action, authorise
from app.catalogue.queries import list_expertise, list_periods
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound, Stale
from app.evidence.queries import of_offer
from app.exchange import limits, queries, service
from app.exchange.list_query import NeedQuery, OfferQuery
from app.exchange.progress import progress_of
from app.exchange.rows import NeedRow, OfferRow
from app.exchange.schemas import NeedShown, OfferShown
from app.exchange.shown import needs_in_file, offers_listed
from app.files.csv_writing import exported
from app.import_kit.misfits import Unfit
from app.partnerships.list_query import PartnershipQuery
from app.partnerships.partnership_queries import list_partnerships
from app.portal import forms, lists
from app.portal.choices import ItemKind, Saved
from app.portal.forms import Filled
from app.portal.labels import NEED_FIELDS, OFFER_FIELDS
from app.portal.lists import Asked
from app.portal.pages.flags import ask_first
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import Pager, csv_list, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals import dependents
from app.register.lookups import find_participants
from app.register.naming import reference_named
from app.wording import capital
from models.exchange import Need, Offer
from models.vocabulary import Availability, LadderStep, Mode, NeedEvidence, NeedState

router = APIRouter()
_OUTCOME: Final = "looked_outcome_"
"""Before a step of the ladder: the field of what came of looking there."""
FIELDS: Final = {ItemKind.NEED: NEED_FIELDS, ItemKind.OFFER: OFFER_FIELDS}
ROWS: Final[dict[ItemKind, Any]] = {ItemKind.NEED: NeedRow, ItemKind.OFFER: OfferRow}


def _kind(request: Request) -> ItemKind:
    here = request.url.path.removeprefix(request.scope["root_path"])
    return ItemKind.NEED if here.startswith("/needs") else ItemKind.OFFER


Kind = Annotated[ItemKind, Depends(_kind)]


@router.get("/needs")
@does(Action.READ)
def list_needs(request: Request, who: Who) -> Response:
    asked = lists.asked(request, who, NeedQuery, "id")
    if isinstance(asked, Response):
        return asked
    with who.database.read() as session:
        if asked.as_csv:
            ids = queries.need_ids(session, who.principal, asked.wanted)
            return csv_list(who, "needs", exported(NeedRow), ids, rows_of(needs_in_file))
        found = queries.list_needs(
            session, who.principal, asked.wanted, skip=asked.skip, limit=lists.PER_PAGE
        )
        totals = queries.count_needs(session, who.principal, asked.wanted)
        came = progress_of(session, found)
        answer = _items(request, who, session, ItemKind.NEED, asked, found, totals, came=came)
    return lists.remember(request, who, asked, answer)


@router.get("/offers")
@does(Action.READ)
def list_offers(request: Request, who: Who) -> Response:
    asked = lists.asked(request, who, OfferQuery, "id")
    if isinstance(asked, Response):
        return asked
    with who.database.read() as session:
        if asked.as_csv:
            ids = queries.offer_ids(session, who.principal, asked.wanted)
            return csv_list(who, "offers", exported(OfferRow), ids, rows_of(offers_listed))
        found = queries.list_offers(
            session, who.principal, asked.wanted, skip=asked.skip, limit=lists.PER_PAGE
        )
        totals = queries.count_offers(session, who.principal, asked.wanted)
        answer = _items(request, who, session, ItemKind.OFFER, asked, found, totals)
    return lists.remember(request, who, asked, answer)


def rows_of(read: Callable[[ReadSession, Sequence[int]], Sequence[BaseModel]]) -> Any:
    """The same as a file has them."""
    return lambda session, ids: [row.model_dump(mode="json") for row in read(session, ids)]


def _items(
    request: Request,
    who: Visitor,
    session: ReadSession,
    kind: ItemKind,
    asked: Asked[Any],
    found: Sequence[Need | Offer],
    totals: queries.Totals,
    **more: Any,
) -> Response:
    return page(
        request,
        "items.html",
        who,
        kind=kind,
        found=found,
        totals=totals,
        pager=Pager(asked.page, lists.PER_PAGE, totals.total.items),
        sort=asked.wanted.sort,
        filtered=asked.wanted.is_filtered,
        filters=lists.filters_of(session, who, type(asked.wanted)),
        sorts=type(asked.wanted).sorts(),
        whose=queries.whose(session, found),
        expertise=expertise_names(session, who),
        **more,
    )


def catalogue_choices(session: ReadSession, who: Visitor) -> dict[str, Any]:
    """Periods and areas of expertise, for a page to name and a form to choose from."""
    periods = list_periods(session, who.principal, limit=None)
    in_use = list_expertise(session, who.principal, limit=None)
    return {
        "periods": periods,
        "expertise_in_use": lists.as_tree(in_use),
        "expertise": expertise_names(session, who),
    }


@router.get("/needs/new")
@router.get("/offers/new")
@does(Action.CHANGE_NEED, Action.CHANGE_OFFER, reach=Reach.OPEN)
def new_item(request: Request, who: Who, kind: Kind, participant: str = "") -> Response:
    authorise(who.principal, _action(kind))
    defaults: dict[str, str] = {"mode": Mode.EITHER, "participant": participant[:60]}
    if kind is ItemKind.NEED:
        defaults |= {"priority": "3", "max_givers": "1"}
        defaults["evidence"] = NeedEvidence.SELF_EVALUATION
    else:
        defaults |= {"max_pairings": "1", "availability": Availability.NOT_ANSWERED}
    defaults["reference"] = f"{kind}-{secrets.token_hex(6)}"
    with who.database.read() as session:
        return _form(request, who, session, kind, Filled(defaults))


@router.post("/needs/new")
@router.post("/offers/new")
@does(Action.CHANGE_NEED, Action.CHANGE_OFFER)
def create_item(request: Request, who: Who, kind: Kind, form: SentBy) -> Response:
    filled = _filled(form)
    row = forms.read(ROWS[kind], filled, FIELDS[kind])
    if row is not None and not filled.wrong:
        create: Any = service.create_need if kind is ItemKind.NEED else service.create_offer
        if _done(who, filled, kind, lambda session: create(session, who.principal, row)):
            return _to(kind, filled.values["reference"], Saved.CREATED)
    with who.database.read() as session:
        if _exists(session, who, kind, filled):
            # The same form, sent twice.
            return _to(kind, filled.values["reference"], Saved.CREATED)
        return _form(request, who, session, kind, filled, status=422)


def _exists(session: ReadSession, who: Visitor, kind: ItemKind, filled: Filled) -> bool:
    try:
        item = _get(session, who, kind, filled.values.get("reference", ""))
    except NotFound:
        return False
    cell, _ = limits.named(session, [item.participant_id])[item.participant_id]
    asked = reference_named(session, filled.values.get("participant", ""))
    return cell == asked.partition(":")[2]


@router.get("/needs/{reference:path}/change")
@router.get("/offers/{reference:path}/change")
@does(Action.CHANGE_NEED, Action.CHANGE_OFFER)
def show_change(request: Request, who: Who, kind: Kind, reference: str) -> Response:
    authorise(who.principal, _action(kind))
    with who.database.read() as session:
        item = _get(session, who, kind, reference)
        filled = Filled(_typed(session, item))
        return _form(request, who, session, kind, filled, item=item)


@router.post("/needs/{reference:path}/change")
@router.post("/offers/{reference:path}/change")
@does(Action.CHANGE_NEED, Action.CHANGE_OFFER)
def change_item(request: Request, who: Who, kind: Kind, reference: str, form: SentBy) -> Response:
    filled = _filled(form)
    filled.values["reference"] = reference
    version = forms.whole(filled.values.get("version")) or 0
    row = forms.read(ROWS[kind], filled, FIELDS[kind])
    if row is not None and not filled.wrong:
        change: Any = service.change_need if kind is ItemKind.NEED else service.change_offer

        def act(session: WriteSession) -> object:
            return change(session, who.principal, row, version)

        back = f"{BASE}/{kind}s/{reference}/change"
        if (asked := ask_first(request, who, form, back, act)) is not None:
            return asked
        if _done(who, filled, kind, act):
            return _to(kind, reference, Saved.CHANGED)
    with who.database.read() as session:
        item = _get(session, who, kind, reference)
        return _form(request, who, session, kind, filled, item=item, status=422)


@router.get("/needs/{reference:path}/withdraw")
@router.get("/offers/{reference:path}/withdraw")
@does(Action.CHANGE_NEED, Action.CHANGE_OFFER)
def show_withdraw(request: Request, who: Who, kind: Kind, reference: str) -> Response:
    authorise(who.principal, _action(kind))
    with who.database.read() as session:
        of = dependents.of_need if kind is ItemKind.NEED else dependents.of_offer
        found = of(session, who.principal, reference)
        return _item_page(
            request, who, session, kind, reference, "item_withdraw.html", dependents=found
        )


@router.post("/needs/{reference:path}/withdraw")
@router.post("/offers/{reference:path}/withdraw")
@does(Action.CHANGE_NEED, Action.CHANGE_OFFER)
def withdraw_item(request: Request, who: Who, kind: Kind, reference: str, form: SentBy) -> Response:
    version = forms.whole(texts(form).get("version")) or 0
    withdraw: Any = service.withdraw_need if kind is ItemKind.NEED else service.withdraw_offer
    with who.database.write() as session:
        withdraw(session, who.principal, reference, version)
    return _to(kind, reference, Saved.WITHDRAWN)


@router.post("/offers/{reference:path}/answer")
@does(Action.ANSWER_OFFER)
def answer_offer(request: Request, who: Who, reference: str, form: SentBy) -> Response:
    """What the giver said of itself, recorded for it."""
    given = texts(form)
    said = given.get("availability", "")
    if said not in list(Availability):
        raise Conflict("select the response of the supporting organisation")
    version = forms.whole(given.get("version")) or 0

    def act(session: WriteSession) -> object:
        return service.answer_offer(
            session, who.principal, reference, Availability(said), version=version
        )

    back = f"{BASE}/{ItemKind.OFFER}s/{reference}"
    if (asked := ask_first(request, who, form, back, act)) is not None:
        return asked
    with who.database.write() as session:
        act(session)
    return _to(ItemKind.OFFER, reference, Saved.ANSWERED)


@router.post("/needs/{reference:path}/confirm")
@does(Action.CONFIRM_NEED)
def confirm_need(request: Request, who: Who, reference: str, form: SentBy) -> Response:
    """The school's own word that a suggestion is a need, recorded for it."""
    given = texts(form)
    role = given.get("by_role", "")[:100]
    if not role:
        raise Conflict("enter the role of the person who agreed the need, like headteacher")
    with who.database.write() as session:
        version = forms.whole(given.get("version")) or 0
        service.confirm_need(session, who.principal, reference, by_role=role, version=version)
    return _to(ItemKind.NEED, reference, Saved.CONFIRMED)


@router.get("/needs/{reference:path}")
@router.get("/offers/{reference:path}")
@does(Action.READ)
def show_item(request: Request, who: Who, kind: Kind, reference: str, now: Now) -> Response:
    with who.database.read() as session:
        more: dict[str, Any] = {}
        if kind is ItemKind.NEED:
            need = queries.get_need(session, who.principal, reference)
            more["proposals"] = queries.open_proposals(session, who.principal, need)
            more["came"] = progress_of(session, [need])[need.id]
            more["partnerships"] = list_partnerships(
                session, who.principal, PartnershipQuery(need=reference), limit=None
            )
        else:
            more["quality"] = of_offer(session, who.principal, reference, now.date())
            more["today"] = now.date()
        return _item_page(request, who, session, kind, reference, "item.html", **more)


def _item_page(
    request: Request,
    who: Visitor,
    session: ReadSession,
    kind: ItemKind,
    reference: str,
    template: str,
    **more: Any,
) -> Response:
    item = _get(session, who, kind, reference)
    cell, name = limits.named(session, [item.participant_id])[item.participant_id]
    return page(
        request,
        template,
        who,
        kind=kind,
        item=item,
        cell=cell,
        name=name,
        done=saved(request),
        ended=_ended(item),
        **more,
        **catalogue_choices(session, who),
    )


def saved(request: Request) -> Saved | None:
    """What has just been done, as the address of the page says."""
    done = request.query_params.get("done", "")
    return Saved(done) if done in list(Saved) else None


def _ended(item: Need | Offer) -> bool:
    if isinstance(item, Offer):
        return item.withdrawn
    return item.state in (NeedState.CLOSED, NeedState.MET)


def _action(kind: ItemKind) -> Action:
    return Action.CHANGE_NEED if kind is ItemKind.NEED else Action.CHANGE_OFFER


def _get(session: ReadSession, who: Visitor, kind: ItemKind, reference: str) -> Need | Offer:
    if kind is ItemKind.NEED:
        return queries.get_need(session, who.principal, reference)
    return queries.get_offer(session, who.principal, reference)


def _to(kind: ItemKind, reference: str, done: Saved) -> Response:
    return RedirectResponse(f"{BASE}/{kind}s/{reference}?done={done}", 303)


def _filled(form: FormData) -> Filled:
    several = {
        name: ";".join(text for text in form.getlist(name) if isinstance(text, str))
        for name in ("phases", "looked_within")
    }
    values = texts(form) | {name: text for name, text in several.items() if text}
    came = [(step, values.get(f"{_OUTCOME}{step}", "")) for step in LadderStep]
    if said := ";".join(f"{step}:{outcome}" for step, outcome in came if outcome):
        values["looked_outcomes"] = said
    return Filled(values)


def _typed(session: ReadSession, item: Need | Offer) -> dict[str, str]:
    """What is stored, as it would have been typed."""
    names = limits.named(session, [item.participant_id])
    cell, name = names[item.participant_id]
    shown: Any = NeedShown if isinstance(item, Need) else OfferShown
    content = shown.of(item, cell, name).model_dump(mode="json")
    typed = {}
    for field, value in content.items():
        if isinstance(value, list):
            typed[field] = ";".join(value)
        elif isinstance(value, dict):
            if field == "looked_outcomes":
                typed |= {f"{_OUTCOME}{step}": outcome for step, outcome in value.items()}
        elif isinstance(value, bool):
            typed[field] = "yes" if value else "no"
        elif value is not None:
            typed[field] = f"{value:g}" if isinstance(value, float) else str(value)
    return typed


def _done(who: Visitor, filled: Filled, kind: ItemKind, act: Any) -> bool:
    """Whether it was stored; if not, the form says why."""
    try:
        with who.database.write() as session:
            written: WriteSession = session
            act(written)
    except Unfit as unfit:
        forms.take(filled, unfit.misfits, FIELDS[kind])
        return False
    except Stale:
        filled.general.append(
            "Someone else has changed this since you opened it. Open it again to make your changes"
        )
        return False
    except Conflict as conflict:
        filled.general.append(capital(conflict.detail))
        return False
    return True


def _form(
    request: Request,
    who: Visitor,
    session: ReadSession,
    kind: ItemKind,
    filled: Filled,
    *,
    item: Need | Offer | None = None,
    status: int = 200,
) -> Response:
    cell = filled.values.get("participant", "")
    today = datetime.now(UTC).date()
    found = find_participants(session, who.principal, cell, on=today, limit=1).found if cell else []
    meant = found and found[0].reference == reference_named(session, cell)
    return page(
        request,
        "item_form.html",
        who,
        status=status,
        kind=kind,
        filled=filled,
        item=item,
        participant_name=found[0].name if meant else None,
        fields=FIELDS[kind],
        **catalogue_choices(session, who),
    )
