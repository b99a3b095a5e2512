"""The solver's front door: chooses the method, keeps the time, checks the plan."""

from __future__ import annotations

import math
import platform
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from models.vocabulary import Reciprocity
from solver.backends.limits import Limits, OnNews
from solver.check.verify import Violation, verify
from solver.formats.plan import Plan, Status, Stopped, gap_of
from solver.formats.problem import Problem
from solver.formats.tables import frozen
from solver.formulation.greedy import greedy
from solver.formulation.standing import standing, worth
from solver.methods.result import Result, at_least
from solver.parameters import DEFAULTS, SolveParameters

if TYPE_CHECKING:
    from solver.formats.state import State

METHODS: Final = ("auto", "exact", "flow", "prices", "loops")
DEFAULT_TIME_LIMIT_S: Final = 60.0


class MethodFault(ValueError):
    """The method does not exist, or does not apply to this problem."""


class BrokenPlan(RuntimeError):
    """A plan failed its own check: a fault of the solver, never of the problem."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a solve is.

    Attributes
    ----------
    seconds
        Wall time so far.
    objective, bound, gap
        Points of the incumbent, points that no plan exceeds, and the gap as a fraction; None if
        not known.
    rounds
        Rounds of prices and sweeps of large neighbourhood search so far, or news of a backend.
    seconds_left
        Until the time limit; None without one. It may end sooner.
    """

    seconds: float
    objective: int | None
    bound: float | None
    gap: float | None
    rounds: int
    seconds_left: float | None


OnProgress = Callable[[Progress], None]
OnState = Callable[["State"], None]


class Method(Protocol):
    """A way to solve a problem within limits."""

    def __call__(
        self, problem: Problem, limits: Limits, *, on_news: OnNews, cancelled: Callable[[], bool]
    ) -> Result: ...


def _silent(progress: Progress) -> None:
    pass


def _never() -> bool:
    return False


def load_libraries() -> None:
    """Import what methods need, so that a short time limit is not spent on that."""
    import solver.backends.cp_sat
    import solver.backends.highs
    import solver.methods.exact
    import solver.methods.flow
    import solver.methods.prices  # noqa: F401


def solve(
    problem: Problem,
    *,
    method: str = "auto",
    time_limit_s: float | None = None,
    work: int | None = None,
    gap: float = 0.0,
    seed: int = 0,
    workers: int = 2,
    warm: State | None = None,
    executor: Executor | None = None,
    on_progress: OnProgress = _silent,
    on_state: OnState | None = None,
    cancelled: Callable[[], bool] = _never,
    parameters: SolveParameters = DEFAULTS,
) -> Plan:
    """Find the best plan that the limits allow, and how good it is proven to be.

    Being infeasible or out of time is said by the plan's status, not raised.

    Parameters
    ----------
    method
        "auto", "exact", "flow", "prices" or "loops"; "auto" is loops where reciprocity is
        `closed_loops`, which no other method can, a flow where the problem is one, and exact
        where that proves quickly.
    time_limit_s
        Wall time of the whole call, > 0. Without it 60 s, or none where `work` limits. Where that
        is short, `load_libraries` first, which takes a second.
    work
        Deterministic limit, one that repeats, 1 to 10^9: the same problem, seed and work give the
        same plan for any number of workers, as long as no time limit cuts in.
    gap
        Fraction (bound - objective) / max(1, objective) at which to stop, >= 0.
    seed
        Of the search, 0 to 2^31 - 1.
    workers
        Processor cores to use, >= 1.
    warm
        State of a problem like this one, for a warm start of prices and plan. By default the plan
        in force (`current`), which a plan that is found never falls short of while it is possible.
        Not used by "flow".
    executor
        Solves the blocks of "prices"; by default processes of this machine.
    on_progress
        Called when there is news, in this thread.
    on_state
        Called once at the end with the state to start from another time, if there is a plan.
    cancelled
        Asked ten times a second; when true, the best plan so far is returned.
    parameters
        Every tuning value of every method.

    Returns
    -------
    The plan, verified, with its bound and why the solve stopped.

    Raises
    ------
    MethodFault
        If the method is unknown or does not apply to the problem.
    ValueError
        If a limit is out of its range.
    BrokenPlan
        If the plan found breaks a rule, and so does every plan before it: a fault of the solver.
    """
    started = time.time()
    if warm is None and len(problem.current):
        from solver.formats.state import State

        warm = State.of_current(problem)
    _check_method(problem, method)
    _check_limits(time_limit_s, work, gap, seed, workers)

    seconds = time_limit_s
    if seconds is None:
        seconds = math.inf if work is not None else DEFAULT_TIME_LIMIT_S
    rounds = 0

    def on_news(objective: int | None, bound: float) -> None:
        nonlocal rounds
        rounds += 1
        known = bound if math.isfinite(bound) else None
        reached = None if objective is None or known is None else gap_of(objective, known)
        spent = time.time() - started
        left = max(0.0, seconds - spent) if math.isfinite(seconds) else None
        on_progress(Progress(spent, objective, known, reached, rounds, left))

    checking = parameters.check_s + parameters.check_s_per_candidate * len(problem.candidates)
    deadline = started + max(seconds - checking, seconds / 2)
    limits = Limits(deadline, gap, work, seed, workers, parameters.backends)
    solved_by = _method(method, warm, executor, parameters)
    result = solved_by(problem, limits, on_news=on_news, cancelled=cancelled)
    result = at_least(problem, _with_a_plan(problem, result), standing(problem))
    plan = _plan(problem, result, seed)
    if violations := verify(problem, plan):
        result = last_good(problem, result, seed, violations)
        plan = _plan(problem, result, seed)
    if on_state is not None and result.half_days is not None:
        from solver.formats.state import State

        on_state(result.state or State.of_plan(problem, result.half_days))
    return replace(plan, seconds=round(time.time() - started, 3))


