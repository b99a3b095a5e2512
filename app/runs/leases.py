"""Who works on a run: leases by the database's clock, fenced by the run's attempt.

A worker that was stopped and continued holds an attempt that is no longer the run's; whatever it
still tries to write is refused.
"""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from app.access.persons import persons_of
from app.database import WriteSession, database_now
from app.errors import Conflict
from app.events import audit
from app.log import about_run
from models.matching import Run, RunEvent
from models.vocabulary import RunState

MOST_ATTEMPTS: Final = 3
"""That ended with their worker; a run that was given back has had none."""
DOUBT_S: Final = 3.0
"""How long a lease that has expired is watched before it is taken over: after a restart of the
database, or a long write to it, its holder renews it within a second."""
GIVEN_BACK: Final = "given_back"
CHILD_DIED: Final = "child_died"
COMMAND: Final = "command:"
"""How the names of workers begin that end with a command of the terminal, whoever ends it."""
ENDED: Final = frozenset(RunState) - {RunState.QUEUED, RunState.RUNNING}

log = structlog.get_logger()


class LeaseLost(Conflict):
    """Somebody else took the run up, or it ended."""

    title = "Lease lost"


@dataclass(frozen=True, slots=True)
class Lease:
    run_id: int
    attempt: int
    worker: str
    request_id: str | None = None
    """Of the request that submitted the run."""


@dataclass(slots=True)
class Doubts:
    """Expired leases that a worker saw while the database took writes, and since when."""

    seen: dict[tuple[int, datetime | None], float] = field(default_factory=dict)

    def confirm(self, run: Run) -> bool:
        """Whether a lease has been seen expired, and not renewed, for long enough."""
        key = (run.id, run.leased_until)
        since = self.seen.setdefault(key, time.monotonic())
        return time.monotonic() - since >= DOUBT_S

    def forget(self, run: Run) -> None:
        self.seen = {key: since for key, since in self.seen.items() if key[0] != run.id}


@dataclass(slots=True)
class Turns:
    """When a worker last took up a run of each person: those who wait take turns.

    Of several workers each has its own; between them, who has fewer runs under way comes first.
    """

    last: dict[str, int] = field(default_factory=dict)
    taken: int = 0

    def take(self, person: str) -> None:
        self.taken += 1
        self.last[person] = self.taken


def _to_be_taken(now: datetime, batch_id: int | None) -> ColumnElement[bool]:
    """Queued and not to be left alone for a moment, or running with nobody to be seen."""
    over = Run.leased_until < now
    queued = and_(Run.state == RunState.QUEUED, or_(Run.leased_until.is_(None), over))
    waits = or_(queued, and_(Run.state == RunState.RUNNING, over))
    return waits if batch_id is None else and_(waits, Run.batch_id == batch_id)


def is_waiting(session: Session, batch_id: int | None = None) -> bool:
    """Whether some run (of a batch) waits; a read, so that idle workers lock nothing."""
    found = select(Run.id).where(_to_be_taken(database_now(session), batch_id)).limit(1)
    return session.scalar(found) is not None


def claim(
    session: WriteSession,
    worker: str,
    seconds: float,
    doubts: Doubts | None = None,
    turns: Turns | None = None,
    batch_id: int | None = None,
) -> Lease | None:
    """Lease a run (of a batch) that waits, or whose worker is gone; none if there is none.

    It is the oldest of the caller whose turn it is, so that many runs of one keep no other waiting.
    Those of a batch come after the caller's others.
    One that failed three workers is parked as failed, one that was to be cancelled is cancelled.
    With `doubts`, a worker is gone once its lease has been seen expired for a while.
    """
    spared: list[int] = []
    turns = turns or Turns()
    while True:
        run = _next(session, spared, turns, batch_id)
        if run is None:
            return None
        if doubts is not None and run.state == RunState.RUNNING and not doubts.confirm(run):
            spared.append(run.id)
            continue
        if doubts is not None:
            doubts.forget(run)
        if run.state == RunState.RUNNING and (run.worker or "").startswith(COMMAND):
            # Whoever ended the command said nothing against what it was at.
            add_event(session, run, GIVEN_BACK)
        if not run.cancel_requested and _ended_workers(session, run) < MOST_ATTEMPTS:
            turns.take(persons_of(session, [run.actor])[run.actor])
            return lease(session, run, worker, seconds)
        with about_run(run.id, run.request_id):
            _end_untaken(session, run, worker)


