"""Introductions: who asks, what an arrangement has to keep, and what a broker makes of them."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import Grant, Principal, Scope
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound, Stale
from app.events.verify import verify
from app.introductions import queries, service
from app.introductions.service import BadIntroduction, NewIntroduction
from app.settings import Settings
from app.work.kinds import WorkKind
from app.work.queries import count_work
from models.introductions import Introduction
from models.matching import Run
from models.vocabulary import IntroductionKind, IntroductionState, Role, ScopeKind
from tests import rows
from tests.callers import keyed, said
from tests.factories import acting, new_key

DAY = date(2026, 9, 2)
BROKER = acting(Role.BROKER, name="broker", scope=Scope(ScopeKind.AREA, "999"))
OTHERS = acting(Role.BROKER, name="others", scope=Scope(ScopeKind.AREA, "998"))
SETTINGS = Settings(workers=0)
API = "/api/v1/introductions"
BODY = {"need": "N", "offer": "O", "role": "headteacher"}


def contact(urn: int) -> Principal:
    scope = Scope(ScopeKind.INSTITUTION, str(urn))
    return acting(Role.CONTACT, name=f"contact {urn}", scope=scope)


HEAD = contact(1)


@pytest.fixture
def exchange(database: Database) -> Database:
    """A school with a need, two that could meet it, one of them far away."""
    with database.write() as session:
        rows.add_calendar(session)
        taker = rows.add_school(session, 1)
        giver = rows.add_school(session, 2, 4)
        far = rows.add_school(session, 3, 200)
        rows.add_need(session, "N", taker)
        rows.add_need(session, "suggested", taker, state="suggested")
        rows.add_need(session, "closed", taker, state="closed")
        rows.add_need(session, "theirs", giver)
        rows.add_offer(session, "O", giver)
        rows.add_offer(session, "far", far)
        rows.add_offer(session, "own", taker)
        rows.add_offer(session, "reading", giver, expertise_code="reading")
        rows.add_offer(session, "unanswered", giver, availability="not_answered")
        rows.add_offer(session, "gone", giver, withdrawn=True)
    return database


def ask(database: Database, who: Principal = HEAD, **changes: Any) -> int:
    asked = {"kind": IntroductionKind.INTRODUCTION, "need": "N", "offer": "O", "role": "head"}
    with database.write() as session:
        return service.ask(session, who, NewIntroduction(**(asked | changes))).id


def arrange(database: Database, **changes: Any) -> int:
    agreed = {"agreed_with": "deputy head", "agreed_on": DAY}
    return ask(database, **({"kind": IntroductionKind.ARRANGEMENT} | agreed | changes))


def work(database: Database, who: Principal) -> dict[WorkKind, int]:
    with database.read() as session:
        counts = count_work(session, who, DAY)
    return {kind: number for kind, number in counts.items() if "introd" in kind}


def sound(database: Database) -> bool:
    with database.read() as session:
        return verify(session).fault is None


def test_what_a_school_asks_for_waits_for_its_broker(exchange: Database) -> None:
    """And is seen by the school as awaited, by the giver and other areas' brokers not at all."""
    one = ask(exchange)
    assert work(exchange, BROKER) == {WorkKind.INTRODUCE: 1}
    assert work(exchange, HEAD) == {WorkKind.INTRODUCTION: 1}
    for who in (contact(2), OTHERS):
        assert work(exchange, who) == {}
        with exchange.read() as session:
            assert queries.list_introductions(session, who) == []
            with pytest.raises(NotFound):
                queries.get_introduction(session, who, one)
    with exchange.read() as session:
        found = queries.get_introduction(session, HEAD, one)
        assert (found.school.reference, found.giver.reference) == ("urn:1", "urn:2")
        assert found.introduction.asked_by == HEAD.name
    assert sound(exchange)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"need": "none"}, NotFound),
        ({"need": "theirs"}, NotFound),
        ({"need": "suggested"}, BadIntroduction),
        ({"need": "closed"}, BadIntroduction),
        ({"offer": "none"}, NotFound),
        ({"offer": "unanswered"}, NotFound),
        ({"offer": "gone"}, NotFound),
        ({"offer": "own"}, BadIntroduction),
        ({"agreed_on": DAY}, BadIntroduction),
        ({"kind": IntroductionKind.ARRANGEMENT}, BadIntroduction),
    ],
)
def test_only_what_is_open_is_asked_for(
    exchange: Database, changes: dict[str, Any], error: type[Exception]
) -> None:
    """Nothing is written where it is refused."""
    with pytest.raises(error):
        ask(exchange, **changes)
    with exchange.read() as session:
        assert session.scalars(select(Introduction)).all() == []


