"""After its areas a batch looks across their borders: at the end no offer is promised twice."""

import numpy as np
import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.batches.queries import offers_promised_twice
from app.database import Database
from app.planning import borders
from app.planning.build import build
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.travel import travel_times
from app.proposals.pins_and_exclusions import steer
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Participant
from models.vocabulary import ProposalState, Reciprocity, SteeringKind
from solver.check.verify import Violation, verify
from solver.formats.plan import Plan, Status, Stopped
from solver.formulation.standing import worth
from tests import rows
from tests.batches import finish, found, submit
from tests.runs import OPTIONS, match

FREE = OPTIONS.model_copy(update={"reciprocity": Reciprocity.NONE})


def fill(database: Database, **hub: int) -> None:
    """Two areas a mile apart whose schools want the same: a hub has it once, one school has it."""
    with database.write() as session:
        rows.add_calendar(session)
        for number in (1, 2):
            code = str(900 + number)
            area = {"kind": "local_authority", "code": code, "name": f"Area {number}"}
            rows.add(session, rows.Area(region_code="Z", **area))
            taker = rows.add_school(session, number, float(number), local_authority_code=code)
            rows.add_need(session, f"N{number}", taker, half_days=4, half_days_min=4)
            rows.add_offer(session, f"O{number}", taker, expertise_code="reading")
        rows.add_offer(session, "hub", rows.add_school(session, 3, 1.5), half_days=4, **hub)
        rows.add_offer(session, "far", rows.add_school(session, 4, 9.0), half_days=4)


def union(database: Database, options: MatchOptions) -> tuple[Violation, ...]:
    """What is wrong with all open proposals as one plan of one problem."""
    with database.read() as session:
        loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS)
        problem = build(loaded, options, travel_times(None)).problem
        query = (
            select(Offer.reference, Need.reference, Proposal.half_days)
            .join(Offer, Offer.id == Proposal.offer_id)
            .join(Need, Need.id == Proposal.need_id)
            .where(Proposal.state == ProposalState.PROPOSED)
        )
        pairs = [
            (problem.offers.id.index(offer), problem.needs.id.index(need), half_days)
            for offer, need, half_days in session.execute(query)
        ]
    chosen = np.array(sorted(pairs), np.int64).reshape(-1, 3)
    half_days = np.zeros(len(problem.candidates), np.int64)
    half_days[problem.positions(chosen[:, :2])] = chosen[:, 2]
    objective = worth(problem, half_days)
    plan = Plan(
        *(Status.FEASIBLE, Stopped.TIME, chosen[:, 0], chosen[:, 1], chosen[:, 2]),
        objective=objective,
        bound=float("inf"),
    )
    return tuple(
        each for each in verify(problem, plan) if each.where.startswith(("off", "par", "nee"))
    )


def open_pairs(database: Database) -> set[tuple[str, str]]:
    with database.read() as session:
        query = (
            select(Need.reference, Offer.reference)
            .join(Proposal, Proposal.need_id == Need.id)
            .join(Offer, Offer.id == Proposal.offer_id)
            .where(Proposal.state == ProposalState.PROPOSED)
        )
        return {(need, offer) for need, offer in session.execute(query)}


def test_what_two_areas_promise_is_promised_once(database: Database) -> None:
    """One of both gets another supporting organisation, and all plans together keep every rule."""
    fill(database)
    batch_id = submit(database, 1, 2, options=FREE)
    assert finish(database, batch_id) == 3
    *areas, across = found(database, batch_id)
    assert [each.run and each.run.state for each in (*areas, across)] == ["solved"] * 3
    assert across.is_across_borders
    pairs = open_pairs(database)
    assert {need for need, _ in pairs} == {"N1", "N2"}
    assert {offer for _, offer in pairs} == {"hub", "far"}
    assert union(database, FREE) == ()
    with database.read() as session:
        runs = [each.run.id for each in (*areas, across) if each.run]
        assert offers_promised_twice(session, TERMINAL, runs) == 0


