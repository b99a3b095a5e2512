"""Where each kind of work is found: one query for each, all with the same columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from app.access.persons import same_person
from app.access.policy import BROKERS, Action, Principal
from app.access.scoped import visible
from app.evidence.service import SILENCE
from app.partnerships.reviews import as_wider
from app.proposals.heard import OF_SIDE
from app.proposals.states import APPROVED, ENDED, LAPSING
from app.work.days import days_after, utc_day
from app.work.kinds import WorkKind
from app.work.narrowed import Narrowed
from models.alliances import Alliance, AllianceMember
from models.base import UtcDateTime
from models.consent import ConsentRequest
from models.evidence import Evidence
from models.exchange import Need, Offer, Period
from models.matching import Agreement, Decision, Proposal, Run
from models.money import Claim, Commitment, Pot
from models.partnerships import Concern, Outcome, Partnership, Review, SupportVisit
from models.vocabulary import (
    PENDING_REQUESTS,
    RUNNING_SUPPORT,
    Availability,
    ClaimState,
    DecisionAction,
    EvidenceKind,
    MemberState,
    NeedState,
    ProposalState,
    RequestState,
    Role,
    Side,
    VisitState,
)

K = WorkKind
Condition = ColumnElement[bool]
REVIEWED_EVERY: Final = timedelta(days=60)
ENDS_SOON: Final = timedelta(days=30)
VISITS_AHEAD: Final = timedelta(days=28)
BROKERING: Final = BROKERS | {Role.ADMINISTRATOR}
OPEN_CLAIMS: Final = (ClaimState.MADE, ClaimState.APPROVED)
APPROVABLE: Final = (ProposalState.AGREED, ProposalState.DEFERRED)
OTHER: Final = {Side.TAKER: Side.GIVER, Side.GIVER: Side.TAKER}
COLUMNS: Final[Mapping[str, Any]] = {
    "kind": String(),
    "number": Integer(),
    "party": String(),
    "role": String(),
    "proposal_id": Integer(),
    "partnership_id": Integer(),
    "need_id": Integer(),
    "offer_id": Integer(),
    "participant_id": Integer(),
    "path": String(),
    "since": Date(),
    "since_at": UtcDateTime(),
    "due": Date(),
    "due_at": UtcDateTime(),
}
"""`number` is that of the visit, link or whatever else it is that waits; with the kind and the
party it is the only one of its kind. `path` leads to what is about no proposal, need or offer, but
about a participant."""


@dataclass(frozen=True, slots=True)
class Source:
    """The work of one kind: what it is read from, and what its columns are."""

    kind: WorkKind
    rows: Select[Any]
    columns: Mapping[str, Any]

    def items(self) -> Select[Any]:
        found = {"kind": literal(self.kind.value), "party": literal(""), **self.columns}
        return self.rows.add_columns(
            *(
                found.get(name, cast(null(), kind)).label(name)  # of one type in all of them
                for name, kind in COLUMNS.items()
            )
        )

    def count(self) -> Select[Any]:
        return self.rows.add_columns(
            literal(self.kind.value).label("kind"), func.count().label("number")
        )


@dataclass(frozen=True, slots=True)
class Whose:
    """Somebody in each capacity, with no more than what that one may do."""

    contact: Principal
    broker: Principal
    approver: Principal
    either: Principal
    """As a contact or a broker."""
    names: frozenset[str]

    @classmethod
    def of(cls, session: Session, principal: Principal) -> "Whose":
        """Administrators work as brokers and approvers; nobody speaks for a side but contacts."""
        return cls(
            only(principal, Role.CONTACT),
            only(principal, *BROKERING),
            only(principal, Role.APPROVER, Role.ADMINISTRATOR),
            only(principal, Role.CONTACT, *BROKERING),
            same_person(session, principal.name),
        )


def only(principal: Principal, *roles: Role) -> Principal:
    """The same with no more than these roles."""
    grants = frozenset(each for each in principal.grants if each.role in roles)
    return replace(principal, grants=grants)


def sources(whose: Whose, today: date, narrowed: Narrowed) -> Iterator[Source]:
    """Everything that can be found for somebody, by the capacities that they have."""
    if whose.contact.grants:
        yield from _of_contacts(whose.contact, today, whose.names, narrowed)
    if whose.broker.grants:
        yield from _of_brokers(whose.broker, today, narrowed)
    if whose.approver.grants:
        yield from _of_approvers(whose.approver, whose.names, narrowed)
    if whose.either.grants:
        yield from _of_either(whose, today, narrowed)


def _moment(of: str, at: Any) -> dict[str, Any]:
    return {of: utc_day(at), f"{of}_at": at}


SINCE_PREFERRED: Final = _moment(
    "since",
    select(func.max(Decision.at))
    .where(Decision.proposal_id == Proposal.id, Decision.action == DecisionAction.PREFER)
    .correlate(Proposal)
    .scalar_subquery(),
)
SINCE_DECIDED: Final = _moment(
    "since",
    select(func.max(Decision.at))
    .where(Decision.proposal_id == Proposal.id)
    .correlate(Proposal)
    .scalar_subquery(),
)
SINCE_AGREED: Final = _moment(
    "since",
    select(func.max(Agreement.at))
    .where(Agreement.proposal_id == Proposal.id, Agreement.voided_at.is_(None))
    .correlate(Proposal)
    .scalar_subquery(),
)
UNTIL_LAPSED: Final = _moment("due", Proposal.held_until)
HELD: Final = Proposal.state.in_(LAPSING)
RUNNING: Final = Partnership.state.in_(RUNNING_SUPPORT)


def _proposals(narrowed: Narrowed, *conditions: Condition) -> Select[Any]:
    return select().select_from(Proposal).where(*conditions, *narrowed.proposals())


def _partnerships(narrowed: Narrowed, *conditions: Condition) -> Select[Any]:
    joined = select().join_from(Partnership, Proposal, Proposal.id == Partnership.proposal_id)
    return joined.where(*conditions, *narrowed.proposals())


def _below(model: Any, narrowed: Narrowed, *conditions: Condition) -> Select[Any]:
    """What belongs to partnerships, such as visits."""
    found = _partnerships(narrowed, *conditions)
    return found.join(model, model.partnership_id == Partnership.id)


def _of_proposal(kind: WorkKind, rows: Select[Any], **columns: Any) -> Source:
    return Source(kind, rows, {"number": Proposal.id, "proposal_id": Proposal.id, **columns})


def _of_partnership(
    kind: WorkKind, rows: Select[Any], number: Any = Partnership.id, **columns: Any
) -> Source:
    about = {"proposal_id": Proposal.id, "partnership_id": Partnership.id}
    return Source(kind, rows, {"number": number, **about, **columns})


def answered(side: Side) -> Condition:
    return (
        exists()
        .where(
            Agreement.proposal_id == Proposal.id,
            Agreement.side == side,
            Agreement.voided_at.is_(None),
        )
        .correlate(Proposal)
    )


def _unreviewed(side: Side, today: date) -> tuple[Condition, dict[str, Any]]:
    """Partnerships that a side has said nothing of for long, and since when."""
    of_side = (Review.partnership_id == Partnership.id, Review.reviewer == side)
    lately = exists().where(*of_side, Review.on_day > today - REVIEWED_EVERY)
    last = select(func.max(Review.on_day)).where(*of_side).correlate(Partnership)
    since = func.coalesce(last.scalar_subquery(), Partnership.starts)
    condition = and_(
        RUNNING, Partnership.starts <= today - REVIEWED_EVERY, ~lately.correlate(Partnership)
    )
    return condition, {"since": since, "due": days_after(since, REVIEWED_EVERY.days)}


def _of_contacts(
    contact: Principal, today: date, names: frozenset[str], narrowed: Narrowed
) -> Iterator[Source]:
    seen = {side: visible(contact, OF_SIDE[side], Proposal) for side in Side}
    for kind, side in ((K.RESPOND_TAKER, Side.TAKER), (K.RESPOND_GIVER, Side.GIVER)):
        asked = _proposals(narrowed, HELD, seen[side], ~answered(side))
        yield _of_proposal(kind, asked, **SINCE_PREFERRED, **UNTIL_LAPSED)
        other = _proposals(narrowed, HELD, seen[side], answered(side), ~answered(OTHER[side]))
        party = literal(OTHER[side].value)
        yield _of_proposal(K.OTHER_SIDE, other, party=party, **SINCE_AGREED, **UNTIL_LAPSED)
    taker, giver = seen[Side.TAKER], seen[Side.GIVER]
    visit = SupportVisit
    past = and_(visit.state == VisitState.BOOKED, visit.on_day <= today)
    written = visit.state == VisitState.WRITTEN_UP
    wrote = func.coalesce(cast(visit.written_before_by, String), "")
    others = and_(
        visit.written_up_by.not_in(names),
        *(~wrote.contains(f'"{name}"', autoescape=True) for name in sorted(names)),
    )
    on_day = {"since": visit.on_day}
    written_at = _moment("since", visit.written_up_at)
    for kind, since, conditions in (
        (K.WRITE_UP, on_day, (past, giver)),
        (K.WRITING_UP, on_day, (past, taker, ~giver)),
        (K.SIGN, written_at, (written, taker, others)),
        (K.SIGNATURE, written_at, (written, giver, ~taker)),
        (
            K.CORRECT,
            _moment("since", visit.signed_at),
            (visit.state == VisitState.DISPUTED, giver),
        ),
    ):
        yield _of_partnership(kind, _below(visit, narrowed, *conditions), visit.id, **since)
    yield from _results(taker, giver, narrowed)
    for side in Side:
        unreviewed, since = _unreviewed(side, today)
        rows = _partnerships(narrowed, unreviewed, seen[side])
        yield _of_partnership(K.REVIEW, rows, party=literal(side.value), **since)
    yield from _unanswered(contact, today, narrowed)
    yield from _said_of_them(contact, today, names, narrowed)
    claims = _below(Commitment, narrowed, giver, Claim.state.in_(OPEN_CLAIMS))
    claims = claims.join(Claim, Claim.commitment_id == Commitment.id)
    yield _of_partnership(K.CLAIMED, claims, Claim.id, **_moment("since", Claim.claimed_at))


def _said_of_them(
    contact: Principal, today: date, names: frozenset[str], narrowed: Narrowed
) -> Iterator[Source]:
    """Evidence that does not count yet, and alliances that ask them to join."""
    unanswered = select().where(
        Evidence.kind.not_in((EvidenceKind.CLAIM, EvidenceKind.OUTCOME)),
        Evidence.answered_at.is_(None),
        Evidence.withdrawn_at.is_(None),
        Evidence.counts_from > today,
        Evidence.recorded_by.not_in(names),
        visible(contact, Action.ADD_EVIDENCE, Evidence),
        *narrowed.people(Evidence.giver_id),
    )
    yield Source(
        K.ANSWER_EVIDENCE,
        unanswered,
        {
            "number": Evidence.id,
            "participant_id": Evidence.giver_id,
            "path": literal("/evidence/").concat(cast(Evidence.id, String)),
            **_moment("since", Evidence.recorded_at),
            "due": Evidence.counts_from,
        },
    )
    asked = (
        select()
        .join_from(AllianceMember, Alliance, Alliance.id == AllianceMember.alliance_id)
        .where(
            AllianceMember.state == MemberState.ASKED,
            Alliance.over_on.is_(None),
            visible(contact, Action.CHANGE_ALLIANCE, AllianceMember),
            *narrowed.people(AllianceMember.participant_id),
        )
    )
    yield Source(
        K.JOIN,
        asked,
        {
            "number": AllianceMember.id,
            "participant_id": AllianceMember.participant_id,
            "path": literal("/alliances/").concat(cast(AllianceMember.alliance_id, String)),
            **_moment("since", AllianceMember.asked_at),
        },
    )


def _results(taker: Condition, giver: Condition, narrowed: Narrowed) -> Iterator[Source]:
    """Partnerships that are over: first the school says what came of them, then the giver."""
    theirs = aliased(Outcome)
    said = {
        side: exists()
        .where(theirs.partnership_id == Partnership.id, theirs.side == side)
        .correlate(Partnership)
        for side in Side
    }
    over = Partnership.over_on.is_not(None)
    first = _partnerships(narrowed, over, taker, ~said[Side.TAKER])
    yield _of_partnership(K.RESULT, first, since=Partnership.over_on)
    then = _below(Outcome, narrowed, Outcome.side == Side.TAKER, over, giver, ~said[Side.GIVER])
    due = days_after(utc_day(Outcome.at), SILENCE.days)
    yield _of_partnership(K.RESULT, then, due=due, **_moment("since", Outcome.at))


def _unanswered(contact: Principal, today: date, narrowed: Narrowed) -> Iterator[Source]:
    """Needs and offers of periods that go on, of which the contact's side has said nothing."""
    for kind, model, column, condition, action in (
        (
            K.CONFIRM_NEED,
            Need,
            "need_id",
            Need.state == NeedState.SUGGESTED,
            Action.CONFIRM_NEED,
        ),
        (
            K.ANSWER_OFFER,
            Offer,
            "offer_id",
            and_(Offer.availability == Availability.NOT_ANSWERED, ~Offer.withdrawn),
            Action.ANSWER_OFFER,
        ),
    ):
        rows = (
            select()
            .join_from(model, Period, Period.code == model.period_code)
            .where(condition, Period.ends >= today, visible(contact, action, model))
            .where(*narrowed.items(model))
        )
        about = {"number": model.id, column: model.id}
        yield Source(kind, rows, about | _moment("since", model.updated_at))


