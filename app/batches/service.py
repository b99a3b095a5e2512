"""Plans of many areas in one go: resumed where it was left, whatever becomes of one area."""

import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from app.access.policy import Action, Principal, authorise
from app.batches import manifest, queries, worker
from app.batches.manifest import AreaResult, Manifest
from app.batches.queries import Areas
from app.batches.worker import BatchStopped, Desk
from app.database import Database, database_now
from app.planning.options import MatchOptions
from app.progress import Progress, silent
from app.register.lookups import Scope
from app.runs import service as matching
from app.transient import is_transient, retried
from models.vocabulary import RunState
from solver.formats.whole_files import make_folder

POLL_S: Final = 0.2
DIED: Final = (
    "The process that planned this area was killed or crashed. The area may be too large for the "
    "machine. Plan a smaller area."
)
AWAY: Final = "The database was not available. Run the batch again to plan this area."

log = structlog.get_logger()


def plan_areas(
    database: Database,
    principal: Principal,
    areas: Areas,
    period: str,
    options: MatchOptions,
    folder: Path,
    *,
    travel_source: str | None = None,
    on_progress: Progress = silent,
    stopped: Callable[[], bool] = lambda: False,
) -> Manifest:
    """Plan each area by itself, as many at once as there are cores, into `folder`.

    An area whose problem and options are those of the folder's manifest is left as it is. The
    manifest is written after every area; a process that dies takes only its own area along.
    """
    authorise(principal, Action.RUN)
    started = time.monotonic()
    with database.read() as session:
        now = database_now(session)
    as_of = matching.day_of(options)
    at_once = min(options.workers, len(areas.scopes))
    each = options.model_copy(update={"as_of": as_of, "workers": options.workers // at_once})
    make_folder(folder)
    asked = [scope.exact for scope in areas.scopes]
    batch = manifest.begun(folder, period, each.model_dump(mode="json"), asked)
    batch = batch.model_copy(update={"needs_in_no_area": areas.needs_in_no_area})
    manifest.write(batch, folder)
    stop = multiprocessing.get_context("spawn").Event()
    at = Desk(database.url, principal, folder, period, each, travel_source, now, stop)

    def change(**changes: object) -> Manifest:
        seconds = round(time.monotonic() - started, 3)
        changed = batch.model_copy(
            update=changes | {"updated_at": datetime.now(UTC), "seconds": seconds}
        )
        manifest.write(changed, folder)
        return changed

    with _desks(at, at_once) as desks:
        done = 0
        for done, (scope, result) in enumerate(_planned(desks, batch, areas, stopped), start=1):
            batch = change(results=batch.results | {scope.exact: result})
            on_progress(f"{done:,} of {len(asked):,} areas, {scope.name}", done / len(asked))
    runs = {result.run for result in batch.results.values() if result.run is not None}

    def promised_twice() -> int:
        with database.read() as session:
            return queries.offers_promised_twice(session, principal, runs)

    twice = retried(promised_twice)
    ended = "finished" if done == len(asked) else "stopped"
    return change(state=ended, offers_promised_twice=twice)


class _Desks:
    """Executors of one process each, so that a process that dies is known by its area."""

    def __init__(self, at: Desk, count: int) -> None:
        self.at = at
        self.idle = [self._new() for _ in range(count)]
        self.busy: dict[Future[AreaResult], tuple[ProcessPoolExecutor, Scope]] = {}

    def _new(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, context, initializer=worker.sit_down, initargs=(self.at,))

    def give(self, scope: Scope, earlier: AreaResult | None) -> None:
        executor = self.idle.pop()
        try:
            future = executor.submit(worker.plan_area, scope, earlier)
        except BrokenProcessPool:  # It died while it had nothing to do.
            executor = self._new()
            future = executor.submit(worker.plan_area, scope, earlier)
        self.busy[future] = executor, scope

    def take(self, future: Future[AreaResult]) -> tuple[Scope, AreaResult | None]:
        """The area of a future that is done and its result, none where it was stopped."""
        executor, scope = self.busy.pop(future)
        try:
            result: AreaResult | None = future.result()
        except BatchStopped:
            result = None
        except BrokenProcessPool:
            executor.shutdown(wait=False)
            executor = self._new()
            result = _failed(scope, DIED)
        except Exception as error:
            log.exception("batch.area_failed", area=scope.exact, error=type(error).__name__)
            result = _failed(scope, AWAY if is_transient(error) else matching.FAULT)
        self.idle.append(executor)
        return scope, result


@contextmanager
def _desks(at: Desk, count: int) -> Iterator[_Desks]:
    desks = _Desks(at, count)
    try:
        yield desks
    finally:
        at.stop.set()
        for executor in (*desks.idle, *(executor for executor, _ in desks.busy.values())):
            executor.shutdown(cancel_futures=True)


def _planned(
    desks: _Desks, batch: Manifest, areas: Areas, stopped: Callable[[], bool]
) -> Iterator[tuple[Scope, AreaResult]]:
    """Hand areas out as desks get free, and give each with its result as it comes."""
    waiting, earlier = deque(areas.scopes), dict(batch.results)
    while waiting or desks.busy:
        if stopped():
            desks.at.stop.set()
            waiting.clear()
        while desks.idle and waiting:
            scope = waiting.popleft()
            desks.give(scope, earlier.get(scope.exact))
        done, _ = wait(desks.busy, timeout=POLL_S, return_when=FIRST_COMPLETED)
        for future in done:
            scope, result = desks.take(future)
            if result is not None:
                yield scope, result


def _failed(scope: Scope, sentence: str) -> AreaResult:
    return AreaResult(**scope.as_json(), state=RunState.FAILED, failure=sentence)
