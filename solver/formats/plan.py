"""What a solve ended with: pairings, how good they are proven to be, and why it stopped.

The file format is `givetake-plan/1`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np

from solver.arrays import IntArray
from solver.formats.bounded import MOST_MIB
from solver.formats.json_columns import Reader, load_json, save
from solver.formats.problem_checks import EXACT
from solver.formats.tables import ProblemFault, frozen

PLAN_FORMAT: Final = "givetake-plan/1"


class Status(StrEnum):
    """What is known of the pairings."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


class Stopped(StrEnum):
    """Why the solve ended."""

    PROVED = "proved"
    GAP = "gap"
    TIME = "time"
    WORK = "work"
    STALLED = "stalled"
    CANCELLED = "cancelled"
    INFEASIBLE = "infeasible"


def gap_of(objective: int, bound: float) -> float:
    """Return the fraction (bound - objective) / max(1, objective)."""
    return (bound - objective) / max(1, objective)


@dataclass(frozen=True, slots=True)
class ConflictPart:
    """One of the pins and rules that no plan can keep together.

    Attributes
    ----------
    rule
        The rule's name, "pin" for a pin.
    where
        What it binds, by position: "pins[2]", "participants[7]".
    sentence
        The same in words, with the limit.
    """

    rule: str
    where: str
    sentence: str


def _no_pairings() -> IntArray:
    return frozen([], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The pairings of one solve.

    Attributes
    ----------
    status, stopped
        What is known of the pairings, and why the solve ended.
    offer, need, half_days
        One entry per pairing, ordered by offer and need; half_days >= 1.
    objective, bound, gap
        Points of the pairings, points that no plan exceeds, and `gap_of` both; None where not
        known.
    seconds
        Wall time.
    rounds
        Rounds or sub-solves done.
    versions
        Version of each library that shaped the plan.
    conflict
        An irreducible set of pins and rules, where no plan exists.
    given_up
        Parts of the search that went without an answer as their processes died, short of memory
        say; >= 0. The bound holds all the same.
    """

    status: Status
    stopped: Stopped
    offer: IntArray = field(default_factory=_no_pairings)
    need: IntArray = field(default_factory=_no_pairings)
    half_days: IntArray = field(default_factory=_no_pairings)
    objective: int | None = None
    bound: float | None = None
    gap: float | None = None
    seconds: float = 0.0
    seed: int = 0
    rounds: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    conflict: tuple[ConflictPart, ...] = ()
    given_up: int = 0

    def __len__(self) -> int:
        return len(self.offer)

    def to_json(self) -> dict[str, Any]:
        """Return the file's content, `givetake-plan/1`."""
        content: dict[str, Any] = {
            "format": PLAN_FORMAT,
            "pairings": {
                "offer": self.offer.tolist(),
                "need": self.need.tolist(),
                "half_days": self.half_days.tolist(),
            },
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "status": str(self.status),
            "stopped": str(self.stopped),
            "seconds": self.seconds,
            "seed": self.seed,
            "rounds": self.rounds,
            "versions": dict(self.versions),
        }
        if self.status is Status.INFEASIBLE:
            content["conflict"] = [
                {"rule": part.rule, "where": part.where, "sentence": part.sentence}
                for part in self.conflict
            ]
        if self.given_up:
            content["given_up"] = self.given_up
        return content

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> Plan:
        """Return the plan that a file's content describes.

        Whether it fits a problem is for `solver.check.verify` to say.

        Raises
        ------
        ProblemFault
            If the content breaks the format; it lists every fault.
        """
        return _plan_from_json(content)


def read_plan(path: Path | str, most_mib: int = MOST_MIB) -> Plan:
    """Read a plan file of at most `most_mib` MiB, gzip if its name ends in `.gz`.

    Raises
    ------
    ProblemFault
        If the file is no plan of the format; it lists every fault.
    OSError
        If the file cannot be read.
    """
    return Plan.from_json(load_json(Path(path), most_mib))


def write_plan(plan: Plan, path: Path | str) -> None:
    """Write a plan file, gzip if its name ends in `.gz`."""
    save(plan.to_json(), path)


def _plan_from_json(content: Mapping[str, Any]) -> Plan:
    if content.get("format") != PLAN_FORMAT:
        raise ProblemFault([f"format: expected {PLAN_FORMAT!r}, got {content.get('format')!r:.40}"])
    reader = Reader()
    required = (
        "format",
        "pairings",
        "objective",
        "bound",
        "gap",
        "status",
        "stopped",
        "seconds",
        "seed",
        "rounds",
        "versions",
    )
    reader.known_fields("", content, required, ("conflict", "given_up"))
    if reader.faults:
        raise ProblemFault(reader.faults)
    reader.section("pairings", content["pairings"], ("offer", "need", "half_days"), ())
    numbers: dict[str, float | None] = {}
    for name in ("bound", "gap", "seconds"):
        value = content[name]
        numbers[name] = value
        if value is None and name != "seconds":
            continue
        if type(value) not in (int, float) or not abs(value) < EXACT or not math.isfinite(value):
            reader.faults.append(f"{name}: {value!r:.40} is no number below 2^53")
    objective = content["objective"]
    if objective is not None:
        reader.number("objective", objective)
    seed, rounds = (reader.number(name, content[name]) for name in ("seed", "rounds"))
    given_up = reader.number("given_up", content.get("given_up", 0))
    negative = {"seconds": numbers["seconds"], "seed": seed, "rounds": rounds, "given_up": given_up}
    reader.faults += [
        f"{name}: {value} is below 0"
        for name, value in negative.items()
        if isinstance(value, int | float) and value < 0
    ]
    for name, known in (("status", Status), ("stopped", Stopped)):
        if content[name] not in [str(word) for word in known]:
            reader.faults.append(f"{name}: {content[name]!r:.40} is none of {', '.join(known)}")
    versions = content["versions"]
    if not isinstance(versions, dict) or not all(isinstance(v, str) for v in versions.values()):
        reader.faults.append("versions: expected an object of strings")
    conflict = _conflict(reader, content.get("conflict", []))
    if reader.faults:
        raise ProblemFault(reader.faults)
    columns = {
        name: frozen(column, np.int64) for name, column in reader.columns["pairings"].items()
    }
    return Plan(
        status=Status(content["status"]),
        stopped=Stopped(content["stopped"]),
        **columns,
        objective=objective,
        bound=numbers["bound"],
        gap=numbers["gap"],
        seconds=numbers["seconds"] or 0.0,
        seed=seed,
        rounds=rounds,
        versions=versions,
        conflict=conflict,
        given_up=given_up,
    )


def _conflict(reader: Reader, content: Any) -> tuple[ConflictPart, ...]:
    fields = {"rule", "where", "sentence"}
    if not isinstance(content, list) or not all(
        isinstance(part, dict)
        and set(part) == fields
        and all(isinstance(value, str) for value in part.values())
        for part in content
    ):
        reader.faults.append("conflict: expected a list of objects {rule, where, sentence}")
        return ()
    return tuple(ConflictPart(**part) for part in content)