def _of_brokers(broker: Principal, today: date, narrowed: Narrowed) -> Iterator[Source]:
    seen = visible(broker, Action.REVIEW, Proposal)
    link, newer = ConsentRequest, aliased(ConsentRequest)
    asked_since = exists().where(
        newer.proposal_id == link.proposal_id, newer.party == link.party, newer.id > link.id
    )
    told_since = exists().where(
        Agreement.proposal_id == link.proposal_id,
        Agreement.side == link.party,
        Agreement.voided_at.is_(None),
    )
    talks = and_(
        link.state == RequestState.TALK_FIRST,
        link.voided_at.is_(None),
        ~asked_since.correlate(link),
        ~told_since.correlate(link),
    )
    of_link = {"number": link.id, "proposal_id": Proposal.id, "party": link.party}
    linked = select().join_from(link, Proposal, Proposal.id == link.proposal_id)
    linked = linked.where(seen, *narrowed.proposals())
    yield Source(
        K.TALK,
        linked.where(Proposal.state.not_in(ENDED), talks),
        of_link | {"role": link.role} | _moment("since", link.closed_at) | UNTIL_LAPSED,
    )
    yield Source(
        K.LINK,
        linked.where(link.state == RequestState.OPEN),
        of_link
        | {"role": link.role}
        | _moment("since", link.asked_at)
        | _moment("due", link.expires_at),
    )
    asked = exists().where(
        link.proposal_id == Proposal.id, or_(link.state.in_(PENDING_REQUESTS), talks)
    )
    unasked = _proposals(
        narrowed,
        HELD,
        seen,
        or_(*(~answered(side) for side in Side)),
        ~asked.correlate(Proposal),
    )
    yield _of_proposal(K.ASK, unasked, **SINCE_PREFERRED, **UNTIL_LAPSED)
    begun = exists().where(Partnership.proposal_id == Proposal.id).correlate(Proposal)
    to_start = _proposals(narrowed, Proposal.state.in_(APPROVED), seen, ~begun)
    yield _of_proposal(K.START, to_start, **SINCE_DECIDED)
    planned = _proposals(
        narrowed, Proposal.state == ProposalState.PROPOSED, seen, Period.ends >= today
    )
    planned = planned.join(Run, Run.id == Proposal.run_id)
    planned = planned.join(Period, Period.code == Run.period_code)
    finished = func.coalesce(Run.finished_at, Run.created_at)
    yield _of_proposal(K.REVIEW_PROPOSAL, planned, **_moment("since", finished))
    for side in Side:
        unreviewed, since = _unreviewed(side, today)
        rows = _partnerships(narrowed, unreviewed, seen)
        yield _of_partnership(K.SILENT, rows, party=literal(side.value), **since)


