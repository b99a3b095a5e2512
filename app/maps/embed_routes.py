"""Tokens for pages that embed the map, over HTTP."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from app.http.fields import Content, Id, Moment, Shown, Text
from app.http.replies import shown
from app.http.sessions import Caller, Writes
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
    run_id: Annotated[Id | None, Field(description="of the partner layer", strict=True)] = None
    minutes: Annotated[int | None, Field(strict=True, ge=1, le=366 * 24 * 60, examples=[1440])] = (
        None
    )


class EmbedShown(Shown):
    """The token and the lines to copy; it is not held here."""

    token: str = Field(examples=["eyJhbGciOiJIUzI1NiIs..."])
    layer: EmbedLayer
    origins: list[str] = Field(examples=[["https://www.example.org"]])
    expires_at: Moment
    html: str = Field(description="to copy into a page", examples=["<partnership-map ..."])
    frame: str = Field(description="the same as a plain frame", examples=["<iframe ..."])


@router.post("/embed-tokens", response_model=EmbedShown, status_code=201)
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
    content = EmbedShown(
        token=token,
        layer=granted.layer,
        origins=list(granted.origins),
        expires_at=granted.expires_at,
        html=service.snippet(base, token),
        frame=service.frame(base, token),
    )
    return shown(request, content, status=201)
