"""Money of a pot: held with the days of a proposal, handed to its partnership, given back."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.access.policy import TERMINAL
from app.access.queries import verify_audit
from app.database import Database
from app.exchange.pots import Price, price
from app.exchange.rows import NeedRow
from app.exchange.service import change_need
from app.import_kit.misfits import Unfit
from app.money import commitments
from app.money.commitments import PotShort
from app.partnerships import life, visits
from app.partnerships.terms import BadPartnership, Later, LaterAgreed
from app.planning.load import load
from app.proposals import agreements, decisions
from app.proposals.decisions import NOTHING_SAID, Said
from app.proposals.pair_check import Spent
from app.proposals.terms import terms_today
from models.exchange import Need, Offer, Period
from models.matching import Proposal
from models.money import Commitment, Pot
from models.partnerships import Partnership
from models.register import Organisation, Participant
from models.vocabulary import (
    Channel,
    DecisionAction,
    DeclineReason,
    EndReason,
    NeedState,
    PaidBy,
    Says,
    Side,
)
from tests import pots, rows, runs
from tests.factories import heard
from tests.pots import GIVER, LATER, NOW, SCHOOL, STARTS, TERMS, start
from tests.runs import FREELY, contested, match

MORE: dict[str, Any] = {"hold_days": 14, "now": NOW}


@pytest.fixture
def paid(database: Database) -> Database:
    return pots.paid(database)


def decide(
    database: Database, action: DecisionAction, said: Said = NOTHING_SAID, **more: Any
) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, action, said, **(MORE | more))


def stands(database: Database) -> tuple[int, str, int]:
    """What the pot has committed; and the last commitment's state and pence."""
    with database.read() as session:
        last = session.scalars(select(Commitment).order_by(Commitment.id.desc())).first()
        pot = session.scalars(select(Pot)).one()
        assert last is not None
        return pot.committed_pence, last.state, last.pence


def test_a_price_is_whole_pence_for_each_half_day() -> None:
    """7.5% of £333.33 are £25.00 rounded up; half of £358.33 is rounded up too."""
    pot = Pot(day_rate_pence=33_333, fee_pence=None, fee_basis_points=750)
    assert price(pot) == Price(33_333, 2_500)
    assert price(pot).half_day_pence == 17_917
    assert price(pot).of(3) == 53_751
    assert price(pot, 50_000) == Price(50_000, 3_750)


def test_what_a_proposal_holds_is_committed_from_preferred_on(paid: Database) -> None:
    """£1,100 of two days are public money that both sides agree to; declined, they are free."""
    decide(paid, DecisionAction.PREFER)
    assert stands(paid) == (110_000, "reserved", 110_000)
    with paid.read() as session:
        assert session.get_one(Proposal, 1).public_money_pounds == 1_100
    decide(paid, DecisionAction.DECLINE, Said(DeclineReason.FINANCE))
    assert stands(paid) == (0, "released", 0)
    assert pots.agrees(paid)
    with paid.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def test_a_proposal_that_lapses_gives_its_money_back(paid: Database) -> None:
    decide(paid, DecisionAction.PREFER)
    with paid.write() as session:
        assert decisions.lapse(session, NOW + timedelta(days=15))
    assert stands(paid) == (0, "released", 0)


def test_more_than_the_pot_has_is_refused_and_nothing_is_held(paid: Database) -> None:
    """The sentence names what is left and what it costs; with a budget of that, it goes on."""
    with paid.write() as session:
        session.execute(update(Pot).values(budget_pence=109_999))
    with pytest.raises(Spent, match=r"pot fund has £1,099\.99 left, and they cost £1,100\.00"):
        decide(paid, DecisionAction.PREFER)
    with paid.write() as session:
        proposal, need = session.get_one(Proposal, 1), session.get_one(Need, 1)
        with pytest.raises(PotShort, match=r"Pot fund has £1,099\.99 left, and 2 days at £500\.00"):
            commitments.reserve(session, TERMINAL, proposal, need, NOW)
    with paid.read() as session:
        assert session.get_one(Proposal, 1).state == "proposed"
        assert session.scalars(select(Commitment)).all() == []
    with paid.write() as session:
        session.execute(update(Pot).values(budget_pence=110_000))
    decide(paid, DecisionAction.PREFER)
    assert stands(paid) == (110_000, "reserved", 110_000)


