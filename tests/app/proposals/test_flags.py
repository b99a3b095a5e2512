"""What rests on something is listed before it is taken away, and flagged until it is dealt with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from typer.testing import CliRunner

from app.access.policy import TERMINAL
from app.cli.main import app
from app.database import Database, WriteSession
from app.errors import Conflict
from app.proposals import agreements, decisions, flags
from app.proposals.pair_check import PairToday
from app.proposals.pins_and_exclusions import steer
from app.settings import settings
from models.access import AuditEvent
from models.exchange import Need
from models.matching import Proposal, ProposalFlag
from models.register import CircumstanceRule, Institution, Participant
from models.vocabulary import DecisionAction, DeclineReason, Says, Side, SteeringKind
from tests import rows
from tests.callers import keyed
from tests.factories import heard
from tests.runs import FREELY, match

API = "/api/v1"
OFFER = {
    "participant": "2",
    "expertise": "maths",
    "period": rows.YEAR,
    "days": 4,
    "max_pairings": 2,
    "mode": "on_site",
}


@pytest.fixture
def exchange(database: Database) -> Database:
    """A need of two days that an offer of four meets: approved in run 1, and pinned."""
    with database.write() as session:
        rows.add_calendar(session)
        oak = rows.add_school(session, 1, name="Oak School")
        rows.add_need(session, "N", oak)
        ash = rows.add_school(session, 2, 1, name="Ash School")
        rows.add_offer(session, "O", ash)
        rows.add_support(session, "S", oak, ash, expertise_code="maths", half_days=1)
        for kind, may_give, percent in (("concern", False, 100), ("busy", True, 25)):
            session.add(
                CircumstanceRule(
                    kind=kind,
                    statement="Made up.",
                    may_give=may_give,
                    days_percent=percent,
                    extra_allowance_half_days=0,
                )
            )
        steer(session, TERMINAL, SteeringKind.PIN, "N", "O", reason="asked")
    match(database, FREELY)
    for action in (DecisionAction.PREFER, None, DecisionAction.APPROVE):
        with database.write() as session:
            if action is not None:
                decisions.decide(session, TERMINAL, 1, action, hold_days=14)
                continue
            for side in Side:
                agreements.agree(session, TERMINAL, 1, side, Says.YES, heard(), hold_days=14)
    return database


@pytest.fixture
def client(exchange: Database) -> Iterator[TestClient]:
    with keyed(exchange) as client:
        yield client


def tag(client: TestClient, path: str) -> dict[str, str]:
    return {"If-Match": client.get(f"{API}{path}").headers["etag"]}


def change(client: TestClient, method: str, path: str, **more: Any) -> None:
    answer = client.request(method, f"{API}{path}", headers=tag(client, path), **more)
    assert answer.status_code in (200, 204), answer.text


def withdraw(client: TestClient, path: str) -> None:
    answer = client.post(f"{API}{path}/withdrawal", headers=tag(client, path))
    assert answer.status_code == 200, answer.text


def flag(client: TestClient) -> Any:
    return client.get(f"{API}/proposals/1").json()["flag"]


def actions(database: Database) -> list[str]:
    with database.read() as session:
        found = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence))
        return [each.action for each in found if each.action.startswith("proposal.flag")]


def in_circumstance(client: TestClient, kind: str) -> str:
    body = {"participant": "2", "kind": kind, "starts": "2026-09-01", "source": "told"}
    made = client.post(f"{API}/circumstances", json=body)
    assert made.status_code == 201, made.text
    return f"/circumstances/{made.json()['id']}"


def limit(client: TestClient, days: float) -> None:
    made = client.post(f"{API}/limits/2/{rows.YEAR}", json={"give_days": days})
    assert made.status_code == 201, made.text


CAUSES = {
    "need": (lambda client: withdraw(client, "/needs/N"), "no longer needs support"),
    "offer": (lambda client: withdraw(client, "/offers/O"), "does not offer this now"),
    "lowered": (
        lambda client: change(client, "PUT", "/offers/O", json=OFFER | {"days": 1.5}),
        "The proposal is for 2 days, but offer O has left",
    ),
    "limit": (
        lambda client: limit(client, 1.5),
        "The proposal is for 2 days, but Ash School can still give",
    ),
    "stopped": (lambda client: in_circumstance(client, "concern"), "stops the supporting"),
    "days off": (
        lambda client: in_circumstance(client, "busy"),
        "The proposal is for 2 days, but offer O has left",
    ),
}


@pytest.mark.parametrize(("cause", "said"), CAUSES.values(), ids=CAUSES)
def test_an_approval_that_lost_what_it_rests_on_is_flagged(
    exchange: Database, client: TestClient, cause: Any, said: str
) -> None:
    """Whatever takes it away, in the same transaction, with a reason, a date and whose change."""
    assert flag(client) is None
    cause(client)
    raised = flag(client)
    assert any(said in reason for reason in raised["reasons"]), raised
    assert raised["raised_by"] == "test (administrator)"
    assert raised["raised_at"]
    assert raised["outcome"] is None
    assert actions(exchange) == ["proposal.flag"]
    listed = client.get(f"{API}/proposals?flagged=true").json()["items"]
    assert [each["id"] for each in listed] == [1]
    assert client.get(f"{API}/proposals?flagged=false").json()["items"] == []


def test_what_takes_nothing_away_flags_nothing(exchange: Database, client: TestClient) -> None:
    """More days, a need that is matched as it should be, and then met."""
    change(client, "PUT", "/offers/O", json=OFFER | {"days": 6})
    with exchange.write() as session:
        session.get_one(rows.Need, 1).state = "match"
    need = client.get(f"{API}/needs/N").json()
    kept = ("participant", "expertise", "period", "days", "max_givers", "mode", "evidence")
    for state in ("matched", "met"):
        body = {name: need[name] for name in kept} | {"state": state}
        change(client, "PUT", "/needs/N", json=body)
    assert flag(client) is None
    assert actions(exchange) == []


def test_only_what_rests_on_a_changed_row_is_looked_at(
    exchange: Database, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a need its own proposals, of an offer or a school all: a large file takes no longer."""
    with exchange.write() as session:
        oak, ash = (
            session.scalars(
                select(Participant).join(Institution).where(Institution.urn == urn)
            ).one()
            for urn in (1, 2)
        )
        rows.add_need(session, "N2", oak)
        rows.add_offer(session, "O2", ash)
    match(exchange, FREELY)
    with exchange.read() as session:
        assert session.scalars(select(Need.reference).join(Proposal)).all() == ["N", "N2"]
    looked_at: list[int] = []
    ask = flags.pair_today_if_any

    def asked(session: WriteSession, proposal: Proposal, *more: Any) -> PairToday | None:
        looked_at.append(proposal.id)
        return ask(session, proposal, *more)

    monkeypatch.setattr(flags, "pair_today_if_any", asked)
    withdraw(client, "/needs/N2")
    assert looked_at == [2]
    change(client, "PUT", "/offers/O", json=OFFER | {"days": 3})
    assert looked_at == [2, 1, 2]
    limit(client, 50)
    assert looked_at == [2, 1, 2, 1, 2]


