"""How a partnership goes and what came of it, as each side says; concerns raised in private."""

from dataclasses import replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.access.holders import principal_of_holder
from app.access.persons import same_person
from app.access.policy import (
    EVERYTHING,
    EVERYWHERE,
    MAY,
    TERMINAL,
    WORKER,
    Action,
    Principal,
    authorise,
    may,
)
from app.access.scoped import authorise_on, may_on, visible
from app.database import ReadSession, WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound, Problem, require_version
from app.evidence import service as evidence
from app.partnerships.life import find, require_running
from app.proposals.apart import is_employed
from app.proposals.heard import OF_SIDE
from app.proposals.running import record, rows_of
from app.wording import on_day
from models.access import RoleGrant
from models.exchange import Offer
from models.matching import Proposal
from models.partnerships import Concern, Outcome, Partnership, Review
from models.vocabulary import RUNNING_SUPPORT, Rating, Reviewer, ScopeKind, Side, SupportResult

WIDER: Final = frozenset({ScopeKind.ALL, ScopeKind.REGION})
"""Scopes of approvers who look at concerns: outside the area that made the match."""


class BadReview(Problem):
    """What is wrong with a review or an outcome; `field` names which."""

    status = 422
    title = "Invalid review"

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.field = field


def add_review(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    reviewer: Reviewer,
    rating: Rating,
    day: date,
    role: str,
    note: str | None = None,
    *,
    now: datetime | None = None,
) -> Review:
    """Record how one side, or a monitor, says that a partnership goes.

    Raises
    ------
    NotFound, Conflict
        As `life.find`; or if the partnership is over.
    Forbidden
        If a monitor speaks for the supporting organisation.
    BadReview
        If the day lies before the start or ahead, or amber and red have no note.
    """
    action = Action.REVIEW if reviewer is Reviewer.MONITOR else OF_SIDE[Side(reviewer.value)]
    authorise(principal, action)
    now = now or database_now(session)
    found, proposal, _, offer = find(session, principal, partnership_id)
    authorise_on(session, principal, action, proposal)
    if reviewer is Reviewer.MONITOR:
        _require_apart(session, principal, offer, "monitor this partnership")
    require_running(found, "review it")
    if not found.starts <= day <= now.date():
        raise BadReview(
            f"enter the day of the review, from {on_day(found.starts)} to today: {on_day(day)} is "
            "not",
            "on_day",
        )
    if rating is not Rating.GREEN and not note:
        raise BadReview(f"say with a note why it is {rating}, and what happens next", "note")
    made = Review(
        partnership_id=found.id,
        reviewer=reviewer,
        rating=rating,
        on_day=day,
        role=role,
        note=note,
        recorded_by=principal.name,
        at=now,
    )
    session.add(made)
    session.flush()
    record(session, principal, found, "reviewed", of=made, reviewer=reviewer, rating=rating)
    if reviewer is Reviewer.MONITOR:
        evidence.from_review(
            session,
            principal,
            giver_id=offer.participant_id,
            expertise_code=offer.expertise_code,
            partnership_id=found.id,
            review_id=made.id,
            rating=rating,
            role=role,
            said_on=day,
            now=now,
        )
    return made


def _require_apart(session: Session, principal: Principal, offer: Offer, what: str) -> None:
    """Refuse whoever speaks for the supporting organisation where somebody else has to."""
    if principal not in (TERMINAL, WORKER) and is_employed(session, principal, offer):
        raise Forbidden(f"You cannot {what}, because you speak for the supporting organisation.")


def set_outcome(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    side: Side,
    result: SupportResult,
    what_worked: str | None,
    role: str,
    *,
    now: datetime | None = None,
) -> Outcome:
    """Record what one side says came of a partnership that is over.

    What the school says counts in the register and as evidence of quality, and so for later
    matches, once the supporting organisation has answered, or did not within four weeks.

    Raises
    ------
    NotFound, Conflict
        As `life.find`; or if the partnership still runs, or the school has not spoken yet.
    Conflict
        If it counts already.
    Forbidden
        If the same person recorded the other side's word, or records what the school says and
        speaks for the supporting organisation.
    """
    authorise(principal, OF_SIDE[side])
    now = now or database_now(session)
    found, proposal, need, offer = find(session, principal, partnership_id)
    authorise_on(session, principal, OF_SIDE[side], proposal)
    if side is Side.TAKER:
        _require_apart(session, principal, offer, "say what came of it for the school")
    if found.state in RUNNING_SUPPORT:
        raise Conflict(f"Partnership {found.id} is not over. End it first.")
    known = {Side(each.side): each for each in outcomes_of(session, found.id)}
    before = known.get(side)
    content = (result, what_worked, role)
    if before is not None and (before.result, before.what_worked, before.role) == content:
        return before
    if Side.GIVER in known:
        raise Conflict("both sides have said what came of it, and that counts now")
    if side is Side.GIVER:
        _check_answer(session, principal, known.get(Side.TAKER), result, what_worked, now)
    made = before or Outcome(partnership_id=found.id, side=side)
    if before is not None:
        earlier = {before.recorded_by, *(before.recorded_before_by or ())} - {principal.name}
        made.recorded_before_by = sorted(earlier) or None
    made.result, made.what_worked, made.role = content
    made.recorded_by, made.at = principal.name, now
    session.add(made)
    session.flush()
    if side is Side.GIVER:
        for row in rows_of(session, found.id):
            row.result, row.updated_at = known[Side.TAKER].result, now
            row.version += 1
        session.flush()
    record(session, principal, found, "outcome", of=made, side=side, result=result)
    if side is Side.GIVER:
        of_taker = known[Side.TAKER]
        evidence.from_outcome(
            session,
            principal,
            giver_id=offer.participant_id,
            taker_id=need.participant_id,
            expertise_code=offer.expertise_code,
            partnership_id=found.id,
            outcome_id=of_taker.id,
            result=SupportResult(of_taker.result),
            role=of_taker.role,
            said_on=of_taker.at.date(),
            now=now,
        )
    return made


