"""The ladder of each need: what was tried or looked at on it, and how far a run climbs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.planning.load import Loaded
from app.planning.options import MatchOptions
from app.planning.pair_tables import Place, giver_and_taker, places_of
from models.partnerships import Support
from models.vocabulary import LOOKED_IN_VAIN, Ladder, LookedOutcome, SupportResult
from solver.pairing.columns import ParticipantColumns
from solver.pairing.ladder import LADDER, ladder_steps
from solver.pairing.nearest_step import nearest_steps
from solver.pairing.pairs import PairTables

_PLACE: Final = {str(step): place for place, step in enumerate(LADDER)}


def tried(
    loaded: Loaded, participants: ParticipantColumns, ended: Sequence[Support], place: Place
) -> NDArray[np.bool_]:
    """Whether support from a step has failed the need's school.

    Support of the same expertise that did not work, as recorded here or as the need itself says.
    """
    failed = [row for row in ended if row.result == SupportResult.DID_NOT_WORK]
    steps = ladder_steps(participants, *giver_and_taker(failed, place)).tolist()
    needs_of: dict[int, list[int]] = defaultdict(list)
    for row, need in enumerate(loaded.needs):
        needs_of[need.participant_id].append(row)
    found = _with_outcomes(loaded, frozenset({LookedOutcome.DID_NOT_WORK}))
    for support, step in zip(failed, steps, strict=True):
        for row in needs_of[support.taker_id]:
            if support.expertise_code in (None, loaded.needs[row].expertise_code):
                found[row, step] = True
    return found


def looked(loaded: Loaded) -> NDArray[np.bool_]:
    """Whether the need says that its school looked on a step in vain."""
    return _with_outcomes(loaded, LOOKED_IN_VAIN)


def _with_outcomes(loaded: Loaded, wanted: frozenset[LookedOutcome]) -> NDArray[np.bool_]:
    found = np.zeros((len(loaded.needs), len(Ladder)), np.bool_)
    for row, need in enumerate(loaded.needs):
        for step, outcome in (need.looked_outcomes or {}).items():
            if outcome in wanted and step in _PLACE:
                found[row, _PLACE[step]] = True
    return found


def climbed(loaded: Loaded, options: MatchOptions, tables: PairTables) -> PairTables:
    """The tables with how far up the ladder the run looks for each need, if it asks for that."""
    if not options.nearest_step_first:
        return tables
    place = places_of(loaded)
    known = [row for row in loaded.support if row.giver_id in place and row.taker_id in place]
    ended = [row for row in known if row.result is not None]
    in_vain = tried(loaded, tables.participants, ended, place) | looked(loaded)
    return replace(tables, steps=nearest_steps(tables, in_vain))
