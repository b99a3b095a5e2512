"""Where each kind of work is found: one query for each, all with the same columns."""

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import (
    String,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from app.access.policy import Action, Principal
from app.access.scoped import visible
from app.evidence.service import SILENCE
from app.partnerships.reviews import as_wider
from app.proposals.heard import OF_SIDE
from app.proposals.states import APPROVED, ENDED
from app.work.days import days_after, utc_day
from app.work.narrowed import Narrowed
from app.work.source import (
    APPROVABLE,
    CONFIRMED_EVERY,
    ENDS_SOON,
    FLAGGED,
    HELD,
    OPEN_CLAIMS,
    OTHER,
    RUNNING,
    SINCE_AGREED,
    SINCE_DECIDED,
    SINCE_PREFERRED,
    UNTIL_LAPSED,
    VISITS_AHEAD,
    Condition,
    K,
    Source,
    Whose,
    about_partnership,
    about_proposal,
    about_visit,
    answered,
    below,
    moment,
    of_partnerships,
    of_proposals,
    unreviewed_by,
)
from models.alliances import Alliance, AllianceMember
from models.consent import ConsentRequest
from models.evidence import Evidence
from models.exchange import Need, Offer, Period
from models.introductions import Introduction
from models.matching import Agreement, Proposal, Run
from models.money import Claim, Commitment, Pot
from models.partnerships import Concern, Outcome, Partnership, SupportVisit
from models.vocabulary import (
    PENDING_REQUESTS,
    Availability,
    ClaimState,
    EvidenceKind,
    IntroductionState,
    MemberState,
    NeedState,
    ProposalState,
    RequestState,
    Side,
    VisitState,
)


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


def _of_contacts(
    contact: Principal, today: date, names: frozenset[str], narrowed: Narrowed
) -> Iterator[Source]:
    seen = {side: visible(contact, OF_SIDE[side], Proposal) for side in Side}
    for kind, side in ((K.RESPOND_TAKER, Side.TAKER), (K.RESPOND_GIVER, Side.GIVER)):
        asked = of_proposals(narrowed, HELD, seen[side], ~answered(side), ~FLAGGED)
        yield about_proposal(kind, asked, **SINCE_PREFERRED, **UNTIL_LAPSED)
        other = of_proposals(narrowed, HELD, seen[side], answered(side), ~answered(OTHER[side]))
        party = literal(OTHER[side].value)
        yield about_proposal(K.OTHER_SIDE, other, party=party, **SINCE_AGREED, **UNTIL_LAPSED)
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
    written_at = moment("since", visit.written_up_at)
    for kind, since, conditions in (
        (K.WRITE_UP, on_day, (past, giver)),
        (K.WRITING_UP, on_day, (past, taker, ~giver)),
        (K.SIGN, written_at, (written, taker, others)),
        (K.SIGNATURE, written_at, (written, giver, ~taker)),
        (
            K.CORRECT,
            moment("since", visit.signed_at),
            (visit.state == VisitState.DISPUTED, giver),
        ),
    ):
        yield about_visit(kind, below(visit, narrowed, *conditions), **since)
    yield from _results(taker, giver, narrowed)
    for side in Side:
        unreviewed, since = unreviewed_by(side, today)
        rows = of_partnerships(narrowed, unreviewed, seen[side])
        yield about_partnership(K.REVIEW, rows, party=literal(side.value), **since)
    yield from _unanswered(contact, today, narrowed)
    yield from _said_of_them(contact, today, names, narrowed)
    yield _introductions(K.INTRODUCTION, contact, Action.CHANGE_NEED, narrowed)
    claims = below(Commitment, narrowed, giver, Claim.state.in_(OPEN_CLAIMS))
    claims = claims.join(Claim, Claim.commitment_id == Commitment.id)
    yield about_partnership(K.CLAIMED, claims, Claim.id, **moment("since", Claim.claimed_at))


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
            **moment("since", Evidence.recorded_at),
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
            "name": Alliance.name,
            **moment("since", AllianceMember.asked_at),
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
    first = of_partnerships(narrowed, over, taker, ~said[Side.TAKER])
    yield about_partnership(K.RESULT, first, since=Partnership.over_on)
    then = below(Outcome, narrowed, Outcome.side == Side.TAKER, over, giver, ~said[Side.GIVER])
    due = days_after(utc_day(Outcome.at), SILENCE.days)
    yield about_partnership(K.RESULT, then, due=due, **moment("since", Outcome.at))


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
        yield Source(kind, rows, about | moment("since", model.updated_at))
    yield _to_renew(contact, today, narrowed)


def _to_renew(contact: Principal, today: date, narrowed: Narrowed) -> Source:
    """Offers that their givers last confirmed long ago."""
    rows = (
        select()
        .join_from(Offer, Period, Period.code == Offer.period_code)
        .where(
            Offer.availability.in_((Availability.CAN_OFFER, Availability.MAY_OFFER)),
            Offer.availability_updated <= today - CONFIRMED_EVERY,
            ~Offer.withdrawn,
            Offer.window_ends >= today,
            Period.ends >= today,
            visible(contact, Action.ANSWER_OFFER, Offer),
            *narrowed.items(Offer),
        )
    )
    since = Offer.availability_updated
    due = days_after(since, CONFIRMED_EVERY.days)
    return Source(
        K.RENEW_OFFER, rows, {"number": Offer.id, "offer_id": Offer.id, "since": since, "due": due}
    )


def _introductions(kind: K, whose: Principal, action: Action, narrowed: Narrowed) -> Source:
    """What schools asked for that found somebody, while their needs are open."""
    rows = (
        select()
        .join_from(Introduction, Need, Need.id == Introduction.need_id)
        .where(
            Introduction.state == IntroductionState.OPEN,
            Need.state.not_in((NeedState.MET, NeedState.CLOSED)),
            visible(whose, action, Introduction),
            *narrowed.people(Need.participant_id),
        )
    )
    about = {
        "number": Introduction.id,
        "participant_id": Need.participant_id,
        "path": literal("/introductions/").concat(cast(Introduction.id, String)),
    }
    return Source(kind, rows, about | moment("since", Introduction.asked_at))


def _of_brokers(broker: Principal, today: date, narrowed: Narrowed) -> Iterator[Source]:
    yield _introductions(K.INTRODUCE, broker, Action.REVIEW, narrowed)
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
        of_link | {"role": link.role} | moment("since", link.closed_at) | UNTIL_LAPSED,
    )
    yield Source(
        K.LINK,
        linked.where(link.state == RequestState.OPEN),
        of_link
        | {"role": link.role}
        | moment("since", link.asked_at)
        | moment("due", link.expires_at),
    )
    asked = exists().where(
        link.proposal_id == Proposal.id, or_(link.state.in_(PENDING_REQUESTS), talks)
    )
    unasked = of_proposals(
        narrowed,
        HELD,
        seen,
        or_(*(~answered(side) for side in Side)),
        ~asked.correlate(Proposal),
        ~FLAGGED,
    )
    yield about_proposal(K.ASK, unasked, **SINCE_PREFERRED, **UNTIL_LAPSED)
    blocked = of_proposals(narrowed, HELD, seen, FLAGGED)
    yield about_proposal(K.BLOCKED, blocked, **SINCE_PREFERRED, **UNTIL_LAPSED)
    begun = exists().where(Partnership.proposal_id == Proposal.id).correlate(Proposal)
    to_start = of_proposals(narrowed, Proposal.state.in_(APPROVED), seen, ~begun)
    yield about_proposal(K.START, to_start, **SINCE_DECIDED)
    planned = of_proposals(
        narrowed, Proposal.state == ProposalState.PROPOSED, seen, Period.ends >= today
    )
    planned = planned.join(Run, Run.id == Proposal.run_id)
    planned = planned.join(Period, Period.code == Run.period_code)
    finished = func.coalesce(Run.finished_at, Run.created_at)
    yield about_proposal(K.REVIEW_PROPOSAL, planned, **moment("since", finished))
    for side in Side:
        unreviewed, since = unreviewed_by(side, today)
        rows = of_partnerships(narrowed, unreviewed, seen)
        yield about_partnership(K.SILENT, rows, party=literal(side.value), **since)


