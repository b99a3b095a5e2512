"""What pots of money have left, as rules of the problem: never more than that is planned."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from app.planning.capacity import Left
from app.planning.holds import Hold
from app.planning.load import Loaded
from solver.arrays import IntArray
from solver.formats.tables import Linking, frozen

POT: Final = "pot:"
"""How the ids of these rules begin."""


def pot_of(rule_id: str | None) -> str | None:
    """The pot that a linking rule keeps to, by the rule's id."""
    is_one = rule_id is not None and rule_id.startswith(POT)
    return rule_id.removeprefix(POT) if rule_id and is_one else None


def spent_of_pots(loaded: Loaded, holds: Iterable[Hold]) -> Counter[str]:
    """Pence that holds would take of pots, where nothing is committed for them yet."""
    found = Counter[str]()
    for each in holds:
        if each.pot is not None and (pot := loaded.pots.get(each.pot)) is not None:
            found[each.pot] += pot.half_day_pence * each.half_days
    return found


def left_of_pots(loaded: Loaded) -> dict[str, int]:
    """Pence that each pot has left once everything that stands is taken off."""
    spent = spent_of_pots(loaded, loaded.holds)
    return {name: max(0, pot.left_pence - spent[name]) for name, pot in loaded.pots.items()}


def pot_rules(loaded: Loaded, left: Left, need: IntArray) -> Sequence[Linking]:
    """A rule for each pot that the needs of a run could overdraw: half-days times their price.

    Parameters
    ----------
    need
        Rows of `Loaded.needs`, one for each candidate.
    """
    wanted: dict[str, list[int]] = {}
    for row, each in enumerate(loaded.needs):
        if each.pot_reference is not None:
            wanted.setdefault(each.pot_reference, []).append(row)
    if not wanted:
        return ()
    limits = left_of_pots(loaded)
    rules = []
    for name, rows in sorted(wanted.items()):
        half_day = loaded.pots[name].half_day_pence
        most = half_day * sum(left.need_half_days[row] for row in rows)
        at = np.flatnonzero(np.isin(need, np.array(rows, np.int64)))
        # What all of them together cannot overdraw is no rule: faster ways of solving stay open.
        if not len(at) or most <= limits[name]:
            continue
        weight = np.full(len(at), half_day, np.int64)
        rules.append(
            Linking(
                POT + name,
                "<=",
                limits[name],
                "half_days",
                frozen(at, np.int64),
                frozen(weight, np.int64),
            )
        )
    return rules
