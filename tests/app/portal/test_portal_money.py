"""Pots, claims and the report through the portal without JavaScript."""

import pytest
from sqlalchemy import select

from app.access.policy import EVERYWHERE, Role, Scope
from app.database import Database
from models.money import Claim, Pot
from models.vocabulary import ScopeKind
from tests import pots, runs
from tests.portal import Page, Visitor, broker
from tests.pots import LATER, NOW, STARTS, start, visit

POT = {
    "reference": "another",
    "name": "Another fund",
    "holder": pots.COUNCIL,
    "holder_kind": "commissioner",
    "budget": "£24,999.50",
    "starts": "1/9/2026",
    "ends": "31/8/2027",
    "day_rate": "500",
    "fee_percent": "7.5",
    "open": "yes",
}
GIVER = Scope(ScopeKind.INSTITUTION, "2")


@pytest.fixture
def exchange(database: Database) -> Database:
    """A partnership that a pot pays, with one signed visit."""
    runs.approved(pots.paid(database), NOW)
    start(database)
    visit(database, STARTS)
    return database


def fill(who: Visitor, path: str, **values: str) -> Page:
    return who.send(who.open(path), path, **values)


def acting_as(database: Database, role: Role, scope: Scope = EVERYWHERE) -> Visitor:
    """Somebody signed in who holds one role, and is called by it."""
    who = broker(database, LATER)
    who.limit_to(role, scope)
    return who


def test_a_pot_is_made_and_changed_on_pages(who: Visitor, exchange: Database) -> None:
    """In pounds as people write them; what is wrong stands at its field, with what was typed."""
    wrong = fill(who, "/pots/new", **(POT | {"budget": "a lot", "ends": "1/1/2026"}))
    assert wrong.status == 422
    assert "Budget must be a sum in pounds, like 500 or 499.50" in wrong.text
    unknown = fill(who, "/pots/new", **(POT | {"holder": "nobody"}))
    assert "Who holds it “nobody” is not in the register" in unknown.text
    made = fill(who, "/pots/new", **POT)
    assert "The pot was saved" in made.text
    assert "£24,999.50" in made.text
    low = fill(who, "/pots/1/change", budget="1,099.99")
    assert "is less than the £1,100.00 that are committed" in low.text
    assert "The pot was saved" in fill(who, "/pots/1/change", budget="1100", open="no").text
    with exchange.read() as session:
        found = session.scalars(select(Pot).order_by(Pot.id)).all()
        assert [(pot.budget_pence, pot.open) for pot in found] == [
            (110_000, False),
            (2_499_950, True),
        ]
        assert found[1].fee_basis_points == 750
    listed = who.open("/pots")
    assert "Another fund" in listed.text
    assert listed.faults == []


def test_a_claim_goes_from_the_partnership_to_paid(who: Visitor, exchange: Database) -> None:
    """Above what it comes to it is refused and still filled in; then made, refused, made, paid."""
    giver = acting_as(exchange, Role.CONTACT, GIVER)
    approver = acting_as(exchange, Role.APPROVER)
    path = "/partnerships/1/claims/new"
    assert "Claim for visits" in giver.open("/partnerships/1").text
    above = fill(giver, path, pounds="275.01")
    assert above.status == 422
    assert "£275.01 is claimed" in above.text
    made = fill(giver, path)
    assert "The claim was made" in made.text
    assert "Save decision" not in made.text
    assert "Claim 1" in approver.open("/pots").text
    assert "Enter a reason" in fill(approver, "/claims/1", action="refuse").text.replace(
        "enter", "Enter"
    )
    assert (
        "can be claimed again"
        in fill(approver, "/claims/1", action="refuse", reason="made up").text
    )
    fill(giver, path)
    assert "was approved" in fill(approver, "/claims/2", action="approve").text
    assert "recorded as paid" in fill(approver, "/claims/2", action="pay").text
    with exchange.read() as session:
        assert session.scalars(select(Claim.state).order_by(Claim.id)).all() == ["refused", "paid"]
    assert "no signed visits left to claim" in giver.open(path).text
    assert "£275.00 paid" in who.open("/partnerships/1").text


def test_the_report_prints_and_has_no_free_text(who: Visitor, exchange: Database) -> None:
    """A picture with its table, the rows, and a file of them; no aims, and no written-up visits."""
    page = who.client.get("/portal/pots/1/report")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for said in ("<svg", "£2,000.00", "£1,100.00", "School 1", "0 of 1"):
        assert said in page.text
    assert "phonics" not in page.text
    assert "done" not in page.text
    sheet = who.client.get("/portal/pots/1/report?as=csv")
    assert (
        sheet.text.lstrip("\ufeff").splitlines()[1].startswith("1,School 1,maths,1,2.0,0.5,1100.00")
    )
