"""What rests on a need, an offer or a participant, listed before any of it is taken away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession, database_now
from app.errors import NotFound, Problem
from app.exchange.queries import get_need, get_offer
from app.planning.load import in_force
from app.proposals.queries import Full, Steered, answers_to, find_proposals
from app.proposals.states import ENDED
from app.register.naming import reference_named
from models.exchange import Need, Offer
from models.matching import Proposal, Steering
from models.partnerships import Support
from models.register import Participant
from models.vocabulary import RUNNING_SUPPORT, ProposalState, Says, Side, SteeringKind, days_text

STATES = list(ProposalState)


@dataclass(frozen=True, slots=True)
class RunningSupport:
    support: Support
    taker: Participant
    giver: Participant | None


@dataclass(frozen=True, slots=True)
class Dependents:
    """Open proposals, the furthest first, with who said yes to each; running support; pins."""

    proposals: Sequence[Full]
    agreed: Mapping[int, Sequence[Side]]
    """Sides that said yes, by proposal."""
    support: Sequence[RunningSupport]
    pins: Sequence[Steered]

    @property
    def any(self) -> bool:
        return bool(self.proposals or self.support or self.pins)

    def lines(self) -> list[str]:
        """Each as a sentence, for the terminal."""
        lines = []
        for each in self.proposals:
            agreed = {2: ", both sides agreed", 1: ", one side agreed"}
            said = agreed.get(len(self.agreed.get(each.proposal.id, [])), "")
            lines.append(
                f"Proposal {each.proposal.id} ({each.proposal.state.replace('_', ' ')}{said}): "
                f"{each.giver.name} gives {days_text(each.proposal.half_days)} to "
                f"{each.taker.name}."
            )
        for running in self.support:
            giver = running.giver.name if running.giver else running.support.giver_name
            lines.append(
                f"Support {running.support.reference} ({running.support.state}): {giver} supports "
                f"{running.taker.name}."
            )
        return lines + [
            f"Pin {pin.id} of need {need} and offer {offer}." for pin, need, offer in self.pins
        ]


class NotOneThing(Problem):
    status = 422
    title = "Invalid request"


def dependents_of(
    session: ReadSession | WriteSession,
    principal: Principal,
    *,
    need: str | None = None,
    offer: str | None = None,
    participant: str | None = None,
) -> Dependents:
    """What rests on one need, one offer or one participant."""
    authorise(principal, Action.READ)
    asked = {of_need: need, of_offer: offer, of_participant: participant}
    given = [(of, reference) for of, reference in asked.items() if reference is not None]
    if len(given) != 1:
        raise NotOneThing("Ask about one thing: a need, an offer or a participant.")
    [(of, reference)] = given
    return of(session, principal, reference)


def of_need(
    session: ReadSession | WriteSession,
    principal: Principal,
    reference: str,
    now: datetime | None = None,
) -> Dependents:
    need = get_need(session, principal, reference)
    running = and_(
        Support.taker_id == need.participant_id, Support.expertise_code == need.expertise_code
    )
    return _dependents(session, principal, Need.id == need.id, running, now)


def of_offer(
    session: ReadSession | WriteSession,
    principal: Principal,
    reference: str,
    now: datetime | None = None,
) -> Dependents:
    offer = get_offer(session, principal, reference)
    running = and_(
        Support.giver_id == offer.participant_id, Support.expertise_code == offer.expertise_code
    )
    return _dependents(session, principal, Offer.id == offer.id, running, now)


def of_participant(
    session: ReadSession | WriteSession,
    principal: Principal,
    cell: str,
    now: datetime | None = None,
) -> Dependents:
    """What rests on somebody's circumstances and limits, as either side."""
    authorise(principal, Action.READ)
    who = session.scalar(
        select(Participant.id).where(Participant.reference == reference_named(session, cell))
    )
    if who is None:
        raise NotFound(f"There is no participant {cell!r}. Enter a URN or a key.")
    sides = or_(Need.participant_id == who, Offer.participant_id == who)
    running = or_(Support.taker_id == who, Support.giver_id == who)
    return _dependents(session, principal, sides, running, now)


def _dependents(
    session: ReadSession | WriteSession,
    principal: Principal,
    pair: ColumnElement[bool],
    running: ColumnElement[bool],
    now: datetime | None,
) -> Dependents:
    found = find_proposals(session, principal, pair, Proposal.state.not_in(ENDED))
    found.sort(key=lambda each: -STATES.index(ProposalState(each.proposal.state)))
    answers = answers_to(session, principal, [each.proposal.id for each in found])
    taker, giver = aliased(Participant), aliased(Participant)
    support = session.execute(
        select(Support, taker, giver)
        .join(taker, taker.id == Support.taker_id)
        .outerjoin(giver, giver.id == Support.giver_id)
        .where(
            running, Support.state.in_(RUNNING_SUPPORT), visible(principal, Action.READ, Support)
        )
        .where(Support.partnership_id.is_(None))  # of a partnership the proposal tells
        .order_by(Support.id)
    )
    pins = session.execute(
        select(Steering, Need.reference, Offer.reference)
        .join(Need, Need.id == Steering.need_id)
        .join(Offer, Offer.id == Steering.offer_id)
        .where(
            pair,
            visible(principal, Action.READ, Steering),
            Steering.kind == SteeringKind.PIN,
            Steering.id.in_(
                in_force(now or database_now(session)).with_only_columns(Steering.id).order_by(None)
            ),
        )
        .order_by(Steering.id)
    )
    return Dependents(
        found,
        {
            proposal_id: [side for side in Side if said.get(side) is Says.YES]
            for proposal_id, said in answers.items()
        },
        [RunningSupport(*row) for row in support],
        [(row, need, offer) for row, need, offer in pins],
    )
