"""The ladder in a run: where support comes from, what a need says of it, and what a run asks."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.planning.options import MatchOptions
from app.proposals import decisions
from app.proposals.pair_check import RulesBroken
from app.runs.queries import get_run
from models.exchange import Need, Offer
from models.matching import Proposal
from models.vocabulary import DecisionAction, Ladder
from tests import rows
from tests.runs import FREELY, match, proposals_of

NEAREST = FREELY.model_copy(update={"nearest_step_first": True})
NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)


def market(database: Database, **need: Any) -> Database:
    """A need whose own trust's offer is poor, whose network's is better, and whose area's best."""
    with database.write() as session:
        rows.add_calendar(session)
        taker = rows.add_school(session, 1)
        trust, network, area = (rows.add_school(session, urn, urn) for urn in (2, 3, 4))
        rows.add_group(session, 7, "multi_academy_trust", [taker, trust])
        rows.add_network(session, "family", [taker, network])
        rows.add_need(session, "N", taker, **need)
        for name, giver, quality in (
            ("trust", trust, 1),
            ("network", network, 3),
            ("area", area, 5),
        ):
            rows.add_offer(session, name, giver, quality=quality)
    return database


def found(database: Database, options: MatchOptions) -> list[tuple[str, str]]:
    run_id = match(database, options)
    with database.read() as session:
        return [
            (offer.reference, str(proposal.ladder))
            for proposal, _, offer in proposals_of(session, run_id)
        ]


@pytest.mark.parametrize("step", [Ladder.OWN_GROUP, Ladder.OWN_NETWORK, Ladder.LOCAL_AREA])
def test_a_run_looks_only_on_the_steps_that_it_names(
    sqlite_database: Database, step: Ladder
) -> None:
    """The step stands with the proposal, and with the rules that its pair passed."""
    market(sqlite_database)
    run_id = match(sqlite_database, FREELY.model_copy(update={"steps": (step,)}))
    with sqlite_database.read() as session:
        ((proposal, *_),) = proposals_of(session, run_id)
        assert proposal.ladder == step
        assert proposal.rule_figures is not None
        assert proposal.rule_figures["other_step"] == {"step": step, "steps": [step]}
        refused = get_run(session, TERMINAL, run_id).refusals
    assert refused is not None
    assert refused["other_step"] == 2


def test_nearest_step_first_takes_the_own_trust_until_it_is_recorded_as_looked_at(
    database: Database,
) -> None:
    """What came of a step is what lets a run look further; a plain run takes the best at once."""
    market(database)
    assert found(database, FREELY)[0][0] != "trust"
    assert found(database, NEAREST) == [("trust", "own_group")]
    with database.write() as session:
        need = session.get_one(Need, 1)
        need.looked_outcomes = {"own_group": "no_answer"}
        need.version += 1
    assert found(database, NEAREST) == [("trust", "own_group")], "an open step stops the climb"
    with database.write() as session:
        need = session.get_one(Need, 1)
        need.looked_outcomes = {"own_group": "no_capacity"}
        need.version += 1
    ((_, step),) = found(database, NEAREST)
    assert step == "own_network"


def test_a_pin_stands_above_the_steps(sqlite_database: Database) -> None:
    market(sqlite_database)
    pinned = NEAREST.model_copy(update={"pins": ("N=area",)})
    assert found(sqlite_database, pinned) == [("area", "local_area")]


def test_a_need_of_outside_stimulus_gets_nothing_from_its_trust(sqlite_database: Database) -> None:
    """Not even where the trust alone could give it; a decision is refused by the same rule."""
    market(sqlite_database, outside_stimulus=True)
    assert found(sqlite_database, NEAREST) == [("network", "own_network")]
    only = FREELY.model_copy(update={"steps": (Ladder.OWN_GROUP,)})
    assert found(sqlite_database, only) == []


def test_a_decision_asks_whether_the_need_is_for_a_stimulus_from_outside(
    sqlite_database: Database,
) -> None:
    """A need may come to ask for it after the plan was made."""
    market(sqlite_database)
    match(sqlite_database, NEAREST)
    with sqlite_database.write() as session:
        need = session.get_one(Need, 1)
        need.outside_stimulus = True
        need.version += 1
    with (
        sqlite_database.write() as session,
        pytest.raises(RulesBroken, match="outside the school's own trust or federation"),
    ):
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14, now=NOW)


@pytest.mark.parametrize(
    ("until", "as_of", "kept"),
    [
        (date(2026, 10, 31), date(2026, 10, 31), True),
        (date(2026, 10, 31), date(2026, 11, 1), False),
        (date(2026, 8, 1), date(2026, 7, 31), True),
        (None, date(2026, 9, 1), False),
    ],
)
def test_first_call_ends_with_its_day(
    sqlite_database: Database, until: date | None, as_of: date, kept: bool
) -> None:
    """Of the day on which it is planned, though the period may begin later."""
    market(sqlite_database)
    with sqlite_database.write() as session:
        for offer in session.scalars(select(Offer)):
            offer.first_call_until = until
            offer.version += 1
    for step, inside in ((Ladder.LOCAL_AREA, kept), (Ladder.OWN_NETWORK, False)):
        options = FREELY.model_copy(update={"as_of": as_of, "steps": (step,)})
        assert (found(sqlite_database, options) == []) is inside


def test_what_did_not_work_there_is_told_with_the_points(sqlite_database: Database) -> None:
    """A need's own word counts as recorded support does: the step earns nothing, the next moves."""
    market(
        sqlite_database, looked_outcomes={"own_group": "did_not_work", "own_network": "declined"}
    )
    said = {}
    for step in (Ladder.OWN_GROUP, Ladder.LOCAL_AREA):
        run_id = match(sqlite_database, FREELY.model_copy(update={"steps": (step,)}))
        with sqlite_database.read() as session:
            ((proposal, *_),) = proposals_of(session, run_id)
            said[step] = _ladder(proposal)
    assert said[Ladder.OWN_GROUP]["points"] == 0
    assert said[Ladder.LOCAL_AREA]["points"] == 100
    assert said[Ladder.LOCAL_AREA]["sentence"] == (
        "The supporting organisation is in the same local authority. Support from 1 nearer step "
        "has been tried without success. The school has looked on 1 nearer step and found none."
    )


def _ladder(proposal: Proposal) -> dict[str, Any]:
    return next(each for each in proposal.components if each["name"] == "ladder")