def _check_answer(
    session: Session,
    principal: Principal,
    of_taker: Outcome | None,
    result: SupportResult,
    what_worked: str | None,
    now: datetime,
) -> None:
    if of_taker is None:
        raise Conflict("The school that received support says first what came of it.")
    own = principal in (TERMINAL, WORKER)
    if not own and of_taker.is_work_of(same_person(session, principal.name)):
        raise Forbidden(
            "You recorded what the school said, so the supporting organisation or somebody else "
            "has to record its answer."
        )
    silent = result is SupportResult.NOT_KNOWN and not what_worked
    if silent and of_taker.at + evidence.SILENCE > now:
        raise BadReview(
            "enter what the supporting organisation says. That it did not answer can be recorded "
            f"from {on_day((of_taker.at + evidence.SILENCE).date())}",
            "what_worked",
        )


def outcomes_of(session: Session, partnership_id: int) -> list[Outcome]:
    query = select(Outcome).where(Outcome.partnership_id == partnership_id)
    return list(session.scalars(query.order_by(Outcome.side.desc())))


def raise_concern(
    session: WriteSession,
    principal: Principal,
    partnership_id: int,
    text: str,
    role: str,
    *,
    now: datetime | None = None,
) -> Concern:
    """Raise a concern that approvers for a region or the country and administrators read.

    Raises
    ------
    NotFound
        As `life.find`.
    Forbidden
        If the principal acts for neither side.
    """
    acts = (Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
    if not any(may(principal, action) for action in acts):
        authorise(principal, Action.AGREE_FOR_TAKER)
    found, proposal, _, _ = find(session, principal, partnership_id)
    if not any(may_on(session, principal, action, proposal) for action in acts):
        authorise_on(session, principal, Action.AGREE_FOR_TAKER, proposal)
    made = Concern(
        partnership_id=found.id,
        text=text,
        role=role,
        raised_by=principal.name,
        raised_at=now or database_now(session),
    )
    session.add(made)
    session.flush()
    record(session, principal, found, "concern_raised", of=made)
    return made


def list_concerns(
    session: ReadSession, principal: Principal, partnership_id: int | None = None
) -> list[Concern]:
    """Those that the principal looks at, open ones first; of one partnership also its own."""
    if partnership_id is None:
        authorise(principal, Action.APPROVE)
    looked_at = visible(as_wider(principal), Action.APPROVE, Proposal)
    mine = Concern.raised_by.in_(same_person(session, principal.name))
    query = (
        select(Concern)
        .join(Partnership, Partnership.id == Concern.partnership_id)
        .join(Proposal, Proposal.id == Partnership.proposal_id)
        .where(looked_at if partnership_id is None else or_(looked_at, mine))
        .order_by(Concern.answered_at.is_not(None), Concern.id)
    )
    if partnership_id is not None:
        query = query.where(Concern.partnership_id == partnership_id)
    return list(session.scalars(query))


def is_heard(session: ReadSession, principal: Principal, proposal: Proposal, now: datetime) -> bool:
    """Whether anybody else can read a concern that the principal raises about a partnership."""
    own = same_person(session, principal.name)
    roles = MAY[Action.APPROVE] | EVERYTHING
    holders = session.scalars(select(RoleGrant.holder).where(RoleGrant.role.in_(roles)).distinct())
    for holder in holders.all():
        other = None if holder in own else principal_of_holder(session, holder, now)
        if other and may_on(session, as_wider(other), Action.APPROVE, proposal):
            return True
    return False


def as_wider(principal: Principal) -> Principal:
    """The same with what lets it look at concerns: approving beyond one area, or everything."""
    return replace(
        principal,
        grants=frozenset(
            grant
            for grant in principal.grants
            if grant.scope == EVERYWHERE or grant.scope.kind in WIDER or grant.role in EVERYTHING
        ),
    )


def answer_concern(
    session: WriteSession,
    principal: Principal,
    concern_id: int,
    answer: str,
    *,
    version: int | None = None,
    now: datetime | None = None,
) -> Concern:
    """Say what was done about a concern, to whoever raised it.

    Raises
    ------
    NotFound, Stale
        If there is no such concern that the principal looks at, or it changed.
    Forbidden
        If the principal raised it.
    """
    authorise(principal, Action.APPROVE)
    wider = as_wider(principal)
    row = session.execute(
        select(Concern, Partnership)
        .join(Partnership, Partnership.id == Concern.partnership_id)
        .join(Proposal, Proposal.id == Partnership.proposal_id)
        .where(Concern.id == concern_id, visible(wider, Action.APPROVE, Proposal))
        # The concern alone: the partnership is locked after its proposal, here it would be before.
        .with_for_update(of=Concern)
    ).first()
    if row is None:
        raise NotFound(f"There is no concern {concern_id}. Check the number.")
    concern, partnership = row
    require_version(concern.version, version, f"Concern {concern_id}")
    if concern.raised_by in same_person(session, principal.name):
        raise Forbidden("You raised this concern. Ask another approver to answer it.")
    if concern.answer == answer:
        return concern
    concern.answer, concern.answered_by = answer, principal.name
    concern.answered_at = now or database_now(session)
    concern.version += 1
    session.flush()
    record(session, principal, partnership, "concern_answered", of=concern)
    return concern