def test_a_flag_is_cleared_once_somebody_dealt_with_it(
    exchange: Database, client: TestClient
) -> None:
    """It stays on record, is not raised again for the same, and is for another reason."""
    limit(client, 1.5)
    change(client, "PUT", "/limits/2/" + rows.YEAR, json={"give_days": 1.5, "max_given": 9})
    answer = client.delete(f"{API}/proposals/1/flag", headers=tag(client, "/proposals/1"))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "dealt_with")
    again = client.delete(f"{API}/proposals/1/flag", headers=tag(client, "/proposals/1"))
    assert (again.status_code, again.json()["type"]) == (409, "urn:givetake:problem:conflict")
    change(client, "PUT", "/limits/2/" + rows.YEAR, json={"give_days": 1.5, "max_given": 8})
    assert flag(client) is None
    in_circumstance(client, "concern")
    assert any("circumstance" in reason for reason in flag(client)["reasons"])
    assert actions(exchange) == ["proposal.flag", "proposal.flag_clear", "proposal.flag"]


def test_a_flag_goes_with_its_cause_or_with_the_proposal(
    exchange: Database, client: TestClient
) -> None:
    """What was given back rests again; what is withdrawn needs no attention any more."""
    path = in_circumstance(client, "concern")
    body = {"reason": "Of another school."}
    etag = tag(client, path)
    answer = client.post(f"{API}{path}/withdrawal", headers=etag, json=body)
    assert answer.status_code == 204, answer.text
    assert flag(client) is None
    in_circumstance(client, "busy")
    with exchange.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.WITHDRAW, hold_days=14)
    with exchange.read() as session:
        found = session.scalars(select(ProposalFlag).order_by(ProposalFlag.id))
        assert [each.outcome for each in found] == ["cause_gone", "decided"]
    assert client.get(f"{API}/proposals?flagged=true").json()["items"] == []