def _of_approvers(
    approver: Principal, names: frozenset[str], narrowed: Narrowed
) -> Iterator[Source]:
    seen = visible(approver, Action.APPROVE, Proposal)
    rows = _proposals(narrowed, Proposal.state.in_(APPROVABLE), seen)
    yield _of_proposal(K.APPROVE, rows, **SINCE_AGREED)
    wider = as_wider(approver)
    concerns = _below(
        Concern,
        narrowed,
        Concern.answered_at.is_(None),
        Concern.raised_by.not_in(names),
        visible(wider, Action.APPROVE, Proposal),
    )
    paid = select().join_from(Claim, Commitment, Commitment.id == Claim.commitment_id)
    paid = paid.join(Pot, Pot.id == Commitment.pot_id).join(
        Proposal, Proposal.id == Commitment.proposal_id
    )
    paid = paid.join(Offer, Offer.id == Proposal.offer_id)
    paid = paid.where(visible(approver, Action.DECIDE_CLAIM, Pot), *narrowed.proposals())
    others = Claim.claimed_by.not_in(names)
    about = {
        "number": Claim.id,
        "participant_id": Offer.participant_id,
        "path": literal("/claims/").concat(cast(Claim.id, String)),
    }
    for kind, state, at in (
        (K.DECIDE_CLAIM, ClaimState.MADE, Claim.claimed_at),
        (K.PAY_CLAIM, ClaimState.APPROVED, Claim.decided_at),
    ):
        rows = paid.where(Claim.state == state, others)
        yield Source(kind, rows, about | _moment("since", at))
    yield _of_partnership(K.CONCERN, concerns, Concern.id, **_moment("since", Concern.raised_at))


