"""Price coordination from end to end: rounds of prices, priced blocks, then fixed ones.

A feasible plan stands beside the prices from the first rounds on. Where it falls short of the
bound is known by participant, its regret, so that blocks are solved where regret is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import closing
from dataclasses import replace
from typing import Final

import numpy as np

from solver.backends.limits import Limits, OnNews
from solver.blocks.neighbourhoods import grown
from solver.blocks.pacing import WORK_BLOCK, Further, Kinds, block_seconds
from solver.blocks.restricted import Core, Job
from solver.blocks.waves import Waves
from solver.blocks.workers import solve_block
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formats.state import State
from solver.formats.tables import FloatArray, IntArray
from solver.methods.incumbent import Standing, Stop
from solver.methods.result import Result
from solver.prices.decomposition import Market, take_apart
from solver.prices.knapsack_tables import SmallArray
from solver.prices.price_search import LAST_STEP, LAST_STEP_OF_FEW, PriceSearch
from solver.prices.repair import Starter
from solver.prices.warm import warm_start

ROUNDS: Final = (60, 300, 800)
"""Rounds before blocks: fewest, and most if most days are whole or range: rates settle slowly."""
ROUNDS_PER_WORK: Final = 20
WARM: Final = (0.01, 30, 10.0)
"""First step and rounds from a state's prices, nearly right; by how much more new ones move."""
PRICE_SHARE: Final = 0.45
"""Share of the time that rounds before blocks may take."""
WANTED: Final = (0.2, 0.01)
"""How often lately a candidate was wanted, to be in the first programs and in the last."""
WANTED_BY_WORK: Final = 0.05
"""The first where work is limited: after fewer rounds less is known of what is wanted."""
WANTED_FACTOR: Final = 0.8
"""What the threshold falls by from one sweep to the next."""
HARD_GAP: Final = 0.002
OPEN_GAP: Final = 0.05
"""Gap above which all fixed blocks leave days open: balances lag then, which days can mend."""
PRICED_BLOCKS: Final = 16
"""Priced blocks at least, if that leaves them large enough."""
PRICED_BLOCK: Final = (300, 1400)
"""What the size of a priced block is limited to at least and at most, in participants."""
TIGHT: Final = (0.5, 0.35, 8000)
"""Gap before blocks from which balances are tight; how often candidates must be wanted to be in the
first blocks then, and most participants of these: large ones close chains, few columns end soon."""
SWEEPS_AHEAD: Final = 3
"""Sweeps that the time left should allow at least."""
BLOCK_NODES: Final = 1
BLOCK_GAP: Final = (0.3, 0.03, 0.001, 0.002)
"""Share of the gap that one block alone is solved to, and one of many; the widest, alike if far."""
WIDER: Final = (2.5, 1.5)
"""What programs get wider by when sweeps are slow, those of many participants and of few."""
NEWS: Final = 0.05
"""Share of the gap that the bound must have moved by for reduced costs to be found again."""
SMALL: Final = (500, 400)
"""Participants up to which more rounds are cheap, how many, and programs are wider at once."""
CLOSING: Final = (6000, 15000)
"""Candidates up to which one program has all that is left at once, and at the end."""
LATE_S: Final = 0.3
"""A search that ends so shortly before its limit has ended for it: programs end a little early."""
IDLE_SWEEPS: Final = 40
"""Sweeps without a better plan after which it has stalled."""


def solve_prices(
    problem: Problem,
    limits: Limits,
    executor: Executor,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    warm: State | None = None,
) -> Result:
    """Solve by price coordination.

    Parameters
    ----------
    executor
        Solves the blocks.
    warm
        Of a problem like this one. Its plan, mended, is what blocks start from.
    """
    run = _Run(problem, limits, on_news, cancelled, executor, warm)
    with closing(run.search):
        try:
            run.rounds()
            if not run.warm:
                run.priced_blocks()
            run.sweeps()
            run.close()
            run.best.check()
        except Stop as stop:
            return run.best.result(stop.why)
        return run.best.result(Stopped.TIME if limits.seconds() < LATE_S else Stopped.STALLED)


