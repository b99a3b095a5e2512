"""Webhooks over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import Reach, does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.http.fields import Content, Id, Moment, Shown, Text
from app.http.media import AS_CSV
from app.http.replies import Listed, Page, listed, shown
from app.webhooks import service
from app.webhooks.addresses import LONGEST
from models.vocabulary import DeliveryState
from models.webhooks import Webhook

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
WebhookId = Annotated[Id, Path(examples=[1])]
DeliveryId = Annotated[Id, Path(examples=[1])]
ACTORS = ("made_by", "revoked_by")


class NewWebhook(Content):
    """Where to send which events; they are those of your own scope."""

    url: Annotated[
        str,
        Field(min_length=1, max_length=LONGEST, examples=["https://www.example.org/givetake"]),
    ]
    events: Annotated[
        list[Text],
        Field(
            min_length=1,
            max_length=50,
            description="*, all of a kind (run.*, batch.*, proposal.*, need.*, offer.*, support.*) "
            "or one",
            examples=[["proposal.*", "run.solved"]],
        ),
    ]


class WebhookShown(Shown):
    id: int = Field(examples=[1])
    url: str = Field(examples=["https://www.example.org/givetake"])
    events: list[str] = Field(examples=[["proposal.*"]])
    made_by: str = Field(examples=["portal (broker)"])
    made_at: Moment
    revoked_at: Moment | None = Field(examples=[None])
    revoked_by: str | None = Field(examples=[None])


class WebhookMade(WebhookShown):
    """With what its deliveries are signed with (Standard Webhooks); it is not shown again."""

    secret: str = Field(examples=["whsec_..."])


class Webhooks(Listed[WebhookShown]):
    pass


class DeliveryShown(Shown):
    """What became of one event."""

    id: int = Field(examples=[1])
    event: int = Field(validation_alias="sequence", description="its number", examples=[1])
    state: DeliveryState
    attempts: int = Field(examples=[1])
    due_at: Moment = Field(description="when it is sent next, while it waits")
    status: int | None = Field(description="of the last answer", examples=[200])
    error: str | None = Field(examples=[None])
    ended_at: Moment | None


class Deliveries(Listed[DeliveryShown]):
    pass


class DeliveryQuery(Page):
    state: DeliveryState | None = None
    after: Annotated[Id | None, Field(description="as `Link` gives it")] = None


@router.get("", response_model=Webhooks, responses=AS_CSV)
@does(Action.SUBSCRIBE)
def list_webhooks(request: Request, principal: Caller, session: Reads) -> Response:
    """List your webhooks, the newest first."""

    def read(limit: int | None) -> list[WebhookShown]:
        found = service.list_webhooks(session, principal)
        return with_names(session, [WebhookShown.model_validate(each) for each in found], *ACTORS)

    return listed(request, None, Webhooks, read, lambda one: one.id)


@router.post("", response_model=WebhookMade, status_code=201)
@does(Action.SUBSCRIBE, reach=Reach.OPEN)
def create_webhook(
    request: Request, principal: Caller, session: Writes, body: NewWebhook
) -> Response:
    """Have events sent to an address."""
    networks = request.app.state.settings.webhook_networks
    made = service.create_webhook(session, principal, body.url, body.events, networks)
    return _made(request, session, made, 201)


@router.post("/{webhook_id}/rotation", response_model=WebhookMade)
@does(Action.SUBSCRIBE)
def rotate_webhook_secret(
    request: Request, principal: Caller, session: Writes, webhook_id: WebhookId
) -> Response:
    """Give a webhook another secret, and show it once."""
    return _made(request, session, service.rotate_secret(session, principal, webhook_id), 200)


@router.post("/{webhook_id}/revocation", response_model=WebhookShown)
@does(Action.SUBSCRIBE)
def revoke_webhook(
    request: Request, principal: Caller, session: Writes, webhook_id: WebhookId
) -> Response:
    """Send nothing more to an address. The webhook stays on record."""
    ended = WebhookShown.model_validate(service.revoke_webhook(session, principal, webhook_id))
    return shown(request, named_one(session, ended, *ACTORS))


@router.get("/{webhook_id}/deliveries", response_model=Deliveries, responses=AS_CSV)
@does(Action.SUBSCRIBE)
def list_webhook_deliveries(
    request: Request,
    principal: Caller,
    session: Reads,
    webhook_id: WebhookId,
    wanted: Annotated[DeliveryQuery, Query()],
) -> Response:
    """List what became of the events for a webhook, the newest first."""

    def read(limit: int | None) -> list[DeliveryShown]:
        found = service.list_deliveries(
            session,
            principal,
            webhook_id,
            state=wanted.state,
            before=wanted.after,
            limit=limit,
        )
        return [DeliveryShown.model_validate(each) for each in found]

    return listed(request, wanted, Deliveries, read, lambda one: one.id)


@router.post("/{webhook_id}/deliveries/{delivery_id}/retry", response_model=DeliveryShown)
@does(Action.SUBSCRIBE)
def retry_webhook_delivery(
    request: Request,
    principal: Caller,
    session: Writes,
    webhook_id: WebhookId,
    delivery_id: DeliveryId,
) -> Response:
    """Send an event again that was given up."""
    again = service.retry(session, principal, webhook_id, delivery_id)
    return shown(request, DeliveryShown.model_validate(again))


def _made(request: Request, session: Writes, made: Webhook, status: int) -> Response:
    content = WebhookMade(
        **WebhookShown.model_validate(made).model_dump(),
        secret=service.secret_of(made, request.app.state.signing_secret()),
    )
    location = f"{request.url.path}/{made.id}" if status == 201 else None
    return shown(request, named_one(session, content, *ACTORS), status=status, location=location)
