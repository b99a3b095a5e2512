"""Problem files: `givetake-problem/1`, columnar JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from solver.formats.bounded import MOST_MIB
from solver.formats.json_columns import Reader, load_json, save
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, ProblemFault

PROBLEM_FORMAT: Final = "givetake-problem/1"
_SECTIONS: Final = {
    "participants": (
        ("id",),
        (
            "lat",
            "lon",
            "give_limit",
            "max_given",
            "max_taken",
            "allowance",
            "exempt",
            "account",
        ),
    ),
    "needs": (
        ("id", "participant", "days"),
        ("expertise", "days_min", "max_givers", "priority"),
    ),
    "offers": (("id", "participant", "days"), ("expertise", "max_pairings")),
    "candidates": (("offer", "need", "points"), ("half_days", "bonus")),
}
_OPTIONAL: Final = ("rules", "pins", "exclusions", "current", "change_penalty", "linking")


def read_problem(path: Path | str, most_mib: int = MOST_MIB) -> Problem:
    """Read a problem file of at most `most_mib` MiB, gzip if its name ends in `.gz`.

    Raises
    ------
    ProblemFault
        If the file is no problem of the format; it lists every fault.
    OSError
        If the file cannot be read.
    """
    return problem_from_json(load_json(Path(path), most_mib))


def write_problem(problem: Problem, path: Path | str) -> None:
    """Write a problem file; the same problem gives the same bytes."""
    save(problem_to_json(problem), path)


def problem_from_json(content: Mapping[str, Any]) -> Problem:
    """Return the problem that a file's content describes.

    Raises
    ------
    ProblemFault
        If the content breaks the format; it lists every fault.
    """
    if content.get("format") != PROBLEM_FORMAT:
        raise ProblemFault(
            [f"format: expected {PROBLEM_FORMAT!r}, got {content.get('format')!r:.40}"]
        )
    reader = Reader()
    reader.known_fields("", content, ("format", *_SECTIONS), _OPTIONAL)
    for section, (required, optional) in _SECTIONS.items():
        if section in content:
            reader.section(section, content[section], required, optional)
    rules = reader.rules(content.get("rules", {}))
    rows = {
        name: reader.rows(name, content.get(name, []), width)
        for name, width in (("pins", 2), ("exclusions", 2), ("current", 3))
    }
    linking = reader.linking(content.get("linking", []))
    penalty = reader.number("change_penalty", content.get("change_penalty", 0))
    if reader.faults:
        raise ProblemFault(reader.faults)
    column = reader.columns
    return Problem(
        Participants.of(**column["participants"]),
        Needs.of(**column["needs"]),
        Offers.of(**column["offers"]),
        Candidates.of(**column["candidates"]),
        rules,
        rows["pins"],
        rows["exclusions"],
        rows["current"],
        penalty,
        linking,
    )


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Return the file's content; columns that hold only unknowns or defaults are left out."""
    participants, candidates = problem.participants, problem.candidates
    content: dict[str, Any] = {
        "format": PROBLEM_FORMAT,
        "participants": {
            "id": list(participants.id),
            **{
                name: [None if math.isnan(value) else value for value in column.tolist()]
                for name, column in (("lat", participants.lat), ("lon", participants.lon))
                if not np.isnan(column).all()
            },
            **{
                name: getattr(participants, name).tolist()
                for name in (
                    "give_limit",
                    "max_given",
                    "max_taken",
                    "allowance",
                    "exempt",
                    "account",
                )
            },
        },
        "needs": _columns(problem.needs),
        "offers": _columns(problem.offers),
        "candidates": {
            "offer": candidates.offer.tolist(),
            "need": candidates.need.tolist(),
            "points": candidates.points.tolist(),
        },
        "rules": {
            "reciprocity": str(problem.rules.reciprocity),
            "max_loop": problem.rules.max_loop,
        },
        "pins": problem.pins.tolist(),
        "exclusions": problem.exclusions.tolist(),
        "current": problem.current.tolist(),
        "change_penalty": problem.change_penalty,
        "linking": [
            {
                "id": rule.id,
                "sense": rule.sense,
                "limit": rule.limit,
                "unit": rule.unit,
                "candidates": rule.candidates.tolist(),
                "weight": rule.weight.tolist(),
            }
            for rule in problem.linking
        ],
    }
    if candidates.half_days.any():
        content["candidates"]["half_days"] = [
            days or None for days in candidates.half_days.tolist()
        ]
    if candidates.bonus.any():
        content["candidates"]["bonus"] = candidates.bonus.tolist()
    return content


def _columns(table: Needs | Offers) -> dict[str, Any]:
    return {
        name: list(column) if isinstance(column, tuple) else column.tolist()
        for name in table.__dataclass_fields__
        if (column := getattr(table, name)) is not None
    }
