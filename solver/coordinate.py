"""Price coordination from end to end: rounds, a feasible plan beside them, then blocks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Final

import numpy as np

from solver.blocks import Program, cut, cut_by_partners, restricted, solve_block
from solver.conflict import send_conflict
from solver.exact import Result
from solver.market import Market, take_apart
from solver.plan import Stopped, gap_of
from solver.prices import PriceSearch
from solver.prices_tables import SmallArray
from solver.problem import BoolArray, IntArray, Problem
from solver.race import Limits, OnNews, in_child
from solver.start import Starter

FIRST_STEP: Final = 0.3
LAST_STEP: Final = 0.003
ROUNDS: Final = (60, 400)
"""Fewest and most rounds; how many is settled by the time there is."""
ROUNDS_PER_WORK: Final = 20
PRICE_SHARE: Final = 0.35
"""Share of the time that rounds may take."""
WANTED: Final = (0.4, 0.01)
"""How often lately a candidate was wanted, to be in the first programs and in the last."""
WANTED_FACTOR: Final = 0.5
"""What the threshold falls by from one sweep to the next."""
HARD: Final = 0.3
"""Share of blocks left far from solved from which the next sweep cuts smaller ones."""
HARD_GAP: Final = 0.004
ROUGH_GAP: Final = 0.02
"""Gap down to which a region is solved as one block."""
SWEEPS_AHEAD: Final = 3
"""Sweeps that the time left should allow at least."""
BLOCK: Final = (300, 2600)
"""Fewest and most participants of a block."""
BLOCK_S: Final = 8.0
NODES_AS_WORK: Final = 1
WORK_BLOCK: Final = 400
"""Most participants of a block where work is limited instead of time."""
BLOCK_GAP: Final = 0.0003
IDLE_SWEEPS: Final = 6
"""Sweeps without a better plan after which it has stalled."""


def solve_prices(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    executor: Executor | None = None,
) -> Result:
    """Solve by price coordination.

    Parameters
    ----------
    executor
        Solves the blocks; by default threads of this process, as many as `limits.workers`.
    """
    run = _Run(problem, limits, on_news, cancelled)
    try:
        stopped = run.rounds()
        if stopped is None:
            own = executor or ThreadPoolExecutor(limits.workers)
            try:
                stopped = run.sweeps(own)
            finally:
                if executor is None:
                    own.shutdown(wait=False, cancel_futures=True)
    finally:
        run.search.close()
    return run.result(stopped)


class _Run:
    """One solve: the market, its prices, the best plan so far."""

    def __init__(
        self,
        problem: Problem,
        limits: Limits,
        on_news: OnNews,
        cancelled: Callable[[], bool],
    ) -> None:
        self.problem, self.limits = problem, limits
        self.on_news, self.cancelled = on_news, cancelled
        self.started = time.time()
        self.market: Market = take_apart(problem)
        self.search = PriceSearch(self.market, limits.workers)
        self.starter = Starter(problem, self.market)
        self.half_days: IntArray | None = None
        self.objective = 0
        self.conflict = False
        self.steps = 0
        self._offer_plan(self.starter.plan())

    def rounds(self) -> Stopped | None:
        """Do the rounds; return why to stop already, None if blocks are to follow."""
        done, share, plans = 0, 0.0, 0
        while share < 1:
            self.search.round(FIRST_STEP * (LAST_STEP / FIRST_STEP) ** share)
            done += 1
            share = self._share(done)
            if len(self.search.impossible):
                self.conflict = True
                return Stopped.INFEASIBLE
            if int(4 * share) > plans:
                plans = int(4 * share)
                self._offer_plan(self._agreed())
            stopped = self._news()
            if stopped is not None:
                return stopped
        return None

    def _share(self, done: int) -> float:
        """Return how far the rounds are, 1 at their end: by number, or by time if that is up."""
        if self.limits.work is not None:
            return done / min(ROUNDS[1], ROUNDS_PER_WORK * self.limits.work)
        now = time.time()
        spent = (now - self.started) / (PRICE_SHARE * (self.limits.deadline - self.started))
        return max(done / ROUNDS[1], min(spent, done / ROUNDS[0]), spent - 1)

    def sweeps(self, pool: Executor) -> Stopped:
        """Solve blocks of the candidates wanted, sweep after sweep."""
        random = np.random.default_rng(self.limits.seed)
        base: IntArray | SmallArray | None = self.half_days
        if base is None:
            base = self._agreed(floors=False)
        people = len(self.problem.participants)
        largest = BLOCK[1] if self.limits.work is None else WORK_BLOCK
        size, wanted, idle, sweep = float(largest), WANTED[0], 0, 0
        while True:
            if self.limits.work is not None and sweep >= self.limits.work:
                return Stopped.WORK
            core = _Core(self, wanted, base)
            extent, angle = size * random.uniform(0.8, 1.0), random.uniform(0, math.pi)
            if people <= 1.1 * largest and self._rough():
                # Where nobody has allowance to spare, only long chains of giving help at first.
                extent = math.inf
            blocks = core.blocks(extent, angle)
            before = self.objective
            hard = self._sweep(pool, core, blocks)
            if isinstance(hard, Stopped):
                return hard
            base = core.half_days() if self.half_days is None else self.half_days
            sweep += 1
            idle = 0 if self.objective > before else idle + 1
            settled = wanted <= WANTED[1] and not hard and len(blocks) <= 1
            if idle >= IDLE_SWEEPS or settled:
                return Stopped.STALLED
            wanted = max(WANTED[1], WANTED_FACTOR * wanted)
            size *= 0.75 if hard > HARD else 1.25 if not hard else 1.0
            size = min(max(size, BLOCK[0]), largest, max(1300, people / self.limits.workers))

    def _sweep(self, pool: Executor, core: _Core, blocks: list[BoolArray]) -> Stopped | float:
        """Solve blocks side by side; return the share that was hard, or why to stop."""
        limits, seconds = self._block_limits(), self._block_seconds(max(1, len(blocks)))
        jobs: dict[Future[tuple[IntArray | None, float]], IntArray] = {}
        share = core.share(len(blocks))
        values = core.values
        for free in blocks:
            columns = np.flatnonzero(free[core.program.column_candidate])
            block = core.program.block(free, values, share, core.points)
            job = pool.submit(solve_block, block, values[columns], limits, seconds)
            jobs[job] = columns
        waiting, hard = set(jobs), 0
        stopped: Stopped | None = None
        while waiting and stopped is None:
            done, waiting = wait(waiting, timeout=0.1)
            for job in done:
                found, bound = job.result()
                hard += core.take(jobs[job], found, bound)
            stopped = self._stop()
        for job in waiting:
            job.cancel()
        if core.program.formulation.holds(core.values):
            self._offer_plan(core.half_days())
        return self._news() or stopped or hard / max(1, len(blocks))

    def _rough(self) -> bool:
        if self.half_days is None:
            return True
        return gap_of(self.objective, self.search.bound()) > ROUGH_GAP

    def _block_limits(self) -> Limits:
        gap = min(BLOCK_GAP, self.limits.gap or BLOCK_GAP)
        work = None if self.limits.work is None else NODES_AS_WORK
        return Limits(self.limits.deadline, gap, work, self.limits.seed)

    def _block_seconds(self, blocks: int) -> float:
        """Return what one of so many blocks may take, so that some sweeps fit in the time left."""
        if self.limits.work is not None:
            return math.inf
        left = self.limits.deadline - time.time()
        return min(BLOCK_S, max(1.0, left * self.limits.workers / blocks / SWEEPS_AHEAD))

    def _agreed(self, *, floors: bool = True) -> SmallArray | None:
        agreed = np.minimum(self.search.given, self.search.taken)
        return self.starter.plan(agreed, self.search.often, floors=floors)

    def _offer_plan(self, half_days: IntArray | SmallArray | None) -> None:
        """Take a plan in, half-days per candidate of the market, if it is the best so far."""
        if half_days is None:
            return
        objective = self.market.objective(half_days)
        if self.half_days is None or objective > self.objective:
            self.half_days, self.objective = half_days.astype(np.int64), objective

    def _stop(self) -> Stopped | None:
        if self.cancelled():
            return Stopped.CANCELLED
        if time.time() >= self.limits.deadline:
            return Stopped.TIME
        return None

    def _news(self) -> Stopped | None:
        self.steps += 1
        bound = self.search.bound()
        self.on_news(None if self.half_days is None else self.objective, bound)
        if self.half_days is not None:
            if bound <= self.objective:
                return Stopped.PROVED
            if gap_of(self.objective, bound) <= self.limits.gap:
                return Stopped.GAP
        return self._stop()

    def result(self, stopped: Stopped) -> Result:
        """Return what was found, half-days per candidate of the problem."""
        if self.conflict:
            conflict = in_child(
                send_conflict, self.problem, deadline=self.limits.deadline, cancelled=self.cancelled
            )
            return Result(None, -math.inf, Stopped.INFEASIBLE, conflict=conflict or ())
        bound = self.search.bound() if self.search.best is not None else math.inf
        if self.half_days is None:
            return Result(None, bound, stopped, rounds=self.steps)
        half_days = np.zeros(len(self.problem.candidates), np.int64)
        half_days[self.market.candidate] = self.half_days
        return Result(half_days, bound, stopped, self.objective, rounds=self.steps)


class _Core:
    """The candidates that blocks may choose, and the plan in their program's columns."""

    def __init__(self, run: _Run, wanted: float, base: IntArray | SmallArray | None) -> None:
        market, search = run.market, run.search
        kept = (search.often > wanted) | market.pinned
        if base is not None:
            kept |= base > 0
        self._market = market
        order = np.flatnonzero(kept)
        self._place = order[np.argsort(market.candidate[order])]
        self.program = Program.of(restricted(run.problem, market.candidate[self._place]))
        formulation = self.program.formulation
        self._place = self._place[formulation.candidate]
        self.giver = market.places.giver[self._place]
        self.taker = market.places.taker[self._place]
        self.people = run.problem.participants
        self.values = np.zeros(len(formulation.upper), np.int64)
        if base is not None:
            x = base[self._place].astype(np.int64)
            self.values = np.concatenate([(x > 0).astype(np.int64), x[formulation.free]])
        self._whole = formulation
        self.points = self.program.points_at(self.values)

    def blocks(self, size: float, angle: float) -> list[BoolArray]:
        """Return which candidates each block of a cut decides."""
        if not len(self.giver):
            return []
        if size >= len(self.people):
            return [np.ones(len(self.giver), np.bool_)]
        lat, lon = self.people.lat, self.people.lon
        if np.isnan(lat + lon).mean() > 0.5:
            label = cut_by_partners(self.giver, self.taker, len(lat), int(size), angle)
        else:
            label = cut(lat, lon, int(size), angle)
        giver, taker = label[self.giver], label[self.taker]
        inside = np.where(giver == taker, giver, -1)
        return [inside == block for block in np.unique(inside[inside >= 0])]

    def share(self, blocks: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Return the share of each row's slack that one of so many blocks may use."""
        several = [rule.name in ("linking", "balance") for rule in self._whole.rules]
        common = np.array(several, np.bool_)[self._whole.row_rule]
        return np.where(common & self._spans(), 1.0 / max(1, blocks), 1.0)

    def _spans(self) -> BoolArray:
        """Return which rows hold several participants' balances or a linking rule."""
        names = [rule.name for rule in self._whole.rules]
        rule, subject = self._whole.row_rule, self._whole.row_subject
        spans = np.array([name == "linking" for name in names], np.bool_)[rule]
        members = np.bincount(self.people.account, minlength=len(self.people))
        balance = np.array([name == "balance" for name in names], np.bool_)[rule]
        spans[balance] = members[subject[balance]] > 1
        return spans

    def take(self, columns: IntArray, found: IntArray | None, bound: float) -> bool:
        """Take a block's answer in if it is no worse; return whether it was hard."""
        before = self.values[columns]
        if found is None:
            return True
        points = self.points[columns]
        reached = int(points @ found)
        if reached >= points @ before:
            values = self.values.copy()
            values[columns] = found
            self.values = values
        return bound - reached > HARD_GAP * max(1, reached)

    def half_days(self) -> IntArray:
        """Return half-days per candidate of the market."""
        days = self._whole.low.copy()
        days[self._whole.free] = self.values[len(self._whole.candidate) :]
        result = np.zeros(len(self._market), np.int64)
        result[self._place] = np.where(self.values[: len(days)] > 0, days, 0)
        return result
