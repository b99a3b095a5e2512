"""The rules of a pair about the ladder: outside stimulus, a network's first call, and its steps."""

import numpy as np

from models.vocabulary import Ladder
from solver.arrays import BoolArray, IntArray
from solver.pairing.columns import holds
from solver.pairing.ladder import GIVER_IS, LADDER, ladder_steps
from solver.pairing.pair_rule import GIVER, TAKER, Columns, Figures, PairRule, dates, day
from solver.pairing.pairs import PairTables

OWN_GROUP = LADDER.index(Ladder.OWN_GROUP)
OWN_NETWORK = LADDER.index(Ladder.OWN_NETWORK)


class OutsideStimulus(PairRule):
    """A need of a stimulus from outside skips the first steps: the school, and its own trust."""

    name = "outside_stimulus"
    short = "of the own trust or federation"
    statement = "The need is for support from outside the school's own trust or federation."

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        refused = tables.needs.outside[need]
        # Few needs ask for it: only of these the step is looked up.
        at = np.flatnonzero(refused)
        refused[at] = _steps(tables, need[at], offer[at]) == OWN_GROUP
        return np.asarray(refused)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        return {"outside": tables.needs.outside[need].tolist()}

    def passed(self, figures: Figures) -> str:
        if figures["outside"]:
            return (
                f"The need is for support from outside, and the {GIVER} is not in the school's "
                "own trust or federation."
            )
        return "The need does not ask for support from outside the own trust or federation."

    def refused(self, figures: Figures) -> str:
        return (
            "The need is for support from outside the school's own trust or federation, and the "
            f"{GIVER} is in the same one."
        )


class FirstCall(PairRule):
    """Until a day that the giver sets, an offer is for its own trust, federation and networks."""

    name = "first_call"
    short = "kept for another network"
    statement = f"The {GIVER} keeps this for its own network first."

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        refused = tables.offers.first_call_until[offer] > 0
        at = np.flatnonzero(refused)
        refused[at] = _steps(tables, need[at], offer[at]) > OWN_NETWORK
        return np.asarray(refused)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        return {"until": dates(tables.offers.first_call_until[offer])}

    def passed(self, figures: Figures) -> str:
        if figures["until"] is None:
            return f"The {GIVER} does not keep this for its own network."
        return (
            f"Until {day(figures['until'])} the {GIVER} keeps this for its own trust, federation "
            f"and networks, and the {TAKER} is in one of them."
        )

    def refused(self, figures: Figures) -> str:
        if figures["until"] is None:
            return self.statement
        return (
            f"Until {day(figures['until'])} the {GIVER} keeps this for its own trust, federation "
            f"and networks, and the {TAKER} is in none of them."
        )


class OtherStep(PairRule):
    """Refuses nothing unless a run asks for it; a pinned pair is asked for by name."""

    name = "other_step"
    short = "on another step of the ladder"
    statement = "The run does not look for support on this step of the ladder."
    exceptions = True

    def refuses(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> BoolArray:
        if tables.steps is None:
            return np.zeros(len(need), np.bool_)
        asked_for = holds(tables.kept, offer * len(tables.needs.participant) + need)
        return np.asarray(~tables.steps[need, _steps(tables, need, offer)] & ~asked_for)

    def figures(
        self, tables: PairTables, need: IntArray, offer: IntArray, remote: BoolArray
    ) -> Columns:
        found = [str(LADDER[at]) for at in _steps(tables, need, offer).tolist()]
        if tables.steps is None:
            return {"step": found, "steps": [None] * len(need)}
        allowed = [
            [str(step) for step, may in zip(LADDER, row, strict=True) if may]
            for row in tables.steps[need].tolist()
        ]
        return {"step": found, "steps": allowed}

    def passed(self, figures: Figures) -> str:
        return f"The {GIVER} {GIVER_IS[Ladder(figures['step'])]}."

    def refused(self, figures: Figures) -> str:
        if figures["steps"] is None:
            return self.statement
        steps = [Ladder(step) for step in figures["steps"]]
        where = " or ".join(GIVER_IS[step] for step in steps) or "is on no step at all"
        return f"{self.passed(figures)} For this need the run looks only for one that {where}."


def _steps(tables: PairTables, need: IntArray, offer: IntArray) -> IntArray:
    found = ladder_steps(tables.participants, tables.giver(offer), tables.taker(need))
    return np.asarray(found, np.int64)
