"""What pots have committed: taken and given back, and never overdrawn, whatever runs at once.

A proposal that holds its days holds their money too, from *prefer* on; a partnership takes it over
on its terms, and what it did not deliver is free again once it is over.
"""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, select, true, update
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.database import WriteSession
from app.errors import Conflict
from app.events import audit
from app.exchange.owed import half_days_owed, waived
from app.exchange.pots import Paying, Price, price
from app.wording import pounds
from models.exchange import Need
from models.matching import Proposal
from models.money import Commitment, Pot
from models.partnerships import Partnership
from models.vocabulary import CommitmentState, days_text


class PotShort(Conflict):
    """More than a pot has left."""

    title = "The pot does not have enough left"


def commitment_of(session: Session, proposal_id: int) -> Commitment | None:
    """What stands for a proposal or its partnership."""
    query = select(Commitment).where(
        Commitment.proposal_id == proposal_id, Commitment.state != CommitmentState.RELEASED
    )
    return session.scalar(query)


def price_of(commitment: Commitment) -> Price:
    return Price(commitment.day_rate_pence, commitment.fee_pence)


def reserve(
    session: WriteSession, principal: Principal, proposal: Proposal, need: Need, now: datetime
) -> Commitment | None:
    """Commit what a locked proposal costs, if its need names a pot.

    Raises
    ------
    PotShort
        If the pot has less left than that.
    Conflict
        If it is closed, or does not pay for the need any more.
    """
    if need.pot_reference is None:
        return None
    if (before := commitment_of(session, proposal.id)) is not None:
        return before
    who = need.participant_id
    paying = Paying.load(
        session, [need.pot_reference], [need.reference], now.date(), participant=who
    )
    window = need.window_starts, need.window_ends
    if reason := paying.why_not(need.pot_reference, who, need.expertise_code, *window):
        raise Conflict(f"The pot of need {need.reference}, {need.pot_reference}, {reason}.")
    pot = paying.pots[need.pot_reference]
    each = price(pot)
    made = Commitment(
        pot_id=pot.id,
        proposal_id=proposal.id,
        half_days=proposal.half_days,
        day_rate_pence=each.day_rate_pence,
        fee_pence=each.fee_pence,
        pence=each.of(proposal.half_days),
        claimed_pence=0,
        state=CommitmentState.RESERVED,
        made_by=principal.name,
        made_at=now,
    )
    _take(session, pot, made.pence, each, proposal.half_days)
    session.add(made)
    session.flush()
    _record(session, principal, pot, f"commitment_{made.state}", made, pence=made.pence)
    return made


def begin(
    session: WriteSession,
    principal: Principal,
    commitment: Commitment,
    partnership: Partnership,
    half_days: int,
    each: Price,
) -> None:
    """Hand a proposal's money over to its partnership, with what its terms cost more or less.

    Raises
    ------
    PotShort
        If the pot has less left than they cost more.
    """
    commitment.partnership_id = partnership.id
    state = CommitmentState.RUNNING
    _change(session, principal, commitment, state, half_days, each)


def release(session: WriteSession, principal: Principal, proposal: Proposal) -> None:
    """Give back what a proposal reserved that has ended; a partnership's own end sees to its."""
    found = commitment_of(session, proposal.id)
    if found is None or found.partnership_id is not None:
        return
    _change(session, principal, found, CommitmentState.RELEASED, 0, price_of(found))


def settle(session: WriteSession, principal: Principal, partnership: Partnership) -> None:
    """Give back what a partnership that is over neither delivered nor can still be paid for."""
    found = commitment_of(session, partnership.proposal_id)
    if found is None or partnership.over_on is None:
        return
    session.flush()
    half_days = half_days_owed(session, found)
    is_settled = found.state == CommitmentState.ENDED and half_days == found.half_days
    if not is_settled:
        ended = CommitmentState.ENDED
        _change(session, principal, found, ended, half_days, price_of(found))


def settle_paid(session: WriteSession, principal: Principal, commitment: Commitment) -> None:
    """Give back what a claim that is now paid left of the worth of its visits."""
    same = CommitmentState(commitment.state)
    _change(session, principal, commitment, same, commitment.half_days, price_of(commitment))


def _change(
    session: WriteSession,
    principal: Principal,
    commitment: Commitment,
    state: CommitmentState,
    half_days: int,
    each: Price,
) -> None:
    """Move a commitment to another state, other days or another price, and the pot with it."""
    session.flush()
    # Claims of it are decided meanwhile.
    session.refresh(commitment, with_for_update=True)
    pot = session.get_one(Pot, commitment.pot_id)
    pence = max(each.of(half_days) - waived(session, commitment), commitment.claimed_pence)
    more = pence - commitment.pence
    if more > 0:
        _take(session, pot, more, each, half_days)
    elif more < 0:
        _give_back(session, pot, -more)
    commitment.state, commitment.half_days, commitment.pence = state, half_days, pence
    commitment.day_rate_pence, commitment.fee_pence = each
    commitment.version += 1
    session.flush()
    _record(session, principal, pot, f"commitment_{state}", commitment, pence=pence, more=more)


def _take(session: WriteSession, pot: Pot, pence: int, each: Price, half_days: int) -> None:
    """Raise what is committed, if the budget has it, in one statement: whoever is first gets it."""
    fits = Pot.committed_pence + pence <= Pot.budget_pence
    if _moved(session, pot, pence, fits) == 1:
        return
    if not pot.open:
        raise Conflict(f"Pot {pot.reference} is closed, and nothing more can be paid from it.")
    fee = f" with a fee of {pounds(each.fee_pence)}" if each.fee_pence else ""
    costs = f"{days_text(half_days)} at {pounds(each.day_rate_pence)} a day{fee}"
    of_more = pence != each.of(half_days)
    raise PotShort(
        f"Pot {pot.reference} has {pounds(pot.budget_pence - pot.committed_pence)} left, and "
        f"{costs} cost {f'{pounds(pence)} more than is committed' if of_more else pounds(pence)}. "
        "Choose fewer days or another pot, or ask who holds it to raise the budget."
    )


def _give_back(session: WriteSession, pot: Pot, pence: int) -> None:
    if _moved(session, pot, -pence, Pot.committed_pence >= pence) != 1:
        raise AssertionError(f"pot {pot.reference} has less committed than is given back")


def _moved(session: WriteSession, pot: Pot, pence: int, fits: ColumnElement[bool]) -> int:
    """Move what a pot has committed where it fits; how many rows that changed."""
    session.flush()
    may = Pot.open if pence > 0 else true()
    result = session.execute(
        update(Pot)
        .where(Pot.id == pot.id, may, fits)
        .values(committed_pence=Pot.committed_pence + pence, version=Pot.version + 1)
        .execution_options(synchronize_session=False)
    )
    session.refresh(pot)
    return int(cast(CursorResult[Any], result).rowcount)


def _record(
    session: WriteSession,
    principal: Principal,
    pot: Pot,
    what: str,
    commitment: Commitment,
    **detail: Any,
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"pot.{what}",
        subject=f"pot:{pot.reference}",
        of=commitment,
        proposal=commitment.proposal_id,
        **detail,
    )
