"""Runs: what is to be planned, solved outside any transaction, verified, then written whole."""

import gzip
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from solver.solve import solve
from sqlalchemy import insert

from app.access.policy import Action, Principal, authorise
from app.database import Database, ReadSession, WriteSession
from app.events import audit
from app.matching.build import Built, build
from app.matching.load import load
from app.matching.options import MatchOptions
from app.problems import NotFound
from app.progress import Progress, silent
from app.register import queries as register
from models.matching import Proposal, Run
from models.vocabulary import Availability, Ladder, NeedState, RunState
from solver.baselines import greedy
from solver.plan import Plan, Status
from solver.point_reasons import explain_points
from solver.problem import Problem, encode
from solver.travel import EstimatedTravelTimes, MatrixTravelTimes, OsrmTravelTimes, TravelTimes

LADDER = tuple(Ladder)
STATE_OF_STATUS = {
    Status.OPTIMAL: RunState.SOLVED,
    Status.FEASIBLE: RunState.SOLVED,
    Status.INFEASIBLE: RunState.INFEASIBLE,
    Status.UNKNOWN: RunState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Takers:
    """Whose needs a run plans: the scope in words, and the participants in it."""

    description: dict[str, Any]
    participant_ids: Collection[int] | None
    """None: everybody."""


def takers_in(session: ReadSession, principal: Principal, area: str, day: date) -> Takers:
    """Everybody in the place, group or network that `area` names."""
    scope = register.find_scope(session, principal, area)
    if scope.kind == register.COUNTRY:
        return Takers(scope.as_json(), None)
    return Takers(
        scope.as_json(), frozenset(register.participants_in(session, principal, scope, day))
    )


def takers_listed(session: ReadSession, principal: Principal, named: Sequence[str]) -> Takers:
    """Those named by URN or organisation key."""
    authorise(principal, Action.READ)
    known = register.participant_ids(session)
    ids = {name: known.get(register.reference_of(name)) for name in named}
    if missing := [name for name, found in ids.items() if found is None]:
        raise NotFound(
            f"of the {len(named)} listed, {len(missing)} are not known, the first {missing[0]!r}; "
            "list URNs or organisation keys"
        )
    description = {"kind": "list", "code": "", "name": f"a list of {len(ids)}"}
    return Takers(description, frozenset(found for found in ids.values() if found is not None))


def travel_times(source: str | None) -> TravelTimes:
    """The travel times of the settings: an OSRM server, a CSV matrix, or an estimate."""
    if source is None:
        return EstimatedTravelTimes()
    if source.startswith(("http://", "https://")):
        return OsrmTravelTimes(source)
    return MatrixTravelTimes.from_csv(Path(source))


def match(
    database: Database,
    principal: Principal,
    takers: Takers,
    period: str,
    options: MatchOptions,
    *,
    travel: TravelTimes,
    on_progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Plan one period for these takers and return the run's id.

    The problem is stored before it is solved, so that even a run that dies can be repeated.
    """
    authorise(principal, Action.RUN)
    as_of = options.as_of or datetime.now(UTC).date()
    on_progress("finding candidates", 0.0)
    with database.read() as session:
        built = build(load(session, takers.participant_ids, period, as_of), options, travel)
    with database.write() as session:
        run_id = submit(session, principal, takers, period, options, built, as_of)
    on_progress("solving", 0.2)
    try:
        plan = solve(
            built.problem,
            method=options.method,
            time_limit_s=options.time_limit_s,
            gap=options.gap,
            seed=options.seed,
            workers=options.workers,
            cancelled=cancelled,
        )
    except BaseException:
        with database.write() as session:
            _end(session, principal, run_id, RunState.FAILED)
        raise
    on_progress("writing the plan", 0.95)
    with database.write() as session:
        finish(session, principal, run_id, built, plan)
    return run_id


def submit(
    session: WriteSession,
    principal: Principal,
    takers: Takers,
    period: str,
    options: MatchOptions,
    built: Built,
    as_of: date,
) -> int:
    """Write a run with its exact problem file."""
    content = encode(built.problem.to_json(), gzipped=True)
    digest = hashlib.sha256(gzip.decompress(content)).hexdigest()
    run = Run(
        period_code=period,
        scope=takers.description,
        options=options.model_copy(update={"as_of": as_of}).model_dump(mode="json"),
        state=RunState.RUNNING,
        problem=content,
        problem_sha256=digest,
        refusals=refusals(built),
        summary=None,
        actor=principal.name,
        created_at=datetime.now(UTC),
    )
    session.add(run)
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="run.submitted",
        subject=f"run:{run.id}",
        digest=digest,
        needs=len(built.problem.needs),
        candidates=len(built.problem.candidates),
    )
    return run.id


def refusals(built: Built) -> dict[str, Any]:
    """Refusals by reason, in total and of each need."""
    return {
        "total": {str(reason): count for reason, count in built.refusals.total().items()},
        "by_need": {
            need.reference: {str(reason): count for reason, count in of_need.items()}
            for row, need in enumerate(built.loaded.needs)
            if (of_need := built.refusals.of_need(row))
        },
    }


def finish(
    session: WriteSession, principal: Principal, run_id: int, built: Built, plan: Plan
) -> None:
    """Write the plan and its proposals, all or nothing."""
    run = session.get_one(Run, run_id)
    run.plan = encode(plan.to_json(), gzipped=True)
    run.objective, run.bound, run.gap = plan.objective, plan.bound, plan.gap
    run.stopped = plan.stopped
    run.summary = {
        "needs": len(built.problem.needs),
        "offers": len(built.problem.offers),
        "participants": len(built.problem.participants),
        "candidates": len(built.problem.candidates),
        "greedy_objective": _greedy_objective(built.problem),
    }
    if rows := proposal_rows(run_id, built, plan):
        session.execute(insert(Proposal), rows)
    _end(session, principal, run_id, STATE_OF_STATUS[plan.status], proposals=len(rows))


def _greedy_objective(problem: Problem) -> int | None:
    """Points of the plan that taking the best pairing first would give, for comparison."""
    half_days = greedy(problem)
    if half_days is None:
        return None
    return int((problem.candidates.points * half_days).sum())


def proposal_rows(run_id: int, built: Built, plan: Plan) -> list[dict[str, Any]]:
    """A row of each pairing, with the reasons it was made for."""
    problem, found = built.problem, built.candidates
    needs = {need.reference: need for need in built.loaded.needs}
    offers = {offer.reference: offer for offer in built.loaded.offers}
    rows = []
    chosen = problem.positions(np.column_stack([plan.offer, plan.need]))
    for k, half_days in zip(chosen.tolist(), plan.half_days.tolist(), strict=True):
        need = needs[problem.needs.id[problem.candidates.need[k]]]
        offer = offers[problem.offers.id[problem.candidates.offer[k]]]
        rows.append(
            {
                "run_id": run_id,
                "need_id": need.id,
                "offer_id": offer.id,
                "half_days": half_days,
                "points": int(problem.candidates.points[k]),
                "components": [
                    {"name": reason.component, "points": reason.points, "sentence": reason.sentence}
                    for reason in explain_points(built.points, k)
                ],
                "distance_m": None if found.remote[k] else int(found.distance_m[k]),
                "ladder": LADDER[found.ladder[k]],
                "remote": bool(found.remote[k]),
                "sendable": need.state != NeedState.SUGGESTED
                and offer.availability != Availability.NOT_ANSWERED,
            }
        )
    return rows


def _end(
    session: WriteSession, principal: Principal, run_id: int, state: RunState, **detail: Any
) -> None:
    run = session.get_one(Run, run_id)
    run.state = state
    run.finished_at = datetime.now(UTC)
    audit.record(
        session,
        actor=principal.name,
        action=f"run.{state}",
        subject=f"run:{run_id}",
        digest=hashlib.sha256(run.plan).hexdigest() if run.plan else None,
        **detail,
    )
