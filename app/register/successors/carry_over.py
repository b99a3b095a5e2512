"""What a closed institution left open goes to its successor, with one line in the audit each."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from app.database import WriteSession
from app.events import audit, touched
from app.register import facts
from app.register.successors.open_items import OpenItems, open_items
from app.register.successors.resolve import School
from models.alliances import Alliance, AllianceMember
from models.base import Base
from models.evidence import Evidence
from models.exchange import Limits, Need, Offer
from models.interests import Interest
from models.matching import Agreement, Proposal
from models.partnerships import Support
from models.register import Network, NetworkMembership, Participant
from models.vocabulary import EvidenceKind, FactKind, MemberState, ProposalState, days_text

APPROVED = frozenset({ProposalState.APPROVED, ProposalState.APPROVED_WITH_CONDITIONS})


@dataclass(slots=True)
class Carried:
    """What went over by kind, and what a person has to look after.

    `stayed` says what could not go over, because the successor has the same.
    """

    moved: Counter[str] = field(default_factory=Counter)
    stayed: list[str] = field(default_factory=list)
    to_check: list[str] = field(default_factory=list)
    self_paired: list[int] = field(default_factory=list)
    """Proposals that now have the successor on both sides."""

    @property
    def to_do(self) -> list[str]:
        both = [
            f"Proposal {each} now has the same school on both sides. Withdraw it."
            for each in self.self_paired
        ]
        return self.stayed + self.to_check + both


@dataclass(slots=True)
class _Handover:
    """One closed institution and who takes its place."""

    session: WriteSession
    actor: str
    closed: School
    successor: School
    of_successor: OpenItems
    carried: Carried = field(default_factory=Carried)

    @property
    def to(self) -> int:
        return self.successor.participant_id

    def moved(self, thing: str, subject: object, row: Base) -> None:
        self.carried.moved[thing] += 1
        audit.record(
            self.session,
            actor=self.actor,
            action=f"{thing}.carry_over",
            subject=f"{thing}:{subject}",
            of=row,
            before=f"urn:{self.closed.urn}",
            after=f"urn:{self.successor.urn}",
        )


def carry_over(
    session: WriteSession,
    actor: str,
    pairs: Collection[tuple[School, School]],
    today: date,
) -> dict[int, Carried]:
    """Hand over what is open at each closed institution to its successor; safe to repeat.

    What the successor has already, it keeps: the same of the closed institution stays where it
    is, and `to_do` says so. Answers of both sides to proposals are to terms that name the
    participants, so that they no longer count (`app.proposals.terms`); approvals do.
    """
    people = {each.participant_id for pair in pairs for each in pair}
    # All at once and in one order, so that whoever decides on a proposal of theirs waits.
    session.execute(
        select(Participant.id)
        .where(Participant.id.in_(people))
        .order_by(Participant.id)
        .with_for_update(key_share=True)
    ).all()
    touched.mark(session, actor, people)
    found = open_items(session, people, today)
    done: dict[int, Carried] = {}
    for closed, successor in pairs:
        handover = _Handover(session, actor, closed, successor, found[successor.participant_id])
        _hand_over(handover, found[closed.participant_id])
        done[closed.urn] = handover.carried
    session.flush()
    return done


def _hand_over(handover: _Handover, items: OpenItems) -> None:
    for kind, mine, theirs in (
        ("need", items.needs, handover.of_successor.needs),
        ("offer", items.offers, handover.of_successor.offers),
    ):
        _hand_over_items(handover, kind, mine, theirs)
    _hand_over_evidence(handover)
    _hand_over_limits(handover, items.limits)
    for support in items.support:
        _hand_over_support(handover, support)
    _hand_over_circumstances(handover, items)
    _hand_over_networks(handover, items.networks)
    _hand_over_alliances(handover)
    for interest in items.interests:
        _hand_over_interest(handover, interest)
    needs = {need.id for need in items.needs if need.participant_id == handover.to}
    offers = {offer.id for offer in items.offers if offer.participant_id == handover.to}
    for proposal in items.proposals:
        if proposal.need_id in needs or proposal.offer_id in offers:
            _follow_proposal(handover, proposal)
    for pin in items.steering:
        if pin.need_id in needs or pin.offer_id in offers:
            pin.version += 1
            handover.moved(pin.kind, pin.id, pin)


def _hand_over_items(handover: _Handover, kind: str, mine: list[Any], theirs: list[Any]) -> None:
    known = {(each.expertise_code, each.period_code): each for each in theirs}
    for item in mine:
        same = known.get((item.expertise_code, item.period_code))
        if same is not None:
            handover.carried.stayed.append(
                f"{kind.capitalize()} {item.reference} was not carried over: "
                f"{handover.successor.urn} has {kind} {same.reference} for the same expertise "
                "and period. Withdraw one of them.",
            )
            continue
        item.participant_id = handover.to
        item.version += 1
        item.updated_at = datetime.now(UTC)
        theirs.append(item)
        handover.moved(kind, item.reference, item)


def _hand_over_evidence(handover: _Handover) -> None:
    """What was said of the closed institution's support is about whoever gives it from now on."""
    query = select(Evidence).where(Evidence.giver_id == handover.closed.participant_id)
    for each in handover.session.scalars(query.order_by(Evidence.id).with_for_update()).all():
        claimed = each.kind == EvidenceKind.CLAIM
        if not claimed and each.said_by_id == handover.to:
            continue  # nobody says it of itself
        each.giver_id = handover.to
        if claimed:
            each.said_by_id = handover.to
        each.version += 1
        handover.moved("evidence", each.id, each)


