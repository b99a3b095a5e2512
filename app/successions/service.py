"""Settling what is open at a closed institution: handed over to another, or withdrawn."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for
from app.database import WriteSession
from app.errors import Conflict, NotFound, Problem
from app.events import audit
from app.exchange.service import withdraw_need, withdraw_offer
from app.proposals.decisions import NOTHING_SAID, move
from app.proposals.states import after
from app.register.successors.carry_over import carry_over
from app.register.successors.open_items import ENDED_NEEDS, OpenItems, open_items
from app.register.successors.resolve import School, schools
from app.successions.queries import closed_school
from models.vocabulary import DecisionAction, ProposalState, SupportResult, SupportState


class BadSettlement(Problem):
    status = 422
    title = "Choose how to settle it"


@dataclass(slots=True)
class Settled:
    """What became of what was open: counts by kind, and what a person has to look after."""

    urn: int
    to: int | None
    carried_over: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    to_do: list[str] = field(default_factory=list)


def settle(
    session: WriteSession,
    principal: Principal,
    urn: int,
    *,
    to: int | None = None,
    withdraw: bool = False,
    now: datetime | None = None,
) -> Settled:
    """Hand everything that is open at a closed institution over to `to`, or withdraw it.

    What `to` has already is withdrawn as well, as somebody has looked at it, and so are proposals
    that would have `to` on both sides. Safe to repeat.

    Raises
    ------
    NotFound, Conflict
        If there is no such institution, it is not closed, or `to` takes no part.
    BadSettlement
        Unless there is exactly one of `to` and `withdraw`.
    """
    authorise(principal, Action.CHANGE_REGISTER)
    if (to is None) != withdraw:
        raise BadSettlement("Enter the URN to carry over to, or withdraw everything; not both.")
    now = now or datetime.now(UTC)
    today = now.date()
    closed = closed_school(session, urn)
    settled = Settled(urn, to)
    who = closed.participant_id
    authorise_for(session, principal, Action.CHANGE_REGISTER, [who])
    items = OpenItems()
    if to is not None:
        target = _target(session, closed, to)
        authorise_for(session, principal, Action.CHANGE_REGISTER, [target.participant_id])
        carried = carry_over(session, principal.name, [(closed, target)], today)[urn]
        settled.carried_over = dict(sorted(carried.moved.items()))
        settled.to_do = carried.to_check
        of_target = open_items(session, [target.participant_id], today)[target.participant_id]
        items.proposals = [one for one in of_target.proposals if one.id in carried.self_paired]
    left = open_items(session, [who], today)[who]
    items = replace(left, proposals=[*items.proposals, *left.proposals])
    settled.withdrawn = _withdraw(session, principal, items, now)
    if settled.carried_over or settled.withdrawn:
        audit.record(
            session,
            actor=principal.name,
            action="succession.settle",
            subject=f"institution:{urn}",
            to=None if to is None else f"urn:{to}",
            carried_over=settled.carried_over,
            withdrawn=settled.withdrawn,
        )
    return settled


def _target(session: WriteSession, closed: School, to: int) -> School:
    found = schools(session, [to])
    if not found:
        raise NotFound(f"There is no institution {to} in the register. Check the URN.")
    if not found[0].in_scope:
        raise Conflict(
            f"{to} {found[0].name} is closed or takes no part. Choose an open institution."
        )
    return found[0]


def _withdraw(
    session: WriteSession, principal: Principal, items: OpenItems, now: datetime
) -> dict[str, int]:
    """Withdraw proposals, needs and offers, and end support as of today."""
    for proposal in items.proposals:
        state = after(ProposalState(proposal.state), DecisionAction.WITHDRAW)
        action = DecisionAction.WITHDRAW
        move(session, principal, proposal, action, state, NOTHING_SAID, now, 0)
    needs = [need for need in items.needs if need.state not in ENDED_NEEDS]
    # Of a partnership, the rows ended with its proposal.
    support_of_others = [each for each in items.support if each.partnership_id is None]
    for need in needs:
        withdraw_need(session, principal, need.reference)
    for offer in items.offers:
        withdraw_offer(session, principal, offer.reference)
    for support in support_of_others:
        support.state, support.result = SupportState.ENDED, SupportResult.NOT_KNOWN
        support.ends = max(now.date(), support.starts or now.date())
        support.version += 1
        support.updated_at = now
        audit.record(
            session,
            actor=principal.name,
            action="support.end",
            subject=f"support:{support.reference}",
            of=support,
        )
    session.flush()
    counts = {
        "proposal": len(items.proposals),
        "need": len(needs),
        "offer": len(items.offers),
        "support": len(support_of_others),
    }
    return {kind: count for kind, count in counts.items() if count}
