"""`givetake match --areas`: works on a batch itself, and writes what came of it into a folder."""

import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from app.access.policy import Principal
from app.batches import desk, folder, manifest, queries, service
from app.batches.desk import Desk
from app.batches.manifest import Manifest
from app.batches.queries import AreaRun, Areas
from app.database import Database
from app.errors import Conflict
from app.planning.options import MatchOptions
from app.progress import Progress, silent
from app.runs import leases
from app.runs import service as runs
from app.runs.leases import Doubts, Lease, LeaseLost
from app.transient import is_transient, retried
from models.vocabulary import BatchState
from solver.formats.whole_files import make_folder

POLL_S: Final = 0.2
STEP_S: Final = 1.0
"""How often it looks for what others have done meanwhile."""
STATES: Final = {
    BatchState.RUNNING: "running",
    BatchState.CANCELLED: "stopped",
    BatchState.FINISHED: "finished",
}

log = structlog.get_logger()


def plan_areas(
    database: Database,
    principal: Principal,
    areas: Areas,
    period: str,
    options: MatchOptions,
    out: Path,
    *,
    travel_source: str | None = None,
    on_progress: Progress = silent,
    stopped: Callable[[], bool] = lambda: False,
) -> Manifest:
    """Plan each area by itself, as many at once as there are cores, with whatever workers help.

    It goes on with the last such batch if that has not come to its end. The manifest of `out` is
    written after every area; a process that dies takes nothing along.
    """
    begun = time.monotonic()
    at_once = min(options.workers, len(areas.scopes))
    each = options.model_copy(
        update={"as_of": runs.day_of(options), "workers": options.workers // at_once}
    )
    make_folder(out)
    asked = [scope.exact for scope in areas.scopes]
    told = manifest.begun(out, period, each.model_dump(mode="json"), asked)

    def begin() -> int:
        with database.write() as session:
            batch = service.continued_batch(session, principal, areas, period, each)
            batch = batch or service.create_batch(session, principal, areas, period, each)
            return batch.id

    batch_id = retried(begin)
    told = told.model_copy(update={"needs_in_no_area": areas.needs_in_no_area})
    manifest.write(told, out)

    def change(**changes: object) -> None:
        nonlocal told
        now = {"updated_at": datetime.now(UTC), "seconds": round(time.monotonic() - begun, 3)}
        told = told.model_copy(update=now | changes)
        manifest.write(told, out)

    stop = multiprocessing.get_context("spawn").Event()
    with _desks(database, Desk(database.url, travel_source, stop), at_once) as desks:
        for found in _steps(desks, batch_id, principal, travel_source, stopped):
            # What this command cancels is still to come.
            ended = [one for one in found if one.has_ended and not (stopped() and one.cancelled)]
            for one in ended:
                if (result := folder.result_of(database, principal, one, told, out)) is not None:
                    at = one.scope.exact
                    asked = told.asked if at in told.asked else [*told.asked, at]
                    results = told.results | {at: result}
                    change(asked=asked, results={a: results[a] for a in asked if a in results})
            on_progress(f"{len(ended):,} of {len(found):,} areas", len(ended) / len(found))
    with database.read() as session:
        state = BatchState(queries.get_batch(session, principal, batch_id).state)
        mine = {each.run.id for each in queries.areas_of(session, batch_id) if each.run}
        twice = queries.offers_promised_twice(session, principal, mine)
        kept = sum(each.area.kept for each in queries.areas_of(session, batch_id))
    change(state=STATES[state], offers_promised_twice=twice, unchanged=kept)
    return told


def _steps(
    desks: "_Desks",
    batch_id: int,
    principal: Principal,
    travel_source: str | None,
    stopped: Callable[[], bool],
) -> Iterator[list[AreaRun]]:
    """Work on the batch until it has ended, and give its areas whenever some may have ended."""
    database, due, has_ended = desks.database, 0.0, False
    while not has_ended:
        if stopped():
            desks.stop()
            retried(partial(_cancel, database, principal, batch_id))
        if desks.take() or time.monotonic() >= due or stopped():
            has_ended = retried(lambda: service.advance(database, batch_id, travel_source))
            due = time.monotonic() + STEP_S
            with database.read() as session:
                found = queries.areas_of(session, batch_id)
            yield found
        while not has_ended and desks.give(batch_id):
            pass


def _cancel(database: Database, principal: Principal, batch_id: int) -> None:
    with suppress(Conflict), database.write() as session:
        service.cancel_batch(session, principal, batch_id)


class _Desks:
    """Executors of one process each, so that a process that dies is known by its run."""

    def __init__(self, database: Database, at: Desk, count: int) -> None:
        self.database, self.at, self.doubts = database, at, Doubts()
        self.name = f"{leases.COMMAND}{socket.gethostname()[:40]}:{os.getpid()}"
        self.idle = [self._new() for _ in range(count)]
        self.busy: dict[Future[None], tuple[ProcessPoolExecutor, Lease]] = {}

    def _new(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, context, initializer=desk.sit_down, initargs=(self.at,))

    def give(self, batch_id: int) -> bool:
        """Have a run that waits carried out; false where none waits or all are busy."""
        if not self.idle:
            return False
        with self.database.read() as session:
            if not leases.is_waiting(session, batch_id):
                return False

        def claim() -> Lease | None:
            with self.database.write() as session:
                return leases.claim(
                    session, self.name, desk.LEASE_S, self.doubts, batch_id=batch_id
                )

        # A desk that writes a large plan keeps others, and the renewal of its own lease, waiting.
        held = retried(claim, self.at.stop.is_set)
        if held is None:
            return False
        executor = self.idle.pop()
        try:
            future = executor.submit(desk.plan_area, held)
        except BrokenProcessPool:  # It died while it had nothing to do.
            executor = self._new()
            future = executor.submit(desk.plan_area, held)
        self.busy[future] = executor, held
        return True

    def take(self) -> bool:
        """Wait a moment; whether some run has come to an end."""
        if not self.busy:
            time.sleep(POLL_S)
        done, _ = wait(self.busy, timeout=POLL_S, return_when=FIRST_COMPLETED)
        for future in done:
            executor, held = self.busy.pop(future)
            try:
                future.result()
            except BrokenProcessPool:
                executor.shutdown(wait=False)
                executor = self._new()
                retried(partial(self._give_back, held))
            except Exception as error:  # The run says so, too.
                level = log.warning if is_transient(error) else log.error
                level("batch.area_failed", run_id=held.run_id, error=type(error).__name__)
            self.idle.append(executor)
        return bool(done)

    def _give_back(self, held: Lease) -> None:
        with suppress(LeaseLost), self.database.write() as session:
            leases.give_back(session, held, counted=True)

    def stop(self) -> None:
        """Have the runs under way given back."""
        self.at.stop.set()
        while self.busy:
            self.take()


@contextmanager
def _desks(database: Database, at: Desk, count: int) -> Iterator[_Desks]:
    desks = _Desks(database, at, count)
    try:
        yield desks
    finally:
        at.stop.set()
        for executor in (*desks.idle, *(executor for executor, _ in desks.busy.values())):
            executor.shutdown(cancel_futures=True)
