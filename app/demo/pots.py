"""Two made-up pots of money for the made-up county, and the needs that name them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from app.access.policy import Principal
from app.database import WriteSession
from app.demo.county_exchange import PERIOD
from app.events import audit
from app.exchange.pots import Paying
from app.money import service
from app.money.rows import NewPotContent
from models.exchange import Need
from models.money import Pot
from models.vocabulary import PotHolder

NAMING: Final = 30
"""So many of the most urgent needs name a pot that pays for them: more than it has."""
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


def make_pots(session: WriteSession, principal: Principal) -> Sequence[Pot]:
    """Make both, and let the most urgent needs name the first that pays for them.

    Before any run: plans keep within what pots have left, for the needs that name them.
    """
    made = [service.create(session, principal, content) for content in POTS]
    paying = Paying.load(session, [pot.reference for pot in made], [], PERIOD.starts)
    urgent = select(Need).where(Need.pot_reference.is_(None)).order_by(Need.priority, Need.id)
    named = 0
    for need in session.scalars(urgent).all():
        if named == NAMING:
            break
        window = need.window_starts, need.window_ends
        pays = [
            pot.reference
            for pot in reversed(made)
            if not paying.why_not(pot.reference, need.participant_id, need.expertise_code, *window)
        ]
        if not pays:
            continue
        named += 1
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
