"""A small problem in which every rule can be broken, made up."""

from typing import Any

from solver.formats.problem import Problem
from solver.formats.problem_json import problem_from_json
from solver.solve import solve


def content() -> dict[str, Any]:
    """Three participants; 0 and 1 can swap, 2 gives to both. Plan in mind: candidates 0 and 1."""
    return {
        "format": "givetake-problem/1",
        "participants": {
            "id": ["a", "b", "c"],
            "lat": [54.7, 54.8, None],
            "lon": [-1.5, -1.6, None],
            "give_limit": [8, 8, 8],
            "max_given": [2, 2, 2],
            "max_taken": [2, 2, 2],
            "allowance": [0, 0, 0],
            "exempt": [False, False, False],
            "account": [0, 1, 2],
        },
        "needs": {
            "id": ["na", "nb", "na2"],
            "participant": [0, 1, 0],
            "expertise": ["maths", "reading", "send"],
            "days": [4, 4, 6],
            "days_min": [4, 2, 2],
            "max_givers": [1, 2, 0],
            "priority": [1, 1, 2],
        },
        "offers": {
            "id": ["oa", "ob", "oc"],
            "participant": [0, 1, 2],
            "expertise": ["reading", "maths", "send"],
            "days": [8, 8, 8],
            "max_pairings": [2, 2, 2],
        },
        "candidates": {
            "offer": [1, 0, 2, 2, 1],
            "need": [0, 1, 1, 2, 2],
            "points": [10, 8, 3, 5, 1],
            "half_days": [None, None, None, None, None],
            "bonus": [0, 0, 1, 0, 0],
        },
        "rules": {"reciprocity": "balanced", "max_loop": 3},
        "pins": [[1, 0]],
        "exclusions": [[1, 2]],
        "current": [[2, 1, 2]],
        "change_penalty": 3,
        "linking": [
            {
                "id": "pot",
                "sense": "<=",
                "limit": 30,
                "unit": "half_days",
                "candidates": [0, 1],
                "weight": [2, 3],
            }
        ],
    }


def problem(**changes: Any) -> Problem:
    """Return the problem; `needs={"days": [...]}` replaces columns, anything else a field."""
    made = content()
    for name, change in changes.items():
        made[name] = {**made[name], **change} if isinstance(change, dict) else change
    return problem_from_json(made)


def solved(problem, **limits):
    """A plan, and the state it ends with."""
    states = []
    plan = solve(problem, on_state=states.append, **limits)
    return plan, states[0]
