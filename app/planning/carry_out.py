"""The work of a run, apart from who writes it down: it reads rows, and tells what it found.

It runs in the terminal's own process or in a worker's child, and writes nothing itself.
"""

import gzip
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import structlog

from app.access.policy import WORKER
from app.database import Database
from app.garbage import uncollected
from app.planning.alternates import alternate_rows
from app.planning.borders import beside_other_areas, with_what_stands
from app.planning.build import Built, build
from app.planning.fewer_moves import divided, fewer_moves
from app.planning.given_plan import evaluate, validate
from app.planning.load import Loaded, PlannedNeed, PlannedOffer, load
from app.planning.options import MatchOptions
from app.planning.price_curve import price_curve, prices_of
from app.planning.proposal_rows import proposal_rows
from app.planning.rows_digest import RowsDigest
from app.planning.scope import BORDER, takers_of
from app.planning.search import Searched, search
from app.planning.standing import Standing, standing
from app.planning.travel import travel_times
from app.planning.unchanged import Kept, basis_of, kept_plan, last_state
from app.transient import retried
from models.vocabulary import Operation, RunState
from solver.explain.explained_json import Explained, explained, explained_to_json
from solver.formats.json_columns import decode, encode
from solver.formats.plan import Plan, Status
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_from_json, problem_to_json
from solver.formats.state import State
from solver.formulation.greedy import greedy
from solver.solve import DEFAULT_TIME_LIMIT_S

STATE_OF_STATUS: Final = {
    Status.OPTIMAL: RunState.SOLVED,
    Status.FEASIBLE: RunState.SOLVED,
    Status.INFEASIBLE: RunState.INFEASIBLE,
    Status.UNKNOWN: RunState.UNKNOWN,
}


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
    state: bytes | None = None
    """Where the search ended, a file; none without prices."""


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

    def read() -> tuple[Loaded, Loaded, Sequence[Standing]]:
        with database.read() as session:
            takers = takers_of(session, WORKER, order.scope, as_of)
            ids, period = takers.participant_ids, order.period_code
            loaded = load(session, WORKER, ids, period, as_of, now=order.now)
            if order.scope["kind"] == BORDER:
                loaded = left = with_what_stands(session, loaded, order.scope)
            else:
                left = beside_other_areas(session, loaded, options, ids, order.run_id)
            return loaded, left, standing(session, order.scope, period, order.run_id, takers=ids)

    loaded, left, stands = retried(read, cancelled)
    digest = RowsDigest.of(loaded, order.travel_source).with_needs(loaded, options)
    return Made(build(left, options, travel_times(order.travel_source), stands), digest)


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

    def read() -> tuple[Kept | None, State | None]:
        with database.read() as session:
            kept = kept_plan(session, order.run_id, order.options, problem, basis)
            return kept, None if kept else last_state(session, order.run_id)

    kept, warm = retried(read, cancelled)
    # No other run has the takers of a pass across borders.
    is_planned_again = order.scope["kind"] != BORDER
    found: Searched | None = None
    if kept:
        plan = kept.plan
    else:
        searching, after = divided(order.options, problem)
        found = _search(searching, problem, tell, cancelled, warm)
        plan = fewer_moves(problem, found.plan, after, cancelled)
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
            state=found.state_of(problem, plan) if found and is_planned_again else None,
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
        made.built.problem, prices, lambda problem: _search(options, problem, tell, cancelled).plan
    )


def _search(
    options: MatchOptions,
    problem: Problem,
    tell: Tell,
    cancelled: Callable[[], bool],
    warm: State | None = None,
) -> Searched:
    tell(SOLVING)
    return search(
        options, problem, lambda news: tell(Searching(**asdict(news))), cancelled, warm=warm
    )


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
