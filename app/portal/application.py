"""The portal as an application of its own: its errors are pages, its addresses no API."""

from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from app.access.declared import public
from app.database import Database
from app.errors import Forbidden, Problem
from app.http.refusals import refused_right
from app.people.openid import OpenIdClient
from app.portal.pages import (
    about,
    agreements,
    alliance_plan,
    alliances,
    answer,
    approval,
    asking,
    audit,
    batches,
    cases,
    consent,
    contacts,
    diffs,
    embeds,
    evidence,
    exceptions,
    explanations,
    find,
    flags,
    graph,
    home,
    imports,
    institutions,
    interests,
    introductions,
    issuer,
    many_answers,
    needs_and_offers,
    open_offers,
    partnership_visits,
    partnerships,
    plans,
    pots,
    proposal_card,
    proposals,
    repairs,
    runs,
    sessions_page,
    sign_in,
    successions,
    support,
    users,
)
from app.portal.rendering import FOLDERS, page
from app.portal.sessions import SignInNeeded, to_sign_in
from app.settings import Settings

FOREVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
BUSY: Final = "The database did not respond in time, or someone saved the same record. Try again."


def portal(settings: Settings, database: Database) -> FastAPI:
    """Pages for people, over the same database as the API."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.database = database
    app.state.settings = settings
    app.state.kept = plans.Kept()
    app.state.issuer = OpenIdClient.of(settings)
    for kind, handler in (
        (SignInNeeded, _sign_in_needed),
        (Problem, _problem),
        (HTTPException, _http),
        (IntegrityError, _busy),
        (OperationalError, _busy),
        (DataError, _unstorable),
        (Exception, _bug),
    ):
        app.add_exception_handler(kind, handler)
    for room in (
        home,
        about,
        sign_in,
        issuer,
        sessions_page,
        users,
        contacts,
        graph,  # before institutions, whose keys may hold slashes
        interests,
        support,
        institutions,
        open_offers,
        find,
        asking,
        introductions,
        explanations,
        cases,
        evidence,  # before offers, whose references may hold slashes
        needs_and_offers,
        runs,
        batches,
        proposals,
        agreements,
        consent,
        answer,
        many_answers,
        approval,
        partnerships,
        partnership_visits,
        pots,
        alliances,
        alliance_plan,
        exceptions,
        flags,
        repairs,
        proposal_card,
        plans,
        diffs,
        imports,
        successions,
        embeds,
        audit,
    ):
        app.include_router(room.router)
    app.add_api_route("/{kind}/{name}", _file, include_in_schema=False)
    return app


@public
def _file(kind: str, name: str) -> Response:
    """A style, script or licence; only what lies right in one of the folders."""
    folder = FOLDERS.get(kind)
    if folder is None or name not in {each.name for each in folder.glob("*.*")}:
        raise HTTPException(404)
    return FileResponse(folder / name, headers=FOREVER)


def _sign_in_needed(request: Request, needed: Exception) -> Response:
    return to_sign_in(request)


def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    if isinstance(problem, Forbidden):
        refused_right(request)
    return _told(request, problem.status, problem.title, problem.detail)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = {
        404: "Page not found",
        405: "You cannot do that on this page",
        413: "The file is too large",
    }
    detail = {404: "If you typed the web address, check it is correct."}
    status = error.status_code
    said = title.get(status, HTTPStatus(status).phrase)
    return _told(request, status, said, detail.get(status, "Go back and try again."))


def _busy(request: Request, error: Exception) -> Response:
    return _told(request, 503, "Sorry, the service is busy", BUSY)


def _unstorable(request: Request, error: Exception) -> Response:
    """A null character, say: only some databases can hold one."""
    detail = (
        "What you entered has a character or number that cannot be saved. Go back and change it."
    )
    return _told(request, 400, "There is a problem with what you entered", detail)


def _bug(request: Request, error: Exception) -> Response:
    return _told(request, 500, "Sorry, there is a problem with the service", "Try again later.")


def _told(request: Request, status: int, title: str, detail: str) -> Response:
    who = getattr(request.state, "visitor", None)
    response = page(request, "problem.html", who, status=status, title=title, detail=detail)
    if request.headers.get("hx-request"):
        response.headers["HX-Retarget"] = "#main-content"
        response.headers["HX-Reselect"] = "#main-content"
        response.headers["HX-Reswap"] = "outerHTML"
    return response
