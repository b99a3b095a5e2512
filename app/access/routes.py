"""The audit over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from app.access import queries
from app.access.callers import Caller, Reads
from app.http.fields import DIGITS, LARGEST, Instant, Moment, Shown, Words
from app.http.media import AS_CSV
from app.http.replies import Listed, Page, listed

router = APIRouter(tags=["audit"])


class Event(Shown):
    """One state change; `detail` holds counts and codes."""

    sequence: int = Field(examples=[17])
    at: Moment
    actor: str = Field(examples=["key:0a1b2c3d"])
    action: str = Field(examples=["need.create"])
    subject: str = Field(examples=["need:n-1"])
    digest: str | None = None
    detail: dict[str, Any] = Field(examples=[{"version": 1}])


class Events(Listed[Event]):
    pass


class EventFilter(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST), DIGITS] = 0
    actor: Words | None = None
    action: Annotated[Words | None, Field(description="or how it begins: `need.`")] = None
    subject: Words | None = None
    since: Instant | None = None


@router.get("/audit-events", response_model=Events, responses=AS_CSV)
def list_audit_events(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[EventFilter, Query()]
) -> Response:
    """List who did what, in the order in which it happened."""

    def read(limit: int | None) -> list[Event]:
        filters = wanted.model_dump(exclude={"limit"})
        events = queries.list_events(session, principal, **filters, limit=limit)
        return [Event.model_validate(event) for event in events]

    return listed(request, wanted, Events, read, lambda event: event.sequence)
