"""What schools and monitors say of partnerships becomes evidence by itself, and who may say it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL, Principal, Scope
from app.database import Database
from app.errors import Forbidden
from app.events.verify import verify
from app.evidence import queries
from app.partnerships import life, reviews, visits
from app.partnerships.terms import Terms
from app.work.kinds import WorkKind
from app.work.queries import count_work
from models.evidence import Evidence
from models.matching import Proposal
from models.partnerships import Outcome
from models.register import Participant
from models.vocabulary import (
    EndReason,
    NeedState,
    Rating,
    Reviewer,
    Role,
    ScopeKind,
    Side,
    SupportResult,
)
from tests import rows, runs
from tests.factories import acting
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)
STARTS = date(2026, 9, 7)
TERMS = Terms("phonics taught daily", "headteacher", "deputy headteacher")
SCHOOL = acting(Role.CONTACT, name="school", scope=Scope(ScopeKind.INSTITUTION, "1"))
GIVER = acting(Role.CONTACT, name="giver", scope=Scope(ScopeKind.INSTITUTION, "2"))
BROKER = acting(Role.BROKER, name="broker")
OTHER = acting(Role.BROKER, name="another broker")
BOTH = Principal("both", BROKER.grants | GIVER.grants, "both")


@pytest.fixture
def running(database: Database) -> Database:
    """Partnership 1, of the nearer of two givers with the one school."""
    match(contested(database), FREELY, now=NOW)
    runs.approved(database, NOW)
    with database.write() as session:
        proposal = session.scalars(select(Proposal.id).order_by(Proposal.id).limit(1)).one()
        life.start(session, BROKER, proposal, TERMS, STARTS, date(2027, 7, 16), now=NOW)
    return database


@pytest.fixture
def ended(running: Database) -> Database:
    with running.write() as session:
        done = EndReason.COMPLETED, LATER.date(), NeedState.MET
        life.end(session, BROKER, 1, *done, now=LATER)
    return running


def say(
    database: Database,
    who: Principal,
    side: Side,
    result: SupportResult = SupportResult.WORKED,
    text: str | None = "phonics",
    now: datetime = LATER,
) -> None:
    with database.write() as session:
        reviews.set_outcome(session, who, 1, side, result, text, "headteacher", now=now)


def evidence(database: Database) -> list[tuple[str, int, date, date]]:
    with database.read() as session:
        found = session.scalars(select(Evidence).order_by(Evidence.id)).all()
        assert all(each.giver_id == 2 and each.expertise_code == "maths" for each in found)
        return [(each.kind, each.strength, each.on_day, each.counts_from) for each in found]


@pytest.mark.parametrize(
    ("result", "strength"),
    [(SupportResult.WORKED, 5), (SupportResult.PARTLY, 3), (SupportResult.DID_NOT_WORK, 1)],
)
def test_what_a_school_says_is_evidence_once_the_giver_has_answered(
    ended: Database, result: SupportResult, strength: int
) -> None:
    """Once, dated by the day on which the school said it, and from the giver's answer on."""
    say(ended, SCHOOL, Side.TAKER, result)
    assert evidence(ended) == []
    answered = LATER + timedelta(days=3)
    say(ended, GIVER, Side.GIVER, SupportResult.PARTLY, "we agree", answered)
    say(ended, GIVER, Side.GIVER, SupportResult.PARTLY, "we agree", answered)
    assert evidence(ended) == [("outcome", strength, LATER.date(), answered.date())]
    with ended.read() as session:
        told = queries.of_offer(session, TERMINAL, "near", answered.date())
    with ended.read() as session:
        assert verify(session).fault is None
    assert f"a school that it supported said {strength} in 2026" in told.sentence


def test_a_result_that_is_not_known_is_no_evidence(ended: Database) -> None:
    say(ended, SCHOOL, Side.TAKER, SupportResult.NOT_KNOWN, "too early")
    say(ended, GIVER, Side.GIVER, SupportResult.WORKED)
    assert evidence(ended) == []