def _of_either(whose: Whose, today: date, narrowed: Narrowed) -> Iterator[Source]:
    """What contacts see of their sides, and brokers of everything that is theirs to review."""
    seen = or_(
        visible(whose.contact, Action.READ, Proposal),
        visible(whose.broker, Action.REVIEW, Proposal),
    )
    held = _proposals(narrowed, HELD, Proposal.held_until.is_not(None), seen)
    yield _of_proposal(K.HOLD, held, **SINCE_PREFERRED, **UNTIL_LAPSED)
    own = visible(whose.approver, Action.APPROVE, Proposal)
    agreed = _proposals(narrowed, Proposal.state.in_(APPROVABLE), seen, ~own)
    yield _of_proposal(K.APPROVAL, agreed, **SINCE_AGREED)
    ends = _partnerships(narrowed, RUNNING, Partnership.ends <= today + ENDS_SOON, seen)
    yield _of_partnership(K.END, ends, since=Partnership.starts, due=Partnership.ends)
    soon = SupportVisit.on_day.between(today + timedelta(days=1), today + VISITS_AHEAD)
    booked = _below(SupportVisit, narrowed, SupportVisit.state == VisitState.BOOKED, soon, seen)
    yield _of_partnership(K.VISIT, booked, SupportVisit.id, due=SupportVisit.on_day)