def test_without_it_they_would_break_rules_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check of all plans as one finds what the pass is there for."""
    monkeypatch.setattr(borders, "APART", ())
    fill(database)
    assert finish(database, submit(database, 1, 2, options=FREE)) == 2
    assert {each.rule for each in union(database, FREE)} == {"offer days"}


def test_nothing_changes_where_nothing_has_changed(database: Database) -> None:
    """The next batch leaves its areas and what was settled between them alone."""
    fill(database)
    finish(database, submit(database, 1, 2, options=FREE))
    pairs = open_pairs(database)
    again = submit(database, 1, 2, options=FREE)
    assert finish(database, again) == 0
    assert [each.area.kept for each in found(database, again)] == [True, True]
    assert open_pairs(database) == pairs


def test_an_area_planned_again_is_settled_again(database: Database) -> None:
    """Each need has one open proposal, whichever run made it, and no offer is promised twice."""
    fill(database)
    finish(database, submit(database, 1, 2, options=FREE))
    with database.write() as session:
        session.execute(update(Need).where(Need.reference == "N1").values(priority=1))
    finish(database, submit(database, 1, 2, options=FREE))
    pairs = open_pairs(database)
    assert sorted(need for need, _ in pairs) == ["N1", "N2"]
    assert union(database, FREE) == ()
    assert finish(database, submit(database, 1, 2, options=FREE)) == 0
    assert open_pairs(database) == pairs


def test_what_was_settled_is_not_taken_back(database: Database) -> None:
    """Areas planned again fit with what stands in the others: the same pairs, no pass again."""
    fill(database)
    cheap = FREE.model_copy(update={"change_price": 1})
    finish(database, submit(database, 1, 2, options=FREE))
    pairs = open_pairs(database)
    with database.write() as session:
        for need in session.scalars(select(Need)).all():
            taker = session.get_one(Participant, need.participant_id)
            rows.add_need(session, f"M{need.id}", taker, expertise_code="reading")
    batch_id = submit(database, 1, 2, options=cheap)
    assert finish(database, batch_id) == 2
    assert not any(each.is_across_borders for each in found(database, batch_id))
    assert pairs < open_pairs(database)
    assert union(database, FREE) == ()


def test_a_pin_is_asked_for_whatever_stands_elsewhere(database: Database) -> None:
    """What another area was proposed is no reason to refuse a pin; the pass gives that another."""
    fill(database)
    finish(database, submit(database, 1, 2, options=FREE))
    far = next(need for need, offer in open_pairs(database) if offer == "far")
    with database.write() as session:
        steer(session, TERMINAL, SteeringKind.PIN, far, "hub", reason="Asked for it.")
    finish(database, submit(database, 1, 2, options=FREE))
    other = {"N1": "N2", "N2": "N1"}[far]
    assert open_pairs(database) == {(far, "hub"), (other, "far")}
    assert union(database, FREE) == ()


def test_the_pass_gives_away_nothing_that_stands_outside_the_batch(database: Database) -> None:
    """A third area was proposed what one of two others would have got in the end."""
    fill(database)
    with database.write() as session:
        area = {"kind": "local_authority", "code": "903", "name": "Area 3"}
        rows.add(session, rows.Area(region_code="Z", **area))
        third = rows.add_school(session, 5, 9.5, local_authority_code="903")
        rows.add_need(session, "N3", third)
        rows.add_offer(session, "O3", third, expertise_code="reading")
    finish(database, submit(database, 3, options=FREE))
    assert open_pairs(database) == {("N3", "far")}
    finish(database, submit(database, 1, 2, options=FREE))
    pairs = open_pairs(database)
    assert len(pairs) == 2
    assert ("N3", "far") in pairs
    assert {offer for _, offer in pairs} == {"hub", "far"}
    assert union(database, FREE) == ()


def test_what_two_runs_propose_alike_is_taken_off_once(database: Database) -> None:
    """Of each need what the newest run proposes counts, and nothing that is held already."""
    fill(database)
    with database.write() as session:
        session.execute(update(Offer).where(Offer.reference == "hub").values(half_days=8))
        session.execute(update(Offer).where(Offer.reference == "far").values(withdrawn=True))
        session.execute(update(Need).where(Need.reference == "N2").values(state="closed"))
    for takers in (("1",), ("1", "3")):
        match(database, FREE, takers)
    with database.write() as session:
        session.execute(update(Need).where(Need.reference == "N2").values(state="identified"))
    finish(database, submit(database, 2, options=FREE))
    assert ("N2", "hub") in open_pairs(database)


@pytest.mark.parametrize("limit", [{"max_pairings": 1}, {}])
def test_places_count_like_days(database: Database, limit: dict[str, int]) -> None:
    """Days for both, and a place for one alone: of the offer, or of whoever gives."""
    fill(database, **limit)
    options = FREE if limit else FREE.model_copy(update={"max_given": 1})
    with database.write() as session:
        session.execute(update(Offer).values(half_days=8))
    finish(database, submit(database, 1, 2, options=options))
    assert {offer for _, offer in open_pairs(database)} == {"hub", "far"}
    assert union(database, options) == ()


def test_the_balance_of_whoever_gives_less_is_kept(database: Database) -> None:
    """A school that takes because it gives is looked at anew where its giving is settled."""
    fill(database)
    with database.write() as session:
        hub = session.scalars(select(Offer).where(Offer.reference == "hub")).one().participant_id
        rows.add_need(session, "N3", session.get_one(rows.Participant, hub))
        rows.add_offer(session, "another", rows.add_school(session, 5, 2.0))
    finish(database, submit(database, 1, 2, options=OPTIONS))
    assert union(database, OPTIONS) == ()
