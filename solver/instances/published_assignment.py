"""Published instances of generalised assignment, read from the files of OR-Library and others.

A file is whole numbers apart by spaces or lines. Of each instance: the number of agents and of
jobs; the costs, then the resources, of each agent in turn with all jobs; the agents' capacities.
OR-Library's files begin with the number of instances in them; Yagiura's have one, and no number.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from models.vocabulary import UNLIMITED
from solver.arrays import IntArray
from solver.formats.bounded import MOST_MIB, read_bounded
from solver.formats.problem_checks import MOST_ALIKE
from solver.formats.tables import ProblemFault
from solver.instances.generalised_assignment import Assignment

MOST_COST: Final = UNLIMITED // 3
"""So that the points of a pairing, up to three times the greatest cost, are within the format."""
_DIGITS: Final = 18
"""More would not fit 64 bits."""


def read_assignments(
    path: Path, most_mib: int = MOST_MIB, *, maximise: bool = False
) -> tuple[Assignment, ...]:
    """Return the instances of a file of at most `most_mib` MiB, gzip if its name ends in `.gz`.

    Parameters
    ----------
    maximise
        Whether the file has profits, whose sum is to be greatest, in place of costs.

    Raises
    ------
    ProblemFault
        If the file is none of this kind; faults name line and value.
    OSError
        If the file cannot be read.
    """
    try:
        data = read_bounded(path, most_mib, unpack=path.name.endswith(".gz"))
    except ValueError as error:
        raise ProblemFault([f"{path.name}: {error}"]) from error
    numbers = _numbers(data.decode("utf-8-sig", errors="replace"))
    shapes = _shapes(numbers)
    faults = [fault for shape in shapes for fault in _value_faults(numbers, shape)]
    if faults:
        raise ProblemFault(faults)
    return tuple(_assignment(numbers, shape, maximise) for shape in shapes)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """All numbers of a file, and how many of them there are up to the end of each line."""

    value: IntArray
    ends: array[int]

    def line(self, at: int) -> int:
        """Return the line of a number, from 1."""
        return bisect_right(self.ends, at) + 1

    def at(self, position: int) -> int:
        return int(self.value[position])


class _Shape(NamedTuple):
    """Where an instance begins among the numbers, and its agents and jobs."""

    start: int
    agents: int
    jobs: int

    @property
    def parts(self) -> tuple[int, int, int, int]:
        """Where costs, resources and capacities begin, and where the instance ends."""
        pairs = self.agents * self.jobs
        costs = self.start + 2
        return costs, costs + pairs, costs + 2 * pairs, costs + 2 * pairs + self.agents


def _numbers(text: str) -> _Numbers:
    value, ends = array("q"), array("q")
    faults: list[str] = []
    for found in re.finditer(r"\n|\S+", text):
        word = found.group()
        if word == "\n":
            ends.append(len(value))
        elif re.fullmatch(r"[+-]?[0-9]+", word) and len(word) <= _DIGITS:
            value.append(int(word))
        else:
            faults.append(f"line {len(ends) + 1}: {word[:40]!r} {_why_no_number(word)}")
            if len(faults) == MOST_ALIKE:
                break
    if not value and not faults:
        faults.append("has no numbers; it must begin with those of agents and jobs")
    if faults:
        raise ProblemFault(faults)
    return _Numbers(np.frombuffer(value, np.int64), ends)


def _why_no_number(word: str) -> str:
    if re.fullmatch(r"[+-]?[0-9]+", word):
        return f"is too large; no number may be more than {UNLIMITED:,}"
    number = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    return "is not a whole number" if re.fullmatch(number, word[:40]) else "is not a number"


def _shapes(numbers: _Numbers) -> list[_Shape]:
    """Return the instances by the one way to read the file that uses all its numbers."""
    fits: list[list[_Shape]] = []
    faults: list[str] = []
    for read_as, start, count in (
        ("one instance", 0, 1),
        ("several, after their count", 1, numbers.at(0)),
    ):
        try:
            fits.append(list(_walk(numbers, start, count)))
        except ProblemFault as fault:
            faults.append(f"read as {read_as}: {fault}")
    if not fits:
        raise ProblemFault(faults)
    if len(fits) == 2:
        one, several = fits[0][0], fits[1]
        raise ProblemFault(
            [
                f"line {numbers.line(0)}: {numbers.at(0)} may be the agents of one instance with "
                f"{one.jobs:,} jobs, or the count of {len(several):,} instances; the numbers fit "
                "both. Copy the instance that you want to a file of its own that begins with the "
                "count 1"
            ]
        )
    return fits[0]


def _walk(numbers: _Numbers, start: int, count: int) -> Iterator[_Shape]:
    """Yield so many instances one after another, which must end where the file does."""
    total = len(numbers.value)
    if count < 1:
        raise ProblemFault([f"line {numbers.line(0)}: {count} must be a count of 1 or more"])
    for number in range(1, count + 1):
        if start + 2 > total:
            raise ProblemFault([_ends_early(numbers, number, count, "its agents and jobs")])
        shape = _Shape(start, numbers.at(start), numbers.at(start + 1))
        for at, what in ((start, "agents"), (start + 1, "jobs")):
            if numbers.at(at) < 1:
                raise ProblemFault(
                    [
                        f"line {numbers.line(at)}: {numbers.at(at)} must be the {what} of "
                        f"instance {number:,}, 1 or more"
                    ]
                )
        start = shape.parts[-1]
        if start > total:
            wanted = (
                f"the {start - shape.start:,} numbers of {shape.agents:,} agents and "
                f"{shape.jobs:,} jobs (line {numbers.line(shape.start)})"
            )
            raise ProblemFault([_ends_early(numbers, number, count, wanted)])
        yield shape
    if start < total:
        raise ProblemFault(
            [
                f"line {numbers.line(start)}: {numbers.at(start)} comes after the last number of "
                f"instance {count:,} of {count:,} ({total - start:,} too many)"
            ]
        )


def _ends_early(numbers: _Numbers, number: int, count: int, wanted: str) -> str:
    last = len(numbers.value) - 1
    return (
        f"line {numbers.line(last)}: the file ends with {numbers.at(last)}, before instance "
        f"{number:,} of {count:,} has {wanted}"
    )


def _value_faults(numbers: _Numbers, shape: _Shape) -> Iterator[str]:
    costs, resources, capacities, end = shape.parts
    for what, low, high, first, last in (
        # The recipe of type E allows costs just below zero.
        ("cost", -MOST_COST, MOST_COST, costs, resources),
        ("resource", 1, UNLIMITED, resources, capacities),
        ("capacity", 0, UNLIMITED, capacities, end),
    ):
        values = numbers.value[first:last]
        for at in np.flatnonzero((values < low) | (values > high))[:MOST_ALIKE].tolist():
            agent, job = (at, None) if what == "capacity" else divmod(at, shape.jobs)
            whose = f"agent {agent + 1:,}" + ("" if job is None else f" with job {job + 1:,}")
            yield (
                f"line {numbers.line(first + at)}: {values[at]} is the {what} of {whose}, and "
                f"must be from {low:,} to {high:,}"
            )


def _assignment(numbers: _Numbers, shape: _Shape, maximise: bool) -> Assignment:
    costs, resources, capacities, end = shape.parts
    table = shape.agents, shape.jobs
    cost = numbers.value[costs:resources].reshape(table)
    return Assignment(
        -cost if maximise else cost,
        numbers.value[resources:capacities].reshape(table),
        numbers.value[capacities:end],
    )
