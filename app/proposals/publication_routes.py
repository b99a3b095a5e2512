"""Consents to publish a pairing over HTTP."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.exchange.schemas import Role
from app.http.fields import Id, Moment, Shown
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.replies import Listed, listed, shown
from app.proposals import publication
from app.proposals.schemas import HeardContent
from models.vocabulary import Channel, Side

router = APIRouter(prefix="/proposals/{proposal_id}/publication-consents", tags=["proposals"])
OneId = Annotated[Id, Path(examples=[1])]


class NewConsent(HeardContent):
    """One side's consent to publish its pairing."""

    side: Side
    given_by: Role


class ConsentShown(Shown):
    id: int = Field(examples=[1])
    proposal: int = Field(validation_alias="proposal_id", examples=[1])
    side: Side
    given_by: str = Field(description="the role, never the name", examples=["headteacher"])
    said_on: date | None = Field(description="null of records from before this was kept")
    channel: Channel | None = Field(description="how it reached whoever recorded it")
    recorded_by: str = Field(examples=["portal (broker)"])
    given_at: Moment
    withdrawn_at: Moment | None = Field(description="when it was withdrawn", examples=[None])
    withdrawn_by: str | None = Field(examples=[None])


ACTORS = ("recorded_by", "withdrawn_by")


class Consents(Listed[ConsentShown]):
    pass


@router.get("", response_model=Consents, responses=AS_CSV)
@does(Action.READ)
def list_publication_consents(
    request: Request, principal: Caller, session: Reads, proposal_id: OneId
) -> Response:
    """List both sides' consents to publish their pairing, with those withdrawn."""

    def read(limit: int | None) -> list[ConsentShown]:
        found = publication.consents_of(session, principal, proposal_id)
        items = [ConsentShown.model_validate(each) for each in found]
        return with_names(session, items, *ACTORS)

    return listed(request, None, Consents, read, lambda each: each.id)


@router.post("", response_model=ConsentShown, status_code=201)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def consent_to_publication(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    body: NewConsent,
    key: Key,
) -> Response:
    """Record one side's consent to publish. The pairing is public when both consent."""

    def create() -> Response:
        made = publication.consent(
            session, principal, proposal_id, body.side, body.heard(body.given_by)
        )
        return shown(
            request,
            named_one(session, ConsentShown.model_validate(made), *ACTORS),
            status=201,
            location=request.url.path,
        )

    return once(request, session, principal.name, key, body, create)


@router.post("/{side}/withdrawal", response_model=ConsentShown)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def withdraw_publication_consent(
    request: Request, principal: Caller, session: Writes, proposal_id: OneId, side: Side
) -> Response:
    """Withdraw one side's consent. It stays on record, and the pairing is not public any more."""
    taken_back = publication.withdraw(session, principal, proposal_id, side)
    told = named_one(session, ConsentShown.model_validate(taken_back), *ACTORS)
    return shown(request, told)
