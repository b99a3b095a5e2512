"""Server-sent events; those of a run are numbered, so that a reader misses none."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from app.access.policy import Principal
from app.database import Database
from app.runs import queries
from app.runs.leases import ENDED

LOOK_AGAIN_S: Final = 0.5
HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 1_000
News = Callable[[Any], tuple[list[str], Any, bool]]
"""Of what was seen before: events as texts, what is seen by then, and whether that is all."""


async def follow(news: News, after: Any, wait_s: float) -> AsyncIterator[str]:
    """Every event of `news` after what was seen, until there will be no more or the time is up."""
    yield f"retry: {RETRY_MS}\n\n"
    end = time.monotonic() + wait_s
    heard = time.monotonic()
    while True:
        texts, after, ended = await run_in_threadpool(news, after)
        for text in texts:
            yield text
            heard = time.monotonic()
        if ended or time.monotonic() >= end:
            return
        if time.monotonic() - heard >= HEARTBEAT_S:
            yield ": still here\n\n"
            heard = time.monotonic()
        await asyncio.sleep(LOOK_AGAIN_S)


def text_of(event: str, data: Mapping[str, Any], number: int | None = None) -> str:
    """An event as it is sent; with its number, a reader that is cut off can say what it saw."""
    numbered = "" if number is None else f"id: {number}\n"
    return f"{numbered}event: {event}\ndata: {json.dumps(data)}\n\n"


def news_of_run(
    database: Database, principal: Principal, run_id: int, after: int
) -> tuple[list[str], int, bool]:
    """The events of a run after the one with that number."""
    with database.read() as session:
        # Read before the events: what it says has ended has told its last.
        ended = queries.get_run(session, principal, run_id).state in ENDED
        events = queries.events(session, principal, run_id, after)
        texts = [
            text_of(event.kind, {"at": event.at.isoformat(), **event.data}, event.sequence)
            for event in events
        ]
        return texts, events[-1].sequence if events else after, ended
