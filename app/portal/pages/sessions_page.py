"""Where somebody is signed in, seen and ended by themselves."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access import browser_sessions
from app.access.declared import signed_in
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Who

router = APIRouter()


@router.get("/sessions")
@signed_in
def show(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = browser_sessions.list_sessions(
            session, who.principal, who.principal.name, who.secret
        )
    return page(request, "sessions.html", who, found=found)


@router.post("/sessions/others/end")
@signed_in
def end_others(request: Request, who: Who, form: SentBy) -> Response:
    with who.database.write() as session:
        browser_sessions.end_sessions(session, who.principal, who.principal.name, but=who.secret)
    return RedirectResponse(f"{BASE}/sessions?ended=all", 303)


@router.post("/sessions/{number}/end")
@signed_in
def end(request: Request, who: Who, number: str, form: SentBy) -> Response:
    with who.database.write() as session:
        browser_sessions.end_session(session, who.principal, who.principal.name, number)
    return RedirectResponse(f"{BASE}/sessions?ended=one", 303)
