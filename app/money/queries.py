"""Reads of pots, with what is committed, claimed and paid, and of claims."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session, aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.errors import NotFound
from app.money.claims import claims_seen
from models.exchange import Need, Offer
from models.matching import Proposal
from models.money import Claim, Commitment, Pot
from models.partnerships import Partnership
from models.register import Participant
from models.vocabulary import ClaimState, CommitmentState

Taker, Giver = aliased(Participant), aliased(Participant)
NOT_REFUSED: Final = Claim.state != ClaimState.REFUSED


def _claimed(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """What claims of a pot come to."""
    return (
        select(func.coalesce(func.sum(Claim.pence), 0))
        .join(Commitment, Commitment.id == Claim.commitment_id)
        .where(Commitment.pot_id == Pot.id, *conditions)
        .correlate(Pot)
        .scalar_subquery()
    )


@dataclass(frozen=True, slots=True)
class PotSums:
    """A pot, who holds it, and what has become of its money so far."""

    pot: Pot
    holder: Participant
    claimed_pence: int
    """Made, approved and paid."""
    paid_pence: int

    @property
    def left_pence(self) -> int:
        """What can still be committed."""
        return self.pot.budget_pence - self.pot.committed_pence


@dataclass(frozen=True, slots=True)
class Committed:
    """One commitment with whom it is for."""

    commitment: Commitment
    pot: Pot
    proposal: Proposal
    need: Need
    taker: Participant
    giver: Participant
    paid_pence: int


@dataclass(frozen=True, slots=True)
class ClaimOf:
    """A claim with what it is of."""

    claim: Claim
    commitment: Commitment
    pot: Pot
    taker: Participant
    giver: Participant


def list_pots(
    session: Session,
    principal: Principal,
    *,
    is_open: bool | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> list[PotSums]:
    """A page of pots by id."""
    authorise(principal, Action.READ)
    query = _pots(principal).where(Pot.id > after).order_by(Pot.id).limit(limit)
    if is_open is not None:
        query = query.where(Pot.open if is_open else ~Pot.open)
    return [PotSums(*row) for row in session.execute(query)]


def get_pot(session: Session, principal: Principal, reference: str) -> PotSums:
    authorise(principal, Action.READ)
    query = _pots(principal).where(Pot.reference == reference)
    found = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound(f"There is no pot {reference!r}. Check the reference.")
    return PotSums(*found)


def find_pot(session: Session, principal: Principal, pot_id: int) -> PotSums:
    """A pot by its number, as pages have it."""
    reference = session.scalar(select(Pot.reference).where(Pot.id == pot_id))
    if reference is None:
        raise NotFound(f"There is no pot {pot_id}. Check the number.")
    return get_pot(session, principal, reference)


def _pots(principal: Principal) -> Select[*tuple[Any, ...]]:
    return (
        select(Pot, Participant, _claimed(NOT_REFUSED), _claimed(Claim.state == ClaimState.PAID))
        .join(Participant, Participant.id == Pot.holder_id)
        .where(visible(principal, Action.READ, Pot))
    )


def commitments_of(
    session: Session,
    principal: Principal,
    pot: Pot,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[Committed]:
    """A page of what a pot has committed, by number, for whoever may read the pot."""
    authorise(principal, Action.READ)
    query = _committed().where(
        Pot.id == pot.id,
        visible(principal, Action.READ, Pot),
        Commitment.state != CommitmentState.RELEASED,
        Commitment.id > after,
    )
    query = query.limit(limit)
    return [Committed(*row) for row in session.execute(query)]


def paid_from(session: Session, proposal_id: int) -> Committed | None:
    """What is committed for a proposal or its partnership, for whoever may read that."""
    query = _committed().where(
        Commitment.proposal_id == proposal_id, Commitment.state != CommitmentState.RELEASED
    )
    row = session.execute(query).one_or_none()
    return None if row is None else Committed(*row)


def _committed() -> Select[*tuple[Any, ...]]:
    paid = (
        select(func.coalesce(func.sum(case((Claim.state == ClaimState.PAID, Claim.pence))), 0))
        .where(Claim.commitment_id == Commitment.id)
        .correlate(Commitment)
        .scalar_subquery()
    )
    return (
        select(Commitment, Pot, Proposal, Need, Taker, Giver, paid)
        .join(Pot, Pot.id == Commitment.pot_id)
        .join(Proposal, Proposal.id == Commitment.proposal_id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Taker, Taker.id == Need.participant_id)
        .join(Giver, Giver.id == Offer.participant_id)
        .order_by(Commitment.id)
    )


def list_claims(
    session: Session,
    principal: Principal,
    *,
    pot: str | None = None,
    partnership: int | None = None,
    state: ClaimState | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> list[ClaimOf]:
    """A page of claims by number: of pots and of partnerships that the principal may read."""
    authorise(principal, Action.READ)
    query = _claims(principal).where(Claim.id > after).order_by(Claim.id).limit(limit)
    if pot is not None:
        query = query.where(Pot.reference == pot)
    if partnership is not None:
        query = query.where(Commitment.partnership_id == partnership)
    if state is not None:
        query = query.where(Claim.state == state)
    return [ClaimOf(*row) for row in session.execute(query)]


def get_claim(session: Session, principal: Principal, claim_id: int) -> ClaimOf:
    authorise(principal, Action.READ)
    query = _claims(principal).where(Claim.id == claim_id)
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no claim {claim_id}. Check the number.")
    return ClaimOf(*found)


def _claims(principal: Principal) -> Select[*tuple[Any, ...]]:
    return (
        select(Claim, Commitment, Pot, Taker, Giver)
        .join(Commitment, Commitment.id == Claim.commitment_id)
        .join(Pot, Pot.id == Commitment.pot_id)
        .join(Partnership, Partnership.id == Commitment.partnership_id)
        .join(Proposal, Proposal.id == Commitment.proposal_id)
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(Taker, Taker.id == Need.participant_id)
        .join(Giver, Giver.id == Offer.participant_id)
        .where(claims_seen(principal, Action.READ))
    )
