"""Rounds of prices on an executor, or on threads where these are quicker."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import pairwise
from typing import Final

import numpy as np

from solver.market import Market
from solver.parts import Answers, Part, Posted, answer_part, let_go
from solver.prices_kernel import Respondents
from solver.prices_tables import Worth
from solver.problem import BoolArray
from solver.workers import SharedExecutor

PARTS: Final = (16, 64)
PART_ITEMS: Final = 100_000
"""Fewest and most parts, and what one has between them: candidates, counted at both sides."""
NEARLY_ALL: Final = 0.9
"""Share of a part's participants beyond which to ask all is quicker than to choose."""
NOTICE_S: Final = 0.1
"""How often to look whether to stop."""
WORTHWHILE_S: Final = 0.02
"""What a round on threads must take for an executor to be tried: none answers sooner."""
WARMING: Final = 2
"""Rounds on threads of which the last is timed; the first loads compiled code."""
TRIED: Final = 3
"""Rounds on the executor of which the quickest counts; parts travel with the first."""
COMPARED: Final = 20
"""Every so many rounds threads have one again, to compare."""
PATIENCE: Final = (5.0, 20.0)
"""Seconds, and times what threads take, after which the executor is given up."""


class Quicker:
    """Whether rounds are quicker on the executor, as told by those before.

    Either way gives the same answers: an executor has more processors, threads need send nothing.
    Rounds are much alike, so that a few on either way tell. Others may come to use the executor or
    this machine, so that threads have a round now and then to compare. An executor that has lost is
    not tried again: to try it is what costs.

    Attributes
    ----------
    lost
        Whether all rounds to come are for threads.
    threads_s
        Seconds of the last round on threads.
    """

    def __init__(self) -> None:
        self.lost = False
        self.threads_s = math.inf
        self._rounds = 0
        self._executor_s = math.inf

    def on_executor(self) -> bool:
        """Return whether the next round is the executor's."""
        if self.lost or self._rounds < WARMING:
            return False
        return self._rounds < WARMING + TRIED or self._rounds % COMPARED != 0

    def learn(self, on_executor: bool, seconds: float) -> None:
        """Learn what a round took."""
        self._rounds += 1
        if on_executor:
            self._executor_s = min(self._executor_s, seconds)
        else:
            self.threads_s = seconds
        if self._rounds == WARMING:
            self.lost = seconds < WORTHWHILE_S
        elif self._rounds == WARMING + TRIED or (self._rounds > WARMING and not on_executor):
            self.lost = self.lost or self.threads_s <= self._executor_s
            self._executor_s = math.inf


class Rounds:
    """Rounds of one search on an executor that it shares with blocks, which have it first.

    Parameters
    ----------
    stop
        Asked while answers are awaited; when true, threads do what is left of the round.
    """

    def __init__(self, market: Market, executor: SharedExecutor, stop: Callable[[], bool]) -> None:
        self._shared, self._stop = executor, stop
        self._forced = executor.rounds_on == "executor"
        self._quicker = Quicker()
        self._edges = list(pairwise(_edges(market)))
        self._parts = [Part.cut(market, first, last) for first, last in self._edges]
        self._sent = [False] * len(self._parts)
        self._solve = uuid.uuid4().hex

    def close(self) -> None:
        """Let go what this process holds, should it have asked itself."""
        for at in range(len(self._parts)):
            let_go(self._key(at))

    def ask(
        self, who: Respondents, give: Worth, take: Worth, on_threads: Callable[[], None]
    ) -> None:
        """Ask who is stale, on the executor or by `on_threads`."""
        free = not self._shared.busy()
        there = free and (self._forced or self._quicker.on_executor())
        began = time.perf_counter()
        if there:
            try:
                self._ask_there(who, give, take)
            except Exception:
                # Whoever is stale still is; blocks will meet the same, and have to say so.
                if self._forced:
                    raise
                self._quicker.lost = True
        if not there or who.stale.any():
            on_threads()
        if free:
            self._quicker.learn(there, time.perf_counter() - began)

    def _ask_there(self, who: Respondents, give: Worth, take: Worth) -> None:
        """Ask on the executor; who has not answered in time is left stale."""
        patience = PATIENCE[0] + PATIENCE[1] * self._quicker.threads_s
        until = math.inf if self._forced else time.perf_counter() + patience
        posted: dict[int, Posted] = {}
        running: dict[Future[Answers | None], int] = {}
        try:
            for at, (first, last) in enumerate(self._edges):
                asked = who.stale[first:last].copy()
                if asked.any():
                    part = self._parts[at]
                    asked |= asked.mean() > NEARLY_ALL
                    posted[at] = Posted(
                        asked, part.give.post(give, asked), part.take.post(take, asked)
                    )
                    running[self._submit(at, posted[at])] = at
            while running:
                done, _ = wait(running, timeout=NOTICE_S, return_when=FIRST_COMPLETED)
                for future in done:
                    at = running.pop(future)
                    answers = future.result()
                    if answers is None:
                        self._sent[at] = False
                        running[self._submit(at, posted[at])] = at
                    else:
                        self._write(at, posted[at].asked, answers, who)
                if not done and (self._stop() or time.perf_counter() >= until):
                    self._quicker.lost = True
                    return
        finally:
            for future in running:
                future.cancel()

    def _submit(self, at: int, posted: Posted) -> Future[Answers | None]:
        part = None if self._sent[at] else self._parts[at].packed()
        self._sent[at] = True
        return self._shared.executor.submit(answer_part, self._key(at), part, posted)

    def _key(self, at: int) -> str:
        return f"{self._solve}-{at}"

    def _write(self, at: int, asked: BoolArray, answers: Answers, who: Respondents) -> None:
        part, (first, last) = self._parts[at], self._edges[at]
        who.value[first:last][asked] = answers.value
        who.given[part.give.side.candidate[part.give.items_of(asked)]] = answers.given
        who.taken[part.take.side.candidate[part.take.items_of(asked)]] = answers.taken
        who.stale[first:last] = False


def _edges(market: Market) -> list[int]:
    """Return where parts begin and end: in a row, and about equal in candidates."""
    give, take = market.give, market.take
    before = give.items[give.groups] + take.items[take.groups]
    parts = min(max(int(before[-1]) // PART_ITEMS, PARTS[0]), PARTS[1])
    edges = np.searchsorted(before, np.linspace(0, before[-1], parts + 1)[1:-1])
    return sorted({0, *edges.tolist(), len(market.role)})