def _hand_over_limits(handover: _Handover, limits: list[Limits]) -> None:
    known = {each.period_code for each in handover.of_successor.limits}
    for each in limits:
        if each.period_code in known:
            handover.carried.to_check.append(
                f"The limits of {each.period_code} were not carried over, with a balance of "
                f"{days_text(each.carried_half_days)}: {handover.successor.urn} has its own. "
                "Check that they are right."
            )
            continue
        each.participant_id = handover.to
        each.version += 1
        handover.of_successor.limits.append(each)
        handover.moved("limits", f"{handover.successor.urn}:{each.period_code}", each)


def _hand_over_support(handover: _Handover, support: Support) -> None:
    closed = handover.closed.participant_id
    other = support.giver_id if support.taker_id == closed else support.taker_id
    if other == handover.to:
        handover.carried.stayed.append(
            f"Support {support.reference} was not carried over: "
            f"{handover.successor.urn} would support itself.",
        )
        return
    if support.taker_id == closed:
        support.taker_id = handover.to
    else:
        support.giver_id = handover.to
    support.version += 1
    support.updated_at = datetime.now(UTC)
    handover.of_successor.support.append(support)
    handover.moved("support", support.reference, support)


def _hand_over_circumstances(handover: _Handover, items: OpenItems) -> None:
    """Those that the successor is not in itself."""
    known = {each.kind for each in handover.of_successor.circumstances}
    for each in items.circumstances:
        if each.kind not in known:
            each.participant_id = handover.to
            each.version += 1
            known.add(each.kind)
            handover.moved("circumstance", each.id, each)


def _hand_over_networks(handover: _Handover, memberships: list[NetworkMembership]) -> None:
    """Of the networks that the successor is not in and never joined on the same day."""
    known = {each.network_id for each in handover.of_successor.networks}
    known |= set(
        handover.session.scalars(
            select(NetworkMembership.network_id).where(
                NetworkMembership.participant_id == handover.to
            )
        )
    )
    for each in memberships:
        if each.network_id not in known:
            each.participant_id = handover.to
            known.add(each.network_id)
            network = handover.session.get_one(Network, each.network_id)
            placed = [(handover.to, network.key)]
            facts.note(handover.session, handover.actor, FactKind.NETWORK, placed)
            handover.moved("network_membership", each.id, each)


def _hand_over_alliances(handover: _Handover) -> None:
    """Where it is in, or asked to join, and the successor is not itself."""
    standing = select(AllianceMember).where(
        AllianceMember.state.in_([MemberState.ASKED, MemberState.MEMBER])
    )
    mine = standing.where(AllianceMember.participant_id == handover.closed.participant_id)
    theirs = standing.where(AllianceMember.participant_id == handover.to)
    known = {each.alliance_id for each in handover.session.scalars(theirs)}
    for each in handover.session.scalars(mine.order_by(AllianceMember.id)).all():
        if each.alliance_id not in known:
            alliance = handover.session.get_one(
                Alliance, each.alliance_id, with_for_update=True, populate_existing=True
            )
            each.participant_id = handover.to
            alliance.version += 1
            handover.moved("alliance_member", each.id, each)


def _hand_over_interest(handover: _Handover, interest: Interest) -> None:
    """What was declared of the closed institution, or in it, holds of the one that goes on."""
    closed = handover.closed.participant_id
    side, other = ("holder_id", "about_id")
    if interest.about_id == closed:
        side, other = other, side
    if getattr(interest, other) == handover.to:
        handover.carried.stayed.append(
            f"Interest {interest.reference} was not carried over: {handover.successor.urn} would "
            "have it in itself.",
        )
        return
    setattr(interest, side, handover.to)
    interest.version += 1
    handover.moved("interest", interest.reference, interest)


def _follow_proposal(handover: _Handover, proposal: Proposal) -> None:
    proposal.version += 1
    handover.moved("proposal", proposal.id, proposal)
    successor = handover.successor.urn
    need = handover.session.get_one(Need, proposal.need_id)
    offer = handover.session.get_one(Offer, proposal.offer_id)
    if need.participant_id == offer.participant_id:
        handover.carried.self_paired.append(proposal.id)
    elif proposal.state in APPROVED:
        handover.carried.to_check.append(
            f"Proposal {proposal.id} was approved before {successor} took over and still counts. "
            "Check that both sides want to go on, or withdraw it."
        )
    elif handover.session.scalar(
        select(Agreement.id)
        .where(Agreement.proposal_id == proposal.id, Agreement.voided_at.is_(None))
        .limit(1)
    ):
        handover.carried.to_check.append(
            f"Responses to proposal {proposal.id} no longer count, because {successor} took over. "
            "Ask both sides again."
        )


def things(carried: Mapping[int, Carried]) -> Iterator[tuple[str, int]]:
    """How many of each kind went over in all."""
    total: Counter[str] = Counter()
    for each in carried.values():
        total += each.moved
    yield from sorted(total.items())
