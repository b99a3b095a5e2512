"""Batches: asked for in one transaction, and brought to their end step by step.

Each step (`advance`) is one transaction that any process may do, any number of times: look which
areas have to be planned and queue their runs, plan again what ended too far from proven, and note
the end. What becomes of a process in between changes nothing.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.holders import hold
from app.access.persons import same_person
from app.access.policy import WORKER, Action, Principal, authorise
from app.batches import queries
from app.batches.queries import AreaRun, Areas
from app.catalogue.queries import get_period
from app.database import Database, ReadSession, WriteSession, database_now
from app.errors import Conflict, Problem
from app.events import audit
from app.planning import borders
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.rows_digest import RowsDigest
from app.planning.scope import BORDER, Takers, takers_of
from app.planning.unchanged import is_wide, unchanged_run
from app.runs import leases
from app.runs import service as runs
from app.runs.caps import RAISE, require_within
from app.settings import Settings
from app.wording import counted, number
from models.batches import Batch, BatchArea
from models.matching import Run
from models.vocabulary import BatchState, RunState

LOOKING: Final = timedelta(minutes=2)
"""How long a process may look which areas have to be planned, before another does."""
NEEDS_PER_SECOND: Final = 200
MOST_SECONDS: Final = 240.0
OF_ONE_RUN: Final = ("pins", "exclusions", "free")

log = structlog.get_logger()


class OptionOfOneRun(Problem):
    """An option that names needs, which are of one area."""

    status = 422
    title = "Option of a single run"


class TooManyBatches(Problem):
    """A person whose batches fill the workers for a day."""

    status = 429
    title = "Too many batches"


def require_room(
    session: WriteSession, principal: Principal, options: MatchOptions, settings: Settings
) -> None:
    """Raise `BeyondLimit` or `TooManyBatches` where one more batch of a person is too much."""
    authorise(principal, Action.RUN)
    require_within(options, settings)
    names = same_person(session, principal.name)
    hold(session, names)
    mine = select(func.count()).where(Batch.actor.in_(names), Batch.state == BatchState.RUNNING)
    if (running := session.scalar(mine) or 0) >= settings.running_batches:
        raise TooManyBatches(
            f"You have {counted(running, 'running batch', 'running batches')}, and the limit is "
            f"{number(settings.running_batches)}. Wait until one has ended, cancel one, or "
            f"{RAISE} GIVETAKE_RUNNING_BATCHES."
        )


def require_of_many(options: MatchOptions) -> None:
    """Raise `OptionOfOneRun` where an option names needs."""
    for name in OF_ONE_RUN:
        if getattr(options, name):
            raise OptionOfOneRun(f"A batch must not have {name}. Use it in a run of one area.")


def create_batch(
    session: WriteSession, principal: Principal, areas: Areas, period: str, options: MatchOptions
) -> Batch:
    """Write a batch whose areas wait to be planned.

    Raises
    ------
    OptionOfOneRun
        If an option names needs.
    Forbidden
        If the principal may not start runs for one of the areas.
    Conflict
        If the period is over on the day planned from.
    """
    authorise(principal, Action.RUN)
    require_of_many(options)
    options = options.model_copy(update={"as_of": runs.day_of(options)})
    assert options.as_of is not None
    get_period(session, principal, period, not_over_on=options.as_of)
    for scope in areas.scopes:
        takers = takers_of(session, principal, scope.as_json(), options.as_of)
        runs.authorise_takers(session, principal, takers)
    batch = Batch(
        period_code=period,
        named=areas.named,
        options=options.model_dump(mode="json"),
        input_sha256=_input_digest(areas, period, options),
        state=BatchState.RUNNING,
        needs_in_no_area=areas.needs_in_no_area,
        actor=principal.name,
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
        created_at=database_now(session),
    )
    session.add(batch)
    session.flush()
    session.add_all(
        BatchArea(batch_id=batch.id, position=position, scope=scope.as_json())
        for position, scope in enumerate(areas.scopes)
    )
    session.flush()
    _record(session, batch, principal.name, "submitted", areas=len(areas.scopes))
    return batch


def continued_batch(
    session: WriteSession, principal: Principal, areas: Areas, period: str, options: MatchOptions
) -> Batch | None:
    """The principal's last batch of just this, if it has not come to its end; it goes on."""
    authorise(principal, Action.RUN)
    same = (
        Batch.actor == principal.name,
        Batch.input_sha256 == _input_digest(areas, period, options),
    )
    query = select(Batch).where(*same).order_by(Batch.id.desc()).limit(1)
    batch = session.scalar(query.with_for_update())
    if batch is None or batch.state == BatchState.FINISHED:
        return None
    if batch.state == BatchState.CANCELLED:
        batch.state, batch.finished_at = BatchState.RUNNING, None
        for each in queries.areas_of(session, batch.id):
            if each.cancelled:
                each.area.run_id = each.area.needs = None
        session.flush()
        _record(session, batch, principal.name, "continued")
    return batch