def _bound_of_needs(problem: Problem) -> int:
    """Points that no plan exceeds: every need met by the best of its candidates, whoever gives."""
    needs, candidates = problem.needs, problem.candidates
    best, once = (np.zeros(len(needs), np.int64) for _ in range(2))
    np.maximum.at(best, candidates.need, candidates.points)
    several = needs.max_givers[candidates.need] != 1
    np.add.at(once, candidates.need[several], candidates.bonus[several])
    np.maximum.at(once, candidates.need[~several], candidates.bonus[~several])
    return int(best @ needs.days) + int(once.sum())


def _plan(problem: Problem, result: Result, seed: int) -> Plan:
    if result.stopped is Stopped.INFEASIBLE:
        return Plan(
            Status.INFEASIBLE,
            Stopped.INFEASIBLE,
            conflict=result.conflict,
            seed=seed,
            rounds=result.rounds,
            versions=_versions(),
        )
    if result.half_days is None:
        bound = result.bound if math.isfinite(result.bound) else None
        return Plan(
            Status.UNKNOWN,
            result.stopped,
            bound=bound,
            seed=seed,
            rounds=result.rounds,
            versions=_versions(),
            given_up=result.given_up,
        )
    chosen = np.flatnonzero(result.half_days)
    candidates = problem.candidates
    # Time may run out before a method has proven anything at all.
    bound = result.bound if math.isfinite(result.bound) else _bound_of_needs(problem)
    chosen = chosen[np.lexsort((candidates.need[chosen], candidates.offer[chosen]))]
    return Plan(
        Status.OPTIMAL if result.stopped is Stopped.PROVED else Status.FEASIBLE,
        result.stopped,
        offer=frozen(candidates.offer[chosen], np.int64),
        need=frozen(candidates.need[chosen], np.int64),
        half_days=frozen(result.half_days[chosen], np.int64),
        objective=result.objective,
        bound=bound,
        gap=gap_of(result.objective, bound),
        seed=seed,
        rounds=result.rounds,
        versions=_versions(),
        given_up=result.given_up,
    )


def _with_a_plan(problem: Problem, result: Result) -> Result:
    """Return the greedy plan where none was found as processes died, if there is one."""
    if not result.given_up or result.half_days is not None:
        return result
    half_days = greedy(problem)
    if half_days is None or result.stopped is Stopped.INFEASIBLE:
        return result
    return replace(result, half_days=half_days, objective=worth(problem, half_days))


def last_good(
    problem: Problem, result: Result, seed: int, violations: tuple[Violation, ...]
) -> Result:
    """Return the result with the best earlier plan that holds, and warn of the one that does not.

    Raises
    ------
    BrokenPlan
        If no plan holds, not even the greedy one.
    """
    first = violations[0]
    fault = f"{len(violations)} violations, first {first.rule} at {first.where}: {first.sentence}"
    if result.half_days is None:
        raise BrokenPlan(fault)
    stopped = result.stopped
    if stopped in (Stopped.PROVED, Stopped.GAP):
        stopped = Stopped.STALLED
    for half_days in (*result.earlier, greedy(problem)):
        if half_days is None:
            continue
        earlier = replace(
            result,
            half_days=half_days,
            objective=worth(problem, half_days),
            stopped=stopped,
            state=None,
        )
        if not verify(problem, _plan(problem, earlier, seed)):
            warnings.warn(f"plan dropped for an earlier one: {fault}", RuntimeWarning, stacklevel=3)
            return earlier
    raise BrokenPlan(fault)


