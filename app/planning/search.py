"""The search for the plan of a run's problem, from where that of the run before it ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import structlog

from app.planning.options import MatchOptions
from app.planning.pair_constraints import Unplannable
from solver.explain.subset import chosen
from solver.formats.json_columns import encode
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.formats.tables import frozen
from solver.solve import MethodFault, Progress, load_libraries, solve

SECONDS_BETWEEN_NEWS: Final = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Searched:
    """A plan, and where its search ended: None where that has no prices."""

    plan: Plan
    state: State | None

    def state_of(self, problem: Problem, plan: Plan) -> bytes | None:
        """The state as a file, with the plan that the run ends with."""
        if self.state is None:
            return None
        at = problem.positions(np.column_stack([self.state.offer, self.state.need]))
        return encode(
            replace(self.state, half_days=chosen(problem, plan)[at]).to_json(), gzipped=True
        )


def from_what_stands(state: State, problem: Problem) -> State:
    """A state with its prices, and what stands of the problem in the place of its plan."""
    offers, needs = problem.offers.id, problem.needs.id
    stands = {(offers[o], needs[n]): half_days for o, n, half_days in problem.current.tolist()}
    half_days = [
        stands.get((state.offer_id[offer], state.need_id[need]), 0)
        for offer, need in zip(state.offer.tolist(), state.need.tolist(), strict=True)
    ]
    return replace(state, half_days=frozen(half_days, np.int64))


def search(
    options: MatchOptions,
    problem: Problem,
    on_progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    *,
    warm: State | None = None,
) -> Searched:
    """Solve a problem as the options say, and tell every second how far that is.

    Parameters
    ----------
    warm
        Where the search for a problem like this one ended; not used where `work` alone limits, so
        that the stored problem gives the same plan again.

    Raises
    ------
    Unplannable
        If the method does not apply to the problem.
    """
    if warm is not None:
        repeats = options.work is not None and options.time_limit_s is None
        warm = None if repeats else from_what_stands(warm, problem)
    load_libraries()  # A limit in seconds counts from when there is something to search with.
    told = 0.0
    states: list[State] = []

    def tell(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= SECONDS_BETWEEN_NEWS:
            told = time.monotonic()
            on_progress(progress)

    try:
        plan = solve(
            problem,
            method=options.method,
            time_limit_s=options.time_limit_s,
            work=options.work,
            gap=options.gap,
            seed=options.seed,
            workers=options.workers,
            warm=warm,
            on_progress=tell,
            on_state=states.append,
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
    has_prices = bool(states) and states[0].prices is not None
    return Searched(plan, states[0] if has_prices else None)
