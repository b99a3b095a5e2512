"""Claims for signed visits: each once, within what is committed, decided by somebody else."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.access.keys import create_key
from app.access.policy import TERMINAL, Grant, Principal, Scope
from app.access.queries import verify_audit
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.import_kit.misfits import Unfit
from app.money import claims, service
from app.money.claims import BadClaim
from app.money.queries import commitments_of, get_pot, list_claims
from app.money.rows import PotContent
from app.partnerships import life, visits
from app.planning.planned_pots import planned_pots
from models.money import Claim, Commitment, Pot
from models.partnerships import SupportVisit
from models.vocabulary import ClaimAction, EndReason, NeedState, Role, ScopeKind
from tests import pots, rows, runs
from tests.factories import acting
from tests.pots import GIVER, LATER, NOW, SCHOOL, STARTS, start, visit
from tests.runs import FREELY, contested, match

APPROVER = acting(Role.APPROVER, name="approver", scope=Scope(ScopeKind.AREA, "999"))
SECOND = date(2026, 9, 14)
ALIKE = {"name", "holder_kind", "budget_pence", "starts", "ends", "day_rate_pence", "fee_pence"}
"""What of a pot is in the table as it is written."""


@pytest.fixture
def running(database: Database) -> Database:
    """A partnership of two days that a pot pays with £275 for each half-day."""
    runs.approved(pots.paid(database), NOW)
    start(database)
    return database


def make(
    database: Database,
    visits: list[int] | None = None,
    pence: int | None = None,
    who: Principal = GIVER,
) -> int:
    with database.write() as session:
        return claims.make(session, who, 1, visits, pence, now=LATER).id


def decide(
    database: Database,
    number: int,
    action: ClaimAction,
    reason: str | None = None,
    who: Principal = APPROVER,
    version: int | None = None,
) -> None:
    with database.write() as session:
        claims.decide(session, who, number, action, reason, version=version, now=LATER)


def sums(database: Database) -> tuple[int, int, int]:
    """Committed, claimed and paid."""
    with database.read() as session:
        found = get_pot(session, TERMINAL, "fund")
        return found.pot.committed_pence, found.claimed_pence, found.paid_pence


def test_signed_visits_are_claimed_approved_and_paid(running: Database) -> None:
    """What is paid comes out of what was committed; the same step again changes nothing."""
    visit(running, STARTS)
    visit(running, SECOND, 2)
    number = make(running)
    assert sums(running) == (110_000, 82_500, 0)
    for action in (ClaimAction.APPROVE, ClaimAction.APPROVE, ClaimAction.PAY, ClaimAction.PAY):
        decide(running, number, action)
    assert sums(running) == (110_000, 82_500, 82_500)
    with running.read() as session:
        [found] = list_claims(session, GIVER)
        assert (found.claim.state, found.claim.half_days, found.claim.visits) == ("paid", 3, [1, 2])
        assert found.claim.version == 3
    with running.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def test_each_visit_is_in_one_claim_at_most(running: Database) -> None:
    first, second = visit(running, STARTS), visit(running, SECOND)
    make(running, [first])
    with pytest.raises(BadClaim, match=f"visit {first} is in claim 1 already") as refused:
        make(running, [first, second])
    assert refused.value.field == "visits"
    make(running)
    with pytest.raises(Conflict, match="no signed visits left to claim"):
        make(running)
    assert sums(running) == (110_000, 55_000, 0)


def test_only_what_the_school_has_signed_is_claimed(running: Database) -> None:
    number = visit(running, STARTS, signed=False)
    with pytest.raises(BadClaim, match=f"visit {number} is written up, and must be signed"):
        make(running, [number])
    with pytest.raises(BadClaim, match="there is no visit 99 of partnership 1"):
        make(running, [99])
    with pytest.raises(BadClaim, match="choose one visit or more"):
        make(running, [])


def test_a_claim_above_what_is_there_is_refused_and_nothing_is_lost(running: Database) -> None:
    """The sentence names both sums; the visits can still be claimed, for what they come to."""
    number = visit(running, STARTS)
    with pytest.raises(BadClaim, match=r"£1,100\.01 is claimed, and of the £1,100\.00 that pot"):
        make(running, [number], 110_001)
    with pytest.raises(BadClaim, match=r"come to £275\.00 at the rate agreed, and £300\.00 is"):
        make(running, [number], 30_000)
    with pytest.raises(BadClaim, match=r"£0\.00 is claimed"):
        make(running, [number], 0)
    with running.read() as session:
        assert session.scalars(select(Claim)).all() == []
        assert session.get_one(SupportVisit, number).claim_id is None
    assert sums(running) == (110_000, 0, 0)
    make(running, [number], 20_000)
    assert sums(running) == (110_000, 20_000, 0)


def test_the_database_itself_refuses_claims_above_what_is_committed(running: Database) -> None:
    with pytest.raises(IntegrityError), running.write() as session:
        session.execute(update(Commitment).values(claimed_pence=Commitment.pence + 1))


def test_a_refused_claim_lets_its_visits_go(running: Database) -> None:
    """It has a reason; then they can be claimed anew, also in place of an approved one."""
    visit(running, STARTS)
    number = make(running)
    with pytest.raises(BadClaim, match="enter a reason for refusing"):
        decide(running, number, ClaimAction.REFUSE)
    with pytest.raises(BadClaim, match="a reason is only for refusing"):
        decide(running, number, ClaimAction.APPROVE, "made up")
    decide(running, number, ClaimAction.APPROVE)
    decide(running, number, ClaimAction.REFUSE, "made up: the wrong day")
    assert sums(running) == (110_000, 0, 0)
    with pytest.raises(Conflict, match="it is refused, and it must be approved first"):
        decide(running, number, ClaimAction.PAY)
    assert make(running) == number + 1
    with pytest.raises(Conflict, match="it is made, and it must be approved first"):
        decide(running, number + 1, ClaimAction.PAY)
    with running.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def test_nobody_decides_a_claim_of_their_own(running: Database) -> None:
    """Neither who made it nor who speaks for the supporting organisation; no role, no right."""
    visit(running, STARTS)
    both = Grant(Role.APPROVER), Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "2"))
    number = make(running, who=Principal("both", frozenset(both)))
    for who, words in (
        (Principal("both", frozenset(both)), "because you made it"),
        (Principal("colleague", frozenset(both)), "an organisation that you speak for"),
        (acting(Role.BROKER, name="broker"), "do not have permission to decide claims"),
        (GIVER, "do not have permission to decide claims"),
    ):
        with pytest.raises(Forbidden, match=words):
            decide(running, number, ClaimAction.APPROVE, who=who)
    there = acting(Role.APPROVER, name="there", scope=Scope(ScopeKind.AREA, "998"))
    with pytest.raises(NotFound):
        decide(running, number, ClaimAction.APPROVE, who=there)
    with pytest.raises(Stale):
        decide(running, number, ClaimAction.APPROVE, version=9)


def test_a_person_with_two_keys_decides_no_claim_of_the_organisation(running: Database) -> None:
    """A colleague made it: it is the same person who speaks there by another key."""
    visit(running, STARTS)
    number = make(running)
    with running.write() as session:
        speaks = Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "2"))
        decides = Grant(Role.APPROVER, Scope(ScopeKind.AREA, "999"))
        create_key(session, TERMINAL, "there", [speaks], owner="pat")
        here = create_key(session, TERMINAL, "here", [decides], owner="pat")[0].prefix
    pat = Principal(f"key:{here}", frozenset({decides}))
    with pytest.raises(Forbidden, match="an organisation that you speak for"):
        decide(running, number, ClaimAction.APPROVE, who=pat)


def test_an_end_commits_no_more_than_was_agreed(running: Database) -> None:
    """Days of disputed visits can be booked again and again: they are paid once at most."""
    for week in range(3):
        number = visit(running, STARTS + timedelta(weeks=week), 2, signed=False)
        with running.write() as session:
            given = {"dispute": "nobody came", "now": LATER}
            visits.sign(session, SCHOOL, 1, number, "headteacher", **given)
    with running.write() as session:
        reason, state = EndReason.COMPLETED, NeedState.MET
        life.end(session, TERMINAL, 1, reason, LATER.date(), state, now=LATER)
    assert sums(running) == (110_000, 0, 0)


def test_the_school_alone_signs_what_it_received(running: Database) -> None:
    """Not a broker of the supporting organisation, whatever role is written down."""
    number = visit(running, STARTS, signed=False)
    theirs = acting(Role.BROKER, name="theirs", scope=Scope(ScopeKind.INSTITUTION, "2"))
    with running.write() as session, pytest.raises(Forbidden, match="Ask the school to sign"):
        visits.sign(session, theirs, 1, number, "headteacher", now=LATER)


def test_money_that_is_committed_keeps_its_holder(running: Database) -> None:
    """Whoever holds a pot decides its claims: another holder needs another pot."""
    with running.write() as session:
        pots.add_council(session, "another")
    with running.read() as session:
        found = get_pot(session, TERMINAL, "fund").pot
        same = {name: getattr(found, name) for name in PotContent.model_fields if name in ALIKE}
    content = PotContent(holder="another", **same)
    with running.write() as session, pytest.raises(Conflict, match="its holder stays"):
        service.change(session, TERMINAL, "fund", content)


def test_the_school_does_not_claim_for_the_giver(running: Database) -> None:
    visit(running, STARTS)
    with pytest.raises(Forbidden):
        make(running, who=SCHOOL)


def test_no_pot_no_claim(database: Database) -> None:
    match(contested(database), FREELY, now=NOW)
    runs.approved(database, NOW)
    start(database)
    visit(database, STARTS)
    with pytest.raises(Conflict, match="No pot pays for partnership 1"):
        make(database)


def test_what_was_claimed_stays_committed_when_it_ends(running: Database) -> None:
    """Ended after one visit: its money is claimed, or can be; the rest is free."""
    visit(running, STARTS)
    number = make(running)
    with running.write() as session:
        life.end(
            session, TERMINAL, 1, EndReason.RELATIONSHIP, LATER.date(), NeedState.MATCH, now=LATER
        )
    assert sums(running) == (27_500, 27_500, 0)
    decide(running, number, ClaimAction.REFUSE, "made up")
    assert sums(running) == (27_500, 0, 0)
    decide(running, make(running), ClaimAction.APPROVE)
    assert sums(running) == (27_500, 27_500, 0)
    assert pots.agrees(running)


def test_what_a_paid_claim_waives_is_free_again(running: Database) -> None:
    """Two visits of a day, £1,100, claimed with £1,000: £100 is free once that is paid."""
    visit(running, STARTS, 2)
    visit(running, SECOND, 2)
    number = make(running, pence=100_000)
    decide(running, number, ClaimAction.APPROVE)
    assert sums(running) == (110_000, 100_000, 0)
    decide(running, number, ClaimAction.PAY)
    assert sums(running) == (100_000, 100_000, 100_000)
    assert pots.agrees(running)
    with running.write() as session:
        reason, state = EndReason.COMPLETED, NeedState.MET
        life.end(session, TERMINAL, 1, reason, LATER.date(), state, now=LATER)
    assert sums(running) == (100_000, 100_000, 100_000)


def test_planning_counts_delivered_days_of_a_pot_as_spent(running: Database) -> None:
    """Ending support with half of its days delivered would free half: none of a closed pot."""
    visit(running, STARTS, 2)
    with running.write() as session:
        visits.book(session, GIVER, 1, SECOND, 1)
    day = STARTS + timedelta(days=1)
    with running.read() as session:
        assert planned_pots(session, day, rows.ENDS, 1)["fund"].left_pence == 145_000
        assert planned_pots(session, day, rows.ENDS, None)["fund"].left_pence == 90_000
    with running.write() as session:
        session.execute(update(Pot).values(open=False))
    with running.read() as session:
        assert planned_pots(session, day, rows.ENDS, 1)["fund"].left_pence == 0


def test_a_school_is_no_commissioner(running: Database) -> None:
    with running.read() as session:
        found = get_pot(session, TERMINAL, "fund").pot
        same = {name: getattr(found, name) for name in PotContent.model_fields if name in ALIKE}
    content = PotContent(holder="1", **same)
    with running.write() as session, pytest.raises(Unfit, match="is a school or other inst"):
        service.change(session, TERMINAL, "fund", content)


def test_commitments_are_read_by_page(running: Database) -> None:
    with running.read() as session:
        pot = get_pot(session, TERMINAL, "fund").pot
        assert [each.commitment.id for each in commitments_of(session, TERMINAL, pot)] == [1]
        assert commitments_of(session, TERMINAL, pot, after=1, limit=1) == []
