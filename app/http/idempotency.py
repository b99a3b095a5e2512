"""A creation that a client may send again: the same key and content have the same answer."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from starlette.responses import Response

from app.database import WriteSession, database_now
from app.http.problems import KeyUsedOtherwise
from models.operations import IdempotencyKey

KEPT: Final = timedelta(hours=24)
RESERVED: Final = 0
"""The status of a key whose creation is under way in this very transaction."""


def idempotency_key(
    given: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=100,
            pattern=r"^[!-~]+$",
            description="a name for this request: when you send it again, you get the first answer",
            examples=["5f1c0c1e-8a44-4f7b-9a53-0a4a3c5ef1aa"],
        ),
    ] = None,
) -> str | None:
    return given


Key = Annotated[str | None, Depends(idempotency_key)]


def once(
    request: Request,
    session: WriteSession,
    caller: str,
    key: str | None,
    content: BaseModel | bytes,
    create: Callable[[], Response],
) -> Response:
    """Answer as `create` does, the first time; later, with what it answered.

    `caller` is the name of who calls: keys of two callers are two.

    The key is taken in the transaction of the creation: who comes second waits for the first,
    and a creation that fails leaves the key free.
    """
    if key is None:
        return create()
    now = database_now(session)
    if isinstance(content, BaseModel):
        content = content.model_dump_json().encode()
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + content).hexdigest()
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= now))
    if not _take(session, caller, key, digest, now + KEPT):
        return _answered(session, caller, key, digest)
    answer = create()
    held = session.get_one(IdempotencyKey, (caller, key))
    held.status = answer.status_code
    held.headers = {
        name: answer.headers[name]
        for name in ("content-type", "etag", "location")
        if name in answer.headers
    }
    held.body = bytes(answer.body).decode()
    return answer


def _take(session: WriteSession, caller: str, key: str, digest: str, expires_at: datetime) -> bool:
    """Whether the key was free; on PostgreSQL this waits for another who is taking it."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    taken = (
        dialect.insert(IdempotencyKey)
        .values(
            principal=caller,
            key=key,
            request_digest=digest,
            status=RESERVED,
            headers={},
            body="",
            expires_at=expires_at,
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    return session.scalar(taken) is not None


def _answered(session: WriteSession, caller: str, key: str, digest: str) -> Response:
    held = session.scalars(
        select(IdempotencyKey).where(IdempotencyKey.principal == caller, IdempotencyKey.key == key)
    ).one()
    if held.request_digest != digest:
        raise KeyUsedOtherwise("This Idempotency-Key was used for another request. Send a new key.")
    return Response(held.body, held.status, dict(held.headers))
