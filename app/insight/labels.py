"""Words of a plan that the report, the map and the portal share, by the enum they name."""

from typing import Final

from app.insight.breakdown import BrokenDownBy, Part
from app.insight.report import Symbol
from app.insight.report_map import MapRole
from models.vocabulary import Ladder, Phase
from solver.formats.plan import Status, Stopped
from solver.pairing.points import Component

COMPONENT_NAMES: Final = {
    Component.PRIORITY: "Priority",
    Component.QUALITY: "Evidence of quality",
    Component.SIMILARITY: "Similarity",
    Component.NEARNESS: "Distance",
    Component.LADDER: "Where support comes from",
    Component.CONTINUITY: "Earlier support",
    Component.DISADVANTAGE: "Disadvantage",
    Component.FAILED_SUPPORT: "Support that did not work",
}
PHASE_NAMES: Final = {
    Phase.EARLY_YEARS: "Early years",
    Phase.PRIMARY: "Primary",
    Phase.SECONDARY: "Secondary",
    Phase.POST_16: "Post-16",
}
BREAKDOWN_NAMES: Final = {
    BrokenDownBy.LOCAL_AUTHORITY: "Local authority",
    BrokenDownBy.EXPERTISE: "Expertise",
    BrokenDownBy.PHASE: "Phase",
}
NOT_KNOWN: Final = "Not known"
LADDER_NAMES: Final = {
    Ladder.OWN_GROUP: "Own trust or federation",
    Ladder.OWN_NETWORK: "Own network",
    Ladder.LOCAL_AREA: "Same local authority",
    Ladder.REGION: "Same region",
    Ladder.DESIGNATED: "Designated organisation",
    Ladder.ELSEWHERE: "Elsewhere",
}
ROLE_NAMES: Final = {
    MapRole.BOTH: "Gives and receives",
    MapRole.GIVES: "Only gives",
    MapRole.TAKES: "Only receives",
    MapRole.NONE: "Neither",
}
STATUS_NAMES: Final = {
    Status.OPTIMAL: "Proven optimal",
    Status.FEASIBLE: "Plan found, not proven optimal",
    Status.INFEASIBLE: "No plan possible",
    Status.UNKNOWN: "No plan found",
}
STOPPED_NAMES: Final = {
    Stopped.PROVED: "The plan is proven optimal.",
    Stopped.GAP: "The search stopped at the gap that was asked for.",
    Stopped.TIME: "The search stopped at its time limit.",
    Stopped.WORK: "The search stopped at its work limit.",
    Stopped.STALLED: "The search stopped when it found no more improvements.",
    Stopped.CANCELLED: "The run was cancelled. This is the best plan found until then.",
    Stopped.INFEASIBLE: "No plan can meet all the rules.",
}
SYMBOL_NAMES: Final = {
    Symbol.PRIMARY: "Primary or nursery school",
    Symbol.SECONDARY: "Secondary school",
    Symbol.SPECIALIST: "Specialist provision",
    Symbol.ALTERNATIVE: "Alternative provision",
    Symbol.OTHER_SCHOOL: "Other school or college",
    Symbol.ORGANISATION: "Organisation",
}


def part_name(by: BrokenDownBy, part: Part) -> str:
    """What people read for a part of a plan."""
    if part.key is None:
        return NOT_KNOWN
    if by is not BrokenDownBy.PHASE:
        return part.key
    return ", ".join(PHASE_NAMES[Phase(word)] for word in part.key.split())
