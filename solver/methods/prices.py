"""Price coordination from end to end: a Lagrangian bound, and plans by restricted problems.

Rounds of prices first, then priced blocks, then large neighbourhood search in fixed blocks, last a
program of all that reduced costs have not fixed out. An incumbent stands beside the prices from the
first rounds on. Where it falls short of the bound is known by participant, its regret, so that
blocks are solved where regret is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np

from solver.arrays import FloatArray, IntArray, SmallArray
from solver.backends.highs import best_continuous
from solver.backends.limits import Limits, OnNews
from solver.blocks.column_choice import ColumnChoice
from solver.blocks.neighbourhoods import grown
from solver.blocks.pacing import FurtherRounds, Neighbourhoods, block_seconds
from solver.blocks.restricted import Job, RestrictedProblem
from solver.blocks.waves import Waves
from solver.blocks.workers import NOTHING_FOUND, answers, solve_block
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.methods.incumbent import Incumbent, Stop, check_limits
from solver.methods.result import Result
from solver.parameters import DEFAULTS, SolveParameters
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch
from solver.prices.repair import Repair
from solver.prices.warm import warm_start


def solve_prices(
    problem: Problem,
    limits: Limits,
    executor: Executor,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
    parameters: SolveParameters = DEFAULTS,
) -> Result:
    """Solve by price coordination.

    Parameters
    ----------
    executor
        Solves the blocks.
    warm
        Of a problem like this one. Its plan, repaired, is the first incumbent.
    """
    run = PriceCoordination(problem, limits, executor, on_news, cancelled, warm, parameters)
    with closing(run.search):
        try:
            run.rounds()
            if not run.warm:
                run.priced_blocks()
            run.large_neighbourhood_search()
            run.close()
            run.incumbent.check()
        except Stop as stop:
            return run.incumbent.result(stop.why)
        late = limits.seconds() < parameters.pacing.late_s
        return run.incumbent.result(Stopped.TIME if late else Stopped.STALLED)


class PriceCoordination:
    """One solve by price coordination, stage by stage.

    Attributes
    ----------
    search
        The prices, with the lowest bound so far.
    incumbent
        The best plan so far.
    warm
        Whether prices start from a state's.
    """

    def __init__(
        self,
        problem: Problem,
        limits: Limits,
        pool: Executor,
        on_news: OnNews,
        cancelled: Callable[[], bool],
        warm: State | None = None,
        parameters: SolveParameters = DEFAULTS,
    ) -> None:
        self._problem, self._limits, self._pool = problem, limits, pool
        self._parameters, prices = parameters, parameters.prices
        self._started = time.time()
        self._random = np.random.default_rng(limits.seed)
        self._decomposition = decompose(problem, prices)
        start = None
        if warm is not None:
            start = warm_start(warm, problem, self._decomposition, parameters)
        dual_point = None if start is None else start.dual_point
        self.warm = dual_point is not None
        check = partial(check_limits, limits, cancelled)
        self.search = PriceSearch(self._decomposition, limits.workers, dual_point, prices, check)
        self._repair = Repair(problem, self._decomposition, parameters.repair)
        self._base: IntArray | SmallArray | None = None
        self._open_days = bool((self._decomposition.low < self._decomposition.high).any())
        self._few = len(problem.participants) <= prices.few_participants
        self._last_step = prices.last_step_few if self._few else prices.last_step
        self.incumbent = Incumbent(
            problem, self._decomposition, self.search, limits, on_news, cancelled, parameters
        )
        self._columns = ColumnChoice(problem, self.search, limits, parameters)
        self._further = FurtherRounds(self.search, self._last_step, parameters.pacing)
        self._neighbourhoods = Neighbourhoods(
            (self._grown, self._cut), limits, self._started, parameters.pacing
        )
        self._fresh = np.zeros(len(self._decomposition), np.bool_)
        if start is not None:
            if self.warm:
                self._fresh = ~start.known
            self.search.column_frequency[:] = start.frequency
            wanted = self._repair.within_limits(start.half_days)
            self.incumbent.update(self._repair.plan(wanted, self.search.column_frequency))
        if self.incumbent.half_days is None:
            self.incumbent.update(self._repair.plan())

    def rounds(self) -> None:
        """Do the rounds of prices that come before blocks."""
        self._rounds()
        if self.warm and self.incumbent.gap() > self._parameters.warm.far_gap:
            self.warm, self._fresh[:] = False, False
            self.search.begin_anew()
            self._rounds()

    def _rounds(self) -> None:
        done, share, plans = 0, 0.0, 0
        before, since = 0, self._started
        tuning = self._parameters.warm
        first = tuning.first_step if self.warm else self.search.first_step
        self.search.quicken(self._fresh, tuning.fresh_speed)
        while share < 1:
            self.search.round(first * (self._last_step / first) ** share)
            done += 1
            share = self._share(done)
            if len(self.search.impossible):
                self.incumbent.conflict = True
                raise Stop(Stopped.INFEASIBLE)
            if int(self._parameters.rounds.plans * share) > plans:
                plans = int(self._parameters.rounds.plans * share)
                self._further.learn(before - self.search.bound(), time.time() - since)
                before, since = self.search.bound(), time.time()
                if not self.warm or self.incumbent.half_days is None:
                    self._take(self._repaired(self._agreed()))
            self.incumbent.report()
        self.search.quicken(self._fresh, 1 / tuning.fresh_speed)

    def _share(self, done: int) -> float:
        """Return how far the rounds are, 1 at their end: by number, or by time if that is up."""
        tuning, warm = self._parameters.rounds, self._parameters.warm
        if self._limits.work is not None:
            most = warm.rounds if self.warm else tuning.most_whole
            return done / min(most, tuning.per_work * self._limits.work)
        if self.warm:
            return done / warm.rounds
        now, deadline = time.time(), self._limits.deadline
        spent = (now - self._started) / (tuning.time_share * (deadline - self._started))
        most = tuning.most_few if self._few else tuning.most_whole
        most = tuning.most_ranged if self.search.ranged else most
        return max(done / most, min(spent, done / tuning.least), spent - 1)

    def priced_blocks(self) -> None:
        """Solve all participants once, in waves of blocks that see later ones by prices alone."""
        assert self.search.best is not None
        tuning = self._parameters.blocks
        if self._limits.work is None and tuning.tight_gap < self.incumbent.gap() < math.inf:
            self._closed_blocks()
            return
        restricted = self._columns.restricted(open_days=False)
        if not len(restricted.giver):
            return
        size = len(self._problem.participants) // tuning.priced_blocks
        size = min(max(size, tuning.priced_least), tuning.priced_most)
        if self._limits.work is not None:
            size = tuning.priced_by_work
        label = restricted.cut(size, self._random.uniform(0, math.pi))
        waves = Waves(restricted, label, self.search.best, tuning.waves)
        for blocks in waves.blocks:
            jobs = waves.jobs(blocks)
            seconds = self._seconds(int(label.max()) + 1, 1)
            for at, found, _ in self._solved(jobs, seconds):
                if found is not None:
                    waves.settle(int(blocks[at]), jobs[at], found)
        agreed = waves.agreed()
        self._base = self._repaired_base(agreed)
        self._take(self._repaired(agreed))
        self.incumbent.report()

    def _closed_blocks(self) -> None:
        """Solve all once in large blocks, nothing across borders, as little outlasts repair."""
        tuning = self._parameters.blocks
        self._columns.threshold = tuning.tight_frequency
        restricted = self._columns.restricted()
        ranged = self.search.ranged
        size = tuning.tight_participants_ranged if ranged else tuning.tight_participants
        label = restricted.cut(size, self._random.uniform(0, math.pi))
        jobs = restricted.fixed_blocks(label, np.ones(len(label)))
        self._improve(restricted, [replace(job, start=None) for job in jobs], sweeps=1)

    def large_neighbourhood_search(self) -> None:
        """Solve blocks with all else fixed, sweep after sweep, where regret is."""
        if self._base is None:
            self._base = self.incumbent.half_days
        if self._base is None:
            self._base = self._repaired_base(self._agreed())
        tuning, idle, sweep = self._parameters.pacing, 0, 0
        if self._few and self._limits.work is None:
            self._widen(self._columns.restricted(self._base))
        while idle < tuning.idle_sweeps:
            if self._limits.work is not None:
                if sweep >= self._limits.work:
                    raise Stop(Stopped.WORK)
                for _ in range(self._parameters.rounds.per_work):
                    self._further.round()
            started, before = time.time(), self.incumbent.objective
            used = self._neighbourhoods.next()
            restricted = self._columns.restricted(self._base)
            people = int(used.people * self._random.uniform(tuning.least_size_share, 1.0))
            label = used.label(restricted, people)
            jobs = restricted.fixed_blocks(label, self._regret())
            hard = self._improve(restricted, jobs, tuning.sweeps_ahead)
            gained, missing = self.incumbent.objective - before, self.incumbent.bound() - before
            now = time.time()
            self._neighbourhoods.learn(
                used,
                hard=hard,
                gained=gained,
                missing=missing - gained,
                took=now - started,
                now=now,
            )
            self._base = self.incumbent.half_days
            if self._base is None:
                self._base = restricted.half_days()
            self._columns.lower()
            sweep += 1
            idle = 0 if gained else idle + 1
            if self._neighbourhoods.slow:
                if not self._widen(restricted) and idle:
                    return
                self._neighbourhoods.widened()

    def _widen(self, restricted: RestrictedProblem) -> bool:
        feasible = self.incumbent.half_days is not None
        columns, objective = len(restricted.giver), self.incumbent.objective
        return self._columns.widen(columns, objective, feasible=feasible)

    def close(self) -> None:
        """Solve all that might still be better in one program, if it is small enough.

        The rest is fixed out by reduced cost.
        """
        plan, kept = self.incumbent.half_days, np.ones(len(self._decomposition), np.bool_)
        if plan is not None:
            total, reduced_cost = self._columns.reduced_costs(self.incumbent.objective)
            kept = self.search.promising(total, reduced_cost, self.incumbent.objective)
        if not 0 < kept.sum() <= self._parameters.restricted.close_at_end:
            return
        restricted = RestrictedProblem(
            self._problem,
            self._decomposition,
            kept,
            self.search.column_frequency,
            plan,
            parameters=self._parameters.blocks,
        )
        whole = restricted.program.formulation
        start = None if plan is None else restricted.values
        job = Job(whole, np.arange(len(restricted.values)), start)
        limits = self._block_limits(1)
        limits = replace(limits, gap=self._limits.gap, work=self._limits.work)
        for _, found, bound in self._solved([job], math.inf, limits):
            if bound == -math.inf and start is None:
                self.incumbent.conflict = True
                raise Stop(Stopped.INFEASIBLE)
            if math.isinf(bound):
                continue
            # A better plan holds only what was kept, so that the rest has no say in the bound.
            self.incumbent.proven = max(self.incumbent.objective, math.floor(bound))
            if found is not None:
                self._take(restricted.half_days(found))
        self.incumbent.report()

    def _improve(self, restricted: RestrictedProblem, jobs: list[Job], sweeps: int) -> float:
        """Solve blocks and take what they find in; return the share that was hard."""
        hard = 0
        try:
            for at, found, bound in self._solved(jobs, self._seconds(len(jobs), sweeps)):
                if found is None:
                    hard += 1
                    continue
                restricted.take(jobs[at].columns, found)
                reached = int(restricted.points[jobs[at].columns] @ found)
                hard += bound - reached > self._parameters.pacing.hard_gap * max(1, reached)
        finally:
            self._take(restricted.half_days())
        self.incumbent.report()
        return hard / max(1, len(jobs))

    def _take(self, half_days: IntArray | SmallArray) -> None:
        """Make a plan the incumbent if it is better, and with the best days for its pairings."""
        if not self.incumbent.update(self._repair.check(half_days)) or not self._open_days:
            return
        pairings = RestrictedProblem(
            self._problem,
            self._decomposition,
            half_days > 0,
            self.search.column_frequency,
            half_days,
            parameters=self._parameters.blocks,
        )
        seconds = self._limits.seconds()
        found = best_continuous(pairings.program.formulation, pairings.values, seconds)
        if found is not None:
            self.incumbent.update(self._repair.check(pairings.half_days(found)))

    def _cut(self, restricted: RestrictedProblem, size: int) -> IntArray:
        return restricted.cut(size, self._random.uniform(0, math.pi))

    def _grown(self, restricted: RestrictedProblem, size: int) -> IntArray:
        noise, people = self._parameters.pacing.regret_noise, len(self._problem.participants)
        regret = self._regret() * self._random.uniform(1 - noise, 1 + noise, people)
        size = max(1, min(size, people // 2))
        most = max(2 * self._limits.workers, people // size)
        return grown(restricted.giver, restricted.taker, regret, size, most)

    def _regret(self) -> FloatArray:
        """Return what each participant could have at prices beyond what the plan gives it."""
        dual_point = self.search.best
        assert dual_point is not None
        if self._base is None:
            return np.ones(len(self._problem.participants))
        half_days = np.asarray(self._base, np.int64)
        return self.search.regrets(dual_point, half_days).astype(np.float64)

    def _solved(
        self, jobs: list[Job], seconds: float, limits: Limits | None = None
    ) -> Iterator[tuple[int, IntArray | None, float]]:
        """Give the number of each job as it is done, its values and its bound."""
        limits = limits or self._block_limits(len(jobs))
        calls = [
            self._pool.submit(solve_block, job.program, job.start, limits, seconds) for job in jobs
        ]
        for at, (found, bound) in answers(calls, self._beside, self._given_up):
            yield at, found, bound
        self.incumbent.check()

    def _given_up(self) -> tuple[None, float]:
        self.incumbent.given_up += 1
        return NOTHING_FOUND

    def _beside(self) -> bool:
        """Do a round of prices beside blocks if that pays; return whether."""
        self.incumbent.check()
        pace = 0.0 if self._few else self._neighbourhoods.pace
        return self._limits.work is None and self._further.round(pace)

    def _seconds(self, blocks: int, sweeps: int) -> float:
        pacing = self._parameters.pacing
        return block_seconds(self._limits, self._started, blocks, sweeps, pacing)

    def _block_limits(self, blocks: int) -> Limits:
        tuning, whole = self._parameters.blocks, self.incumbent.gap()
        widest = max(tuning.widest_gap, tuning.widest_gap_share * min(tuning.far_gap, whole))
        gap = max(tuning.gap_of_many, tuning.gap_alone / max(1, blocks)) * whole
        gap = min(widest, max(gap, self._limits.gap))
        work = None if self._limits.work is None else tuning.work
        return replace(self._limits, gap=gap, work=work, workers=1)

    def _agreed(self) -> SmallArray:
        return np.minimum(self.search.given, self.search.taken)

    def _repaired(self, half_days: IntArray | SmallArray) -> SmallArray:
        wanted = half_days.astype(np.int32, copy=False)
        return self._repair.repaired(wanted, self.search.column_frequency)

    def _repaired_base(self, half_days: IntArray | SmallArray) -> SmallArray | None:
        """Return what blocks may start from: it need not meet floors yet."""
        repaired = self._repaired(half_days)
        return repaired if self._repair.holds_without_floors(repaired) else None
