"""How the vocabulary reads on a page."""

from typing import Final

_WORDS: Final = {
    "on_site": "On site",
    "either": "On site or remote",
    "data_trigger": "Published data",
    "self_evaluation": "Its own evaluation",
    "local_area": "Same local authority",
    "own_group": "Own trust or federation",
    "own_network": "Own network",
    "region": "Same region",
    "designated": "Designated organisation",
    "elsewhere": "From elsewhere",
    "post_16": "Post-16",
    "local_authority": "Local authority",
    "solved": "Planned",
    "unknown": "No plan found",
    "infeasible": "No plan possible",
    "query": "Search",
    "max_neighbours": "Nearest offers looked at",
}
_COLOURS: Final = {
    "green": {"solved", "agreed", "approved", "approved_with_conditions", "met", "matched",
              "can_offer", "active", "worked", "checked"},
    "yellow": {"preferred", "due_diligence", "deferred", "may_offer", "partly", "queued", "paused"},
    "red": {"failed", "infeasible", "unknown", "declined", "not_offering", "did_not_work"},
    "grey": {"withdrawn", "lapsed", "closed", "cancelled", "not_answered", "suggested", "ended",
             "stopped"},
}  # fmt: skip
_COLOUR_OF: Final = {state: colour for colour, states in _COLOURS.items() for state in states}

RECIPROCITY: Final = {
    "balanced": (
        "Give as you take",
        "Each school takes at most what it gives, plus an allowance that grows with the "
        "disadvantage it serves and with urgent needs.",
    ),
    "both_roles": (
        "Both a giver and a taker",
        "Whoever takes also gives at least once, unless it is exempt.",
    ),
    "closed_loops": (
        "Closed loops",
        "Each gives to the next and the last to the first: two that swap, or a ring of a few.",
    ),
    "none": ("No condition", "Nobody has to give in order to take."),
}
HOLDERS: Final = {
    "school": ("Each school", "Every school balances for itself."),
    "federation": ("Federation", "Schools of a federation balance together."),
    "trust": ("Trust", "Schools of a trust balance together."),
}
DECLINE_REASONS: Final = {
    "finance": "Finance",
    "performance": "Performance",
    "governance": "Governance",
    "choice_of_trust": "Choice of trust",
    "capacity": "Capacity",
    "conflict_of_interest": "Conflict of interest",
    "other": "Other (say what in the note)",
}
STOPPED: Final = {
    "optimal": "It ended because the plan was proven to be good enough.",
    "gap": "It ended because the plan was proven to be good enough.",
    "time": "It ended because its time was up.",
    "time_limit": "It ended because its time was up.",
    "work": "It ended because its work was done.",
    "cancelled": "It was stopped.",
}


def word(value: object) -> str:
    """A word of the vocabulary as people read it."""
    text = "" if value is None else str(value)
    return _WORDS.get(text, text.replace("_", " ").capitalize())


def colour(state: object) -> str:
    """The class of a state's tag."""
    return f"govuk-tag--{_COLOUR_OF.get(str(state), 'blue')}"
