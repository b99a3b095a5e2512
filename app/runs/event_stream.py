"""The events of a run as server-sent events: numbered, so that a reader misses none."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Final

from starlette.concurrency import run_in_threadpool

from app.access.policy import Principal
from app.database import Database
from app.runs import queries
from app.runs.leases import ENDED

LOOK_AGAIN_S: Final = 0.5
HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 1_000


async def follow(
    database: Database, principal: Principal, run_id: int, after: int, wait_s: float
) -> AsyncIterator[str]:
    """Every event after the one numbered `after`, until the run ends or the time is up.

    A reader that is cut off comes back with the number of the last event it saw.
    """
    yield f"retry: {RETRY_MS}\n\n"
    end = time.monotonic() + wait_s
    heard = time.monotonic()
    while True:
        texts, after, ended = await run_in_threadpool(_news, database, principal, run_id, after)
        for text in texts:
            yield text
            heard = time.monotonic()
        if ended or time.monotonic() >= end:
            return
        if time.monotonic() - heard >= HEARTBEAT_S:
            yield ": still here\n\n"
            heard = time.monotonic()
        await asyncio.sleep(LOOK_AGAIN_S)


def _news(
    database: Database, principal: Principal, run_id: int, after: int
) -> tuple[list[str], int, bool]:
    with database.read() as session:
        # Read before the events: what it says has ended has told its last.
        ended = queries.get_run(session, principal, run_id).state in ENDED
        events = queries.events(session, principal, run_id, after)
        texts = [
            f"id: {event.sequence}\nevent: {event.kind}\n"
            f"data: {json.dumps({'at': event.at.isoformat(), **event.data})}\n\n"
            for event in events
        ]
        return texts, events[-1].sequence if events else after, ended
