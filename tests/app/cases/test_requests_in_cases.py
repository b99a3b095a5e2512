"""Links in a case: who was asked, what they answered and what lapsed, by each day."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from app.access.policy import TERMINAL
from app.cases.queries import case_on
from app.cases.requests import RequestThen
from app.cases.schemas import CaseShown
from app.cli.case import lines
from app.consent.clocks import keep_clocks
from app.consent.service import Whom
from app.database import Database
from app.proposals.agreements import set_public_money
from models.matching import Run
from models.vocabulary import Party, Reply, RequestState
from tests.callers import keyed
from tests.consent import NOW, answer, ask, preferred
from tests.portal import broker

DAY = timedelta(days=1)
S = RequestState


@pytest.fixture
def exchange(database: Database) -> Database:
    preferred(database, NOW - DAY)
    with database.write() as session:
        session.execute(update(Run).values(finished_at=NOW - DAY, created_at=NOW - DAY))
    return database


def on(database: Database, moment: datetime) -> list[RequestThen]:
    with database.read() as session:
        (proposal,) = case_on(session, TERMINAL, "N", moment.date()).proposals
    return list(proposal.requests)


def states(database: Database, moment: datetime) -> list[tuple[str, RequestState]]:
    return [(each.party, each.state) for each in on(database, moment)]


def test_each_day_has_what_was_known_by_then(exchange: Database) -> None:
    """Asked on one day, answered on the next; the giver lapses after a week."""
    head, taker, giver = Party.HOME_HEAD, Party.TAKER, Party.GIVER
    first, *_ = ask(exchange, Whom(1, 2, 4))
    answer(exchange, first, says=Reply.TALK_FIRST, now=NOW + DAY, note="which days?")
    assert states(exchange, NOW - DAY) == []
    assert states(exchange, NOW) == [(taker, S.OPEN), (giver, S.WAITING), (head, S.OPEN)]
    assert on(exchange, NOW)[0].note is None
    found = on(exchange, NOW + DAY)
    assert (found[0].state, found[0].note) == (S.TALK_FIRST, "which days?")
    keep_clocks(exchange, 48, 120, NOW + 8 * DAY)
    assert states(exchange, NOW + 7 * DAY)[2] == (head, S.OPEN)
    assert states(exchange, NOW + 8 * DAY)[2] == (head, S.LAPSED)
    assert on(exchange, NOW + 8 * DAY)[2].why == "Nobody answered in time."


def test_an_answer_stands_until_the_terms_change(exchange: Database) -> None:
    """And from then on no longer counts, with the reason."""
    (taker,) = ask(exchange, Whom(taker=1))
    answer(exchange, taker)
    with exchange.write() as session:
        set_public_money(session, TERMINAL, 1, 900, hold_days=14, now=NOW + DAY)
    first = on(exchange, NOW)[0]
    assert (first.state, first.voided_at, first.why) == (S.YES, None, None)
    then = on(exchange, NOW + DAY)
    assert then[0].voided_at == NOW + DAY
    assert "public money: not recorded, now £900" in str(then[0].why)
    assert [each.state for each in then] == [S.YES, S.OPEN]


def test_links_are_told_on_the_page_over_http_and_in_the_terminal(exchange: Database) -> None:
    """By role; the link itself is told nowhere."""
    (taker, _) = ask(exchange, Whom(1, 2))
    answer(exchange, taker, now=NOW + DAY)
    page = broker(exchange, NOW).open("/needs/N/case?day=3&month=9&year=2026")
    assert page.faults == []
    assert "School receiving support (headteacher) asked by email by" in page.text
    assert "Link of the school receiving support: yes (headteacher, by the link)" in page.text
    assert "No answer yet" in page.text
    with keyed(exchange, NOW) as client:
        (proposal,) = client.get("/api/v1/needs/N/case?on=2026-09-03").json()["proposals"]
    assert [each["state"] for each in proposal["requests"]] == ["yes", "open"]
    assert "nonce" not in str(proposal)
    with exchange.read() as session:
        case = CaseShown.of(case_on(session, TERMINAL, "N", (NOW + DAY).date()), {})
    told = "\n".join(lines(case, {}))
    assert "Link of the school receiving support: yes (headteacher, by the link)" in told
