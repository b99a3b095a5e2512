"""Sessions of browsers over HTTP: one's own, and for administrators those of anybody."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from app.access import browser_sessions
from app.access.callers import Caller, Reads
from app.access.declared import signed_in
from app.http.fields import Content, Moment, Shown, Words
from app.http.media import AS_CSV
from app.http.replies import Listed, listed

router = APIRouter(tags=["sessions"])


class SessionShown(Shown):
    """A browser that is signed in; `number` opens nothing."""

    number: str = Field(examples=["9f86d081884c7d65"])
    browser: str | None = Field(
        description="in plain words, where it is known", examples=["Firefox on Windows"]
    )
    began_at: Moment
    seen_at: Moment = Field(description="to within minutes")


class Sessions(Listed[SessionShown]):
    pass


class Whose(Content):
    holder: Annotated[
        Words | None,
        Field(description="`user:17` or `key:0a1b2c3d`, for administrators; none: your own"),
    ] = None


@router.get("/sessions", response_model=Sessions, responses=AS_CSV)
@signed_in
def list_sessions(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[Whose, Query()]
) -> Response:
    """List where somebody is signed in to the portal, the newest first."""
    holder = wanted.holder or principal.name
    found = browser_sessions.list_sessions(session, principal, holder)
    shown = [SessionShown.model_validate(each) for each in found]
    return listed(request, None, Sessions, lambda limit: shown, lambda each: each.number)
