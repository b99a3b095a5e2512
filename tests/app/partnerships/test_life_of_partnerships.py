"""From an approved proposal to what came of it: partnerships, their visits, reviews and ends."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL, Grant, Principal, Scope
from app.database import Database
from app.errors import Conflict, Forbidden, Stale
from app.events.verify import verify
from app.exchange.list_query import NeedQuery
from app.exchange.progress import progress_of
from app.exchange.queries import list_needs
from app.partnerships import life, reviews, visits
from app.partnerships.balance import balances
from app.partnerships.list_query import PartnershipQuery
from app.partnerships.partnership_queries import Whole, get_partnership, list_partnerships
from app.partnerships.reviews import BadReview
from app.partnerships.terms import BadPartnership, Later, LaterAgreed, Terms
from app.partnerships.visits import BadVisit
from app.planning.capacity import spent
from app.planning.holds import by_need, held
from app.planning.load import load
from app.planning.pair_constraints import Unplannable
from app.proposals import agreements, decisions
from app.proposals.decisions import BadDecision
from app.proposals.states import NotNow
from app.successions.service import settle
from models.access import RoleGrant
from models.exchange import Need, Period
from models.matching import Decision, Proposal
from models.partnerships import Partnership, Support
from models.register import Circumstance, Institution, Participant
from models.vocabulary import (
    Channel,
    DecisionAction,
    EndReason,
    NeedProgress,
    NeedState,
    PaidBy,
    Rating,
    Reviewer,
    Role,
    Says,
    ScopeKind,
    Side,
    SupportResult,
)
from tests import rows, runs
from tests.factories import acting, heard, new_key
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)
STARTS, ENDS = date(2026, 9, 7), date(2027, 7, 16)
TERMS = Terms("phonics taught daily", "headteacher", "deputy headteacher")
SCHOOL = acting(Role.CONTACT, name="school", scope=Scope(ScopeKind.INSTITUTION, "1"))
GIVER = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))
BROKER = acting(Role.BROKER, name="broker")


def first(database: Database) -> Proposal:
    with database.read() as session:
        return session.scalars(select(Proposal).order_by(Proposal.id)).all()[0]


@pytest.fixture
def approved(database: Database) -> Database:
    """One need of two days, approved with the nearer of two givers."""
    match(contested(database), FREELY, now=NOW)
    return runs.approved(database, NOW)


def start(database: Database, terms: Terms = TERMS, **more: Any) -> int:
    content: dict[str, Any] = {"starts": STARTS, "ends": ENDS, "now": NOW} | more
    with database.write() as session:
        return life.start(session, BROKER, first(database).id, terms, **content).id


def book(database: Database, day: date = STARTS, half_days: int = 1) -> int:
    with database.write() as session:
        return visits.book(session, GIVER, 1, day, half_days).id


def write_up(database: Database, visit: int, who: Principal = GIVER, text: str = "done") -> None:
    with database.write() as session:
        visits.write_up(session, who, 1, visit, text, now=LATER)


def sign(database: Database, visit: int, dispute: str | None = None) -> None:
    with database.write() as session:
        visits.sign(session, SCHOOL, 1, visit, "headteacher", dispute, now=LATER)


def end(
    database: Database,
    reason: EndReason = EndReason.COMPLETED,
    becomes: NeedState = NeedState.MET,
    note: str | None = None,
) -> None:
    with database.write() as session:
        life.end(session, BROKER, 1, reason, LATER.date(), becomes, note, now=LATER)


def whole(database: Database) -> Whole:
    with database.read() as session:
        return get_partnership(session, TERMINAL, 1)


def need_state(database: Database) -> str:
    with database.read() as session:
        return session.scalars(select(Need.state)).one()


def given(database: Database, participant: int = 2) -> list[tuple[int, int, int, int]]:
    """Given, taken, held to give and held to take, in half-days, by period."""
    with database.read() as session:
        return [
            (each.given, each.taken, each.held_to_give, each.held_to_take)
            for each in balances(session, TERMINAL, participant)
        ]


def test_a_partnership_holds_its_days_in_the_place_of_the_proposal(approved: Database) -> None:
    """Started, it is in the register once, the need is matched, and nothing counts twice."""
    assert given(approved) == [(0, 0, 4, 0)]
    start(approved)
    assert given(approved) == [(4, 0, 0, 0)]
    assert given(approved, 1) == [(0, 4, 0, 0)]
    assert need_state(approved) == "matched"
    with approved.read() as session:
        row = session.scalars(select(Support)).one()
        assert (row.taker_id, row.giver_id, row.half_days, row.state) == (1, 2, 4, "active")
        assert row.reference == "partnership-1:2026-27"
    with pytest.raises(Unplannable, match="no need"):
        match(approved, FREELY, now=NOW)


def test_only_what_is_approved_and_unchanged_starts_and_once(approved: Database) -> None:
    """Twice is a conflict, on an older version stale, and without approval not possible yet."""
    with pytest.raises(Stale):
        start(approved, version=1)
    start(approved)
    with pytest.raises(Conflict, match="is partnership 1 already"):
        start(approved)
    with (
        approved.write() as session,
        pytest.raises(NotNow, match="Stop the partnership instead"),
    ):
        decisions.decide(
            session, BROKER, first(approved).id, DecisionAction.WITHDRAW, hold_days=14, now=NOW
        )
    with approved.write() as session, pytest.raises(BadDecision, match="end that instead"):
        decisions.decide(
            session, BROKER, first(approved).id, DecisionAction.COMPLETE, hold_days=14, now=NOW
        )


def test_a_proposal_that_is_not_approved_does_not_start(database: Database) -> None:
    match(contested(database), FREELY, now=NOW)
    with pytest.raises(NotNow, match="it must be approved first"):
        start(database)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"starts": date(2026, 8, 31)}, "starts", "1 September 2026"),
        ({"ends": date(2026, 9, 6)}, "ends", "6 September 2026 is not"),
        ({"ends": date(2028, 9, 6)}, "ends", "6 September 2028 is not"),
        ({"later": [Later("2026-27", 2)]}, "later", "each period once"),
    ],
)
def test_dates_and_periods_that_were_not_agreed_are_refused(
    approved: Database, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(BadPartnership, match=words) as refused:
        start(approved, **changes)
    assert refused.value.field == field


def test_a_rate_beyond_the_public_money_agreed_is_refused(approved: Database) -> None:
    """Two days at £350 are £700; both sides agreed to no more than they were told."""
    with approved.write() as session:
        session.get_one(Proposal, 1).public_money_pounds = 600
        # As if it had been agreed so from the start.
        for agreement in session.scalars(select(agreements.Agreement)):
            agreement.terms = agreement.terms | {"public_money_pounds": 600}
    dear = Terms("phonics", "headteacher", "deputy", paid_by=PaidBy.DEPARTMENT, day_rate_pounds=350)
    with pytest.raises(BadPartnership, match="2 days at this rate cost £700") as refused:
        start(approved, dear)
    with pytest.raises(BadPartnership, match="2 days at this rate with the fee cost £800"):
        start(approved, replace(dear, fee_pounds=50))
    assert refused.value.field == "day_rate_pounds"


def test_visits_fill_the_days_that_were_agreed_and_no_more(approved: Database) -> None:
    """Before the start, outside its days or beyond them: a clear sentence, and nothing booked."""
    start(approved)
    for day, words in (
        (date(2026, 9, 1), "before the partnership starts, on 7 September 2026"),
        (date(2027, 8, 20), "no days are agreed for 20 August 2027"),
    ):
        with pytest.raises(BadVisit, match=words) as refused:
            book(approved, day)
        assert refused.value.field == "on_day"
    book(approved, half_days=2)
    book(approved, date(2026, 9, 14))
    with pytest.raises(BadVisit, match=r"0\.5 days of them left to book: 1 day is more"):
        book(approved, date(2026, 9, 15), 2)
    assert whole(approved).summary.days.booked == 3
    assert whole(approved).summary.days.left == 1


def test_a_visit_is_written_up_once_it_took_place_and_signed_by_somebody_else(
    approved: Database,
) -> None:
    """The school signs; whoever wrote it up does not, and a signed visit is not written anew."""
    start(approved, Terms("phonics", "head", "deputy", day_rate_pounds=300, fee_pounds=51))
    visit = book(approved)
    ahead = book(approved, date(2027, 3, 1))
    with approved.write() as session, pytest.raises(Conflict, match="it is booked"):
        visits.sign(session, SCHOOL, 1, visit, "headteacher", now=LATER)
    with pytest.raises(BadVisit, match="once it has taken place"):
        write_up(approved, ahead)
    write_up(approved, visit, BROKER)
    assert whole(approved).visits[0].pence == 17_550
    with approved.write() as session, pytest.raises(Forbidden, match="you wrote it up"):
        visits.sign(session, BROKER, 1, visit, "headteacher", now=LATER)
    with approved.write() as session, pytest.raises(Forbidden):
        visits.sign(session, GIVER, 1, visit, "headteacher", now=LATER)
    sign(approved, visit)
    sign(approved, visit)
    with pytest.raises(Conflict, match="it is signed"):
        write_up(approved, visit, text="something else")
    days = whole(approved).summary.days
    assert (days.delivered, days.signed, days.booked) == (1, 1, 1)


def test_a_disputed_visit_counts_for_nobody_until_it_is_settled(approved: Database) -> None:
    start(approved)
    visit = book(approved, half_days=2)
    write_up(approved, visit)
    sign(approved, visit, "half a day only")
    assert whole(approved).summary.days.delivered == 0
    book(approved, half_days=2)
    with approved.write() as session, pytest.raises(Conflict, match="it is disputed"):
        visits.sign(session, SCHOOL, 1, visit, "headteacher", now=LATER)
    write_up(approved, visit, text="the whole day, see the timetable")
    sign(approved, visit)
    assert [each.state for each in whole(approved).visits] == ["signed", "booked"]


def test_a_pause_keeps_the_days_and_stops_visits(approved: Database) -> None:
    start(approved)
    with approved.write() as session, pytest.raises(BadPartnership, match="needs a note"):
        life.pause(session, BROKER, 1, EndReason.OTHER)
    with approved.write() as session:
        life.pause(session, BROKER, 1, EndReason.GIVER_CAPACITY)
    assert given(approved) == [(4, 0, 0, 0)]
    with pytest.raises(Conflict, match="is paused"):
        book(approved)
    with approved.write() as session:
        life.resume(session, BROKER, 1)
    book(approved)
    assert whole(approved).summary.partnership.reason is None


def test_at_its_end_balances_carry_what_was_delivered(approved: Database) -> None:
    """Two of four half-days: the giver gave two, the need is met, the proposal completed."""
    start(approved)
    write_up(approved, book(approved, half_days=2))
    book(approved, date(2027, 1, 11))
    end(approved)
    assert given(approved) == [(2, 0, 0, 0)]
    assert given(approved, 1) == [(0, 2, 0, 0)]
    assert need_state(approved) == "met"
    found = whole(approved)
    assert found.summary.partnership.state == "ended"
    assert [each.state for each in found.visits] == ["written_up", "cancelled"]
    assert (first(approved).state, first(approved).alternate_due) == ("completed", False)
    with approved.read() as session:
        last = session.scalars(select(Decision).order_by(Decision.id.desc())).first()
        assert last is not None
        assert (last.action, last.state_after) == ("complete", "completed")
    with pytest.raises(Conflict, match="was over on 20 November 2026"):
        book(approved)
    with pytest.raises(Conflict, match="was over on 20 November 2026"):
        end(approved)


def test_a_visit_before_the_end_can_still_be_written_up_and_counts(approved: Database) -> None:
    start(approved)
    visit = book(approved)
    end(approved)
    assert given(approved) == [(0, 0, 0, 0)]
    write_up(approved, visit)
    assert given(approved) == [(1, 0, 0, 0)]
    sign(approved, visit, "nobody came")
    assert given(approved) == [(0, 0, 0, 0)]


@pytest.mark.parametrize(
    ("over_on", "becomes", "words"),
    [
        (LATER.date() + timedelta(days=1), NeedState.MET, "to today: 21 November 2026 is not"),
        (date(2026, 9, 1), NeedState.MET, "from 7 September 2026 to today"),
        (LATER.date(), NeedState.DIAGNOSED, "diagnosed is not"),
    ],
)
def test_a_bad_end_is_refused(
    approved: Database, over_on: date, becomes: NeedState, words: str
) -> None:
    start(approved)
    with approved.write() as session, pytest.raises(BadPartnership, match=words):
        life.end(session, BROKER, 1, EndReason.COMPLETED, over_on, becomes, now=LATER)
    assert need_state(approved) == "matched"


def test_a_need_that_is_open_again_is_planned_with_its_whole_days(approved: Database) -> None:
    """What the first giver delivered stays theirs; the need says itself what it still lacks."""
    start(approved)
    write_up(approved, book(approved))
    end(approved, EndReason.RELATIONSHIP, NeedState.MATCH)
    assert need_state(approved) == "match"
    with approved.read() as session:
        assert session.scalars(select(Partnership.state)).one() == "stopped"
    match(approved, FREELY, now=NOW)
    with approved.read() as session:
        again = session.scalars(select(Proposal).order_by(Proposal.id.desc())).first()
        assert again is not None
        assert (again.state, again.half_days, again.offer_id) == ("proposed", 4, 2)


def test_what_came_of_it_counts_once_the_giver_has_answered(approved: Database) -> None:
    """The school speaks first; then the pair that failed costs points or is refused."""
    start(approved)
    write_up(approved, book(approved))
    worked = SupportResult.DID_NOT_WORK

    def say(who: Principal, side: Side, result: SupportResult, text: str | None) -> None:
        with approved.write() as session:
            reviews.set_outcome(session, who, 1, side, result, text, "head", now=LATER)

    with pytest.raises(Conflict, match="is not over"):
        say(SCHOOL, Side.TAKER, worked, "too far apart")
    end(approved, EndReason.RELATIONSHIP, NeedState.MATCH)
    with pytest.raises(Conflict, match="says first"):
        say(GIVER, Side.GIVER, worked, "we agree")
    say(BROKER, Side.TAKER, worked, "too far apart")
    with pytest.raises(Forbidden, match="You recorded what the school said"):
        say(BROKER, Side.GIVER, worked, "they agree")
    with approved.read() as session:
        assert session.scalars(select(Support.result)).one() == "not_known"
    with pytest.raises(BadReview, match="from 18 December 2026"):
        say(GIVER, Side.GIVER, SupportResult.NOT_KNOWN, None)
    say(GIVER, Side.GIVER, SupportResult.PARTLY, "we came twice")
    with approved.read() as session:
        assert session.scalars(select(Support.result)).one() == "did_not_work"
    with pytest.raises(Conflict, match="that counts now"):
        say(SCHOOL, Side.TAKER, SupportResult.WORKED, "better after all")
    match(approved, FREELY, now=LATER)
    with approved.read() as session:
        again = session.scalars(select(Proposal).order_by(Proposal.id.desc())).first()
        assert again is not None
        assert again.offer_id == 2  # the farther one: the pair that failed costs points


def test_silence_of_the_giver_is_recorded_after_four_weeks(approved: Database) -> None:
    start(approved)
    end(approved)
    with approved.write() as session:
        worked = SupportResult.WORKED
        reviews.set_outcome(session, SCHOOL, 1, Side.TAKER, worked, "it did", "head", now=LATER)
    with approved.write() as session:
        month = LATER + timedelta(days=29)
        silent = SupportResult.NOT_KNOWN
        reviews.set_outcome(session, BROKER, 1, Side.GIVER, silent, None, "head", now=month)
    with approved.read() as session:
        assert session.scalars(select(Support.result)).one() == "worked"


def test_each_side_and_a_monitor_review_for_themselves(approved: Database) -> None:
    """The monitor is never of the giver; amber and red say why; nobody reviews ahead."""
    start(approved)

    def review(who: Principal, of: Reviewer, rating: Rating, note: str | None = None) -> None:
        with approved.write() as session:
            reviews.add_review(session, who, 1, of, rating, LATER.date(), "head", note, now=LATER)

    review(SCHOOL, Reviewer.TAKER, Rating.GREEN)
    with pytest.raises(BadReview, match="why it is red"):
        review(GIVER, Reviewer.GIVER, Rating.RED)
    review(GIVER, Reviewer.GIVER, Rating.RED, "visits were moved three times")
    review(BROKER, Reviewer.MONITOR, Rating.AMBER, "meet in January")
    with pytest.raises(Forbidden):
        review(SCHOOL, Reviewer.GIVER, Rating.GREEN)
    both = Principal("both", GIVER.grants | BROKER.grants, "both")
    with pytest.raises(Forbidden, match="you speak for the supporting organisation"):
        review(both, Reviewer.MONITOR, Rating.GREEN)
    assert [each.rating for each in whole(approved).reviews] == ["green", "red", "amber"]


def test_a_concern_reaches_approvers_beyond_the_area_and_nobody_else(approved: Database) -> None:
    start(approved)
    with approved.write() as session:
        reviews.raise_concern(session, SCHOOL, 1, "visits are cancelled", "head", now=LATER)
    region = acting(Role.APPROVER, name="director", scope=Scope(ScopeKind.REGION, "Z"))
    local = acting(Role.APPROVER, name="officer", scope=Scope(ScopeKind.AREA, "999"))
    everywhere = acting(Role.APPROVER, name="chief")
    with approved.read() as session:
        seen = {
            who.name: len(reviews.list_concerns(session, who, 1))
            for who in (SCHOOL, GIVER, BROKER, local, region, everywhere)
        }
    assert seen == {"school": 1, "giver": 0, "broker": 0, "officer": 0, "director": 1, "chief": 1}
    with approved.write() as session:
        reviews.answer_concern(session, everywhere, 1, "we have spoken to both", now=LATER)
    with approved.read() as session:
        [concern] = reviews.list_concerns(session, SCHOOL, 1)
        assert concern.answer == "we have spoken to both"


def test_whether_anybody_else_reads_a_concern(approved: Database) -> None:
    """An approver for the region or an administrator does; one of the area or oneself does not."""
    start(approved)

    def heard_by(*grants: Grant) -> bool:
        with approved.write() as session:
            if grants:
                new_key(session, *grants)
        with approved.read() as session:
            return reviews.is_heard(session, SCHOOL, session.get_one(Proposal, 1), LATER)

    assert not heard_by()
    assert not heard_by(Grant(Role.APPROVER, Scope(ScopeKind.AREA, "999")))
    assert not heard_by(Grant(Role.APPROVER, Scope(ScopeKind.REGION, "Y")))
    assert heard_by(Grant(Role.APPROVER, Scope(ScopeKind.REGION, "Z")))
    with approved.read() as session:
        [approver] = session.scalars(select(RoleGrant.holder).where(RoleGrant.scope_id == "Z"))
        itself = replace(SCHOOL, name=approver)
        assert not reviews.is_heard(session, itself, session.get_one(Proposal, 1), LATER)


def test_a_repair_that_withdraws_a_proposal_stops_its_partnership(approved: Database) -> None:
    """The days it delivered stay the giver's."""
    start(approved)
    write_up(approved, book(approved))
    with approved.write() as session:
        proposal, _, _ = decisions.lock(session, TERMINAL, first(approved).id)
        withdraw, withdrawn = DecisionAction.WITHDRAW, decisions.ProposalState.WITHDRAWN
        decisions.move(
            session, TERMINAL, proposal, withdraw, withdrawn, decisions.NOTHING_SAID, LATER, 0
        )
    found = whole(approved).summary.partnership
    assert (found.state, found.reason) == ("stopped", "other")
    assert given(approved) == [(1, 0, 0, 0)]


