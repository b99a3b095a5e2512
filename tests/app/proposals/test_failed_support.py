"""Recorded support that did not work: it costs points, is shown, and can be made a rule."""

from datetime import UTC, date, datetime

import pytest

from app.access.policy import TERMINAL
from app.database import Database
from app.proposals import decisions
from app.proposals.pair_check import RulesBroken
from models.matching import Proposal
from models.register import Participant
from models.vocabulary import DecisionAction, ProposalState, SupportResult, SupportState
from tests import rows
from tests.runs import FREELY, contested, match, proposals_of

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
STRICT = FREELY.model_copy(update={"refuse_failed_support_years": 3})


def failed(database: Database, giver: int, ends: date | None = date(2026, 7, 17)) -> None:
    """School 1 had support of a school that did not work."""
    with database.write() as session:
        taker, who = session.get_one(Participant, 1), session.get_one(Participant, giver)
        rows.add_support(
            session, "S", taker, who, state=SupportState.ENDED, ends=ends, period_code=None,
            result=SupportResult.DID_NOT_WORK,
        )  # fmt: skip


def chosen(database: Database, run_id: int) -> tuple[str, Proposal]:
    with database.read() as session:
        ((proposal, _, offer),) = proposals_of(session, run_id)
        return offer.reference, proposal


def test_failed_support_costs_points_and_is_told_with_its_date(database: Database) -> None:
    """The nearer school's support failed: the farther one is better, until that has faded."""
    contested(database)
    failed(database, 2)
    reference, proposal = chosen(database, match(database, FREELY))
    assert reference == "far"
    assert proposal.components[-1]["points"] == 0
    pinned = FREELY.model_copy(update={"pins": ("N=near",)})
    reference, proposal = chosen(database, match(database, pinned))
    cost = proposal.components[-1]
    assert (reference, cost["name"], cost["once"]) == ("near", "failed_support", False)
    assert -300 < cost["points"] < -280
    assert "ended on 17 July 2026 did not work" in cost["sentence"]
    parts = [each["points"] for each in proposal.components if not each["once"]]
    assert sum(parts) == proposal.points


def test_failed_support_long_ago_costs_nothing(database: Database) -> None:
    """After the years over which it fades the nearer school is better again."""
    contested(database)
    failed(database, 2, ends=date(2020, 7, 17))
    reference, proposal = chosen(database, match(database, FREELY))
    assert (reference, proposal.components[-1]["points"]) == ("near", 0)


@pytest.mark.parametrize(("years", "allowed"), [(0, True), (3, False), (1, False)])
def test_failed_support_is_refused_where_the_run_asks_for_it(
    sqlite_database: Database, years: int, allowed: bool
) -> None:
    """Off by default; a pin asks for the pair by name and stands above it."""
    contested(sqlite_database)
    failed(sqlite_database, 2)
    options = FREELY.model_copy(
        update={"refuse_failed_support_years": years, "exclusions": ("N=far",)}
    )
    run_id = match(sqlite_database, options)
    with sqlite_database.read() as session:
        assert [offer.reference for _, _, offer in proposals_of(session, run_id)] == (
            ["near"] if allowed else []
        )
    pinned = options.model_copy(update={"pins": ("N=near",)})
    assert chosen(sqlite_database, match(sqlite_database, pinned))[0] == "near"


def test_failed_support_is_asked_about_again_by_decisions(database: Database) -> None:
    """Recorded after the plan it stops a pair of a run that rules it out, but for an exception."""
    contested(database)
    run_id = match(database, STRICT, now=NOW)
    reference, proposal = chosen(database, run_id)
    assert reference == "near"
    assert proposal.rule_figures is not None
    assert not proposal.rule_figures["failed_support"]["failed"]
    failed(database, 2)
    prefer = {"hold_days": 14, "now": NOW}
    with (
        database.write() as session,
        pytest.raises(RulesBroken, match="ended on 17 July 2026 did not work"),
    ):
        decisions.decide(session, TERMINAL, proposal.id, DecisionAction.PREFER, **prefer)
    with database.write() as session:
        decisions.allow_exception(
            session, TERMINAL, proposal.id, "failed_support", "another person gives it", now=NOW
        )
        made = decisions.decide(session, TERMINAL, proposal.id, DecisionAction.PREFER, **prefer)
        assert made.state_after == ProposalState.PREFERRED
