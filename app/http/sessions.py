"""What routes ask for: who calls, and a session to read or to write with."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.access.keys import Unauthenticated, principal_of
from app.access.policy import Principal
from app.database import Database, ReadSession, WriteSession

_bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="a key that `givetake keys create` made"
)


def database_of(request: Request) -> Database:
    found: Database = request.app.state.database
    return found


def caller(
    request: Request,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Principal:
    if given is None:
        raise Unauthenticated("give a key as `Authorization: Bearer gt_...`")
    with database_of(request).read() as session:
        principal = principal_of(session, given.credentials)
    request.state.principal = principal.name
    return principal


def _reading(request: Request) -> Iterator[ReadSession]:
    with database_of(request).read() as session:
        yield session


def _writing(request: Request) -> Iterator[WriteSession]:
    with database_of(request).write() as session:
        yield session


def _rehearsing(request: Request) -> Iterator[WriteSession]:
    with database_of(request).rehearse() as session:
        yield session


Caller = Annotated[Principal, Depends(caller)]
# Ended with the function, not after the answer: a commit that fails must not follow a 201.
Reads = Annotated[ReadSession, Depends(_reading, scope="function")]
Writes = Annotated[WriteSession, Depends(_writing, scope="function")]
Rehearses = Annotated[WriteSession, Depends(_rehearsing, scope="function")]
"""To write and look at what became of it; nothing of it stays."""