def _of_approvers(
    approver: Principal, names: frozenset[str], narrowed: Narrowed
) -> Iterator[Source]:
    seen = visible(approver, Action.APPROVE, Proposal)
    rows = of_proposals(narrowed, Proposal.state.in_(APPROVABLE), seen)
    yield about_proposal(K.APPROVE, rows, **SINCE_AGREED)
    wider = as_wider(approver)
    concerns = below(
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
        yield Source(kind, rows, about | moment("since", at))
    yield about_partnership(K.CONCERN, concerns, Concern.id, **moment("since", Concern.raised_at))


def _of_either(whose: Whose, today: date, narrowed: Narrowed) -> Iterator[Source]:
    """What contacts see of their sides, and brokers of everything that is theirs to review."""
    seen = or_(
        visible(whose.contact, Action.READ, Proposal),
        visible(whose.broker, Action.REVIEW, Proposal),
    )
    held = of_proposals(narrowed, HELD, Proposal.held_until.is_not(None), seen)
    yield about_proposal(K.HOLD, held, **SINCE_PREFERRED, **UNTIL_LAPSED)
    own = visible(whose.approver, Action.APPROVE, Proposal)
    agreed = of_proposals(narrowed, Proposal.state.in_(APPROVABLE), seen, ~own)
    yield about_proposal(K.APPROVAL, agreed, **SINCE_AGREED)
    ends = of_partnerships(narrowed, RUNNING, Partnership.ends <= today + ENDS_SOON, seen)
    yield about_partnership(K.END, ends, since=Partnership.starts, due=Partnership.ends)
    soon = SupportVisit.on_day.between(today + timedelta(days=1), today + VISITS_AHEAD)
    booked = below(SupportVisit, narrowed, SupportVisit.state == VisitState.BOOKED, soon, seen)
    yield about_visit(K.VISIT, booked, due=SupportVisit.on_day)
