"""What needs repair is read from the rows of today, and told on every surface."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from app.access.policy import TERMINAL, Role, Scope
from app.cli.main import app
from app.database import Database, WriteSession, database_now
from app.events import touched
from app.proposals import agreements, decisions, flags
from app.repairs.broken import list_broken, why_broken
from app.settings import settings
from models.exchange import Need, Offer
from models.matching import Proposal
from models.register import Institution
from models.vocabulary import DecisionAction, DeclineReason, Says, ScopeKind, Side
from tests import rows
from tests.callers import csv_rows, keyed
from tests.factories import acting, heard
from tests.portal import BASE, broker
from tests.runs import FREELY, match


@pytest.fixture
def exchange(database: Database) -> Database:
    """A need of two days that one offer of four meets: approved in run 1."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_need(session, "N", rows.add_school(session, 1, name="Oak School"))
        rows.add_offer(session, "O", rows.add_school(session, 2, 1, name="Ash School"))
    match(database, FREELY)
    return database


def decide(database: Database, action: DecisionAction) -> None:
    with database.write() as session:
        decisions.decide(session, TERMINAL, 1, action, hold_days=14)


def approve(database: Database) -> None:
    decide(database, DecisionAction.PREFER)
    for side in Side:
        with database.write() as session:
            agreements.agree(session, TERMINAL, 1, side, Says.YES, heard(), hold_days=14)
    decide(database, DecisionAction.APPROVE)


def broken(database: Database) -> list[str]:
    with database.read() as session:
        return [" ".join(each.reasons) for each in list_broken(session, TERMINAL)]


def changed(model: type, **values: object) -> Callable[[WriteSession], object]:
    """A change that nobody was told of: it raises no flag."""
    return lambda session: session.execute(update(model).values(**values))


CHANGES = {
    "offer withdrawn": (changed(Offer, withdrawn=True), "does not offer this now"),
    "offer lowered": (changed(Offer, half_days=3), "offer O has left 1.5 days"),
    "not offering": (changed(Offer, availability="not_offering"), "does not offer this now"),
    "need withdrawn": (changed(Need, state="closed"), "need N no longer needs support"),
    "need changed": (changed(Need, half_days=3, half_days_min=2), "need N asks for 1.5 days"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("approved", [False, True])
def test_a_change_breaks_a_pairing(exchange: Database, what: str, *, approved: bool) -> None:
    """An approved pairing is told as one that is only proposed, though no flag was raised."""
    if approved:
        approve(exchange)
    assert broken(exchange) == []
    change, sentence = CHANGES[what]
    with exchange.write() as session:
        change(session)
    [told] = broken(exchange)
    assert sentence in told


def test_what_only_a_rule_tells_is_found_by_its_flag(exchange: Database) -> None:
    """An institution that closes takes no part any more: the change itself flags the pairing."""
    with exchange.write() as session:
        session.execute(update(Institution).where(Institution.urn == 2).values(in_scope=False))
        giver = session.scalars(select(Offer.participant_id)).one()
        touched.mark(session, "somebody", [giver])
        assert flags.review(session) == [1]
    [told] = broken(exchange)
    assert "Ash School" in told or "supporting organisation" in told


def test_a_flag_alone_breaks_nothing(exchange: Database) -> None:
    """A cause that is gone needs no repair, and what was dealt with is not told again."""
    with exchange.write() as session:
        offer = session.scalars(select(Offer)).one()
        offer.withdrawn = True
        touched.mark(session, "somebody", [offer.participant_id])
        flags.review(session)
    assert len(broken(exchange)) == 1
    with exchange.write() as session:
        session.execute(update(Offer).values(withdrawn=False))
    assert broken(exchange) == []
    with exchange.write() as session:
        session.execute(update(Offer).values(withdrawn=True))
        flags.clear(session, TERMINAL, 1)
    assert broken(exchange) == []
    with exchange.write() as session:
        session.execute(update(Offer).values(withdrawn=True, half_days=1))
    assert len(broken(exchange)) == 1


def test_a_hold_that_ran_out_and_one_that_lapsed(exchange: Database) -> None:
    """Both are told, until somebody else is proposed for the need, or it looks for nobody."""
    decide(exchange, DecisionAction.PREFER)
    with exchange.read() as session:
        later = database_now(session) + timedelta(days=15)
        [told] = list_broken(session, TERMINAL, now=later)
    assert told.reasons[0].startswith("Nobody responded by ")
    with exchange.write() as session:
        decisions.lapse(session, later)
    assert broken(exchange) == ["Nobody responded in time, and nobody else is proposed."]
    match(exchange, FREELY)
    assert broken(exchange) == []


def test_a_refusal_is_told_while_the_need_looks_for_support(exchange: Database) -> None:
    """With its reason; a need that was closed since needs nobody."""
    decide(exchange, DecisionAction.PREFER)
    with exchange.write() as session:
        no = decisions.Said(DeclineReason.CAPACITY)
        agreements.agree(session, TERMINAL, 1, Side.GIVER, Says.NO, heard(), no, hold_days=14)
    assert broken(exchange) == ["It was declined (reason: capacity), and nobody else is proposed."]
    with exchange.write() as session:
        session.execute(update(Need).values(state="closed"))
    assert broken(exchange) == []


def test_nothing_of_a_period_that_is_over(exchange: Database) -> None:
    """What cannot be repaired any more is not asked for."""
    with exchange.write() as session:
        session.execute(update(Offer).values(withdrawn=True))
    with exchange.read() as session:
        one = session.get_one(Proposal, 1)
        sides = session.get_one(Need, one.need_id), session.get_one(Offer, one.offer_id)
        after = database_now(session).replace(year=rows.ENDS.year + 1)
        assert why_broken(session, one, *sides)
        assert why_broken(session, one, *sides, after) == []


def test_whoever_may_read_the_pairing_is_told(exchange: Database) -> None:
    """Another area's broker sees nothing of it."""
    with exchange.write() as session:
        session.execute(update(Offer).values(withdrawn=True))
    here, there = (Scope(ScopeKind.AREA, code) for code in ("999", "998"))
    with exchange.read() as session:
        assert len(list_broken(session, acting(Role.BROKER, scope=here))) == 1
        assert list_broken(session, acting(Role.BROKER, scope=there)) == []


def test_every_surface_lists_it(exchange: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal, HTTP as JSON and CSV, and the portal's first page and list."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", exchange.url)
    settings.cache_clear()
    command = CliRunner()
    assert command.invoke(app, ["repair"]).output == "No pairing needs repair.\n"
    with exchange.write() as session:
        session.execute(update(Offer).values(withdrawn=True))
    told = command.invoke(app, ["repair"]).output
    assert "Proposal 1 (proposed): Ash School gives 2 days to Oak School. " in told
    [item] = json.loads(command.invoke(app, ["repair", "--json"]).output)["items"]
    settings.cache_clear()
    with keyed(exchange) as client:
        assert client.get("/api/v1/repairs").json() == {"items": [item]}
        [row] = csv_rows(client.get("/api/v1/repairs", headers={"Accept": "text/csv"}))
        assert (row["proposal"], row["taker_name"]) == ("1", "Oak School")
    who = broker(exchange)
    for path in ("/", "/repairs"):
        page = who.open(path)
        assert "Ash School gives 2 days of Maths to Oak School" in page.text
        assert f"{BASE}/repairs/1" in page.links
    assert who.open("/repairs?as=csv").status == 200
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "1"))
    assert "Needs repair" not in who.open("/").text
