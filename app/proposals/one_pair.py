"""The reasons of one pair, as a run of its two sides alone would give them today."""

from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app.errors import Problem
from app.planning.build import build
from app.planning.proposal_rows import proposal_rows
from app.proposals.pair_check import loaded_pair, options_of_pair
from app.register.water import estimated
from models.exchange import Need, Offer
from models.matching import Proposal, Run


def row_of_pair(
    session: Session, instead_of: Proposal, need: Need, offer: Offer, now: datetime
) -> dict[str, Any] | None:
    """A row of a proposal of this offer instead of another; none where the rules allow none today.

    Journeys are estimated: a router is not asked within a transaction.
    """
    run = session.get_one(Run, instead_of.run_id)
    loaded, _ = loaded_pair(session, instead_of, need, offer, now)
    try:
        built = build(loaded, options_of_pair(run, need, offer), estimated())
    except Problem:
        return None
    asked = [each.id for each in built.loaded.needs].index(need.id)
    given = [each.id for each in built.loaded.offers].index(offer.id)
    [found] = np.nonzero((built.candidates.need == asked) & (built.candidates.offer == given))
    half_days = np.full(len(found), instead_of.half_days)
    return next(iter(proposal_rows(run.id, built, found, half_days)), None)
