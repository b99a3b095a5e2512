"""A repair is taken in one step: what ends is set aside, and what comes is proposed."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from app.access.policy import CLOCK, Action, Principal, authorise
from app.access.scoped import visible
from app.database import WriteSession, database_now
from app.errors import Conflict, Forbidden, NotFound
from app.events import audit
from app.exchange.service import advance_need
from app.proposals.decisions import NOTHING_SAID, move
from app.proposals.states import ENDED, after
from app.repairs.broken import has_run_out
from app.repairs.digests import digests_of
from app.repairs.queries import may_take, view_of
from models.exchange import Need
from models.matching import Proposal, Run
from models.register import Participant
from models.repairs import Repair
from models.vocabulary import DecisionAction, NeedState, ProposalState


class OutOfDate(Conflict):
    """A repair of pairings as they no longer are."""

    title = "The repair is out of date"


def take(
    session: WriteSession,
    principal: Principal,
    proposal_id: int,
    repair_id: int,
    *,
    now: datetime | None = None,
) -> Repair:
    """Carry a repair out; one that was taken already stays as it is.

    Raises
    ------
    NotFound
        If there is no such repair: it was worked out anew, or the proposal is not to be seen.
    Forbidden
        If it changes a pairing that the principal may not review.
    OutOfDate
        If anything that it rests on has changed since it was worked out.
    """
    authorise(principal, Action.REVIEW)
    now = now or database_now(session)
    proposal, repair = _lock(session, principal, proposal_id, repair_id)
    if not may_take(session, principal, view_of(session, repair)):
        raise Forbidden(
            f"Repair {repair_id} changes pairings outside your area or organisation. Ask somebody "
            "who may review them, or choose a smaller repair."
        )
    if repair.taken_at is not None:
        return repair
    _check_current(session, proposal, repair, now)
    note = replace(NOTHING_SAID, note=f"Repair {repair_id} of proposal {proposal_id}")
    ended: dict[int, Proposal] = {}
    for each in _proposals(session, repair.content["ends"]):
        lapses = has_run_out(each, now)
        action = DecisionAction.LAPSE if lapses else DecisionAction.WITHDRAW
        actor = CLOCK if lapses else principal
        result = after(ProposalState(each.state), action)
        move(session, actor, each, action, result, NOTHING_SAID if lapses else note, now, 0)
        ended[each.need_id] = each
    need = session.get_one(Need, proposal.need_id, populate_existing=True)
    if need.state == NeedState.MATCHED:
        advance_need(session, principal, need.reference, NeedState.MATCH)
    # What comes in their place is proposed here, so that none waits for an alternative.
    for each in (*ended.values(), proposal):
        each.alternate_due = False
    made = []
    for row in repair.content["proposes"]:
        follows = ended.get(row["need_id"], proposal)
        comes = Proposal(**row, follows_id=follows.id)
        session.add(comes)
        session.flush()
        made.append(comes.id)
        audit.record(
            session,
            actor=principal.name,
            action="proposal.offered",
            subject=f"proposal:{comes.id}",
            of=comes,
            follows=follows.id,
        )
    repair.taken_at, repair.taken_by = now, principal.name
    session.flush()
    audit.record(
        session,
        actor=principal.name,
        action="proposal.repaired",
        subject=f"proposal:{proposal_id}",
        repair=repair_id,
        size=repair.size,
        ended=repair.content["ends"],
        proposed=made,
    )
    return repair


def _lock(
    session: WriteSession, principal: Principal, proposal_id: int, repair_id: int
) -> tuple[Proposal, Repair]:
    """Lock everybody concerned, as decisions do, then the proposal and the repair."""
    seen = visible(principal, Action.READ, Proposal)
    known = select(Repair).join(Proposal, Proposal.id == Repair.proposal_id)
    found = session.scalar(known.where(Repair.id == repair_id, Proposal.id == proposal_id, seen))
    if found is None:
        raise NotFound(
            f"There is no repair {repair_id} of proposal {proposal_id}. Work out its repairs again."
        )
    session.execute(
        select(Participant.id)
        .where(Participant.id.in_(found.content["concerned"]))
        .order_by(Participant.id)
        .with_for_update(key_share=True)
    ).all()
    proposal = session.get_one(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    again = session.scalar(
        select(Repair)
        .where(Repair.id == repair_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if again is None:
        raise NotFound(
            f"Repair {repair_id} of proposal {proposal_id} was worked out anew. Look again."
        )
    return proposal, again


def _check_current(
    session: WriteSession, proposal: Proposal, repair: Repair, now: datetime
) -> None:
    period = session.get_one(Run, proposal.run_id).period_code
    concerned = repair.content["concerned"]
    today = digests_of(session, concerned, period, proposal.id, now)
    changed = [kind for kind, digest in repair.digests.items() if today.get(kind) != digest]
    if changed:
        *first, last = changed
        listed = f"{', '.join(first)} and {last}" if first else last
        raise OutOfDate(
            f"Repair {repair.id} is out of date: {listed} of those concerned have changed since it "
            "was worked out. Work out the repairs again."
        )


def _proposals(session: WriteSession, ids: list[int]) -> list[Proposal]:
    """Locked, in one order, and none that has ended."""
    found = session.scalars(
        select(Proposal)
        .where(Proposal.id.in_(ids), Proposal.state.not_in(ENDED))
        .order_by(Proposal.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)
