"""Loops and swaps of the plan of a run, by name."""

from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal
from app.access.scoped import visible
from app.graph.cycles import LONGEST, Found, loops_among
from app.graph.kinds import Edge, Of
from app.graph.loops import Loop
from app.graph.view import View
from app.runs.queries import get_run
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Participant


def loops_of_run(
    session: Session, principal: Principal, view: View, run_id: int, longest: int = LONGEST
) -> Found[Loop]:
    """Loops of what a run proposed, whatever has been decided since, as far as it may be read."""
    run = get_run(session, principal, run_id)
    giver, taker = aliased(Participant), aliased(Participant)
    query = (
        select(
            giver.reference,
            taker.reference,
            Proposal.id,
            Proposal.state,
            Proposal.half_days,
            Need.expertise_code,
        )
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(giver, giver.id == Offer.participant_id)
        .join(taker, taker.id == Need.participant_id)
        .where(
            Proposal.run_id == run.id,
            # Offered later in the place of another, and no part of the plan.
            Proposal.follows_id.is_(None),
            visible(principal, Action.READ, Proposal),
        )
        .order_by(Proposal.id)
    )
    between: dict[tuple[str, str], list[Edge]] = {}
    for one, other, number, state, half_days, expertise in session.execute(query):
        edge = Edge(
            *(one, other, Of.PROPOSAL, number, str(number), state),
            half_days=half_days,
            period=run.period_code,
            expertise=expertise,
        )
        between.setdefault((one, other), []).append(edge)
    among = loops_among(between, longest)
    found = [
        Loop(members, tuple(tuple(between[pair]) for pair in pairwise((*members, members[0]))))
        for members in among.items
        if all(key in view.of.nodes for key in members)
    ]
    return Found(found, among.more)