def test_days_of_later_periods_need_both_sides_and_come_off_neither_need_nor_offer(
    approved: Database,
) -> None:
    """Nor do they make a second supporter of one; money is for all days together."""
    with approved.write() as session:
        later_year = {"kind": "year", "starts": date(2027, 9, 1), "ends": date(2028, 8, 31)}
        rows.add(session, Period(code="2027-28", name="2027 to 2028", **later_year))
    longer: dict[str, Any] = {"ends": date(2028, 7, 1), "later": [Later("2027-28", 2)]}
    with pytest.raises(BadPartnership, match="need the word of both sides"):
        start(approved, **longer)
    told = LaterAgreed(date(2026, 9, 3), Channel.TELEPHONE)
    with pytest.raises(BadPartnership, match="cannot have agreed on 3 September 2026"):
        start(approved, **longer, later_agreed=told)
    told = LaterAgreed(NOW.date(), Channel.TELEPHONE)
    paid = replace(TERMS, paid_by=PaidBy.DEPARTMENT, day_rate_pounds=300)
    with pytest.raises(BadPartnership, match="no sum of public money"):
        start(approved, paid, **longer, later_agreed=told)
    start(approved, **longer, later_agreed=told)
    with approved.read() as session:
        holds = held(session, NOW)
        assert [(each.half_days, each.later) for each in holds] == [(4, False), (2, True)]
        assert [each.half_days for each in by_need(holds)[1]] == [4]
        loaded = load(session, TERMINAL, None, "2026-27", NOW.date(), now=NOW)
        assert (spent(loaded).takings, spent(loaded).givings) == ({1: 1}, {2: 1})


