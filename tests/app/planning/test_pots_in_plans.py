"""A plan never spends more of a pot than it has left, whichever way it is found."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.database import Database
from app.explanations import words
from app.explanations.queries import why
from app.planning.borders import to_settle
from app.planning.build import Built, build
from app.planning.holds import Hold
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.pin_check import BadSteering, check_pin
from app.planning.pots import left_of_pots
from app.planning.rows_digest import RowsDigest
from app.proposals import decisions
from models.exchange import Need, Offer
from models.matching import Proposal
from models.money import Pot
from models.vocabulary import DecisionAction, Reciprocity
from solver.check.verify import verify
from solver.pairing.travel import EstimatedTravelTimes
from solver.solve import solve
from tests import pots, rows
from tests.runs import FREELY, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
SCHOOLS = 6


@pytest.fixture
def county(database: Database) -> Database:
    """Six needs of two days at £1,100 each from one pot of £3,500, and one from none."""
    with database.write() as session:
        rows.add_calendar(session)
        pots.add_pot(session, "fund", pots.add_council(session), 3_500)
        for n in range(SCHOOLS + 1):
            taker = rows.add_school(session, 100 + n, n)
            pot = {} if n == SCHOOLS else {"pot_reference": "fund"}
            rows.add_need(session, f"N{n}", taker, priority=1 + n % 5, **pot)
            giver = rows.add_school(session, 200 + n, n + 0.5)
            rows.add_offer(session, f"O{n}", giver, half_days=8, max_pairings=2)
    return database


def built(database: Database, options: MatchOptions = FREELY) -> Built:
    with database.read() as session:
        loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS, now=NOW)
    return build(loaded, options, EstimatedTravelTimes())


@pytest.mark.parametrize("method", ["auto", "exact", "prices"])
@pytest.mark.parametrize("reciprocity", [Reciprocity.NONE, Reciprocity.BALANCED])
def test_a_plan_keeps_to_the_pot(county: Database, method: str, reciprocity: Reciprocity) -> None:
    """Three of six fit, and the need of no pot; the check of plans asks the rule as well."""
    made = built(county, FREELY.model_copy(update={"reciprocity": reciprocity}))
    [rule] = made.problem.linking
    assert (rule.id, rule.limit, set(rule.weight.tolist())) == ("pot:fund", 350_000, {27_500})
    plan = solve(made.problem, method=method, time_limit_s=20, workers=1)
    assert verify(made.problem, plan) == ()
    paid = plan.need < SCHOOLS
    assert int(plan.half_days[paid].sum()) * 27_500 <= 350_000
    if plan.gap == 0 or method == "exact":
        assert (int(paid.sum()), len(plan)) == (3, 4)
    dear = replace(made.problem, linking=(replace(rule, limit=329_999),))
    assert bool(verify(dear, plan)) == (int(plan.half_days[paid].sum()) * 27_500 > 329_999)


def test_a_pot_that_nobody_can_overdraw_is_no_rule(county: Database) -> None:
    """So that faster ways of solving stay open where money is not short."""
    with county.write() as session:
        session.execute(update(Pot).values(budget_pence=660_000))
    assert built(county).problem.linking == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"open": False},
        {"starts": rows.ENDS.replace(year=2028), "ends": rows.ENDS.replace(year=2029)},
    ],
)
def test_a_pot_that_is_closed_or_of_other_dates_pays_nothing(
    county: Database, changes: dict[str, Any]
) -> None:
    with county.write() as session:
        session.execute(update(Pot).values(changes))
    assert built(county).problem.linking[0].limit == 0


def test_what_is_held_comes_off_and_what_is_only_proposed_does_not(county: Database) -> None:
    match(county, FREELY, now=NOW)
    assert built(county).problem.linking[0].limit == 350_000
    with county.read() as session:
        of_pot = select(Proposal.id).join(Need, Need.id == Proposal.need_id)
        number = session.scalars(of_pot.where(Need.pot_reference == "fund")).all()[0]
    with county.write() as session:
        decisions.decide(session, TERMINAL, number, DecisionAction.PREFER, hold_days=14, now=NOW)
    made = built(county)
    assert made.problem.linking[0].limit == 240_000
    assert left_of_pots(made.loaded) == {"fund": 240_000}


def test_every_run_keeps_to_the_pot_and_the_next_one_too(county: Database) -> None:
    """Each need is planned once more with what stands, and the pot still holds."""
    for _ in range(2):
        run = match(county, FREELY, now=NOW)
        with county.read() as session:
            found = session.execute(
                select(Proposal.half_days, Need.pot_reference)
                .join(Need, Need.id == Proposal.need_id)
                .where(Proposal.run_id == run)
            ).all()
        assert len(found) == 4
        assert sum(days for days, pot in found if pot) * 27_500 <= 350_000


def test_an_unmet_need_says_what_the_pot_has_and_what_more_would_do(county: Database) -> None:
    run = match(county, FREELY, now=NOW)
    with county.read() as session:
        met = select(Proposal.need_id).where(Proposal.run_id == run)
        unmet = session.scalars(select(Need.reference).where(Need.id.not_in(met))).all()[0]
    answered = why(county, TERMINAL, run, unmet)
    assert answered.answer is not None
    [limit] = [each for each in answered.answer.limits if each.subject == "pot:fund"]
    assert words.how_full(limit) == "£3,300.00 of the £3,500.00 that pot fund has left used."
    change = answered.answer.change or answered.answer.unmet.change
    assert change is not None
    said = words.change_words(change, answered.names)
    assert said == "Raise the budget of pot fund by £900.00"
    worth = words.change_result(True, 1_800, 0, change.by)
    assert worth.endswith("gains 1,800 points, 200 for each £100 of the pot.")


def test_a_pin_that_the_pot_cannot_pay_is_refused(county: Database) -> None:
    with county.write() as session:
        session.execute(update(Pot).values(budget_pence=109_999))
    with county.read() as session:
        need = session.scalars(select(Need).order_by(Need.id)).all()[0]
        offer = session.scalars(select(Offer).order_by(Offer.id)).all()[0]
        words = r"pot fund has £1,099\.99 left, and the pin needs £1,100\.00"
        with pytest.raises(BadSteering, match=words):
            check_pin(session, need, offer, NOW)


def test_plans_of_areas_that_overdraw_a_pot_together_are_settled(county: Database) -> None:
    """Four promised by different areas cost £4,400 of £3,500: all of them are looked at anew."""
    made = built(county)
    loaded = made.loaded
    promised = [
        Hold(
            need.id,
            offer.id,
            need.participant_id,
            offer.participant_id,
            4,
            rows.YEAR,
            rows.STARTS,
            rows.ENDS,
            pot=need.pot_reference,
        )
        for need, offer in zip(loaded.needs, loaded.offers, strict=True)
    ]
    assert to_settle(loaded, FREELY, promised[:3]) == set()
    assert to_settle(loaded, FREELY, promised[:4]) == {each.need_id for each in promised[:4]}
    left = replace(loaded, holds=promised[:2])
    assert left_of_pots(left) == {"fund": 130_000}


def test_a_run_is_not_the_same_once_the_pot_is(county: Database) -> None:
    """What a pot has left is of the rows that a run is made from; of other needs it is not."""

    def digest(*references: str) -> str | None:
        with county.read() as session:
            loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS, now=NOW)
        needs = [need for need in loaded.needs if need.reference in references]
        return RowsDigest.of(loaded, None).with_needs(replace(loaded, needs=needs), FREELY)

    before = digest("N0"), digest(f"N{SCHOOLS}")
    with county.write() as session:
        session.execute(update(Pot).values(budget_pence=100_000))
    after = digest("N0"), digest(f"N{SCHOOLS}")
    assert before[0] != after[0]
    assert before[1] == after[1]
