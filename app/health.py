"""Whether the service works, for those who keep it running; the one address without a key."""

from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import text
from starlette.responses import Response

from app.access.callers import Reads, database_of
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


@router.get("/health", response_model=Health)
def health(request: Request, session: Reads) -> Response:
    """Answer 200 when the service and its database work."""
    if not database_of(request).is_in_place():
        raise DatabaseGone("The database file was moved or replaced. Restart the service.")
    revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    return shown(request, Health(version=version("givetake"), revision=revision))
