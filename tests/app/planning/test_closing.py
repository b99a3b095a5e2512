"""Nothing is planned past the day that a school closes; where it closes later, that is said."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.cli.plan_summary import summary
from app.database import Database
from app.insight.queries import report_data, result_of
from app.insight.report import figures
from app.insight.report_page import render
from app.proposals.agreements import agree, void_changed
from app.proposals.decisions import decide
from app.proposals.terms import standing
from app.register.closing import UNDATED, last_days
from app.runs import queries
from models.exchange import Offer
from models.matching import Proposal
from models.register import Circumstance, Institution, Participant
from models.vocabulary import DecisionAction, ProposalState, Says, Side
from tests import rows
from tests.callers import keyed
from tests.factories import heard
from tests.portal import broker
from tests.runs import FREELY, contested, match

DECEMBER = date(2026, 12, 31)
WARNING = "The school receiving support closes on 31 December 2026. Support must end by then."
TAKER = "urn:1"


def closing(database: Database, reference: str = TAKER, **changes: Any) -> None:
    """The register says that a school is to close."""
    with database.write() as session:
        query = select(Institution).join(Participant).where(Participant.reference == reference)
        school = session.scalars(query).one()
        for name, value in ({"status_code": 3} | changes).items():
            setattr(school, name, value)


@pytest.fixture
def exchange(database: Database) -> Database:
    return contested(database)


def test_a_school_that_closes_before_support_could_start_gets_none(exchange: Database) -> None:
    """The rule that refuses is named, and counted for each offer."""
    closing(exchange, close_date=date(2026, 8, 31))
    run_id = match(exchange, FREELY)
    with exchange.read() as session:
        assert session.scalars(select(Proposal)).all() == []
        refusals = queries.get_run(session, TERMINAL, run_id).refusals
    assert refusals is not None
    assert refusals["closes"] == 2


def test_a_supporter_that_closes_too_early_is_passed_over(exchange: Database) -> None:
    """One working day is too short for a need of two, so that the other supporter is planned."""
    with exchange.read() as session:
        givers = select(Participant.reference).where(Participant.reference != TAKER)
        first = min(session.scalars(givers))
    closing(exchange, first, close_date=rows.STARTS)
    match(exchange, FREELY)
    with exchange.read() as session:
        [proposal] = session.scalars(select(Proposal)).all()
        assert session.get_one(Offer, proposal.offer_id).reference == "far"
        assert proposal.rule_figures is not None
        assert proposal.rule_figures["closes"]["giver_closes"] is None


def test_support_ends_when_the_school_closes(exchange: Database) -> None:
    """The pair passes with a warning, on the page and over HTTP, and the terms end that day."""
    closing(exchange, close_date=DECEMBER)
    match(exchange, FREELY)
    with exchange.read() as session:
        proposal_id = session.scalars(select(Proposal.id)).one()
    with keyed(exchange, now=rows.NOW) as client:
        shown = client.get(f"/api/v1/proposals/{proposal_id}").json()
        said = {each["rule"]: each for each in shown["rules"]}
        assert (said["closes"]["holds"], said["closes"]["warning"]) == (True, WARNING)
        assert "to 31 December 2026." in said["window"]["sentence"]
    assert f"Warning {WARNING}" in broker(exchange, rows.NOW).open(f"/proposals/{proposal_id}").text
    with exchange.write() as session:
        when = {"now": rows.NOW, "hold_days": 14}
        decide(session, TERMINAL, proposal_id, DecisionAction.PREFER, **when)
        agree(session, TERMINAL, proposal_id, Side.TAKER, Says.YES, heard(on=rows.NOW), **when)
        [agreement] = standing(session, proposal_id)
        assert agreement.terms["closes"] == "2026-12-31"


def test_a_closing_date_that_becomes_known_voids_what_was_agreed(exchange: Database) -> None:
    """Both sides agreed to support until August: they are asked again."""
    match(exchange, FREELY)
    with exchange.write() as session:
        proposal_id = session.scalars(select(Proposal.id)).one()
        when = {"now": rows.NOW, "hold_days": 14}
        decide(session, TERMINAL, proposal_id, DecisionAction.PREFER, **when)
        for side in Side:
            agree(session, TERMINAL, proposal_id, side, Says.YES, heard(on=rows.NOW), **when)
    assert void_changed(exchange, 14, rows.NOW) == 0
    closing(exchange, close_date=DECEMBER)
    assert void_changed(exchange, 14, rows.NOW) == 1
    with exchange.read() as session:
        assert session.scalars(select(Proposal.state)).one() == ProposalState.DUE_DILIGENCE


def test_the_earliest_closing_day_of_all_records_counts(database: Database) -> None:
    """The register's date, the end of the circumstance, the day before an organisation ends."""
    with database.write() as session:
        rows.add_calendar(session)
        both = rows.add_school(session, 1, close_date=DECEMBER)
        undated = rows.add_school(session, 2, status_code=3)
        stays = rows.add_school(session, 3)
        hub = rows.add_hub(session, "hub", closed=DECEMBER)
        closes = {"kind": "closing", "starts": rows.STARTS, "source": "made up"}
        rows.add(
            session,
            Circumstance(participant_id=both.id, ends=date(2026, 10, 23), **closes),
        )
        assert last_days(session) == {
            both.id: date(2026, 10, 23),
            undated.id: UNDATED,
            hub.id: date(2026, 12, 30),
        }
        assert last_days(session, [stays.id, undated.id]) == {undated.id: UNDATED}


def test_the_terminal_and_the_report_say_who_closes(exchange: Database) -> None:
    """A plan names the pairings whose days must be given before one side closes."""
    run_id = match(exchange, FREELY)
    with exchange.read() as session:
        data = report_data(session, result_of(session, TERMINAL, run_id))
    assert not any("closes" in line for line in summary(data, figures(data)))
    closing(exchange, close_date=DECEMBER)
    run_id = match(exchange, FREELY)
    with exchange.read() as session:
        data = report_data(session, result_of(session, TERMINAL, run_id))
    told = summary(data, figures(data))
    assert "In 1 pairing one side closes, or is proposed to:" in told
    assert any(line.endswith(WARNING) for line in told)
    assert WARNING in render(data)
