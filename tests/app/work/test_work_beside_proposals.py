"""Work that is about no proposal: evidence to answer, alliances to join, claims to decide."""

import pytest
from sqlalchemy import select

from app.access.policy import Grant, Principal, Scope
from app.alliances import members, service
from app.alliances.service import NewAlliance
from app.database import Database
from app.evidence import service as evidence
from app.evidence.service import NewEvidence
from app.money import claims
from app.portal.labels import JOINS_HEADING
from app.work.narrowed import Narrowed
from app.work.queries import WorkItem, count_work, list_work
from models.alliances import AllianceMember
from models.vocabulary import AllianceKind, ClaimAction, EvidenceKind, Role, ScopeKind
from tests import pots, rows, runs
from tests.callers import keyed
from tests.factories import acting, new_key
from tests.portal import broker
from tests.pots import GIVER, LATER, NOW, SCHOOL, STARTS, start, visit

APPROVER = acting(Role.APPROVER, name="approver", scope=Scope(ScopeKind.AREA, "999"))
ELSEWHERE = acting(Role.APPROVER, name="elsewhere", scope=Scope(ScopeKind.AREA, "998"))
BROKER = acting(Role.BROKER, name="broker")


@pytest.fixture
def running(database: Database) -> Database:
    """A partnership that a pot pays: school 1 is helped by school 2, and a visit is signed."""
    runs.approved(pots.paid(database), NOW)
    start(database)
    visit(database, STARTS)
    return database


def work(database: Database, who: Principal, narrowed: Narrowed | None = None) -> list[WorkItem]:
    """Of these kinds; counted as often as listed."""
    narrowed = narrowed or Narrowed()
    with database.read() as session:
        listed = list_work(session, who, LATER.date(), narrowed=narrowed, limit=None)
        counts = count_work(session, who, LATER.date(), narrowed)
    assert sum(counts.values()) == len(listed)
    return [each for each in listed if each.path is not None or each.kind == "claimed"]


def told(database: Database, who: Principal) -> list[tuple[str, str]]:
    return [(each.kind.value, each.page) for each in work(database, who)]


def test_a_claim_waits_for_whoever_decides_and_pays_it(running: Database) -> None:
    """An approver of who holds the pot, and nobody else; whoever claimed sees that it waits."""
    with running.write() as session:
        number = claims.make(session, GIVER, 1, None, None, now=LATER).id
    page = f"/claims/{number}"
    assert told(running, APPROVER) == [("decide_claim", page)]
    assert told(running, GIVER) == [("claimed", page)]
    for other in (ELSEWHERE, SCHOOL, BROKER):
        assert told(running, other) == []
    with running.write() as session:
        claims.decide(session, APPROVER, number, ClaimAction.APPROVE, now=LATER)
    assert told(running, APPROVER) == [("pay_claim", page)]
    with running.write() as session:
        claims.decide(session, APPROVER, number, ClaimAction.PAY, now=LATER)
    for who in (APPROVER, GIVER):
        assert told(running, who) == []


def test_evidence_waits_for_its_giver_until_it_counts(running: Database) -> None:
    """Whose support it is about is asked, and not who recorded it."""
    with running.write() as session:
        said = NewEvidence(
            EvidenceKind.PEER_VISIT,
            4,
            LATER.date(),
            "headteacher",
            offer="near",
            body="made up",
            source="x",
        )
        number = evidence.add(session, BROKER, said, now=LATER).id
    assert told(running, GIVER) == [("answer_evidence", f"/evidence/{number}/answer")]
    assert work(running, GIVER)[0].due is not None
    assert told(running, SCHOOL) == []
    assert work(running, GIVER, Narrowed("no such name")) == []
    assert work(running, GIVER, Narrowed(period=rows.YEAR)) == []
    with running.write() as session:
        evidence.answer(session, GIVER, number, "we do", "headteacher", now=LATER)
    assert told(running, GIVER) == []


def test_an_alliance_waits_for_whom_it_asks(running: Database) -> None:
    """Each member says so itself."""
    with running.write() as session:
        new = NewAlliance("north", "North", AllianceKind.FAMILY, "made up", rows.STARTS, lead="2")
        number = service.make(session, BROKER, new, now=LATER).id
        member = session.scalars(select(AllianceMember.id)).one()
    page = f"/alliances/{number}/members/{member}/answer"
    assert told(running, GIVER) == [("join", page)]
    assert told(running, SCHOOL) == []
    who = broker(running, LATER)
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "2"), name="giver")
    home = who.open("/")
    assert f"/portal{page}" in home.links
    assert ": North" in home.text
    form = who.open(page)
    assert JOINS_HEADING.format(alliance="North") in form.text
    for told_of in ("made up", "Start date 1 September 2026"):
        assert told_of in form.text
    assert "channel" not in form.form(page).fields
    with running.write() as session:
        key = new_key(session, Grant(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "2")))
    with keyed(running, LATER) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        [item] = client.get("/api/v1/me/work", params={"kind": "join"}).json()["items"]
        assert item["alliance"] == "North"
        assert (item["link"], item["period"]) == (f"/api/v1/alliances/{number}", None)
        assert client.get(item["link"]).status_code == 200
    with running.write() as session:
        members.answer(session, GIVER, number, member, True, "headteacher", now=LATER)
    assert told(running, GIVER) == []