def test_a_closed_pot_commits_nothing_more(paid: Database) -> None:
    with paid.write() as session:
        session.execute(update(Pot).values(open=False))
    with pytest.raises(Spent, match="pot fund is closed"):
        decide(paid, DecisionAction.PREFER)


def test_the_database_itself_refuses_to_overdraw(paid: Database) -> None:
    with pytest.raises(IntegrityError), paid.write() as session:
        session.execute(update(Pot).values(committed_pence=Pot.budget_pence + 1))


def test_the_pot_of_a_need_is_settled_while_a_proposal_holds_it(paid: Database) -> None:
    """Neither another pot nor none, until the proposal has ended."""
    decide(paid, DecisionAction.PREFER)
    row = {"reference": "N", "participant": "1", "expertise": "maths", "period": rows.YEAR}
    without = NeedRow.model_validate(row | {"days": "2", "mode": "on_site"})
    with paid.write() as session, pytest.raises(Unfit, match="proposal 1 holds days for this need"):
        change_need(session, TERMINAL, without, None)
    decide(paid, DecisionAction.WITHDRAW)
    with paid.write() as session:
        assert change_need(session, TERMINAL, without, None).pot_reference is None


@pytest.mark.parametrize(
    ("pot", "words"),
    [
        ("nowhere", "is not a pot"),
        ("closed", "is closed"),
        ("elsewhere", "does not pay for this school"),
        ("reading", "does not pay for this expertise"),
        ("earlier", "pays for support from 1 September 2025 to 31 August 2026 only"),
    ],
)
def test_a_need_names_only_a_pot_that_pays_for_it(paid: Database, pot: str, words: str) -> None:
    with paid.write() as session:
        council = pots.council_of(session)
        pots.add_pot(session, "closed", council, open=False)
        pots.add_pot(session, "elsewhere", council, areas=["local_authority:998"])
        pots.add_pot(session, "reading", council, expertise=["reading"])
        gone = {"starts": date(2025, 9, 1), "ends": date(2026, 8, 31)}
        pots.add_pot(session, "earlier", council, **gone)
    row = {"reference": "N", "participant": "1", "expertise": "maths", "period": rows.YEAR}
    named = NeedRow.model_validate(row | {"days": "2", "mode": "on_site", "pot": pot})
    with paid.write() as session, pytest.raises(Unfit, match=words):
        change_need(session, TERMINAL, named, None)


@pytest.mark.parametrize("kind", ["network", "trust"])
def test_networks_and_trusts_pay_for_their_members(paid: Database, kind: str) -> None:
    """The one school belongs to them, the other not."""
    with paid.write() as session:
        council = pots.council_of(session)
        member = session.get_one(Participant, 1)
        if kind == "network":
            rows.add_network(session, "family", [member, council])
        else:
            rows.add_group(session, 70, "multi_academy_trust", [member])
            session.get_one(Organisation, council.id).group_uid = 70
        pots.add_pot(session, "own", council, holder_kind=kind)
    row = {"expertise": "maths", "period": rows.YEAR, "days": "2", "mode": "on_site"}
    with paid.write() as session:
        of_member = NeedRow.model_validate(
            row | {"reference": "N", "participant": "1", "pot": "own"}
        )
        assert change_need(session, TERMINAL, of_member, None).pot_reference == "own"
    with paid.write() as session:
        rows.add_need(session, "M", session.get_one(Participant, 2))
    other = NeedRow.model_validate(row | {"reference": "M", "participant": "2", "pot": "own"})
    with paid.write() as session, pytest.raises(Unfit, match="does not pay for this school"):
        change_need(session, TERMINAL, other, None)


@pytest.fixture
def approved(paid: Database) -> Database:
    return runs.approved(paid, NOW)


def test_a_partnership_takes_over_what_was_reserved_on_its_terms(approved: Database) -> None:
    """At a lower rate, the rest is free again; the payer is the pot."""
    start(approved, replace(TERMS, day_rate_pounds=400))
    assert stands(approved) == (90_000, "running", 90_000)
    with approved.read() as session:
        made = session.get_one(Partnership, 1)
        assert (made.paid_by, made.day_rate_pounds, made.fee_pounds) == ("pot", 400, 50)
    assert pots.agrees(approved)


