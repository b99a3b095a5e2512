"""Runs: submitted in one transaction, worked on outside any, written whole or not at all."""

import hashlib
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, runs_seen
from app.catalogue.queries import get_period
from app.database import Database, WriteSession, database_now
from app.errors import Conflict, NotFound, Problem
from app.events import audit
from app.log import about_run
from app.planning.carry_out import Draw, Made, Message, Order, Stage, carry_out, no_pages
from app.planning.options import MatchOptions
from app.planning.scope import Takers, takers_in, takers_listed
from app.progress import Progress, silent
from app.runs import leases, queries
from app.runs.lease_keeper import kept
from app.runs.leases import Lease, LeaseLost
from app.runs.results import fail, receive, refuse
from app.transient import is_transient, retried
from models.matching import Run, RunFile
from models.vocabulary import Operation, RunState

__all__ = ["Takers", "match", "submit", "takers_in", "takers_listed"]

TERMINAL_LEASE_S: Final = 600.0
PATIENCE_S: Final = 480.0
"""How long a database may be away while the terminal plans: within its lease."""
FOUND: Final = frozenset({RunState.SOLVED, RunState.INFEASIBLE, RunState.UNKNOWN})
FAULT: Final = "Something went wrong in the service. Try again, or contact your administrator."


class Interrupted(Exception):
    """Raised in the work of a run that is to be left to whoever goes on with it."""


@dataclass(frozen=True, slots=True)
class GivenPlan:
    """A plan file to check against the problem of an earlier run."""

    of_run_id: int
    content: bytes


def submit(
    session: WriteSession,
    principal: Principal,
    takers: Takers,
    period: str,
    options: MatchOptions,
    *,
    operation: Operation = Operation.SOLVE,
    given: GivenPlan | None = None,
    batch_id: int | None = None,
) -> Run:
    """Write a run that waits for a worker, with everything that was asked for.

    Raises
    ------
    NotFound
        If there is no such period.
    Conflict
        If the period is over on the day planned from.
    """
    authorise(principal, Action.RUN)
    if given is None:
        authorise_takers(session, principal, takers)
    else:
        authorise_on(session, principal, Action.RUN, session.get_one(Run, given.of_run_id))
    as_of = day_of(options)
    get_period(session, principal, period, not_over_on=as_of)
    asked = options.model_copy(update={"as_of": as_of}).model_dump(mode="json")
    run = Run(
        operation=operation,
        period_code=period,
        scope=takers.description,
        options=asked,
        batch_id=batch_id,
        of_run_id=given.of_run_id if given else None,
        input_sha256=_input_digest(operation, period, takers.description, asked, given),
        state=RunState.QUEUED,
        attempt=0,
        last_event=0,
        cancel_requested=False,
        actor=principal.name,
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
        created_at=database_now(session),
    )
    session.add(run)
    session.flush()
    if given:
        session.add(RunFile(run_id=run.id, name="given_plan", content=given.content))
    leases.add_event(session, run, "queued")
    audit.record(
        session,
        actor=principal.name,
        action="run.submitted",
        subject=f"run:{run.id}",
        digest=run.input_sha256,
        operation=operation,
    )
    return run


def authorise_takers(session: Session, principal: Principal, takers: Takers) -> None:
    """Refuse to plan for anybody whom the principal may not start runs for."""
    if takers.participant_ids is None:
        authorise(principal, Action.RUN, everywhere=True)
    else:
        authorise_for(session, principal, Action.RUN, takers.participant_ids)


def day_of(options: MatchOptions) -> date:
    """The day that a run of these options plans from."""
    return options.as_of or datetime.now(UTC).date()