def _method(
    name: str, warm: State | None, executor: Executor | None, parameters: SolveParameters
) -> Method:
    """Return the method of that name, imported only now."""
    if name == "exact":
        from solver.methods.exact import solve_exact

        return partial(solve_exact, warm=warm, parameters=parameters)
    if name == "flow":
        from solver.methods.flow import solve_flow

        return partial(solve_flow, parameters=parameters)
    if name == "loops":
        from solver.methods.loops import solve_loops

        return partial(solve_loops, warm=warm, parameters=parameters)
    if name == "prices":
        return partial(by_prices, warm=warm, executor=executor, parameters=parameters)
    return partial(_solve_auto, warm=warm, executor=executor, parameters=parameters)


def by_prices(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
    executor: Executor | None = None,
    parameters: SolveParameters = DEFAULTS,
) -> Result:
    """Solve by price coordination; without an executor, by processes that start beside it."""
    from solver.blocks.workers import BlockWorkers

    with ExitStack() as stack:
        # They get ready while the import below loads compiled code.
        pool = executor or stack.enter_context(BlockWorkers(limits.workers))
        from solver.methods.assignment import is_assignment, solve_assignment

        given_up = 0
        if is_assignment(problem, parameters):
            result = solve_assignment(
                problem,
                limits,
                pool,
                on_news=on_news,
                cancelled=cancelled,
                warm=warm,
                parameters=parameters,
            )
            if result.half_days is not None:
                return result
            given_up = result.given_up
        from solver.methods.prices import solve_prices

        result = solve_prices(
            problem,
            limits,
            pool,
            on_news=on_news,
            cancelled=cancelled,
            warm=warm,
            parameters=parameters,
        )
        return replace(result, given_up=result.given_up + given_up)


def _solve_auto(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None,
    executor: Executor | None,
    parameters: SolveParameters,
) -> Result:
    """Solve by prices what is large, exactly what is small or what prices find no plan for."""
    from solver.methods.flow import why_no_flow

    method = partial(_method, warm=warm, executor=executor, parameters=parameters)
    given_up = 0
    if problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS:
        return method("loops")(problem, limits, on_news=on_news, cancelled=cancelled)
    if why_no_flow(problem) is None:
        early = limits
        if math.isfinite(limits.deadline):
            early = replace(limits, deadline=limits.part_of_time(parameters.flow_time_share))
        result = method("flow")(problem, early, on_news=on_news, cancelled=cancelled)
        if result.stopped is not Stopped.TIME and not result.given_up:
            return result
        given_up = result.given_up
    if len(problem.candidates) > parameters.exact_up_to:
        result = method("prices")(problem, limits, on_news=on_news, cancelled=cancelled)
        given_up += result.given_up
        found = result.half_days is not None or result.stopped is Stopped.INFEASIBLE
        if found or cancelled() or limits.seconds() < 1:
            return replace(result, given_up=given_up)
    result = method("exact")(problem, limits, on_news=on_news, cancelled=cancelled)
    return replace(result, given_up=result.given_up + given_up)


def _check_method(problem: Problem, method: str) -> None:
    if method not in METHODS:
        known = ", ".join(METHODS)
        raise MethodFault(f"method {method!r} is not available; choose one of {known}")
    closed = problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS
    if closed and method not in ("auto", "loops"):
        raise MethodFault(
            f"method {method!r} does not apply: rules.reciprocity is closed_loops; "
            "use loops or auto"
        )
    if method == "loops" and not closed:
        raise MethodFault(
            f"method 'loops' does not apply: rules.reciprocity is {problem.rules.reciprocity}, "
            "not closed_loops; use auto"
        )
    if method == "flow":
        from solver.methods.flow import why_no_flow

        reason = why_no_flow(problem)
        if reason is not None:
            raise MethodFault(f"method 'flow' does not apply: {reason}; use auto")


def _check_limits(
    time_limit_s: float | None, work: int | None, gap: float, seed: int, workers: int
) -> None:
    if time_limit_s is not None and not time_limit_s > 0:
        raise ValueError(f"time limit {time_limit_s}: must be above 0 seconds")
    if work is not None and not 1 <= work <= 10**9:
        raise ValueError(f"work {work}: must be from 1 to 10^9")
    if not 0 <= gap < math.inf:
        raise ValueError(f"gap {gap}: must be a fraction, 0 or more, such as 0.01")
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed {seed}: must be from 0 to 2^31 - 1")
    if not 1 <= workers <= 1024:
        raise ValueError(f"workers {workers}: must be from 1 to 1024")


def _versions() -> dict[str, str]:
    return {
        "givetake": version("givetake"),
        "ortools": version("ortools"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }
