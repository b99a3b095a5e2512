"""Priority in a run from rows to proposals: once for the need, and the urgent need first."""

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.planning.options import MatchOptions
from app.proposals.list_query import ProposalQuery
from app.proposals.queries import list_proposals, place_of
from app.runs import queries
from models.matching import Alternate
from tests import rows
from tests.runs import FREELY, match, proposals_of


def one_place(database: Database, longer: int = 12) -> None:
    """A school that takes one supporter at once: two urgent days, or more that are less urgent."""
    with database.write() as session:
        rows.add_calendar(session)
        school = rows.add_school(session, 1)
        rows.add_limits(session, school, max_taken=1)
        rows.add_need(session, "urgent", school, priority=1)
        rows.add_need(
            session, "longer", school, priority=3, expertise_code="reading",
            half_days=longer, half_days_min=longer,
        )  # fmt: skip
        for urn, code in ((2, "maths"), (3, "reading"), (4, "maths")):
            giver = rows.add_school(session, urn, 5)
            rows.add_offer(session, f"O{urn}", giver, expertise_code=code, half_days=40)


@pytest.mark.parametrize("longer", [8, 40])
def test_priority_within_one_school_meets_the_urgent_need(database: Database, longer: int) -> None:
    """However much longer the other is: its points are stored apart, and add up to the plan's."""
    one_place(database, longer)
    run_id = match(database, FREELY)
    with database.read() as session:
        ((proposal, need, _),) = proposals_of(session, run_id)
        run = queries.get_run(session, TERMINAL, run_id)
        problem = queries.problem_of(session, TERMINAL, run_id)
        alternates = session.scalars(select(Alternate).order_by(Alternate.need_id)).all()
    assert need.reference == "urgent"
    assert run.objective == proposal.total_points == proposal.points * 4 + proposal.points_once
    assert (run.summary or {})["greedy_objective"] <= run.objective
    priority = proposal.components[0]
    assert (priority["name"], priority["once"]) == ("priority", True)
    assert priority["points"] == proposal.points_once >= 6000
    assert set(problem.candidates.bonus.tolist()) == {proposal.points_once, 2500}
    # Whoever else met the need would earn its priority too: what is lost is of the half-days.
    assert [(each.loss, "priority" in each.components) for each in alternates] == [
        (0, False),
        (None, False),
    ]


def test_priority_within_a_run_with_weights_of_before_is_read_as_once(database: Database) -> None:
    """Options stored while priority counted per half-day still plan, and mean a typical need."""
    one_place(database)
    options = MatchOptions.model_validate(FREELY.model_dump() | {"weights": {"priority": 100}})
    run_id = match(database, options)
    with database.read() as session:
        problem = queries.problem_of(session, TERMINAL, run_id)
    of_longer = problem.candidates.need == problem.needs.id.index("longer")
    assert set(problem.candidates.bonus[of_longer].tolist()) == {300}


def test_priority_within_lists_counts_in_the_total(database: Database) -> None:
    """Sorted by what they add to the plan, the urgent need's pairing comes before a better fit."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "urgent", rows.add_school(session, 1), priority=1)
        rows.add_need(session, "near", rows.add_school(session, 2), expertise_code="reading")
        rows.add_offer(session, "O3", rows.add_school(session, 3, 15))
        rows.add_offer(session, "O4", rows.add_school(session, 4), expertise_code="reading")
    match(database, FREELY)
    with database.read() as session:
        for sort, first in (("-total_points", "urgent"), ("-points", "near")):
            wanted = ProposalQuery(sort=sort)
            found = list_proposals(session, TERMINAL, wanted)
            assert len(found) == 2
            assert found[0].need.reference == first
            place = place_of(session, TERMINAL, wanted, found[0].proposal.id)
            rest = list_proposals(session, TERMINAL, ProposalQuery(sort=sort, after=place))
            assert [each.need.reference for each in rest] == [found[1].need.reference]
