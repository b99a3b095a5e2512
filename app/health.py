"""Whether the service works, for those who keep it running; the one address without a key."""

from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import text
from starlette.responses import Response

from app.access.callers import Reads, database_of
from app.access.declared import public
from app.database import clock_ahead_s, clocks_agree
from app.errors import Problem
from app.http.replies import shown

router = APIRouter(tags=["service"])


class DatabaseGone(Problem):
    """What is still written goes to a file that nobody will open again."""

    status = 503
    title = "Database moved or replaced"


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    version: str = Field(examples=["0.2.0"])
    revision: str = Field(description="the schema of the database", examples=["0006_operations"])
    clock: Literal["agrees", "differs"] = Field(
        description="whether this machine's clock is that of the database, but for a minute; "
        "workers end no holds where clocks differ",
        examples=["agrees"],
    )
    clock_ahead_s: int = Field(
        description="seconds by which this machine's clock is ahead of the database's",
        examples=[0],
    )


@router.get("/health", response_model=Health)
@public
def health(request: Request, session: Reads) -> Response:
    """Answer 200 when the service and its database work."""
    if not database_of(request).is_in_place():
        raise DatabaseGone("The database file was moved or replaced. Restart the service.")
    revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    ahead_s = clock_ahead_s(session)
    found = Health(
        version=version("givetake"),
        revision=revision,
        clock="agrees" if clocks_agree(ahead_s) else "differs",
        clock_ahead_s=round(ahead_s),
    )
    return shown(request, found)
