"""The work of a run, apart from who writes it down: it reads rows, and tells what it found.

It runs in the terminal's own process or in a worker's child, and writes nothing itself.
"""

import gzip
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import structlog

from app.access.policy import WORKER
from app.database import Database
from app.exchange.queries import confirmed
from app.garbage import uncollected
from app.planning.alternates import alternate_rows
from app.planning.borders import with_what_stands
from app.planning.build import Built, build
from app.planning.given_plan import evaluate, validate
from app.planning.load import Loaded, PlannedNeed, PlannedOffer, load
from app.planning.options import MatchOptions
from app.planning.pair_constraints import Unplannable
from app.planning.price_curve import price_curve, prices_of
from app.planning.rows_digest import RowsDigest
from app.planning.scope import BORDER, takers_of
from app.planning.standing import Standing, standing
from app.planning.travel import travel_times
from app.planning.unchanged import Kept, basis_of, kept_plan
from app.transient import retried
from models.vocabulary import Ladder, Operation, RunState
from solver.arrays import IntArray
from solver.explain.explained_json import Explained, explained, explained_to_json
from solver.formats.json_columns import decode, encode
from solver.formats.plan import Plan, Status
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_from_json, problem_to_json
from solver.formulation.greedy import greedy
from solver.pairing.findings import figures_of
from solver.pairing.point_reasons import explain_points
from solver.pairing.travel import MatrixTravelTimes
from solver.solve import DEFAULT_TIME_LIMIT_S, MethodFault, Progress, load_libraries, solve

LADDER: Final = tuple(Ladder)
STATE_OF_STATUS: Final = {
    Status.OPTIMAL: RunState.SOLVED,
    Status.FEASIBLE: RunState.SOLVED,
    Status.INFEASIBLE: RunState.INFEASIBLE,
    Status.UNKNOWN: RunState.UNKNOWN,
}
SECONDS_BETWEEN_NEWS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What a run was asked to do, with what it needs of the database besides rows."""

    run_id: int
    operation: Operation
    period_code: str
    scope: Mapping[str, Any]
    options: MatchOptions
    travel_source: str | None
    problem: bytes | None = None
    """The problem that a given plan is checked against, as its run stored it."""
    bound: float | None = None
    """What no plan of that problem exceeds, as far as known."""
    given_plan: bytes | None = None
    now: datetime | None = None
    """When holds, pins and exclusions have to be in force; none: when the work begins."""
    request_id: str | None = None
    """Of the request that submitted the run, for the log; none from the terminal."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A step begun."""

    name: str
    fraction: float


FINDING: Final = Stage("Finding candidates", 0.0)
SOLVING: Final = Stage("Solving", 0.2)


