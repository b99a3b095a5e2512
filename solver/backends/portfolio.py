"""Backends side by side, each in a process of its own that can be killed; the best counts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.context import SpawnProcess

from solver.arrays import IntArray
from solver.backends.limits import BackendResult, Limits, OnNews, Report
from solver.backends.processes import received, start_process
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formulation.program import Formulation

Backend = Callable[[Problem, Formulation, IntArray | None, Limits, Report], BackendResult]
"""Solves a formulation from values of its columns, if given, and reports on its way."""


class Best:
    """The incumbent (best plan) and the lowest bound of all backends.

    Attributes
    ----------
    values
        A value per column, None as long as there is no plan.
    bound
        Points that no plan exceeds.
    seen
        Best points that a backend told of, handed over or not.
    infeasible
        Whether it is proved that there is no plan.
    given_up
        Backends whose processes died before they answered.
    """

    def __init__(self, formulation: Formulation, start: IntArray | None, bound: float) -> None:
        self._formulation = formulation
        self.values: IntArray | None = None
        self.bound = bound
        self.seen: int | None = None
        self.infeasible = False
        self.given_up = 0
        self.take(None, None, start)

    def take(self, points: int | None, bound: float | None, values: IntArray | None) -> None:
        """Take news in; a plan that breaks a row, by rounding say, is left aside.

        Parameters
        ----------
        points, bound, values
            As of `solver.backends.limits.Report`; values become the incumbent if they are better.
        """
        if bound is not None:
            self.bound = min(self.bound, bound)
        if values is not None and self._formulation.holds(values):
            points = self._formulation.objective(values)
            if self.values is None or points > self._formulation.objective(self.values):
                self.values = values
        if points is not None and (self.seen is None or points > self.seen):
            self.seen = points

    def gap(self) -> float:
        """Return the proven gap as a fraction; infinite without a plan."""
        if self.values is None:
            return math.inf
        points = self._formulation.objective(self.values)
        return max(0.0, self.bound - points) / max(1, points)


def race(
    backends: Sequence[Backend],
    problem: Problem,
    formulation: Formulation,
    best: Best,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
) -> Stopped:
    """Run backends, each in a process, until one reaches the gap, time is up, or it is cancelled.

    With a deterministic limit all of them run to their own end, and their last results alone count,
    in a fixed order, so that what is found does not hang on which was quicker.

    Parameters
    ----------
    backends
        Functions of modules, or partial calls of such, as they travel to a process by name; the
        first alone runs where there is one worker and no deterministic limit.
    best
        What is known before, and after.

    Returns
    -------
    Why it ended.
    """
    chosen = backends if limits.work is not None or limits.workers > 1 else backends[:1]
    running: dict[Connection, SpawnProcess] = {}
    answers: dict[Connection, BackendResult] = {}
    try:
        for backend in chosen:
            mine, theirs = Pipe(duplex=False)
            arguments = (backend, problem, formulation, best.values, limits)
            try:
                running[mine] = start_process(_run, theirs, large=arguments)
            except OSError:
                # The machine has none to spare, or killed it at once.
                best.given_up += 1
                mine.close()
            finally:
                theirs.close()
        stopped = _follow(set(running), answers, best, limits, on_news, cancelled)
    finally:
        for connection, process in running.items():
            process.kill()
            process.join()
            connection.close()
    for connection in running:
        if connection in answers:
            answer = answers[connection]
            best.infeasible |= answer.infeasible
            best.take(None, answer.bound, answer.values)
    if best.infeasible or best.gap() <= 0:
        return Stopped.INFEASIBLE if best.infeasible else Stopped.PROVED
    return Stopped.GAP if best.gap() <= limits.gap else stopped


def _follow(
    live: set[Connection],
    answers: dict[Connection, BackendResult],
    best: Best,
    limits: Limits,
    on_news: OnNews,
    cancelled: Callable[[], bool],
) -> Stopped:
    repeatable = limits.work is not None
    while live:
        if cancelled():
            return Stopped.CANCELLED
        left = limits.deadline - time.time()
        if left <= 0:
            return Stopped.TIME
        for connection in wait(live, timeout=min(left, 0.1)):
            assert isinstance(connection, Connection)
            message = received(connection)
            if message is None:
                live.discard(connection)
                best.given_up += 1
            elif isinstance(message, BackendResult):
                answers[connection] = message
                live.discard(connection)
                if not repeatable:
                    best.take(None, message.bound, message.values)
                    if message.infeasible:
                        return Stopped.INFEASIBLE
            elif not repeatable:
                best.take(*message)
            on_news(best.seen, best.bound)
            if not repeatable and best.gap() <= limits.gap:
                return Stopped.GAP
    if repeatable:
        return Stopped.WORK
    return (
        Stopped.TIME
        if limits.deadline - time.time() <= 2 * limits.parameters.hand_back_s
        else Stopped.STALLED
    )


def _run(
    connection: Connection,
    backend: Backend,
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
) -> None:
    def report(points: int | None, bound: float | None, values: IntArray | None) -> None:
        connection.send((points, bound, values))

    connection.send(backend(problem, formulation, start, limits, report))
    connection.close()
