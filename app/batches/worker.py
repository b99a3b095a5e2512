"""One process of a batch: it reads the rows all areas share once, and plans area after area."""

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final
from urllib.parse import quote

from app.access.policy import Principal
from app.batches.manifest import AreaResult
from app.database import Database
from app.errors import NotFound, Problem
from app.log import configure
from app.planning.build import Built, build
from app.planning.load import Loaded, load
from app.planning.options import MatchOptions
from app.planning.scope import Takers, takers_of
from app.planning.standing import Standing, standing
from app.planning.travel import travel_times
from app.planning.unchanged import basis_of, search_of
from app.register.lookups import Scope
from app.runs import queries, service
from app.runs.results import state_of_refusal
from app.settings import settings
from app.transient import retried
from models.vocabulary import HALF_DAYS_PER_DAY, RunState
from solver.formats.json_columns import decode
from solver.formats.plan import Plan
from solver.formats.problem_json import problem_to_json
from solver.formats.whole_files import write_whole

LOOK_UP_S: Final = 0.5
NEEDS_PER_SECOND: Final = 200
MOST_SECONDS: Final = 60.0
PROVED: Final = (RunState.SOLVED, RunState.INFEASIBLE)
"""States that the same input would only reach again."""


class BatchStopped(Problem):
    title = "Batch stopped"


@dataclass(slots=True)
class Desk:
    """What is the same for every area."""

    database_url: str
    principal: Principal
    folder: Path
    period: str
    options: MatchOptions
    travel_source: str | None
    now: datetime
    stop: Event
    loaded: Loaded | None = field(default=None, init=False)


_desks: list[Desk] = []
"""The one desk of this process."""


def sit_down(desk: Desk) -> None:
    """Begin a process of a batch: it ends, with all it started, when its parent is gone."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # What a solver's library prints must not get among the JSON.
    configure(settings())
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _desks.append(desk)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_UP_S)
    os.killpg(0, signal.SIGKILL)


def plan_area(scope: Scope, earlier: AreaResult | None) -> AreaResult:
    """Plan one area and write its files; `earlier` itself where its input is unchanged.

    Raises
    ------
    BatchStopped
        If the batch was stopped before the area was planned.
    """
    desk, started = _desks[0], time.monotonic()
    with Database(desk.database_url) as database:
        try:
            takers, built = _build(desk, database, scope)
        except Problem as problem:
            return _unplanned(scope, problem, started)
        build_seconds = time.monotonic() - started
        digest = _input_digest(built, desk.options)
        if earlier and retried(lambda: _stands(desk, database, earlier, digest), desk.stop.is_set):
            return earlier

        def look_up(stage: str, fraction: float) -> None:
            if desk.stop.is_set():
                raise BatchStopped("The batch was stopped before this area was planned.")

        try:
            run_id = service.match(
                database,
                desk.principal,
                takers,
                desk.period,
                _with_time_limit(desk.options, len(built.problem.needs)),
                travel_source=desk.travel_source,
                on_progress=look_up,
                cancelled=desk.stop.is_set,
                now=desk.now,
                built=built,
            )
        except BatchStopped:
            raise
        except Problem as problem:
            return _unplanned(scope, problem, started)
        result = retried(lambda: _result(desk, database, scope, run_id, built))
    return result.model_copy(
        update={
            "input_sha256": digest,
            "build_seconds": round(build_seconds, 3),
            "seconds": round(time.monotonic() - started, 3),
        }
    )


def _with_time_limit(options: MatchOptions, needs: int) -> MatchOptions:
    """Give each area time by its size, unless it was said how long to look."""
    if options.time_limit_s is not None or options.work is not None:
        return options
    seconds = min(max(1.0, needs / NEEDS_PER_SECOND), MOST_SECONDS)
    return options.model_copy(update={"time_limit_s": seconds})


def _unplanned(scope: Scope, problem: Problem, started: float) -> AreaResult:
    return AreaResult(
        **scope.as_json(),
        state=state_of_refusal(problem),
        failure=problem.detail,
        seconds=round(time.monotonic() - started, 3),
    )


def _build(desk: Desk, database: Database, scope: Scope) -> tuple[Takers, Built]:
    as_of = service.day_of(desk.options)

    def read() -> tuple[Takers, Loaded, Sequence[Standing]]:
        with database.read() as session:
            if desk.loaded is None:
                desk.loaded = load(session, desk.principal, None, desk.period, as_of, now=desk.now)
            takers = takers_of(session, desk.principal, scope.as_json(), as_of)
            return takers, desk.loaded, standing(session, takers.description, desk.period)

    takers, rows, stands = retried(read, desk.stop.is_set)
    ids = takers.participant_ids
    if ids is not None:
        rows = replace(rows, needs=[need for need in rows.needs if need.participant_id in ids])
    return takers, build(rows, desk.options, travel_times(desk.travel_source), stands)


def _input_digest(built: Built, options: MatchOptions) -> str:
    """Of all that decides about the plan: the problem, and how far to look for the best."""
    basis = basis_of(problem_to_json(built.problem))
    search = json.dumps(search_of(options) | {"change_price": options.change_price}, sort_keys=True)
    return hashlib.sha256(f"{basis}{search}".encode()).hexdigest()


def _stands(desk: Desk, database: Database, earlier: AreaResult, digest: str) -> bool:
    """Whether an earlier result is of the same input, and its run and files are still there."""
    if earlier.input_sha256 != digest or earlier.state not in PROVED or earlier.run is None:
        return False
    with database.read() as session:
        try:
            run = queries.get_run(session, desk.principal, earlier.run)
        except NotFound:
            return False
        if run.state != earlier.state:
            return False
    return all(
        (desk.folder / name).is_file()
        and hashlib.sha256((desk.folder / name).read_bytes()).hexdigest() == known
        for name, known in earlier.files.items()
    )


def _result(desk: Desk, database: Database, scope: Scope, run_id: int, built: Built) -> AreaResult:
    """Write the area's files as the run stored them, and tell what came out."""
    named = f"{scope.kind}-{quote(scope.code, safe='')}"
    with database.read() as session:
        run = queries.get_run(session, desk.principal, run_id)
        contents = {
            f"{named}.problem.json.gz": queries.file_of(session, run_id, "problem"),
            f"{named}.plan.json.gz": queries.file_of(session, run_id, "plan"),
        }
        plan = Plan.from_json(decode(queries.file_of(session, run_id, "plan")))
    for name, content in contents.items():
        write_whole(desk.folder / name, content)
    found = run.state == RunState.SOLVED
    return AreaResult(
        **scope.as_json(),
        state=run.state,
        failure=run.failure
        or (None if found else "No plan was found in time, but one may exist. Allow more time."),
        run=run_id,
        kept_run=run.kept_run_id,
        drawn=any(each.startswith(queries.DRAWN) for each in built.problem.needs.id),
        candidates=len(built.problem.candidates),
        needs=len(built.problem.needs),
        days_needed=int(built.problem.needs.days.sum()) / HALF_DAYS_PER_DAY,
        needs_met=len(set(plan.need.tolist())) if found else None,
        days_planned=int(plan.half_days.sum()) / HALF_DAYS_PER_DAY if found else None,
        pairings=len(plan) if found else None,
        objective=plan.objective,
        bound=plan.bound,
        gap=plan.gap,
        stopped=plan.stopped,
        solve_seconds=plan.seconds,
        files={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        versions=dict(plan.versions),
    )