def test_the_same_is_asked_for_once(exchange: Database) -> None:
    """Until it is withdrawn, which the broker cannot do for the school of another area."""
    one = ask(exchange)
    with pytest.raises(Conflict, match=f"Introduction {one} asks for the same already"):
        ask(exchange)
    with exchange.write() as session, pytest.raises(Stale):
        service.withdraw(session, HEAD, one, version=7)
    with exchange.write() as session:
        service.withdraw(session, HEAD, one, version=1)
    assert work(exchange, BROKER) == {}
    with exchange.write() as session, pytest.raises(Conflict, match="already withdrawn"):
        service.withdraw(session, HEAD, one)
    assert ask(exchange) != one


def test_an_arrangement_keeps_the_rules_of_a_proposal(exchange: Database) -> None:
    """What a rule refuses is said in words, with its figures, and nothing is recorded."""
    with pytest.raises(BadIntroduction, match="does not cover a need for Maths"):
        arrange(exchange, offer="reading")
    with pytest.raises(BadIntroduction, match=r"This arrangement is not possible.*miles"):
        arrange(exchange, offer="far")
    with pytest.raises(BadIntroduction, match="in the future"):
        arrange(exchange, agreed_on=date(2099, 1, 1))
    arrange(exchange)
    assert work(exchange, BROKER) == {WorkKind.INTRODUCE: 1}


def test_a_broker_proposes_the_two(exchange: Database) -> None:
    """By a run of the school that pins them, carried out like every other."""
    one = arrange(exchange)
    with exchange.write() as session, pytest.raises(Forbidden):
        service.propose(session, HEAD, one, SETTINGS)
    with exchange.write() as session, pytest.raises(NotFound):
        service.propose(session, OTHERS, one, SETTINGS)
    with exchange.write() as session:
        made = service.propose(session, BROKER, one, SETTINGS)
        run_id, state = made.run_id, made.state
    with exchange.read() as session:
        run = session.get_one(Run, run_id)
        assert run.scope["takers"] == ["1"]
        assert run.options["pins"] == ["N=O"]
        assert state == IntroductionState.PROPOSED
    assert sound(exchange)
    assert work(exchange, BROKER) == {}
    with exchange.write() as session, pytest.raises(Conflict, match="already proposed"):
        service.close(session, BROKER, one, "made up")


def test_what_a_rule_forbids_is_not_proposed(exchange: Database) -> None:
    """An introduction may be asked for; whether it can be a proposal is told to the broker."""
    one = ask(exchange, offer="far")
    with exchange.write() as session, pytest.raises(BadIntroduction, match="cannot be proposed"):
        service.propose(session, BROKER, one, SETTINGS)
    with exchange.write() as session:
        service.close(session, BROKER, one, "made up: too far", version=1)
    with exchange.read() as session:
        found = queries.get_introduction(session, HEAD, one).introduction
        assert (found.state, found.reason) == (IntroductionState.CLOSED, "made up: too far")
    assert sound(exchange)


def test_introductions_over_http(exchange: Database) -> None:
    """Asked for, listed, read, closed; the same request again answers the same."""
    with exchange.write() as session:
        key = new_key(session, Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "1")))
    with keyed(exchange) as client:
        head = {"Authorization": f"Bearer {key}", "Idempotency-Key": "once"}
        made = client.post(API, json=BODY, headers=head)
        assert made.status_code == 201, made.text
        assert client.post(API, json=BODY, headers=head).json() == made.json()
        place = made.headers["location"]
        assert (made.json()["school"], made.json()["giver"]) == ("1", "2")
        assert client.get(f"{API}?state=open&need=N").json()["items"] == [made.json()]
        assert client.get(f"{API}?state=closed").json()["items"] == []
        refused = client.post(f"{place}/proposal", headers=head | {"If-Match": "*"})
        said(refused, 403, "forbidden")
        assert client.post(f"{place}/closure", json={"reason": "made up"}).status_code == 428
        closed = client.post(
            f"{place}/closure", json={"reason": "made up"}, headers={"If-Match": '"1"'}
        )
        assert (closed.json()["state"], closed.json()["reason"]) == ("closed", "made up")
        arranged = BODY | {"kind": "arrangement", "offer": "far", "agreed_with": "head"}
        arranged["agreed_on"] = DAY.isoformat()
        problem = said(client.post(API, json=arranged), 422, "bad-introduction")
        assert "This arrangement is not possible" in problem["detail"]
