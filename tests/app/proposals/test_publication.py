"""Consent to publish a pairing: whose word counts, when, how often, and over HTTP."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.policy import TERMINAL, Role, Scope
from app.database import Database
from app.errors import Forbidden, NotFound
from app.main import create_app
from app.proposals import publication
from app.proposals.decisions import BadDecision
from app.proposals.heard import Heard
from app.proposals.states import NotNow
from app.settings import Settings
from models.access import AuditEvent
from models.matching import Proposal, Run
from models.vocabulary import ProposalState, ScopeKind, Side
from tests import rows
from tests.factories import acting, heard, new_key, told

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
TAKER, GIVER = Side
PATH = "/api/v1/proposals/1/publication-consents"


@pytest.fixture
def exchange(database: Database) -> Database:
    """One proposal that both sides have agreed to."""
    with database.write() as session:
        rows.add_calendar(session)
        need = rows.add_need(session, "N", rows.add_school(session, 1))
        offer = rows.add_offer(session, "O", rows.add_school(session, 2, 1))
        run = {"period_code": rows.YEAR, "options": {}, "state": "solved", "actor": "terminal"}
        rows.add(session, Run(scope={"name": "Testshire"}, created_at=rows.NOW, **run))
        made = {"half_days": 4, "points": 9, "components": [], "ladder": "local_area"}
        made |= {"remote": False, "sendable": True, "state": "agreed"}
        rows.add(session, Proposal(run_id=1, need_id=need.id, offer_id=offer.id, **made))
    return database


def consent(database: Database, side: Side, by: str = "headteacher") -> int:
    with database.write() as session:
        return publication.consent(session, TERMINAL, 1, side, heard(by, NOW), now=NOW).id


def test_a_consent_is_given_once_and_taken_back_once(exchange: Database) -> None:
    """Said again it changes nothing; given anew after that it is another record."""
    assert consent(exchange, TAKER) == consent(exchange, TAKER, "chair of governors") == 1
    with exchange.write() as session:
        for _ in range(2):
            taken_back = publication.withdraw(session, TERMINAL, 1, TAKER, now=NOW)
            assert (taken_back.id, taken_back.withdrawn_at) == (1, NOW)
    assert consent(exchange, TAKER) == 2
    with exchange.read() as session:
        query = select(AuditEvent.action).where(AuditEvent.subject == "proposal:1")
        assert session.scalars(query.order_by(AuditEvent.sequence)).all() == [
            "proposal.publication_consented",
            "proposal.publication_withdrawn",
            "proposal.publication_consented",
        ]


@pytest.mark.parametrize("state", sorted(set(ProposalState) - publication.ASKABLE))
def test_only_what_both_agreed_to_can_be_published(exchange: Database, state: str) -> None:
    """But what was consented to can be taken back in any state."""
    consent(exchange, TAKER)
    with exchange.write() as session:
        session.get_one(Proposal, 1).state = state
    with pytest.raises(NotNow, match="both sides must agree first"):
        consent(exchange, GIVER)
    with exchange.write() as session:
        assert publication.withdraw(session, TERMINAL, 1, TAKER).withdrawn_at is not None


def test_each_side_speaks_for_itself(exchange: Database) -> None:
    """A contact of one side cannot consent for the other, nor anybody as a broker."""
    contact = acting(Role.CONTACT, name="contact", scope=Scope(ScopeKind.INSTITUTION, "1"))
    with exchange.write() as session:
        publication.consent(session, contact, 1, TAKER, Heard("headteacher"))
        with pytest.raises(Forbidden):
            publication.consent(session, contact, 1, GIVER, Heard("headteacher"))
        with pytest.raises(Forbidden):
            publication.withdraw(session, contact, 1, GIVER)
        with pytest.raises(BadDecision, match="cannot speak for the supporting organisation"):
            publication.consent(session, TERMINAL, 1, GIVER, heard("Broker"))
        with pytest.raises(NotFound, match="supporting organisation has not consented"):
            publication.withdraw(session, TERMINAL, 1, GIVER)
        with pytest.raises(NotFound):
            publication.consent(session, TERMINAL, 9, GIVER, heard())


def test_over_http(exchange: Database) -> None:
    """Given, listed with who and when, and taken back; a repeated request is one consent."""
    with exchange.write() as session:
        key = {"Authorization": f"Bearer {new_key(session)}"}
    with TestClient(create_app(Settings(workers=0), exchange), headers=key) as client:
        body = {"side": "taker", "given_by": "headteacher", **told()}
        for _ in range(2):
            made = client.post(PATH, json=body, headers={"Idempotency-Key": "once"})
            assert (made.status_code, made.json()["id"]) == (201, 1)
        assert client.post(PATH, json={"side": "both", "given_by": "x"}).status_code == 422
        taken_back = client.post(f"{PATH}/taker/withdrawal")
        assert taken_back.json()["withdrawn_by"] == "test (administrator)"
        (listed,) = client.get(PATH).json()["items"]
        assert listed == taken_back.json()
        assert client.post(f"{PATH}/giver/withdrawal").status_code == 404
        assert client.get(PATH.replace("1/pub", "9/pub")).status_code == 404
