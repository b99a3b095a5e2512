"""Whether a pairing may be shown to anybody: each side says so for itself, and may take it back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.persons import same_person
from app.access.policy import TERMINAL, Action, Principal, authorise
from app.access.scoped import authorise_on
from app.database import WriteSession, database_now
from app.errors import Forbidden, NotFound
from app.events import audit
from app.proposals.decisions import lock
from app.proposals.heard import OF_SIDE, WHOSE, Heard, check_heard
from app.proposals.queries import get_proposal
from app.proposals.states import NotNow
from models.matching import Proposal, PublicationConsent
from models.vocabulary import ProposalState, Side

PUBLISHABLE: Final = frozenset({ProposalState.APPROVED, ProposalState.APPROVED_WITH_CONDITIONS})
"""What may be public, once both sides consent; before that it is an open proposal."""
ASKABLE: Final = PUBLISHABLE | {ProposalState.AGREED, ProposalState.DEFERRED}
"""States in which a side can be asked: what both agreed to, approved already or not."""


def consent(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    side: Side,
    heard: Heard,
    *,
    now: datetime | None = None,
) -> PublicationConsent:
    """Record that a side lets its pairing be published; one in force stays as it is.

    Raises
    ------
    NotFound
        If there is no such proposal.
    NotNow
        If the two sides have not agreed to it.
    BadDecision
        If it is not said who of that side gave it, when and how.
    Forbidden
        If the same person recorded the consent of the other side.
    """
    authorise(principal, OF_SIDE[side])
    proposal, _, _ = lock(session, principal, proposal_id)
    authorise_on(session, principal, OF_SIDE[side], proposal)
    now = now or database_now(session)
    heard = check_heard(session, principal, side, proposal, heard, now.date())
    standing = _in_force(session, proposal_id, side)
    if standing is not None:
        return standing
    if proposal.state not in ASKABLE:
        raise NotNow(
            f"You cannot publish this pairing: it is {proposal.state.replace('_', ' ')}, and both "
            "sides must agree first."
        )
    if reason := why_kept_apart(session, principal, proposal_id, side):
        raise Forbidden(reason)
    made = PublicationConsent(
        proposal_id=proposal_id,
        side=side,
        given_by=heard.said_by,
        said_on=heard.said_on,
        channel=heard.channel,
        recorded_by=principal.name,
        given_at=now,
    )
    session.add(made)
    session.flush()
    _record(session, principal, made, "publication_consented")
    return made


def why_kept_apart(
    session: Session, principal: Principal, proposal_id: int, side: Side
) -> str | None:
    """Why a second person has to record a side's consent; none where the principal may.

    Whoever has the machine is asked nothing, see `apart`.
    """
    (other,) = set(Side) - {side}
    given = _in_force(session, proposal_id, other)
    if given is None or principal == TERMINAL:
        return None
    if given.recorded_by not in same_person(session, principal.name):
        return None
    return (
        f"You cannot record this consent, because you recorded that of the {WHOSE[other]}. Ask a "
        f"contact of the {WHOSE[side]} or another broker to record it."
    )


def withdraw(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    side: Side,
    *,
    now: datetime | None = None,
) -> PublicationConsent:
    """Take a side's consent back, in any state; one taken back already stays as it was.

    Raises
    ------
    NotFound
        If there is no such proposal, or the side never consented.
    """
    authorise(principal, OF_SIDE[side])
    proposal, _, _ = lock(session, principal, proposal_id)
    authorise_on(session, principal, OF_SIDE[side], proposal)
    given = [each for each in consents_of(session, principal, proposal_id) if each.side == side]
    if not given:
        raise NotFound(f"The {WHOSE[side]} has not consented to publish proposal {proposal_id}.")
    last = given[-1]
    if last.withdrawn_at is None:
        last.withdrawn_at = now or database_now(session)
        last.withdrawn_by = principal.name
        session.flush()
        _record(session, principal, last, "publication_withdrawn")
    return last


def is_public(session: Session, proposal: Proposal) -> bool:
    """Whether anybody may see a pairing: it is approved, and both its sides consent."""
    return proposal.state in PUBLISHABLE and all(
        _in_force(session, proposal.id, side) is not None for side in Side
    )


def consents_of(
    session: Session, principal: Principal, proposal_id: int
) -> Sequence[PublicationConsent]:
    """What both sides said to publishing their pairing, in order, with what was taken back."""
    authorise(principal, Action.READ)
    get_proposal(session, principal, proposal_id)
    return session.scalars(
        select(PublicationConsent)
        .where(PublicationConsent.proposal_id == proposal_id)
        .order_by(PublicationConsent.id)
    ).all()


def _in_force(session: Session, proposal_id: int, side: Side) -> PublicationConsent | None:
    return session.scalars(
        select(PublicationConsent).where(
            PublicationConsent.proposal_id == proposal_id,
            PublicationConsent.side == side,
            PublicationConsent.withdrawn_at.is_(None),
        )
    ).one_or_none()


def _record(
    session: WriteSession, principal: Principal, consent: PublicationConsent, what: str
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"proposal.{what}",
        subject=f"proposal:{consent.proposal_id}",
        of=consent,
        side=consent.side,
    )
