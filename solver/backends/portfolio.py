"""CP-SAT and HiGHS side by side, each in a process of its own that can be killed."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Any, Final

from solver.formats.plan import Stopped
from solver.formats.problem import IntArray, Problem
from solver.formulation.program import Formulation

BACKENDS: Final = ("highs", "cp_sat")
HAND_BACK_S: Final = 0.6
"""What a backend is given less than the race, to hand back its plan in time."""

_STARTING = threading.Lock()

OnNews = Callable[[int | None, float], None]
"""Called with the best objective any backend has, and the lowest bound."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop.

    Attributes
    ----------
    deadline
        On the clock of `time.time`, in seconds; may be infinite.
    gap
        Fraction at which a plan is good enough, >= 0.
    work
        None, or what repeats: CP-SAT's deterministic seconds, and HiGHS's nodes by the hundred.
    seed, workers
        Of the search. With one worker HiGHS runs alone, as it proves sooner; with more, CP-SAT
        has the others. With `work` both run whatever the workers.
    """

    deadline: float = math.inf
    gap: float = 0.0
    work: int | None = None
    seed: int = 0
    workers: int = 1

    def seconds(self) -> float:
        """Return what a backend may still take."""
        return max(0.1, self.deadline - HAND_BACK_S - time.time())


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a backend found.

    Attributes
    ----------
    values
        One per column of the formulation, None where no plan was found.
    bound
        Points that no plan exceeds; infinite where not known.
    infeasible
        Whether it proved that there is no plan.
    """

    values: IntArray | None
    bound: float
    infeasible: bool = False


class Best:
    """The best plan and the lowest bound of all backends.

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
    """

    def __init__(self, formulation: Formulation, start: IntArray | None, bound: float) -> None:
        self._formulation = formulation
        self.values: IntArray | None = None
        self.bound = bound
        self.seen: int | None = None
        self.infeasible = False
        self.take(None, None, start)

    def take(self, points: int | None, bound: float | None, values: IntArray | None) -> None:
        """Take news in; a plan that breaks a row, by rounding say, is left aside."""
        if bound is not None:
            self.bound = min(self.bound, bound)
        if values is not None and self._formulation.holds(values):
            points = self._formulation.worth(values)
            if self.values is None or points > self._formulation.worth(self.values):
                self.values = values
        if points is not None and (self.seen is None or points > self.seen):
            self.seen = points

    def gap(self) -> float:
        """Return the proven gap as a fraction; infinite without a plan."""
        if self.values is None:
            return math.inf
        points = self._formulation.worth(self.values)
        return max(0.0, self.bound - points) / max(1, points)


def race(
    problem: Problem,
    formulation: Formulation,
    best: Best,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    backends: Sequence[str] = BACKENDS,
) -> Stopped:
    """Run the backends until one reaches the gap, time is up, or it is cancelled.

    With a work limit all of them run to their own end, and their last answers alone count, in a
    fixed order, so that the result does not hang on which was quicker.

    Parameters
    ----------
    best
        What is known before, and after.
    backends
        Names of those to run; the first alone where there is one worker and no work limit.
    """
    names = backends if limits.work is not None or limits.workers > 1 else backends[:1]
    running: dict[Connection, SpawnProcess] = {}
    answers: dict[Connection, Answer] = {}
    try:
        for name in names:
            mine, theirs = Pipe(duplex=False)
            arguments = (name, theirs, problem, formulation, best.values, limits)
            running[mine] = start_process(_run, *arguments)
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
    answers: dict[Connection, Answer],
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
            message = _received(connection)
            if message is None:
                live.discard(connection)
            elif isinstance(message, Answer):
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
    return Stopped.TIME if limits.deadline - time.time() <= 2 * HAND_BACK_S else Stopped.STALLED


def _received(connection: Connection) -> Any:
    """Return a message, None where the process ended: killed or crashed, the others go on."""
    try:
        return connection.recv()
    except (EOFError, OSError):
        return None


def _run(
    name: str,
    connection: Connection,
    problem: Problem,
    formulation: Formulation,
    start: IntArray | None,
    limits: Limits,
) -> None:
    def report(points: int | None, bound: float | None, values: IntArray | None) -> None:
        connection.send((points, bound, values))

    if name == "highs":
        from solver.methods.exact_narrowed import solve_narrowed

        answer = solve_narrowed(problem, formulation, start, limits, report)
    elif name == "loops":
        from solver.methods.loops_lns import solve_around

        answer = solve_around(problem, formulation, start, limits, report)
    else:
        from solver.backends.cp_sat import solve_cp_sat

        answer = solve_cp_sat(formulation, start, limits, report)
    connection.send(answer)
    connection.close()


def in_child(
    target: Callable[[Connection, Any], None],
    argument: Any,
    *,
    deadline: float,
    cancelled: Callable[[], bool],
) -> Any:
    """Return what `target` sends from a process of its own, None if it does not in time."""
    mine, theirs = Pipe(duplex=False)
    process = start_process(target, theirs, argument)
    theirs.close()
    try:
        while time.time() < deadline and not cancelled():
            if mine.poll(0.1):
                return _received(mine)
        return None
    finally:
        process.kill()
        process.join()
        mine.close()


def start_process(target: Callable[..., None], *arguments: Any) -> SpawnProcess:
    """Start a process that ends with this one, and does not import the program that this one is.

    Of a command line that import is the larger part of the time until a process is ready.
    """
    process: SpawnProcess = get_context("spawn").Process(
        target=_as_child, args=(target, *arguments), daemon=True
    )
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main
    return process


def _as_child(target: Callable[..., None], *arguments: Any) -> None:
    # An interrupt of the terminal reaches children too; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    target(*arguments)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
