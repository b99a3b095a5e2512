"""Claims of supporting organisations for signed visits: made, approved, paid or refused."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.access.employed import speaks_for_giver
from app.access.persons import same_person
from app.access.policy import TERMINAL, Action, Principal, authorise
from app.access.scoped import authorise_on, visible
from app.database import WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound, Problem, require_version
from app.events import audit
from app.money.commitments import commitment_of, settle_paid
from app.wording import counted, pounds
from models.matching import Proposal
from models.money import Claim, Commitment, Pot
from models.partnerships import Partnership, SupportVisit
from models.vocabulary import ClaimAction, ClaimState, VisitState, days_text

SHOWN: Final = 5
_FROM: Final[dict[ClaimAction, tuple[frozenset[ClaimState], ClaimState]]] = {
    ClaimAction.APPROVE: (frozenset({ClaimState.MADE}), ClaimState.APPROVED),
    ClaimAction.REFUSE: (frozenset({ClaimState.MADE, ClaimState.APPROVED}), ClaimState.REFUSED),
    ClaimAction.PAY: (frozenset({ClaimState.APPROVED}), ClaimState.PAID),
}
"""The states that each decision on a claim may be taken in, and the one it leads to."""


class BadClaim(Problem):
    """What is wrong with a claim; `field` names which, if it is one."""

    status = 422
    title = "Invalid claim"

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


def make(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    visits: Collection[int] | None = None,
    pence: int | None = None,
    *,
    now: datetime | None = None,
) -> Claim:
    """Claim what signed visits of a partnership come to, or less; none named: all that can be.

    Raises
    ------
    NotFound
        If there is no such partnership.
    Conflict
        If no pot pays for it, or no visit is left to claim.
    BadClaim
        If a visit is not signed or claimed already, or the claim is above its visits, what is
        committed, or nothing.
    """
    authorise(principal, Action.AGREE_FOR_GIVER)
    now = now or database_now(session)
    partnership, proposal = _find(session, principal, partnership_id)
    authorise_on(session, principal, Action.AGREE_FOR_GIVER, proposal)
    commitment = _commitment(session, partnership)
    found = _to_claim(session, partnership, visits)
    worth = sum(each.pence or 0 for each in found)
    asked = worth if pence is None else pence
    if asked <= 0:
        raise BadClaim(
            f"{_named(found)} come to {pounds(worth)}, and {pounds(asked)} is claimed. Enter a sum "
            "of more than £0.00",
            "pounds",
        )
    left = commitment.pence - commitment.claimed_pence
    if asked > left:
        raise BadClaim(
            f"{pounds(asked)} is claimed, and of the {pounds(commitment.pence)} that pot "
            f"{_pot_of(session, commitment).reference} has committed for partnership "
            f"{partnership_id}, {pounds(left)} is left to claim. Claim that or less",
            "pounds",
        )
    if asked > worth:
        raise BadClaim(
            f"{_named(found)} come to {pounds(worth)} at the rate agreed, and {pounds(asked)} is "
            "claimed. Claim that or less",
            "pounds",
        )
    made = Claim(
        commitment_id=commitment.id,
        half_days=sum(each.half_days for each in found),
        pence=asked,
        visits=[each.id for each in found],
        state=ClaimState.MADE,
        claimed_by=principal.name,
        claimed_at=now,
    )
    session.add(made)
    session.flush()
    for each in found:
        each.claim_id = made.id
        each.version += 1
    commitment.claimed_pence += asked
    commitment.version += 1
    session.flush()
    _record(session, principal, made, "made", pence=asked, half_days=made.half_days)
    return made


def decide(
    session: WriteSession,
    principal: Principal,
    claim_id: int,
    action: ClaimAction,
    reason: str | None = None,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Claim:
    """Approve a claim, refuse it with a reason, or record that it was paid.

    An approver of who holds the pot does; the same again changes nothing.

    Raises
    ------
    NotFound, Stale
        If there is no such claim, or it is no longer at `version`.
    Forbidden
        If the principal made it, or works for who did.
    Conflict
        If its state does not allow that.
    BadClaim
        If a refusal has no reason, or anything else has one.
    """
    authorise(principal, Action.DECIDE_CLAIM)
    now = now or database_now(session)
    commitment_id = session.scalar(
        select(Claim.commitment_id).where(Claim.id == claim_id, claims_seen(principal, Action.READ))
    )
    if commitment_id is None:
        raise NotFound(f"There is no claim {claim_id}. Check the number.")
    # The commitment first, as whoever claims does.
    commitment = session.get_one(
        Commitment, commitment_id, with_for_update=True, populate_existing=True
    )
    claim = session.get_one(Claim, claim_id, with_for_update=True, populate_existing=True)
    pot = _pot_of(session, commitment)
    authorise_on(session, principal, Action.DECIDE_CLAIM, pot)
    _require_apart(session, principal, claim, commitment)
    require_version(claim.version, version, f"Claim {claim_id}")
    if (action is ClaimAction.REFUSE) != (reason is not None):
        raise BadClaim(
            "enter a reason for refusing the claim"
            if action is ClaimAction.REFUSE
            else "a reason is only for refusing; leave it out",
            "reason",
        )
    allowed, result = _FROM[action]
    if claim.state == result:
        return claim
    if claim.state not in allowed:
        listed = " or ".join(sorted(allowed))
        raise Conflict(
            f"You cannot {action} claim {claim_id}: it is {claim.state}, and it must be {listed} "
            "first."
        )
    before, claim.state = claim.state, result
    if action is ClaimAction.PAY:
        claim.paid_by, claim.paid_at = principal.name, now
    else:
        claim.decided_by, claim.decided_at, claim.reason = principal.name, now, reason
    if action is ClaimAction.REFUSE:
        _let_go(session, claim, commitment)
    claim.version += 1
    session.flush()
    if action is ClaimAction.PAY:
        settle_paid(session, principal, commitment)
    _record(session, principal, claim, result, before=before, pence=claim.pence)
    return claim


def _let_go(session: WriteSession, claim: Claim, commitment: Commitment) -> None:
    """Let visits of a refused claim be claimed again, and the money for them."""
    query = select(SupportVisit).where(SupportVisit.claim_id == claim.id).order_by(SupportVisit.id)
    for each in session.scalars(query.with_for_update()):
        each.claim_id = None
        each.version += 1
    commitment.claimed_pence -= claim.pence
    commitment.version += 1


def possible(claim: Claim) -> list[ClaimAction]:
    """What can be decided on a claim, as far as its state alone tells."""
    return [action for action, (allowed, _) in _FROM.items() if claim.state in allowed]


def claims_seen(principal: Principal, action: Action) -> ColumnElement[bool]:
    """Whether a claim is of a pot or a proposal that the principal may do `action` to."""
    pots = select(Pot.id).where(visible(principal, action, Pot)).correlate(None)
    proposals = select(Proposal.id).where(visible(principal, action, Proposal)).correlate(None)
    commitments = select(Commitment.id).where(
        or_(Commitment.pot_id.in_(pots), Commitment.proposal_id.in_(proposals))
    )
    return Claim.commitment_id.in_(commitments.correlate(None))


def claimable(session: Session, partnership_id: int) -> Sequence[SupportVisit]:
    """Signed visits that no claim has yet, by day."""
    query = select(SupportVisit).where(
        SupportVisit.partnership_id == partnership_id,
        SupportVisit.state == VisitState.SIGNED,
        SupportVisit.claim_id.is_(None),
        SupportVisit.pence > 0,
    )
    return session.scalars(query.order_by(SupportVisit.on_day, SupportVisit.id)).all()


def _find(
    session: WriteSession, principal: Principal, partnership_id: int
) -> tuple[Partnership, Proposal]:
    """A partnership that the principal may read, locked like whoever signs its visits does."""
    seen = visible(principal, Action.READ, Proposal)
    query = (
        select(Partnership)
        .join(Proposal, Proposal.id == Partnership.proposal_id)
        .where(Partnership.id == partnership_id, seen)
        .with_for_update(of=Partnership)
        .execution_options(populate_existing=True)
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no partnership {partnership_id}. Check the number.")
    return found, session.get_one(Proposal, found.proposal_id)


def _commitment(session: WriteSession, partnership: Partnership) -> Commitment:
    found = commitment_of(session, partnership.proposal_id)
    if found is None:
        raise Conflict(
            f"No pot pays for partnership {partnership.id}, so nothing can be claimed. Its need "
            "must name a pot before it is agreed."
        )
    session.refresh(found, with_for_update=True)
    return found


def _to_claim(
    session: WriteSession, partnership: Partnership, wanted: Collection[int] | None
) -> Sequence[SupportVisit]:
    free = claimable(session, partnership.id)
    if wanted is None:
        if not free:
            raise Conflict(
                f"Partnership {partnership.id} has no signed visits left to claim. Ask the school "
                "to sign the visits that you wrote up."
            )
        return free
    if not wanted:
        raise BadClaim("choose one visit or more", "visits")
    by_id = {each.id: each for each in free}
    for number in wanted:
        if number in by_id:
            continue
        visit = session.get(SupportVisit, number)
        if visit is None or visit.partnership_id != partnership.id:
            raise BadClaim(f"there is no visit {number} of partnership {partnership.id}", "visits")
        if visit.claim_id is not None:
            raise BadClaim(
                f"visit {number} is in claim {visit.claim_id} already. Leave it out", "visits"
            )
        if visit.state != VisitState.SIGNED:
            now_is = visit.state.replace("_", " ")
            raise BadClaim(
                f"visit {number} is {now_is}, and must be signed by the school first", "visits"
            )
        raise BadClaim(f"visit {number} costs nothing. Leave it out", "visits")
    return [each for each in free if each.id in set(wanted)]


def _named(visits: Sequence[SupportVisit]) -> str:
    days = days_text(sum(each.half_days for each in visits))
    return f"{counted(len(visits), 'signed visit')} of {days} in all"


def _pot_of(session: Session, commitment: Commitment) -> Pot:
    return session.get_one(Pot, commitment.pot_id)


def _require_apart(
    session: WriteSession, principal: Principal, claim: Claim, commitment: Commitment
) -> None:
    """Refuse whoever made a claim, and whoever speaks for the organisation that it pays."""
    if principal == TERMINAL:
        return
    if claim.claimed_by in same_person(session, principal.name):
        raise Forbidden("You cannot decide this claim, because you made it. Ask another approver.")
    if speaks_for_giver(session, principal, commitment.proposal_id):
        raise Forbidden(
            "You cannot decide this claim, because it is of an organisation that you speak for. "
            "Ask another approver."
        )


def _record(
    session: WriteSession, principal: Principal, claim: Claim, what: str, **detail: Any
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"claim.{what}",
        subject=f"claim:{claim.id}",
        of=claim,
        **detail,
    )
