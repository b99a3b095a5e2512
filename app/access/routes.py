"""The audit over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from app.access import queries
from app.access.callers import Caller, Reads
from app.access.declared import does
from app.access.names import with_names
from app.access.policy import Action
from app.http.fields import DIGITS, LARGEST, Content, Instant, Moment, Shown, Words
from app.http.media import AS_CSV
from app.http.replies import Listed, Page, listed, shown

router = APIRouter(tags=["audit"])


class Event(Shown):
    """One state change; `detail` holds counts and codes."""

    sequence: int = Field(examples=[17])
    at: Moment
    actor: str = Field(description="as the hash has it", examples=["key:0a1b2c3d"])
    by: str = Field("", description="as people read it", examples=["portal (broker)"])
    action: str = Field(examples=["need.create"])
    subject: str = Field(examples=["need:n-1"])
    digest: str | None = None
    detail: dict[str, Any] = Field(examples=[{"version": 1}])
    previous: str = Field(description="hash of the event before", examples=["0" * 64])
    hash: str = Field(description="of all of the above", examples=["9f" * 32])


class Events(Listed[Event]):
    pass


class AuditHead(Shown):
    """The last event: note it elsewhere to tell later that nothing before it changed."""

    sequence: int = Field(examples=[17])
    hash: str = Field(examples=["9f" * 32])
    at: Moment | None = Field(description="when it happened")
    anchor: str = Field(
        description="what a later verification is given", examples=[f"17:{'9f' * 32}"]
    )


class AuditFault(Shown):
    """The first thing that is wrong, in the order of events."""

    sequence: int = Field(examples=[12])
    sentence: str = Field(examples=["Event 12 was changed: its hash is of other content."])


class Verification(Shown):
    """What a look at the whole audit came to."""

    intact: bool
    events: int = Field(description="found in order, from the first", examples=[17])
    rows: int = Field(description="that are as their events recorded them", examples=[4])
    fault: AuditFault | None = None
    bound_from: int | None = Field(
        None, description="the event that bound what stood at an upgrade; null: all rows ever"
    )


class Anchors(Content):
    anchor: list[Words] = Field(
        [], max_length=10, description="SEQUENCE:HASH of a head noted earlier"
    )


class EventFilter(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST), DIGITS] = 0
    actor: Words | None = None
    action: Annotated[Words | None, Field(description="or how it begins: `need.`")] = None
    subject: Words | None = None
    since: Instant | None = None
    until: Annotated[Instant | None, Field(description="without that moment itself")] = None


@router.get("/audit-events", response_model=Events, responses=AS_CSV)
@does(Action.READ_AUDIT)
def list_audit_events(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[EventFilter, Query()]
) -> Response:
    """List who did what, in the order in which it happened."""

    def read(limit: int | None) -> list[Event]:
        filters = wanted.model_dump(exclude={"limit"})
        events = queries.list_events(session, principal, **filters, limit=limit)
        found = [Event.model_validate(event) for event in events]
        named = [each.model_copy(update={"by": each.actor}) for each in found]
        return with_names(session, named, "by")

    return listed(request, wanted, Events, read, lambda event: event.sequence)


@router.get("/audit-events/head", response_model=AuditHead)
@does(Action.READ_AUDIT)
def read_audit_head(request: Request, principal: Caller, session: Reads) -> Response:
    """Read what to note outside: number, hash and time of the last event."""
    head = queries.audit_head(session, principal)
    told = {"sequence": head.sequence, "hash": head.hash, "at": head.at, "anchor": head.anchor}
    return shown(request, AuditHead.model_validate(told))


@router.get("/audit-events/verification", response_model=Verification)
@does(Action.READ_AUDIT)
def verify_audit(
    request: Request, principal: Caller, session: Reads, given: Annotated[Anchors, Query()]
) -> Response:
    """Look at every event, from the first to the first that is wrong."""
    found = queries.verify_audit(session, principal, given.anchor)
    fault = found.fault and AuditFault.model_validate(found.fault)
    told = Verification(
        intact=fault is None,
        events=found.events,
        rows=found.rows,
        fault=fault,
        bound_from=found.bound_from,
    )
    return shown(request, told)