class _Run:
    """One solve: the market, its prices, the best plan so far."""

    def __init__(
        self,
        problem: Problem,
        limits: Limits,
        on_news: OnNews,
        cancelled: Callable[[], bool],
        pool: Executor,
        warm: State | None,
    ) -> None:
        self.problem, self.limits, self.pool = problem, limits, pool
        self.started = time.time()
        self.random = np.random.default_rng(limits.seed)
        self.market: Market = take_apart(problem)
        start = None if warm is None else warm_start(warm, problem, self.market)
        quote = None if start is None else start.quote
        self.warm = quote is not None
        self.search = PriceSearch(self.market, limits.workers, quote)
        self.starter = Starter(problem, self.market)
        self.base: IntArray | SmallArray | None = None
        self._few = len(problem.participants) <= SMALL[0]
        self._last_step = LAST_STEP_OF_FEW if self._few else LAST_STEP
        self._wanted = WANTED[0] if limits.work is None else WANTED_BY_WORK
        self.best = Standing(problem, self.market, self.search, limits, on_news, cancelled)
        self._near = np.zeros(len(self.market), np.bool_)
        self._reached = 0
        self._further = Further(self.search, self._last_step)
        self.kinds = Kinds((self._grown, self._cut), limits, self.started)
        self._lost: tuple[int, IntArray | None] = (0, None)
        self._fresh = np.zeros(len(self.market), np.bool_)
        if start is not None:
            self._fresh = ~start.known
            self.search.often[:] = start.often
            wanted = self.starter.fitting(start.half_days)
            self.best.offer(self.starter.plan(wanted, self.search.often))
        if self.best.half_days is None:
            self.best.offer(self.starter.plan())

    def rounds(self) -> None:
        """Do the rounds of prices that come before blocks."""
        done, share, plans = 0, 0.0, 0
        before, since = 0, self.started
        first = WARM[0] if self.warm else self.search.first_step
        self.search.quicken(self._fresh, WARM[2])
        while share < 1:
            self.search.round(first * (self._last_step / first) ** share)
            done += 1
            share = self._share(done)
            if len(self.search.impossible):
                self.best.conflict = True
                raise Stop(Stopped.INFEASIBLE)
            if int(4 * share) > plans:
                plans = int(4 * share)
                self._further.learn(before - self.search.bound(), time.time() - since)
                before, since = self.search.bound(), time.time()
                if not self.warm or self.best.half_days is None:
                    self.best.offer(self._mended(self._agreed()))
            self.best.news()
        self.search.quicken(self._fresh, 1 / WARM[2])

    def _share(self, done: int) -> float:
        """Return how far the rounds are, 1 at their end: by number, or by time if that is up."""
        if self.limits.work is not None:
            most = WARM[1] if self.warm else ROUNDS[1]
            return done / min(most, ROUNDS_PER_WORK * self.limits.work)
        if self.warm:
            return done / WARM[1]
        now = time.time()
        spent = (now - self.started) / (PRICE_SHARE * (self.limits.deadline - self.started))
        most = ROUNDS[2] if self.search.ranged else SMALL[1] if self._few else ROUNDS[1]
        return max(done / most, min(spent, done / ROUNDS[0]), spent - 1)

    def priced_blocks(self) -> None:
        """Solve all participants once, in waves of blocks that see later ones by prices alone."""
        assert self.search.best is not None
        if self.limits.work is None and TIGHT[0] < self.best.gap() < math.inf:
            self._apart()
            return
        core = self._core(self._wanted)
        if not len(core.giver):
            return
        size = min(max(len(self.market.role) // PRICED_BLOCKS, PRICED_BLOCK[0]), PRICED_BLOCK[1])
        if self.limits.work is not None:
            size = WORK_BLOCK
        label = core.cut(size, self.random.uniform(0, math.pi))
        waves = Waves(core, label, self.search.best)
        for blocks in waves.blocks:
            jobs = waves.jobs(blocks)
            seconds = block_seconds(self.limits, self.started, int(label.max()) + 1, 1)
            for at, found, _ in self._solved(jobs, seconds):
                if found is not None:
                    waves.settle(int(blocks[at]), jobs[at], found)
        agreed = waves.agreed()
        self.base = self._mended(agreed, floors=False)
        self.best.offer(self._mended(agreed))
        self.best.news()

    def _apart(self) -> None:
        """Solve all once in large blocks, nothing across borders, as little outlasts mending."""
        self._wanted = TIGHT[1]
        core = self._core(self._wanted)
        label = core.cut(TIGHT[2], self.random.uniform(0, math.pi))
        jobs = core.fixed_blocks(label, np.ones(len(label)))
        self._improve(core, [replace(job, start=None) for job in jobs], sweeps=1)

    def sweeps(self) -> None:
        """Solve blocks with all else fixed, sweep after sweep, where regret is."""
        if self.base is None:
            self.base = self.best.half_days
        if self.base is None:
            self.base = self._mended(self._agreed(), floors=False)
        wanted, idle, sweep = self._wanted, 0, 0
        if self._few and self.limits.work is None:
            self._widen(self._core(wanted, self.base))
        while idle < IDLE_SWEEPS:
            if self.limits.work is not None:
                if sweep >= self.limits.work:
                    raise Stop(Stopped.WORK)
                for _ in range(ROUNDS_PER_WORK):
                    self._further.round()
            started, before = time.time(), self.best.objective
            kind = self.kinds.next()
            opened = kind.label == self._grown or self.best.gap() > OPEN_GAP
            core = self._core(wanted, self.base, open_days=opened)
            people = int(kind.people * self.random.uniform(0.8, 1.0))
            hard = self._improve(core, core.fixed_blocks(kind.label(core, people), self._regret()))
            gained, missing = self.best.objective - before, self.best.bound() - before
            self.kinds.learn(kind, hard, gained, missing - gained, time.time() - started)
            self.base = core.half_days() if self.best.half_days is None else self.best.half_days
            wanted = max(WANTED[1], WANTED_FACTOR * wanted)
            sweep += 1
            idle = 0 if gained else idle + 1
            if self.kinds.slow:
                if not self._widen(core) and idle:
                    return
                self.kinds.widened()

    def _core(
        self, wanted: float, base: IntArray | SmallArray | None = None, *, open_days: bool = False
    ) -> Core:
        """Return the program of candidates wanted, each with the days that it was wanted for.

        Open days make programs so much harder that only few blocks are worth them.
        """
        search = self.search
        kept = (search.often > wanted) | self._near
        days = None
        if not open_days and (self.market.low < self.market.high).any():
            days = np.where(search.taken > 0, search.taken, search.given).astype(np.int64)
        return Core(self.problem, self.market, kept, search.often, base, days)

    def _widen(self, core: Core) -> bool:
        """Let candidates into the next programs that the bound loses least by.

        Returns
        -------
        Whether to go on: too many might still be better for one program of them all, and if all
        have been in, which begins anew with few, that has brought something since the last time.
        """
        (total, lost), size = self._losses(NEWS), int(WIDER[self._few] * len(core.giver))
        if lost is None:
            return False
        few = self.search.promising(total, lost, self.best.objective).sum() <= CLOSING[0]
        if size >= len(self.market):
            again, self._reached = self.best.objective > self._reached, self.best.objective
            self._near[:] = False
            return again and not few and self.limits.work is None
        least = np.argsort(lost, kind="stable")[:size]
        self._near = np.zeros(len(self.market), np.bool_)
        self._near[least] = True
        return self.limits.work is not None or self.best.half_days is None or not few

    def _losses(self, news: float = 0.0) -> tuple[int, IntArray | None]:
        """Return a bound in parts of a point, and what it loses by each candidate.

        They are found anew if the bound has moved by more than the share `news` of the gap.
        """
        assert self.search.best is not None
        then, lost = self._lost
        gap = then - self.best.objective * self.market.part
        if lost is None or then - self.search.best.total > news * gap:
            lost = self.search.losses(self.limits.deadline)
            self._lost = self.search.best.total, lost
        return self._lost

    def close(self) -> None:
        """Solve all that might still be better in one program, if it is small enough."""
        total, lost = (0, None) if self.best.half_days is None else self._losses()
        kept = np.ones(len(self.market), np.bool_)
        if lost is not None:
            kept = self.search.promising(total, lost, self.best.objective)
        if not 0 < kept.sum() <= CLOSING[1]:
            return
        core = Core(self.problem, self.market, kept, self.search.often, self.best.half_days)
        whole = core.program.formulation
        start = None if self.best.half_days is None else core.values
        job = Job(whole, np.arange(len(core.values)), start)
        limits = replace(self._block_limits(1), gap=self.limits.gap, work=self.limits.work)
        for _, found, bound in self._solved([job], math.inf, limits):
            if bound == -math.inf and start is None:
                self.best.conflict = True
                raise Stop(Stopped.INFEASIBLE)
            if math.isinf(bound):
                continue
            # A better plan holds only what was kept, so that the rest has no say in the bound.
            self.best.proven = max(self.best.objective, math.floor(bound))
            if found is not None and whole.holds(found):
                self.best.offer(core.half_days(found))
        self.best.news()

    def _improve(self, core: Core, jobs: list[Job], sweeps: int = SWEEPS_AHEAD) -> float:
        """Solve blocks and take their answers in; return the share that was hard."""
        hard = 0
        try:
            seconds = block_seconds(self.limits, self.started, len(jobs), sweeps)
            for at, found, bound in self._solved(jobs, seconds):
                if found is None:
                    hard += 1
                    continue
                core.take(jobs[at].columns, found)
                reached = int(core.points[jobs[at].columns] @ found)
                hard += bound - reached > HARD_GAP * max(1, reached)
        finally:
            if core.holds():
                self.best.offer(core.half_days())
        self.best.news()
        return hard / max(1, len(jobs))

    def _cut(self, core: Core, size: int) -> IntArray:
        return core.cut(size, self.random.uniform(0, math.pi))

    def _grown(self, core: Core, size: int) -> IntArray:
        regret = self._regret() * self.random.uniform(0.5, 1.5, len(self.problem.participants))
        size = max(1, min(size, len(regret) // 2))
        most = max(2 * self.limits.workers, len(regret) // size)
        return grown(core.giver, core.taker, regret, size, most)

    def _regret(self) -> FloatArray:
        """Return what each participant could have at prices beyond what the plan gives it."""
        quote = self.search.best
        assert quote is not None
        if self.base is None:
            return np.ones(len(self.problem.participants))
        return self.search.regrets(quote, np.asarray(self.base, np.int64)).astype(np.float64)

    def _solved(
        self, jobs: list[Job], seconds: float, limits: Limits | None = None
    ) -> Iterator[tuple[int, IntArray | None, float]]:
        """Give the number of each job as it is done, its values and its bound."""
        limits = limits or self._block_limits(len(jobs))
        running: dict[Future[tuple[IntArray | None, float]], int] = {
            self.pool.submit(solve_block, job.program, job.start, limits, seconds): at
            for at, job in enumerate(jobs)
        }
        waiting = set(running)
        try:
            while waiting:
                pace = 0.0 if self._few else self.kinds.pace
                beside = self.limits.work is None and self._further.round(pace)
                pause = 0.0 if beside else 0.1
                done, waiting = wait(waiting, timeout=pause, return_when=FIRST_COMPLETED)
                for job in done:
                    yield running[job], *job.result()
                self.best.check()
        finally:
            for job in waiting:
                job.cancel()

    def _block_limits(self, blocks: int) -> Limits:
        alone, least, widest, far = BLOCK_GAP
        widest = max(widest, far * min(10, self.best.gap()))
        gap = max(least, alone / max(1, blocks)) * self.best.gap()
        gap = min(widest, max(gap, self.limits.gap))
        work = None if self.limits.work is None else BLOCK_NODES
        return Limits(self.limits.deadline, gap, work, self.limits.seed)

    def _agreed(self) -> SmallArray:
        return np.minimum(self.search.given, self.search.taken)

    def _mended(
        self, half_days: IntArray | SmallArray, *, floors: bool = True
    ) -> SmallArray | None:
        wanted = half_days.astype(np.int32, copy=False)
        return self.starter.plan(wanted, self.search.often, floors=floors)
