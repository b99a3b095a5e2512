"""Two made-up pots of money for the made-up county, and the needs that name them."""

from collections.abc import Sequence
from typing import Final

from app.access.policy import Principal
from app.database import WriteSession
from app.demo.county_exchange import PERIOD
from app.events import audit
from app.exchange.pots import Paying
from app.money import service
from app.money.rows import NewPotContent
from app.proposals.list_query import ProposalQuery
from app.proposals.queries import list_proposals
from models.money import Pot
from models.vocabulary import PotHolder

NAMING: Final = 12
"""Needs of the best proposals that name a pot, where one pays for them."""
POTS: Final = (
    NewPotContent(
        reference="made-up-county-fund",
        name="County support fund (made up)",
        holder="made-up-school-improvement",
        holder_kind=PotHolder.COMMISSIONER,
        budget_pence=2_000_000,
        starts=PERIOD.starts,
        ends=PERIOD.ends,
        day_rate_pence=50_000,
        highest_day_rate_pence=60_000,
        fee_pence=5_000,
    ),
    NewPotContent(
        reference="made-up-inclusion-fund",
        name="Inclusion fund (made up)",
        holder="made-up-inclusion",
        holder_kind=PotHolder.COMMISSIONER,
        budget_pence=1_200_000,
        starts=PERIOD.starts,
        ends=PERIOD.ends,
        day_rate_pence=45_000,
        fee_basis_points=750,
        expertise=("send",),
    ),
)


def make_pots(session: WriteSession, principal: Principal, run_id: int) -> Sequence[Pot]:
    """Make both, and let needs of a run's best proposals name the first that pays for them."""
    made = [service.create(session, principal, content) for content in POTS]
    paying = Paying.load(session, [pot.reference for pot in made], [], PERIOD.starts)
    wanted = ProposalQuery(run=run_id, sort="-total_points")
    best = list_proposals(session, principal, wanted, limit=NAMING)
    for full in best:
        need = full.need
        window = need.window_starts, need.window_ends
        pays = [
            pot.reference
            for pot in reversed(made)
            if not paying.why_not(pot.reference, need.participant_id, need.expertise_code, *window)
        ]
        if not pays or need.pot_reference is not None:
            continue
        need.pot_reference = pays[0]
        need.version += 1
        session.flush()
        audit.record(
            session,
            actor=principal.name,
            action="need.change",
            subject=f"need:{need.reference}",
            of=need,
            changed=["pot_reference"],
        )
    return made