def test_the_first_period_ends_where_both_sides_agreed_to(approved: Database) -> None:
    """What changed after it was approved is no part of that, nor keeps it from starting."""
    with approved.write() as session:
        session.scalars(select(Need)).one().window_ends = date(2026, 12, 1)
    with pytest.raises(BadPartnership, match="to 31 August 2027: 1 September 2027 is not"):
        start(approved, ends=date(2027, 9, 1))
    start(approved)
    assert whole(approved).periods[0].ends == ENDS


def test_nothing_goes_on_past_the_day_on_which_a_side_closes(approved: Database) -> None:
    with approved.write() as session:
        closing = {"kind": "closing", "starts": NOW.date(), "ends": date(2027, 1, 31)}
        rows.add(session, Circumstance(participant_id=1, source="made up", **closing))
    with pytest.raises(BadPartnership, match="to 31 January 2027: 16 July 2027 is not"):
        start(approved)


def test_an_end_before_a_visit_that_took_place_is_refused(approved: Database) -> None:
    """Its days would be lost to everybody."""
    start(approved)
    write_up(approved, book(approved, date(2026, 11, 10)))
    with (
        approved.write() as session,
        pytest.raises(BadPartnership, match="from 10 November 2026 to today as there was a visit"),
    ):
        life.end(
            session,
            BROKER,
            1,
            EndReason.COMPLETED,
            date(2026, 10, 1),
            NeedState.MET,
            now=LATER,
        )


