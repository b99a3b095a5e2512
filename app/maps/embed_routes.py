"""Tokens for pages that embed the map, over HTTP."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import Reach, does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.http.fields import Content, Id, Moment, NamedId, Shown, Text
from app.http.media import AS_CSV
from app.http.replies import Listed, Page, listed, shown
from app.maps import service
from app.maps.tokens import MOST_ORIGINS
from models.vocabulary import EmbedLayer

router = APIRouter(tags=["maps"])


class EmbedWanted(Content):
    """For which pages, what, and for how long; without `minutes`, the usual time."""

    origins: Annotated[
        list[Text],
        Field(min_length=1, max_length=MOST_ORIGINS, examples=[["https://www.example.org"]]),
    ]
    layer: EmbedLayer = EmbedLayer.PUBLIC
    run_id: Annotated[NamedId | None, Field(description="of the partner layer")] = None
    minutes: Annotated[int | None, Field(strict=True, ge=1, le=366 * 24 * 60, examples=[1440])] = (
        None
    )


class EmbedShown(Shown):
    """The token and the lines to copy; `id` is what it is revoked by."""

    id: int = Field(examples=[1])
    token: str = Field(examples=["eyJhbGciOiJIUzI1NiIs..."])
    layer: EmbedLayer
    origins: list[str] = Field(examples=[["https://www.example.org"]])
    expires_at: Moment
    html: str = Field(description="to copy into a page", examples=["<partnership-map ..."])
    frame: str = Field(description="the same as a plain frame", examples=["<iframe ..."])


class EmbedMade(Shown):
    """A token that was made: what it opens, and until when."""

    id: int = Field(examples=[1])
    layer: EmbedLayer
    run_id: int | None = Field(examples=[None])
    origins: list[str] = Field(examples=[["https://www.example.org"]])
    made_by: str = Field(examples=["portal (broker)"])
    made_at: Moment
    expires_at: Moment
    revoked_at: Moment | None = Field(examples=[None])
    revoked_by: str | None = Field(examples=[None])


class EmbedsMade(Listed[EmbedMade]):
    pass


class EmbedQuery(Page):
    after: Annotated[Id | None, Field(description="as `Link` gives it")] = None


@router.get("/embed-tokens", response_model=EmbedsMade, responses=AS_CSV)
@does(Action.EMBED)
def list_embed_tokens(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[EmbedQuery, Query()]
) -> Response:
    """List tokens that were made, the newest first."""

    def read(limit: int | None) -> list[EmbedMade]:
        found = service.list_embeds(session, principal, before=wanted.after, limit=limit)
        items = [EmbedMade.model_validate(each) for each in found]
        return with_names(session, items, "made_by", "revoked_by")

    return listed(request, wanted, EmbedsMade, read, lambda one: one.id)


@router.post("/embed-tokens", response_model=EmbedShown, status_code=201)
@does(Action.EMBED, reach=Reach.OPEN)
def create_embed_token(
    request: Request, principal: Caller, session: Writes, wanted: EmbedWanted
) -> Response:
    """Make a token for pages of some origins."""
    granted, token = service.create_embed(
        session,
        principal,
        request.app.state.signing_secret(),
        wanted.origins,
        wanted.layer,
        valid_for=None if wanted.minutes is None else timedelta(minutes=wanted.minutes),
        run_id=wanted.run_id,
    )
    base = str(request.base_url)
    assert granted.id is not None
    content = EmbedShown(
        id=granted.id,
        token=token,
        layer=granted.layer,
        origins=list(granted.origins),
        expires_at=granted.expires_at,
        html=service.snippet(base, granted, token),
        frame=service.frame(base, granted, token),
    )
    return shown(request, content, status=201)


class EmbedLonger(Content):
    """For how long from now; without `minutes`, the usual time."""

    minutes: Annotated[int | None, Field(strict=True, ge=1, le=366 * 24 * 60, examples=[1440])] = (
        None
    )


@router.post("/embed-tokens/{token_id}/renewal", response_model=EmbedMade)
@does(Action.EMBED)
def renew_embed_token(
    request: Request,
    principal: Caller,
    session: Writes,
    token_id: Annotated[Id, Path(examples=[1])],
    wanted: EmbedLonger,
) -> Response:
    """Let a token work for longer; the lines in the page stay as they are."""
    valid_for = None if wanted.minutes is None else timedelta(minutes=wanted.minutes)
    renewed = EmbedMade.model_validate(service.renew_embed(session, principal, token_id, valid_for))
    return shown(request, named_one(session, renewed, "made_by", "revoked_by"))


@router.post("/embed-tokens/{token_id}/revocation", response_model=EmbedMade)
@does(Action.EMBED)
def revoke_embed_token(
    request: Request,
    principal: Caller,
    session: Writes,
    token_id: Annotated[Id, Path(examples=[1])],
) -> Response:
    """End a token now, whoever holds it; it stays on record."""
    revoked = EmbedMade.model_validate(service.revoke_embed(session, principal, token_id))
    return shown(request, named_one(session, revoked, "made_by", "revoked_by"))