def _next(
    session: WriteSession, spared: Collection[int], turns: Turns, batch_id: int | None
) -> Run | None:
    """The oldest run, locked, of whoever's turn it is: of fewest under way, then longest ago."""
    now = database_now(session)
    waiting = (_to_be_taken(now, batch_id), Run.id.not_in(spared))
    first = select(Run.actor, func.min(Run.id)).where(*waiting).group_by(Run.actor)
    found = {actor: run_id for actor, run_id in session.execute(first)}
    busy = session.scalars(
        select(Run.actor).where(Run.state == RunState.RUNNING, Run.leased_until >= now)
    ).all()
    persons = persons_of(session, {*found, *busy})
    under_way = Counter(persons[actor] for actor in busy)
    oldest: dict[str, int] = {}
    for actor, run_id in found.items():
        oldest[persons[actor]] = min(run_id, oldest.get(persons[actor], run_id))
    for person in sorted(
        oldest, key=lambda each: (under_way[each], turns.last.get(each, 0), oldest[each])
    ):
        names = [actor for actor in found if persons[actor] == person]
        run = session.scalars(
            select(Run)
            .where(*waiting, Run.actor.in_(names))
            .order_by(Run.batch_id.is_not(None), Run.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if run is not None:
            return run
    return None


def _ended_workers(session: WriteSession, run: Run) -> int:
    """Attempts that ended with their worker: all but those that gave the run back."""
    if run.attempt < MOST_ATTEMPTS:
        return run.attempt
    given_back = select(func.count()).where(RunEvent.run_id == run.id, RunEvent.kind == GIVEN_BACK)
    return run.attempt - (session.scalar(given_back) or 0)


def _end_untaken(session: WriteSession, run: Run, worker: str) -> None:
    if run.cancel_requested:
        end(session, run, RunState.CANCELLED, actor=worker)
        return
    run.failure = (
        f"{MOST_ATTEMPTS} workers stopped while they carried out this run. It may be too "
        "large for the machine. Plan a smaller area."
    )
    end(session, run, RunState.FAILED, actor=worker)


def lease(session: WriteSession, run: Run, worker: str, seconds: float) -> Lease:
    """Give a run, locked or new, to a worker."""
    run.state = RunState.RUNNING
    run.attempt += 1
    run.worker = worker
    run.leased_until = database_now(session) + timedelta(seconds=seconds)
    run.stage = None
    add_event(session, run, "started", attempt=run.attempt)
    return Lease(run.id, run.attempt, worker, run.request_id)


def renew(session: WriteSession, held: Lease, seconds: float) -> bool:
    """Hold the run longer; returns whether somebody asked to cancel it.

    Raises
    ------
    LeaseLost
        If it is no longer ours to renew.
    """
    cancel = session.execute(
        update(Run)
        .where(_is_ours(held))
        .values(leased_until=database_now(session) + timedelta(seconds=seconds))
        .returning(Run.cancel_requested)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if cancel is None:
        raise _lost(held)
    return cancel


def give_back(
    session: WriteSession, held: Lease, *, counted: bool = False, pause_s: float = 0.0
) -> None:
    """Queue the run again, for whoever is free after a pause.

    The attempt counts only where the run may have been the reason, as when its process was killed.
    """
    run = fenced(session, held)
    if run.cancel_requested:
        end(session, run, RunState.CANCELLED, actor=held.worker)
        return
    run.state = RunState.QUEUED
    run.stage = None
    run.leased_until = database_now(session) + timedelta(seconds=pause_s) if pause_s else None
    add_event(session, run, CHILD_DIED if counted else GIVEN_BACK)


def fenced(session: WriteSession, held: Lease) -> Run:
    """The run, locked, as long as it is still ours.

    Raises
    ------
    LeaseLost
        If it is not.
    """
    run = session.scalars(
        select(Run)
        .where(_is_ours(held))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise _lost(held)
    return run


def _is_ours(held: Lease) -> Any:
    return and_(Run.id == held.run_id, Run.attempt == held.attempt, Run.state == RunState.RUNNING)


def _lost(held: Lease) -> LeaseLost:
    return LeaseLost(
        f"Attempt {held.attempt} of run {held.run_id} by {held.worker} has ended. Nothing was "
        "written."
    )


def add_event(session: WriteSession, run: Run, kind: str, **data: Any) -> None:
    """Append to what followers of the run see; the run is locked by this transaction."""
    run.last_event += 1
    session.add(
        RunEvent(
            run_id=run.id, sequence=run.last_event, at=database_now(session), kind=kind, data=data
        )
    )
    session.flush()


def end(
    session: WriteSession,
    run: Run,
    state: RunState,
    *,
    actor: str,
    digest: str | None = None,
    pairings: int | None = None,
    **detail: Any,
) -> None:
    """Bring a locked run to its last state: its last event, one in the audit, one in the log."""
    run.state = state
    run.finished_at = database_now(session)
    run.leased_until = None
    said = {"failure": run.failure} if run.failure else {}
    add_event(session, run, str(state), **said, **detail)
    audit.record(
        session,
        actor=actor,
        action=f"run.{state}",
        subject=f"run:{run.id}",
        digest=digest,
        **detail,
    )
    session.once_committed(partial(log.info, "run.ended", **_outcome(session, run, pairings)))


def _outcome(session: WriteSession, run: Run, pairings: int | None) -> dict[str, Any]:
    """How a run ended, in figures and codes: what its log line says, whatever it came to."""
    started = session.scalar(
        select(func.max(RunEvent.at)).where(RunEvent.run_id == run.id, RunEvent.kind == "started")
    )
    assert run.finished_at is not None
    sizes = {"pairings": pairings} | (run.summary or {})
    return {
        "run_id": run.id,
        # Not that of a request which cancels it.
        "request_id": run.request_id,
        "state": str(run.state),
        "stopped": run.stopped,
        "objective": run.objective,
        "bound": run.bound,
        "gap": run.gap,
        # Of the last attempt; none where nobody had begun.
        "seconds": started and round((run.finished_at - started).total_seconds(), 3),
        **{name: sizes.get(name) for name in ("needs", "offers", "candidates", "pairings")},
        "attempt": run.attempt,
        "worker": run.worker,
    }