@dataclass(frozen=True, slots=True)
class ProblemMade:
    """The exact problem file, to be stored before it is solved."""

    content: bytes
    sha256: str
    basis_sha256: str
    """Of what the next run's problem is compared by."""
    rows_sha256: str | None
    """Of the rows it was made from."""
    refused: dict[str, int]
    """Pairs that the rules refused, by reason."""
    refusals: bytes
    """The same by need, a file."""
    summary: dict[str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """A run's problem, and the digest of the rows that it was made from."""

    built: Built
    rows_sha256: str | None


@dataclass(frozen=True, slots=True)
class Searching:
    """How far the solver is."""

    seconds: float
    objective: int | None
    bound: float | None
    gap: float | None
    rounds: int
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with all the rows that go with it; `plan` is the plan file."""

    plan: bytes
    greedy_objective: int | None
    proposals: list[dict[str, Any]]
    alternates: list[dict[str, Any]]
    explained: bytes
    """What keeps the unmet needs out, a file."""
    pages: dict[str, bytes] = field(default_factory=dict)
    """What was drawn of it for people, files by name."""
    kept_run_id: int | None = None
    """The run whose plan this is, as nothing had changed since; none where it was searched."""
    stood: int = 0
    """Pairings of the last plan that could have been kept."""
    moved: int = 0
    """Those of them that were not; the objective is less by the price of each."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a given plan."""

    findings: dict[str, Any]


Message = Stage | ProblemMade | Searching | Planned | Checked
Tell = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the work came to, as it stands in memory: whoever draws it need not read files."""

    problem: Problem
    needs: Sequence[PlannedNeed]
    offers: Sequence[PlannedOffer]
    refusals: dict[str, dict[str, int]]
    """How many offers the rules refused each need, by reason."""
    plan: Plan
    explained: Explained
    proposals: list[dict[str, Any]]
    greedy_objective: int | None


Draw = Callable[[Outcome], dict[str, bytes]]
"""Makes the pages of a plan before it is told."""


def no_pages(outcome: Outcome) -> dict[str, bytes]:
    """Leave drawing to whoever looks."""
    return {}


log = structlog.get_logger()


def carry_out(
    order: Order,
    database: Database,
    tell: Tell,
    cancelled: Callable[[], bool],
    *,
    made: Made | None = None,
    draw: Draw = no_pages,
) -> None:
    """Do what the run was asked to do; the last thing told is a `Planned` or a `Checked`.

    `made` is the run's problem where somebody who plans many areas has made it already.
    """
    if order.operation is Operation.CURVE:
        tell(FINDING)
        tell(Checked(_compare_prices(order, _make(order, database, cancelled), tell, cancelled)))
        return
    if order.operation is Operation.SOLVE:
        if made is None:
            tell(FINDING)
        # No name is kept here for what the work lets go of before it ends.
        _solve(order, made or _make(order, database, cancelled), database, tell, cancelled, draw)
        return
    assert order.problem is not None
    assert order.given_plan is not None
    tell(Stage("Checking the plan", 0.1))
    problem = problem_from_json(decode(order.problem))
    plan = Plan.from_json(decode(order.given_plan))
    if order.operation is Operation.VALIDATE:
        tell(Checked(validate(problem, plan)))
    else:
        tell(Checked(evaluate(problem, plan, order.bound)))


def _make(order: Order, database: Database, cancelled: Callable[[], bool]) -> Made:
    options = order.options
    as_of = options.as_of
    assert as_of is not None

    def read() -> tuple[Loaded, Sequence[Standing]]:
        with database.read() as session:
            takers = takers_of(session, WORKER, order.scope, as_of)
            ids, period = takers.participant_ids, order.period_code
            loaded = load(session, WORKER, ids, period, as_of, now=order.now)
            if order.scope["kind"] == BORDER:
                loaded = with_what_stands(session, loaded, order.scope)
            return loaded, standing(session, order.scope, period, order.run_id, takers=ids)

    loaded, stands = retried(read, cancelled)
    digest = RowsDigest.of(loaded, order.travel_source).with_needs(loaded, options)
    return Made(build(loaded, options, travel_times(order.travel_source), stands), digest)


def _solve(
    order: Order,
    made: Made,
    database: Database,
    tell: Tell,
    cancelled: Callable[[], bool],
    draw: Draw,
) -> None:
    basis, refusals = _tell_problem(made, tell)
    built = made.built
    del made
    problem = built.problem

    def read() -> Kept | None:
        with database.read() as session:
            return kept_plan(session, order.run_id, order.options, problem, basis)

    kept = retried(read, cancelled)
    plan = kept.plan if kept else _search(order.options, problem, tell, cancelled)
    tell(Stage("Writing the plan", 0.95))
    chosen = built.problem.positions(np.column_stack([plan.offer, plan.need]))
    with uncollected():
        # First what takes much memory for a while and leaves none.
        greedy_objective = _greedy_objective(built.problem)
        outcome = Outcome(
            built.problem,
            built.loaded.needs,
            built.loaded.offers,
            refusals,
            plan,
            explained(built.problem, plan),
            proposal_rows(order.run_id, built, chosen, plan.half_days),
            greedy_objective,
        )
        planned = Planned(
            encode(plan.to_json(), gzipped=True),
            outcome.greedy_objective,
            outcome.proposals,
            alternate_rows(order.run_id, built, plan),
            encode(explained_to_json(outcome.explained), gzipped=True),
            kept_run_id=kept.run_id if kept else None,
            stood=len(problem.current),
            moved=int((~np.isin(problem.positions(problem.current), chosen)).sum()),
        )
    # Candidates and points of a country are 200 MB, and nobody looks at them any more.
    del built
    tell(replace(planned, pages=draw(outcome)))


def _tell_problem(made: Made, tell: Tell) -> tuple[str, dict[str, dict[str, int]]]:
    """Tell the problem before it is solved; its basis, and what the rules refused by need."""
    built = made.built
    sizes = {
        "needs": len(built.problem.needs),
        "offers": len(built.problem.offers),
        "participants": len(built.problem.participants),
        "candidates": len(built.problem.candidates),
    }
    log.info("run.problem_built", **sizes)
    as_json = problem_to_json(built.problem)
    content, basis = encode(as_json, gzipped=True), basis_of(as_json)
    del as_json
    refusals = _refusals_by_need(built)
    tell(
        ProblemMade(
            content,
            hashlib.sha256(gzip.decompress(content)).hexdigest(),
            basis,
            made.rows_sha256,
            {reason.name: count for reason, count in built.refusals.total().items()},
            encode(refusals, gzipped=True),
            sizes,
        )
    )
    return basis, refusals


def _compare_prices(
    order: Order, made: Made, tell: Tell, cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """What planning would come to at several prices of change, all in the time of one run."""
    _tell_problem(made, tell)
    options, prices = order.options, prices_of(order.options)
    if options.work is None or options.time_limit_s is not None:
        seconds = options.time_limit_s or DEFAULT_TIME_LIMIT_S
        options = options.model_copy(update={"time_limit_s": seconds / len(prices)})
    return price_curve(
        made.built.problem, prices, lambda problem: _search(options, problem, tell, cancelled)
    )


def _search(
    options: MatchOptions, problem: Problem, tell: Tell, cancelled: Callable[[], bool]
) -> Plan:
    """Solve a problem as the options say, and tell how far that is."""
    tell(SOLVING)
    load_libraries()  # A limit in seconds counts from when there is something to search with.
    told = 0.0

    def on_progress(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told < SECONDS_BETWEEN_NEWS:
            return
        told = time.monotonic()
        tell(Searching(**asdict(progress)))

    try:
        plan = solve(
            problem,
            method=options.method,
            time_limit_s=options.time_limit_s,
            work=options.work,
            gap=options.gap,
            seed=options.seed,
            workers=options.workers,
            on_progress=on_progress,
            cancelled=cancelled,
        )
    except MethodFault as fault:
        raise Unplannable(str(fault)) from fault
    log.info(
        "run.solver_ended",
        status=str(plan.status),
        stopped=str(plan.stopped),
        seconds=round(plan.seconds, 3),
        rounds=plan.rounds,
        given_up=plan.given_up,
    )
    return plan


def _refusals_by_need(built: Built) -> dict[str, dict[str, int]]:
    return {
        need.reference: {reason.name: count for reason, count in of_need.items()}
        for row, need in enumerate(built.loaded.needs)
        if (of_need := built.refusals.of_need(row))
    }


def _greedy_objective(problem: Problem) -> int | None:
    """Points of the plan that taking the best pairing first would give, for comparison."""
    half_days = greedy(problem)
    if half_days is None:
        return None
    candidates = problem.candidates
    return int(candidates.points @ half_days) + int(candidates.bonus[half_days > 0].sum())


def proposal_rows(
    run_id: int, built: Built, candidates: IntArray, half_days: IntArray
) -> list[dict[str, Any]]:
    """A row of each pairing, with the reasons it was made for.

    `candidates` are positions of the problem's candidates.
    """
    found, problem = built.candidates, built.problem
    need, offer, remote = found.need[candidates], found.offer[candidates], found.remote[candidates]
    # Journeys are not asked for again: the router may be gone by now.
    known = MatrixTravelTimes.of_pairs(
        built.pairs.participants.places.id,
        built.pairs.giver(offer),
        built.pairs.taker(need),
        found.minutes[candidates],
    )
    rows = []
    for each in zip(
        need.tolist(),
        offer.tolist(),
        half_days.tolist(),
        problem.candidates.points[candidates].tolist(),
        problem.candidates.bonus[candidates].tolist(),
        found.distance_m[candidates].tolist(),
        found.ladder[candidates].tolist(),
        remote.tolist(),
        explain_points(built.points, candidates),
        figures_of(replace(built.pairs, travel=known), need, offer, remote),
        strict=True,
    ):
        of_need, of_offer, days, points, once, distance_m, step, is_remote, reasons, figures = each
        wanted, offered = built.loaded.needs[of_need], built.loaded.offers[of_offer]
        rows.append(
            {
                "run_id": run_id,
                "need_id": wanted.id,
                "offer_id": offered.id,
                "half_days": days,
                "points": points,
                "points_once": once,
                "components": [
                    {
                        "name": reason.component,
                        "points": reason.points,
                        "sentence": reason.sentence,
                        "once": reason.once,
                    }
                    for reason in reasons
                ],
                "distance_m": None if is_remote else distance_m,
                "ladder": LADDER[step],
                "remote": is_remote,
                "rule_figures": figures,
                "sendable": confirmed(wanted, offered),
            }
        )
    return rows