def _input_digest(
    operation: Operation,
    period: str,
    scope: dict[str, Any],
    options: dict[str, Any],
    given: GivenPlan | None,
) -> str:
    asked: dict[str, Any] = {
        "operation": operation,
        "period": period,
        "scope": scope,
        "options": options,
    }
    if given:
        asked |= {"of": given.of_run_id, "plan": hashlib.sha256(given.content).hexdigest()}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def request_cancel(session: WriteSession, principal: Principal, run_id: int) -> Run:
    """Ask that a run end without a plan; one that waits ends at once.

    Raises
    ------
    Conflict
        If it has ended already.
    """
    authorise(principal, Action.RUN)
    run = session.scalars(
        select(Run)
        .where(Run.id == run_id, runs_seen(principal))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise NotFound(f"There is no run {run_id}. Check the number.")
    authorise_on(session, principal, Action.RUN, run)
    if run.state in leases.ENDED:
        raise Conflict(f"Run {run_id} has already ended: it is {run.state}.")
    cancel(session, run, principal.name)
    return run


def cancel(session: WriteSession, run: Run, actor: str) -> None:
    """Let a locked run that has not ended end without a plan; one that waits ends at once."""
    if run.state == RunState.QUEUED:
        leases.end(session, run, RunState.CANCELLED, actor=actor)
    elif not run.cancel_requested:
        run.cancel_requested = True
        leases.add_event(session, run, "cancel_requested")


def order_of(session: Session, run: Run, travel_source: str | None) -> Order:
    """What a worker has to know to carry a run out."""
    order = Order(
        run.id,
        Operation(run.operation),
        run.period_code,
        run.scope,
        MatchOptions.model_validate(run.options),
        travel_source,
        request_id=run.request_id,
    )
    if run.of_run_id is None:
        return order
    earlier = session.get_one(Run, run.of_run_id)
    return replace(
        order,
        problem=queries.file_of(session, run.of_run_id, "problem"),
        bound=earlier.bound,
        given_plan=queries.file_of(session, run.id, "given_plan"),
    )


def match(
    database: Database,
    principal: Principal,
    takers: Takers,
    period: str,
    options: MatchOptions,
    *,
    operation: Operation = Operation.SOLVE,
    travel_source: str | None = None,
    on_progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
    now: datetime | None = None,
    draw: Draw = no_pages,
) -> int:
    """Plan one period for these takers here and now, and return the run's id.

    A run that is refused or dies stays behind and says why. When `cancelled`, the best plan so
    far is kept. `draw` is handed what came out.
    """
    authorise(principal, Action.RUN)
    name = f"{principal.name}:{socket.gethostname()}:{os.getpid()}"
    with database.write() as session:
        run = submit(session, principal, takers, period, options, operation=operation)
        held = leases.lease(session, run, name, TERMINAL_LEASE_S)
        order = replace(order_of(session, run, travel_source), now=now)
    carry_out_here(
        database,
        held,
        lambda: (order, None),
        lease_s=TERMINAL_LEASE_S,
        on_progress=on_progress,
        cancelled=cancelled,
        draw=draw,
    )
    return held.run_id


def carry_out_here(
    database: Database,
    held: Lease,
    begin: Callable[[], tuple[Order, Made | None]],
    *,
    lease_s: float,
    on_progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
    draw: Draw = no_pages,
) -> None:
    """Carry a leased run out in this very process; `begin` says what, once the lease is kept."""

    def tell(message: Message) -> None:
        if isinstance(message, Stage):
            on_progress(message.name, message.fraction)
        retried(lambda: receive(database, held, message), patience_s=PATIENCE_S)

    try:
        with about_run(held.run_id, held.request_id), kept(database, held, lease_s) as watch:
            order, made = begin()
            carry_out(
                order,
                database,
                tell,
                lambda: cancelled() or watch.cancel_requested.is_set(),
                made=made,
                draw=draw,
            )
    except LeaseLost:
        if not _ended_by(database, held):
            raise
    except Interrupted:
        with database.write() as session:
            leases.give_back(session, held)
    except Problem as problem:
        refuse(database, held, problem)
        raise
    except BaseException as fault:
        if is_transient(fault):
            with suppress(Exception), database.write() as session:
                leases.give_back(session, held)
        else:
            fail(database, held, FAULT)
        raise


def _ended_by(database: Database, held: Lease) -> bool:
    """Whether this very attempt ended the run: its word was kept, and the answer to it lost."""
    with database.read() as session:
        run = session.get_one(Run, held.run_id)
        return run.attempt == held.attempt and run.state in FOUND