def test_a_need_is_matched_by_what_is_approved_and_open_again_when_that_stops(
    approved: Database,
) -> None:
    """What is only preferred for it is no promise; once nothing is approved, it looks again."""
    with approved.write() as session:
        need = session.scalars(select(Need)).one()
        need.half_days, need.half_days_min, need.max_givers = 8, 4, 2
    start(approved)
    assert need_state(approved) == "identified"
    with approved.write() as session:
        session.scalars(select(Need)).one().half_days = 4
        session.scalars(select(Need)).one().state = "matched"
    with approved.write() as session:
        proposal, _, _ = decisions.lock(session, TERMINAL, 1)
        withdraw, withdrawn = DecisionAction.WITHDRAW, decisions.ProposalState.WITHDRAWN
        said = decisions.Said(note="Repair 3 of proposal 1")
        decisions.move(session, TERMINAL, proposal, withdraw, withdrawn, said, LATER, 0)
    assert need_state(approved) == "match"
    found = whole(approved).summary.partnership
    assert (found.reason, found.note) == ("other", "Repair 3 of proposal 1")


def test_a_partnership_follows_a_school_to_its_successor(approved: Database) -> None:
    """With its need, whatever that has become, so that one register has all of it."""
    start(approved)
    with approved.write() as session:
        session.scalars(select(Need)).one().window_ends = NOW.date()
        rows.add_school(session, 11)
        closed = session.scalars(select(Institution).where(Institution.urn == 1)).one()
        closed.in_scope, closed.status_code, closed.close_date = False, 2, NOW.date()
    with approved.write() as session:
        settle(session, TERMINAL, 1, to=11, now=LATER)
    with approved.read() as session:
        successor = session.scalars(
            select(Participant.id).where(Participant.reference == "urn:11")
        ).one()
        assert session.scalars(select(Need.participant_id)).one() == successor
        assert session.scalars(select(Support.taker_id)).one() == successor
        assert [each.taker_id for each in held(session, LATER, {successor})] == [successor]
        assert len(list_partnerships(session, TERMINAL, PartnershipQuery(taker="11"))) == 1


