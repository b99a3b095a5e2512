"""Introductions that schools asked for: listed, proposed, closed and withdrawn."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action
from app.access.scoped import may_on
from app.introductions import queries, service
from app.introductions.schemas import IntroductionShown
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import CLOSURE_NEEDED
from app.portal.pages.institutions import expertise_names
from app.portal.pages.needs_and_offers import saved
from app.portal.rendering import csv_page, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from models.vocabulary import IntroductionState

router = APIRouter()
PER_PAGE: Final = 50
MOST_LETTERS: Final = 300


@router.get("/introductions")
@does(Action.READ)
def list_introductions(request: Request, who: Who) -> Response:
    asked = request.query_params
    state = asked.get("state", "")
    as_csv = asked.get("as") == "csv"
    with who.database.read() as session:
        found = queries.list_introductions(
            session,
            who.principal,
            state=IntroductionState(state) if state in list(IntroductionState) else None,
            after=0 if as_csv else (forms.whole(asked.get("after")) or 0),
            limit=None if as_csv else PER_PAGE + 1,
        )
        if as_csv:
            rows = [IntroductionShown.of(each).model_dump(mode="json") for each in found]
            return csv_page("introductions", list(IntroductionShown.model_fields), rows)
        return page(
            request,
            "introductions.html",
            who,
            found=found[:PER_PAGE],
            after=found[PER_PAGE - 1].introduction.id if len(found) > PER_PAGE else None,
            expertise=expertise_names(session, who),
        )


@router.get("/introductions/{introduction_id:id}")
@does(Action.READ)
def show_introduction(request: Request, who: Who, introduction_id: int) -> Response:
    return _show(request, who, introduction_id, Filled())


@router.post("/introductions/{introduction_id:id}/proposal")
@does(Action.REVIEW)
def propose_introduction(
    request: Request, who: Who, introduction_id: int, form: SentBy, now: Now
) -> Response:
    """Start the run that proposes the two, and go to it."""
    filled = Filled(texts(form))
    with forms.refused(filled, {}), who.database.write() as session:
        made = service.propose(
            session,
            who.principal,
            introduction_id,
            request.app.state.settings,
            version=forms.whole(filled.values.get("version")),
            now=now,
        )
        run_id = made.run_id
    if filled.wrong:
        return _show(request, who, introduction_id, filled)
    return RedirectResponse(f"{BASE}/runs/{run_id}", 303)


@router.post("/introductions/{introduction_id:id}/closure")
@does(Action.REVIEW)
def close_introduction(
    request: Request, who: Who, introduction_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    reason = filled.values.get("reason", "")[:MOST_LETTERS]
    if not reason:
        filled.add("reason", CLOSURE_NEEDED)
        return _show(request, who, introduction_id, filled)
    with forms.refused(filled, {}), who.database.write() as session:
        service.close(
            session,
            who.principal,
            introduction_id,
            reason,
            version=forms.whole(filled.values.get("version")),
            now=now,
        )
    return _back(request, who, introduction_id, filled)


@router.post("/introductions/{introduction_id:id}/withdrawal")
@does(Action.CHANGE_NEED)
def withdraw_introduction(
    request: Request, who: Who, introduction_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    version = forms.whole(filled.values.get("version"))
    with forms.refused(filled, {}), who.database.write() as session:
        service.withdraw(session, who.principal, introduction_id, version=version, now=now)
    return _back(request, who, introduction_id, filled)


def _back(request: Request, who: Visitor, introduction_id: int, filled: Filled) -> Response:
    if filled.wrong:
        return _show(request, who, introduction_id, filled)
    return RedirectResponse(f"{BASE}/introductions/{introduction_id}", 303)


def _show(request: Request, who: Visitor, introduction_id: int, filled: Filled) -> Response:
    with who.database.read() as session:
        asked = queries.get_introduction(session, who.principal, introduction_id)
        is_open = asked.introduction.state == IntroductionState.OPEN
        return page(
            request,
            "introduction.html",
            who,
            status=422 if filled.wrong else 200,
            asked=asked,
            filled=filled,
            done=saved(request),
            may_review=is_open
            and may_on(session, who.principal, Action.REVIEW, asked.introduction),
            may_withdraw=is_open and may_on(session, who.principal, Action.CHANGE_NEED, asked.need),
            expertise=expertise_names(session, who),
        )
