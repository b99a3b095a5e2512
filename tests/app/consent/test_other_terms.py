"""Terms, sides and choices that change while links are open or after they were answered."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, select, update

from app.access.policy import TERMINAL
from app.consent import answers
from app.consent.service import Choice, Whom
from app.database import Database
from app.events import audit
from app.events.verify import verify
from app.proposals import agreements
from app.proposals.agreements import set_public_money, void_changed
from app.proposals.open_requests import is_release_due
from app.proposals.statement import statement_of
from app.successions.service import settle
from models.consent import Mail
from models.exchange import Need, Offer
from models.matching import Agreement
from models.register import Institution
from models.vocabulary import Party, Reply
from tests.consent import NOW, answer, ask, latest, preferred, proposal, requests, states
from tests.factories import heard
from tests.rows import add_school

CHOOSING = Whom(1, 2, choices=(Choice("far", 3),))


@pytest.fixture
def exchange(database: Database) -> Database:
    return preferred(database)


def test_who_is_of_the_old_school_is_not_asked_for_the_new(exchange: Database) -> None:
    """After a succession only contacts that are still of a side get a new link."""
    ask(exchange, Whom(1, 2))
    with exchange.write() as session:
        add_school(session, 11)
        old = session.scalars(select(Institution).where(Institution.urn == 1)).one()
        old.status_code, old.in_scope, old.close_date = 2, False, NOW.date()
        audit.record(session, actor="test", action="import", subject="urn:11")
    with exchange.write() as session:
        settle(session, TERMINAL, 1, to=11, now=NOW)
    void_changed(exchange, 14, NOW)
    assert states(exchange) == [("taker", "voided"), ("giver", "voided"), ("giver", "open")]
    assert "until a broker asks anew" in str(latest(exchange, Party.TAKER).why)
    assert "We will send you a new link" not in str(latest(exchange, Party.TAKER).why)


def test_a_release_that_was_voided_is_due(exchange: Database) -> None:
    """Also where nobody was asked again, as the need was closed for a while."""
    ask(exchange, Whom(home_head=4))
    answer(exchange, latest(exchange, Party.HOME_HEAD).id)
    with exchange.read() as session:
        assert not is_release_due(session, 1)
    for state in ("closed", "identified"):
        with exchange.write() as session:
            session.execute(update(Need).values(state=state))
        void_changed(exchange, 14, NOW)
    assert states(exchange) == [("home_head", "yes")]
    with exchange.read() as session:
        assert is_release_due(session, 1)
    ask(exchange, Whom(giver=2))
    assert latest(exchange, Party.GIVER).state == "waiting"
    with exchange.write() as session:
        answers.record_release(
            session, TERMINAL, 1, Reply.YES, heard(on=NOW), hold_days=14, now=NOW
        )
    assert latest(exchange, Party.GIVER).state == "open"
    assert states(exchange) == [("home_head", "yes"), ("giver", "open"), ("home_head", "yes")]
    with exchange.read() as session:
        assert not is_release_due(session, 1)


def test_a_pick_is_of_what_was_offered(exchange: Database) -> None:
    """Where its money or dates changed since, the school is asked again and told what changed."""
    (first, _) = ask(exchange, CHOOSING)
    other = requests(exchange)[0].choices[0]["proposal"]
    with exchange.write() as session:
        set_public_money(session, TERMINAL, other, 25_000, hold_days=14, now=NOW)
        session.execute(
            update(Offer).where(Offer.reference == "far").values(window_starts=date(2027, 6, 1))
        )
    assert answer(exchange, first, chosen=other) == "voided"
    assert proposal(exchange).state == "preferred"
    why = str(requests(exchange)[0].why)
    assert "public money: not recorded, now £25,000" in why
    assert "first day of the offer" in why
    again = latest(exchange, Party.TAKER)
    assert (again.state, proposal(exchange, other).state) == ("open", "proposed")
    assert answer(exchange, again.id, chosen=other) == "yes"
    assert proposal(exchange, other).state == "preferred"
    with exchange.read() as session:
        (said,) = session.scalars(select(Agreement)).all()
        assert said.terms["public_money_pounds"] == 25_000
        mails = session.scalars(select(Mail.request_id)).all()
        assert again.id in mails
    with exchange.snapshot() as session:
        # Offers were written past the service here; requests were not.
        assert "request" not in str(verify(session).fault)


def test_a_school_that_picked_is_asked_anew(exchange: Database) -> None:
    """When the terms of what it picked change, like the giver."""
    (first, _) = ask(exchange, CHOOSING)
    other = requests(exchange)[0].choices[0]["proposal"]
    answer(exchange, first, chosen=other)
    with exchange.read() as session:
        assert statement_of(session, other, NOW.date()).text.startswith(
            "Matched by an administrator and the school receiving support, which chose on 2 "
        )
    with exchange.snapshot() as session:
        assert verify(session).fault is None
    with exchange.write() as session:
        set_public_money(session, TERMINAL, other, 900, hold_days=14, now=NOW)
    assert states(exchange, other) == [
        ("giver", "voided"),
        ("taker", "yes"),
        ("giver", "open"),
        ("taker", "open"),
    ]
    for party in (Party.TAKER, Party.GIVER):
        answer(exchange, latest(exchange, party, other).id)
    assert proposal(exchange, other).state == "agreed"


def test_sides_of_a_choice_are_locked_at_once(exchange: Database) -> None:
    """First all, in one order: who answers elsewhere at the same time never waits in a circle."""
    (first, _) = ask(exchange, CHOOSING)
    other = requests(exchange)[0].choices[0]["proposal"]
    locked: list[set[int]] = []

    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        if "ORDER BY participant.id" in statement:
            found = values.values() if isinstance(values, dict) else values
            locked.append({each for each in found if isinstance(each, int)})

    event.listen(exchange.write_engine, "before_cursor_execute", note)
    try:
        answer(exchange, first, chosen=other)
    finally:
        event.remove(exchange.write_engine, "before_cursor_execute", note)
    assert len(locked[0]) == 3
    assert all(each <= locked[0] for each in locked)


def test_what_was_asked_anew_is_not_looked_at_for_ever(
    exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wish to talk on older terms, after which the same side was asked again."""
    (taker,) = ask(exchange, Whom(taker=1))
    answer(exchange, taker, Reply.TALK_FIRST)
    ask(exchange, Whom(taker=1))
    with exchange.write() as session:
        session.execute(update(Offer).values(half_days=9))
    assert void_changed(exchange, 14, NOW) == 1
    locked: list[int] = []
    monkeypatch.setattr(agreements, "_void", lambda _, number, *__: locked.append(number) or False)
    assert void_changed(exchange, 14, NOW) == 0
    assert locked == []