def test_what_is_withdrawn_with_a_closed_school_ends_its_partnership_once(
    approved: Database,
) -> None:
    start(approved)
    write_up(approved, book(approved))
    with approved.write() as session:
        closed = session.scalars(select(Institution).where(Institution.urn == 2)).one()
        closed.in_scope, closed.status_code, closed.close_date = False, 2, NOW.date()
    with approved.write() as session:
        settle(session, TERMINAL, 2, withdraw=True, now=LATER)
    assert whole(approved).summary.partnership.state == "stopped"
    assert [(each.state, each.half_days) for each in whole(approved).periods] == [("stopped", 1)]
    assert need_state(approved) == "match"


def test_whoever_is_outside_sees_and_changes_nothing(approved: Database) -> None:
    start(approved)
    stranger = acting(Role.BROKER, name="other", scope=Scope(ScopeKind.AREA, "888"))
    with approved.read() as session:
        assert list_partnerships(session, stranger) == []
        assert [each.partnership.id for each in list_partnerships(session, SCHOOL)] == [1]
    with approved.write() as session, pytest.raises(Forbidden):
        life.end(session, GIVER, 1, EndReason.COMPLETED, LATER.date(), NeedState.MET, now=LATER)


def test_a_need_tells_what_has_come_of_it(database: Database) -> None:
    """Proposed, held, agreed, approved, running, and what it is when that is over."""

    def came() -> str:
        with database.read() as session:
            [need] = list_needs(session, TERMINAL)
            word = progress_of(session, [need])[need.id]
            assert [
                each.id for each in list_needs(session, TERMINAL, NeedQuery(progress=word))
            ] == [need.id]
            others = set(NeedProgress) - {word}
            assert not any(
                list_needs(session, TERMINAL, NeedQuery(progress=each)) for each in others
            )
            return word

    contested(database)
    seen = [came()]
    match(database, FREELY, now=NOW)
    seen.append(came())
    given: dict[str, Any] = {"hold_days": 14, "now": NOW}
    steps = [
        lambda session: decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, **given),
        *(
            lambda session, side=side: agreements.agree(
                session, TERMINAL, 1, side, Says.YES, heard("head", NOW), **given
            )
            for side in Side
        ),
        lambda session: decisions.decide(session, TERMINAL, 1, DecisionAction.APPROVE, **given),
    ]
    for step in steps:
        with database.write() as session:
            step(session)
        seen.append(came())
    start(database)
    seen.append(came())
    end(database, EndReason.RELATIONSHIP, NeedState.MATCH)
    seen.append(came())
    assert seen == [
        *("nothing", "proposed", "held", "held", "agreed", "approved", "running", "nothing"),
    ]


def test_the_audit_holds_after_a_whole_life(approved: Database) -> None:
    start(approved)
    visit = book(approved)
    write_up(approved, visit)
    sign(approved, visit)
    with approved.write() as session:
        reviews.raise_concern(session, SCHOOL, 1, "visits are cancelled", "head", now=LATER)
        life.change_terms(session, BROKER, 1, {"rhythm": "weekly"})
    end(approved)
    with approved.read() as session:
        assert verify(session).fault is None
