"""What routes ask for: who calls and when, and a session to read or to write with."""

import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.access.declared import authorise_route
from app.access.keys import Unauthenticated, note_use, principal_of
from app.access.policy import Principal
from app.database import Database, ReadSession, WriteSession, database_now
from app.http.refusals import refused_key

KNOWN_FOR_S: Final = 2.0
"""How long a key that was looked up is taken without looking again: a revoked one ends by then."""
MOST_KNOWN: Final = 1_000
NOTE_USE_EVERY_S: Final = 600.0
"""How stale the note of a key's last use may get; else every request would be a write."""
_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="a key from `givetake keys create`"
)


def database_of(request: Request) -> Database:
    found: Database = request.app.state.database
    return found


async def caller(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Principal:
    if given is None:
        raise Unauthenticated("Send a key as `Authorization: Bearer gt_...`.")
    known: dict[bytes, tuple[float, Principal]] = request.app.state.callers
    digest = hashlib.sha256(given.credentials.encode("utf-8", "replace")).digest()
    until, principal = known.get(digest, (0.0, None))
    if principal is None or until < time.monotonic():
        try:
            principal = await run_in_threadpool(_look_up, request, given.credentials)
        except Unauthenticated:
            await run_in_threadpool(refused_key, request)
            raise
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[digest] = (time.monotonic() + KNOWN_FOR_S, principal)
    request.state.principal = principal.name
    authorise_route(request, principal)
    return principal


def moment(request: Request) -> datetime:
    """When a request is answered, by the database; all that follows happens at this moment."""
    with database_of(request).read() as session:
        return database_now(session)


async def admit(request: Request) -> Principal:
    """Who calls, of a request that no route has seen yet."""
    return await caller(request, await _bearer(request))


def _look_up(request: Request, key: str) -> Principal:
    database = database_of(request)
    with database.read() as session:
        principal = principal_of(session, key)
    noted: dict[str, float] = request.app.state.keys_noted
    if noted.get(principal.name, -NOTE_USE_EVERY_S) + NOTE_USE_EVERY_S < time.monotonic():
        # First, so that whoever else calls with it does not wait for the same note.
        noted[principal.name] = time.monotonic()
        note_use(database, principal)
    return principal


async def _reading(request: Request) -> AsyncIterator[ReadSession]:
    # Without a thread of its own to begin and end in: that costs as much as a query.
    database = database_of(request)
    session = ReadSession(database.read_engine)
    try:
        yield session
    finally:
        if database.is_embedded:
            session.close()
        else:
            # Beside the threads that wait for a connection: this one gives one back.
            await to_thread.run_sync(session.close, limiter=CapacityLimiter(1))


def _writing(request: Request) -> Iterator[WriteSession]:
    with database_of(request).write() as session:
        yield session


def _rehearsing(request: Request) -> Iterator[WriteSession]:
    with database_of(request).rehearse() as session:
        yield session


Caller = Annotated[Principal, Depends(caller)]
Now = Annotated[datetime, Depends(moment)]
# Ended with the function, not after the answer: a commit that fails must not follow a 201.
Reads = Annotated[ReadSession, Depends(_reading, scope="function")]
Writes = Annotated[WriteSession, Depends(_writing, scope="function")]
Rehearses = Annotated[WriteSession, Depends(_rehearsing, scope="function")]
"""To write and look at what became of it; nothing of it stays."""