def test_what_is_open_is_flagged_and_what_has_ended_is_not(
    exchange: Database, client: TestClient
) -> None:
    """A proposal that nobody decided on yet loses its ground like an approved one."""
    with exchange.write() as session:
        session.get_one(Proposal, 1).state = "proposed"
    withdraw(client, "/offers/O")
    assert flag(client)["reasons"]
    with exchange.write() as session:
        declined = decisions.Said(DeclineReason.CAPACITY)
        decisions.decide(session, TERMINAL, 1, DecisionAction.DECLINE, declined, hold_days=14)
        with pytest.raises(Conflict, match="not flagged"):
            flags.clear(session, TERMINAL, 1)
    withdraw(client, "/needs/N")
    assert flag(client) is None


@pytest.mark.parametrize("what", ["need=N", "offer=O", "participant=1", "participant=2"])
def test_what_rests_on_something_is_listed_before(client: TestClient, what: str) -> None:
    """Open proposals with who agreed, running support and pins, of each side."""
    found = client.get(f"{API}/dependents?{what}").json()
    [proposal] = found["proposals"]
    assert (proposal["id"], proposal["state"], proposal["days"]) == (1, "approved", 2.0)
    assert proposal["agreed_by"] == ["taker", "giver"]
    assert [each["reference"] for each in found["support"]] == ["S"]
    assert [(each["need"], each["offer"]) for each in found["pins"]] == [("N", "O")]


def test_dependents_are_of_one_thing_that_exists(client: TestClient) -> None:
    """Which one, is said; what is not there is named."""
    assert client.get(f"{API}/dependents").status_code == 422
    assert client.get(f"{API}/dependents?need=N&offer=O").status_code == 422
    for what in ("need=X", "offer=X", "participant=9"):
        assert client.get(f"{API}/dependents?{what}").status_code == 404


def test_an_import_says_which_proposals_it_takes_the_ground_from(
    exchange: Database, client: TestClient
) -> None:
    """Beforehand, where the import is only tried, and when it is done."""
    file = {
        "file": (
            "offers.csv",
            "reference,participant,expertise,period,days,availability,"
            "availability_updated\nO,2,maths,2026-27,1,can_offer,2026-09-01\n",
        )
    }
    before = client.post(f"{API}/imports/offers/preview", files=file)
    assert "Flagged: 1 proposal" in str(before.json()["notes"]), before.text
    assert flag(client) is None
    done = client.post(f"{API}/imports/offers", files=file)
    assert "Flagged: 1 proposal" in str(done.json()["notes"]), done.text
    assert flag(client)["reasons"]


def test_the_terminal_lists_what_rests_on_an_offer_and_asks(
    exchange: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without somebody to ask nothing is withdrawn, unless it was said that it is meant."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", exchange.url)
    settings.cache_clear()
    said = CliRunner().invoke(app, ["withdraw", "offer", "O"])
    assert isinstance(said.exception, Conflict)
    assert "add --yes" in said.exception.detail
    for line in (
        "Proposal 1 (approved, both sides agreed): Ash School gives 2 days to Oak School.",
        "Support S (active): Ash School supports Oak School.",
        "Pin 1 of need N and offer O.",
    ):
        assert line in said.stdout
    answer = ["answer", "offer", "O", "can_offer", "--days"]
    assert "O is can_offer" in CliRunner().invoke(app, [*answer, "6"]).stdout
    said = CliRunner().invoke(app, [*answer, "1.5"])
    assert isinstance(said.exception, Conflict)
    assert "Flagged: 1 proposal" in said.stdout
    assert actions(exchange) == []
    done = CliRunner().invoke(app, ["withdraw", "offer", "O", "--yes"])
    settings.cache_clear()
    assert "O is withdrawn" in done.stdout
    assert actions(exchange) == ["proposal.flag"]