@pytest.mark.parametrize(
    ("terms", "dates", "field", "words"),
    [
        ({"paid_by": PaidBy.TAKER}, {}, "paid_by", "pot fund pays for this support"),
        ({"day_rate_pounds": 601}, {}, "day_rate_pounds", r"£600\.00 a day at most"),
        ({"fee_pounds": 51}, {}, "fee_pounds", r"a fee of £50\.00 a day"),
        ({}, {"ends": date(2027, 7, 2)}, "ends", "from 1 September 2026 to 1 July 2027"),
    ],
)
def test_terms_that_the_pot_does_not_pay_are_refused(
    approved: Database, terms: dict[str, Any], dates: dict[str, Any], field: str, words: str
) -> None:
    with approved.write() as session:
        session.execute(update(Pot).values(highest_day_rate_pence=60_000, ends=date(2027, 7, 1)))
    with pytest.raises(BadPartnership, match=words) as refused:
        start(approved, replace(TERMS, **terms), **dates)
    assert refused.value.field == field
    assert stands(approved) == (110_000, "reserved", 110_000)


def test_no_pot_no_payer(database: Database) -> None:
    match(contested(database), FREELY, now=NOW)
    runs.approved(database, NOW)
    with pytest.raises(BadPartnership, match="the need names no pot"):
        start(database, replace(TERMS, paid_by=PaidBy.POT))


def test_days_of_later_periods_need_more_money(paid: Database) -> None:
    """Two more days are £1,100 more: £200 too much for the pot, until it has them."""
    with paid.write() as session:
        session.execute(update(Pot).values(ends=date(2028, 8, 31)))
        dates = {"starts": date(2027, 9, 1), "ends": date(2028, 8, 31)}
        rows.add(session, Period(code="2027-28", kind="year", name="2027 to 2028", **dates))
        agreements.set_public_money(session, TERMINAL, 1, 2_200, **MORE)
    runs.approved(paid, NOW)
    more = {
        "later": [Later("2027-28", 4)],
        "later_agreed": LaterAgreed(NOW.date(), Channel.TELEPHONE),
        "ends": date(2028, 7, 14),
    }
    with pytest.raises(PotShort, match=r"4 days .* cost £1,100\.00 more than is committed"):
        start(paid, **more)
    assert stands(paid) == (110_000, "reserved", 110_000)
    with paid.write() as session:
        session.execute(update(Pot).values(budget_pence=220_000))
    start(paid, **more)
    assert stands(paid) == (220_000, "running", 220_000)


def test_what_was_not_delivered_is_free_at_the_end(approved: Database) -> None:
    """One half-day of four was delivered: its visit can still be paid, the rest is given back."""
    start(approved)
    with approved.write() as session:
        visit = visits.book(session, GIVER, 1, STARTS, 1).id
        visits.book(session, GIVER, 1, date(2027, 3, 1), 2)
    with approved.write() as session:
        visits.write_up(session, GIVER, 1, visit, "done", now=LATER)
    with approved.write() as session:
        life.end(
            session, TERMINAL, 1, EndReason.RELATIONSHIP, LATER.date(), NeedState.MATCH, now=LATER
        )
    assert stands(approved) == (27_500, "ended", 27_500)
    with approved.write() as session:
        visits.sign(session, SCHOOL, 1, visit, "headteacher", "nobody came", now=LATER)
    with approved.write() as session:
        visits.cancel(session, GIVER, 1, visit)
    assert stands(approved) == (0, "ended", 0)
    assert pots.agrees(approved)
    with approved.read() as session:
        assert verify_audit(session, TERMINAL).fault is None


def test_planning_sees_what_is_left_without_the_proposal_asked_about(paid: Database) -> None:
    decide(paid, DecisionAction.PREFER)
    with paid.read() as session:
        for besides, left in ((None, 90_000), (1, 200_000)):
            loaded = load(session, TERMINAL, None, rows.YEAR, NOW.date(), now=NOW, besides=besides)
            assert loaded.pots["fund"].left_pence == left


def test_both_sides_agree_anew_when_the_pot_of_a_need_changes(paid: Database) -> None:
    """The pot is of the terms, and a proposal that nobody holds takes the new one."""
    with paid.read() as session:
        proposal, need = session.get_one(Proposal, 1), session.get_one(Need, 1)
        offer = session.get_one(Offer, proposal.offer_id)
        assert terms_today(session, proposal, need, offer)["pot"] == "fund"
    with paid.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, **MORE)
        for side in Side:
            agreements.agree(session, TERMINAL, 1, side, Says.YES, heard("head", NOW), **MORE)
    assert stands(paid) == (110_000, "reserved", 110_000)