def _input_digest(areas: Areas, period: str, options: MatchOptions) -> str:
    # Of areas that a word means, the word: more of them may have needs next time.
    listed = [scope.exact for scope in areas.scopes] if areas.named == queries.LIST else []
    asked = [areas.named, listed, period, options.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def cancel_batch(session: WriteSession, principal: Principal, batch_id: int) -> Batch:
    """End a batch with those of its runs that have not ended; what is planned stays.

    Raises
    ------
    Conflict
        If it has ended already.
    """
    authorise(principal, Action.RUN)
    batch = queries.get_batch(session, principal, batch_id, Action.RUN)
    if batch.state != BatchState.RUNNING:
        raise Conflict(f"Batch {batch_id} has already ended: it is {batch.state}.")
    under_way = select(Run).where(Run.batch_id == batch_id, Run.state.not_in(leases.ENDED))
    for run in session.scalars(under_way.order_by(Run.id).with_for_update()):
        runs.cancel(session, run, principal.name)
    _end(session, batch, BatchState.CANCELLED, principal.name)
    return batch


def advance(database: Database, batch_id: int, travel_source: str | None) -> bool:
    """Do the next step of a batch, if there is one to do; whether the batch has ended."""
    with database.read() as session:
        batch = session.get_one(Batch, batch_id)
        if batch.state != BatchState.RUNNING:
            return True
        areas = queries.areas_of(session, batch_id)
    if any(each.waits for each in areas):
        _plan_waiting(database, batch_id, travel_source)
        return False
    return all(each.has_ended for each in areas) and _conclude(database, batch_id)


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to do in an area that waited."""

    takers: Takers
    needs: int
    kept_run_id: int | None


def _plan_waiting(database: Database, batch_id: int, travel_source: str | None) -> None:
    """Queue a run for each area that waits and has to be planned."""
    with database.write() as session:
        batch = _running(session, batch_id)
        now = database_now(session)
        if batch is None or (batch.leased_until or now) > now:  # Some other process looks.
            return
        batch.leased_until = now + LOOKING
        period, options = batch.period_code, MatchOptions.model_validate(batch.options)
    with database.read() as session:
        waiting = [each.area for each in queries.areas_of(session, batch_id) if each.waits]
        found = _look(session, waiting, period, options, travel_source)
    with database.write() as session:
        batch = _running(session, batch_id)
        if batch is None:
            return
        batch.leased_until = None
        for each in queries.areas_of(session, batch_id):
            if each.waits and (what := found.get(each.area.position)):
                each.area.needs, each.area.run_id = what.needs, what.kept_run_id
                each.area.kept = what.kept_run_id is not None
                if what.needs and not each.area.kept:
                    each.area.run_id = _submit(session, batch, what.takers, what.needs).id


def _look(
    session: ReadSession,
    areas: Iterable[BatchArea],
    period: str,
    options: MatchOptions,
    travel_source: str | None,
) -> dict[int, _Found]:
    """What there is to do in each of these areas, by position; rows of all are read once."""
    assert options.as_of is not None
    loaded = load(session, WORKER, None, period, options.as_of)
    digest, found = RowsDigest.of(loaded, travel_source), {}
    needs_of = defaultdict(list)
    for need in loaded.needs:
        needs_of[need.participant_id].append(need)
    for area in areas:
        takers = takers_of(session, WORKER, area.scope, options.as_of)
        ids = needs_of if takers.participant_ids is None else takers.participant_ids
        needs = sorted((need for who in ids for need in needs_of.get(who, ())), key=lambda n: n.id)
        before = None
        if needs:
            rows = digest.with_needs(replace(loaded, needs=needs), options)
            asked = _with_time_limit(options, len(needs))
            before = unchanged_run(session, area.scope, period, asked, rows)
        found[area.position] = _Found(takers, len(needs), None if before is None else before.id)
    return found


def _submit(session: WriteSession, batch: Batch, takers: Takers, needs: int) -> Run:
    # Whoever asked for the batch had the right to all of it then.
    principal = Principal(batch.actor, WORKER.grants)
    options = _with_time_limit(MatchOptions.model_validate(batch.options), needs)
    if takers.description["kind"] == BORDER:  # which runs alone
        workers = max(options.workers, MatchOptions().workers)
        options = options.model_copy(update={"workers": workers})
    return runs.submit(session, principal, takers, batch.period_code, options, batch_id=batch.id)


def _with_time_limit(options: MatchOptions, needs: int) -> MatchOptions:
    """Give each area time by its size, unless it was said how long to look."""
    if options.time_limit_s is not None or options.work is not None:
        return options
    seconds = min(max(1.0, needs / NEEDS_PER_SECOND), MOST_SECONDS)
    return options.model_copy(update={"time_limit_s": seconds})


def _conclude(database: Database, batch_id: int) -> bool:
    """Plan again what is too far from proven, then what is promised twice, or else end the batch.

    Returns whether it has ended.
    """
    with database.read() as session:
        areas = queries.areas_of(session, batch_id)
        wide = any(_is_to_be_planned_again(each) for each in areas)
        settle = [] if wide else _across_borders(session, session.get_one(Batch, batch_id), areas)
    with database.write() as session:
        batch = _running(session, batch_id)
        if batch is None:
            return True
        areas = queries.areas_of(session, batch_id)
        if not all(each.has_ended for each in areas):
            return False
        for each in areas:
            if _is_to_be_planned_again(each):
                takers = Takers(each.area.scope, None)
                each.area.run_id = _submit(session, batch, takers, each.area.needs or 0).id
                each.area.planned_again = True
        if wide:
            return False
        if settle and not any(each.is_across_borders for each in areas):
            _add_border_run(session, batch, len(areas), settle)
            return False
        _end(session, batch, BatchState.FINISHED, WORKER.name)
        return True


def _across_borders(session: ReadSession, batch: Batch, areas: Sequence[AreaRun]) -> list[str]:
    """Needs that a pass across borders is to plan, by reference; none where it is done.

    With what is promised twice come those that no area met: there may be room for them then.
    """
    options = MatchOptions.model_validate(batch.options)
    if any(each.is_across_borders for each in areas) or len(areas) < 2:
        return []
    assert options.as_of is not None
    loaded = load(session, WORKER, None, batch.period_code, options.as_of)
    promised = borders.proposed_in(session, batch.id, batch.period_code)
    outside = borders.proposed_outside(session, batch.id, batch.period_code, promised)
    found = borders.to_settle(loaded, options, promised, outside)
    if not found:
        return []
    met = {each.need_id for each in promised}
    takers: set[int] = set()
    for each in areas:
        ids = takers_of(session, WORKER, each.area.scope, options.as_of).participant_ids
        takers |= set(ids or ())
    return [
        need.reference
        for need in loaded.needs
        if need.id in found or (need.id not in met and need.participant_id in takers)
    ]


def _add_border_run(
    session: WriteSession, batch: Batch, position: int, needs: Sequence[str]
) -> None:
    scope = {
        "kind": BORDER,
        "code": str(batch.id),
        "name": f"Across the borders of batch {batch.id}",
        "needs": list(needs),
    }
    run = _submit(session, batch, Takers(scope, None), len(needs))
    added = {"needs": len(needs), "run_id": run.id}
    session.add(BatchArea(batch_id=batch.id, position=position, scope=scope, **added))
    session.flush()


def _is_to_be_planned_again(each: AreaRun) -> bool:
    if each.run is None or each.area.kept or each.area.planned_again:
        return False
    return each.run.state == RunState.UNKNOWN or (
        each.run.state == RunState.SOLVED and is_wide(each.run)
    )


def _running(session: WriteSession, batch_id: int) -> Batch | None:
    """A batch, locked, as long as it has not ended."""
    batch = session.get_one(Batch, batch_id, with_for_update=True)
    return batch if batch.state == BatchState.RUNNING else None


def _end(session: WriteSession, batch: Batch, state: BatchState, actor: str) -> None:
    batch.state, batch.finished_at, batch.leased_until = state, database_now(session), None
    session.flush()
    _record(session, batch, actor, state)


def _record(session: WriteSession, batch: Batch, actor: str, what: str, **detail: Any) -> None:
    audit.record(
        session, actor=actor, action=f"batch.{what}", subject=f"batch:{batch.id}", **detail
    )


def running_batches(session: Session) -> Sequence[int]:
    """Batches that have not ended, the oldest first."""
    running = Batch.state == BatchState.RUNNING
    return session.scalars(select(Batch.id).where(running).order_by(Batch.id)).all()


def advance_all(database: Database, travel_source: str | None) -> None:
    """Do the next step of every batch; one that fails keeps no other waiting."""
    with database.read() as session:
        batches = running_batches(session)
    for batch_id in batches:
        try:
            advance(database, batch_id, travel_source)
        except Exception as error:
            log.error(
                "batch.step_failed", batch=batch_id, error=type(error).__name__, exc_info=error
            )