def test_what_a_school_of_the_same_trust_says_is_no_evidence(ended: Database) -> None:
    """It stays in the partnership: a trust does not accredit itself."""
    with ended.write() as session:
        pair = [session.get_one(Participant, number) for number in (1, 2)]
        rows.add_group(session, 9, "multi_academy_trust", pair)
    say(ended, SCHOOL, Side.TAKER)
    say(ended, GIVER, Side.GIVER)
    assert evidence(ended) == []


def test_a_monitors_review_is_evidence_and_those_of_the_sides_are_not(running: Database) -> None:
    """It counts once the giver has answered, or after four weeks."""
    with running.write() as session:
        for who, reviewer in (
            (SCHOOL, Reviewer.TAKER),
            (GIVER, Reviewer.GIVER),
            (OTHER, Reviewer.MONITOR),
        ):
            day = LATER.date()
            reviews.add_review(session, who, 1, reviewer, Rating.GREEN, day, "adviser", now=LATER)
    counts_from = (LATER + timedelta(days=28)).date()
    assert evidence(running) == [("monitor", 4, LATER.date(), counts_from)]


def test_whoever_speaks_for_the_giver_says_nothing_for_the_school(ended: Database) -> None:
    """Nor as its broker: that would be evidence of a giver about itself."""
    with pytest.raises(Forbidden, match="for the school, because you speak for the supporting"):
        say(ended, BOTH, Side.TAKER)
    assert evidence(ended) == []


def test_nobody_answers_what_they_once_recorded(ended: Database) -> None:
    """Also where somebody else recorded it anew since, and they again after that."""
    say(ended, BROKER, Side.TAKER)
    say(ended, OTHER, Side.TAKER, SupportResult.PARTLY)
    for who in (BROKER, OTHER):
        with pytest.raises(Forbidden, match="You recorded what the school said"):
            say(ended, who, Side.GIVER)
    say(ended, BROKER, Side.TAKER)
    with pytest.raises(Forbidden, match="You recorded what the school said"):
        say(ended, OTHER, Side.GIVER)
    say(ended, GIVER, Side.GIVER)
    with ended.read() as session:
        of_taker = session.scalars(select(Outcome).where(Outcome.side == "taker")).one()
        assert (of_taker.recorded_by, of_taker.recorded_before_by) == ("broker", ["another broker"])
    with ended.read() as session:
        assert verify(session).fault is None


def test_nobody_signs_a_visit_of_which_they_wrote_any_version(running: Database) -> None:
    """The giver saved a broker's report anew: the broker still cannot sign it for the school."""
    given: dict[str, Any] = {"now": LATER}
    with running.write() as session:
        visit = visits.book(session, BROKER, 1, STARTS, 1).id
        visits.write_up(session, BROKER, 1, visit, "made up", **given)
        visits.write_up(session, GIVER, 1, visit, "made up, and more", **given)
    with running.write() as session, pytest.raises(Forbidden, match="because you wrote it up"):
        visits.sign(session, BROKER, 1, visit, "headteacher", **given)
    with running.write() as session:
        visits.write_up(session, OTHER, 1, visit, "made up, and less", **given)
    for who in (BROKER, GIVER, OTHER):
        with running.write() as session, pytest.raises(Forbidden):
            visits.sign(session, who, 1, visit, "headteacher", **given)
    with running.read() as session:
        assert count_work(session, SCHOOL, LATER.date()).get(WorkKind.SIGN) == 1
        as_contact = acting(Role.CONTACT, name="broker", scope=Scope(ScopeKind.INSTITUTION, "1"))
        assert WorkKind.SIGN not in count_work(session, as_contact, LATER.date())
    with running.write() as session:
        signed = visits.sign(session, SCHOOL, 1, visit, "headteacher", **given)
        assert signed.written_before_by == ["broker", "giver"]
    with running.read() as session:
        assert verify(session).fault is None
