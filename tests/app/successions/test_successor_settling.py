"""A closed institution without a clear successor stays on a list until somebody settles it."""

import json
from datetime import date

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.access.policy import Role
from app.cli.main import app
from app.database import Database
from app.errors import Conflict, Forbidden, NotFound
from app.settings import settings
from app.successions.queries import list_unsettled
from app.successions.service import BadSettlement, settle
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.partnerships import Support
from models.register import Participant, Succession
from models.vocabulary import SuccessorState
from tests import rows
from tests.callers import keyed
from tests.factories import acting
from tests.portal import broker

OLD, FIRST, SECOND = 900001, 900011, 900012
TODAY = date(2026, 11, 23)
BROKER = acting(Role.BROKER, name="broker")


@pytest.fixture
def split(database: Database) -> Database:
    """A school that closed and became two, with a need, an offer, support and a proposal."""
    with database.write() as session:
        rows.add_calendar(session)
        old = rows.add_school(session, OLD, status_code=2, in_scope=False)
        first, _ = (rows.add_school(session, urn) for urn in (FIRST, SECOND))
        other = rows.add_school(session, 900002)
        for urn in (FIRST, SECOND):
            kind = {"kind": "split school", "effective": TODAY}
            rows.add(session, Succession(predecessor_urn=OLD, successor_urn=urn, **kind))
        need = rows.add_need(session, "n-1", old)
        rows.add_offer(session, "o-1", old, expertise_code="reading")
        rows.add_offer(session, "o-first", first, expertise_code="reading")
        theirs = rows.add_offer(session, "o-2", other)
        rows.add_support(session, "s-1", old, other)
        run = rows.add(
            session,
            Run(
                period_code=rows.YEAR,
                scope={"kind": "country", "code": "E92000001", "name": "England"},
                options={},
                state="solved",
                actor="test",
                created_at=rows.NOW,
            ),
        )
        rows.add(
            session,
            Proposal(
                run_id=run.id,
                need_id=need.id,
                offer_id=theirs.id,
                half_days=4,
                points=1,
                components=[],
                ladder="local_area",
                remote=False,
                sendable=True,
                state="preferred",
            ),
        )
    return database


def owner(database: Database, reference: str) -> str:
    with database.read() as session:
        query = select(Participant.reference).join(Need, Need.participant_id == Participant.id)
        return session.scalars(query.where(Need.reference == reference)).one()


def test_several_successors_wait_for_a_person(split: Database) -> None:
    """The list says where the links lead and what is open, and is empty once it is settled."""
    with split.read() as session:
        [one] = list_unsettled(session, BROKER, TODAY)
    assert (one.school.urn, one.followed.state) == (OLD, SuccessorState.SEVERAL)
    assert [each.urn for each in one.followed.successors] == [FIRST, SECOND]
    assert [each.reference for each in one.items.needs] == ["n-1"]
    with split.write() as session:
        done = settle(session, BROKER, OLD, to=FIRST, now=rows.NOW)
    assert done.carried_over == {"need": 1, "proposal": 1, "support": 1}
    # The successor offers the same already: its own stands.
    assert done.withdrawn == {"offer": 1}
    assert owner(split, "n-1") == f"urn:{FIRST}"
    with split.read() as session:
        assert list_unsettled(session, BROKER, TODAY) == []
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.sequence.desc())).first()
        assert last is not None
        assert (last.action, last.subject) == ("succession.settle", f"institution:{OLD}")
    with split.write() as session:
        again = settle(session, BROKER, OLD, to=FIRST, now=rows.NOW)
    assert (again.carried_over, again.withdrawn) == ({}, {})
    with split.read() as session:
        found = select(AuditEvent.sequence).where(AuditEvent.action == "succession.settle")
        assert len(session.scalars(found).all()) == 1


def test_a_successor_is_never_paired_with_itself(split: Database) -> None:
    """Settled to the other side of a proposal, the successor does not keep it with itself."""
    with split.write() as session:
        done = settle(session, BROKER, OLD, to=900002, now=rows.NOW)
    assert done.withdrawn["proposal"] == 1
    assert not any("both sides" in sentence for sentence in done.to_do)
    with split.read() as session:
        assert session.scalars(select(Proposal.state)).all() == ["withdrawn"]


def test_without_a_successor_everything_is_withdrawn(split: Database) -> None:
    """Needs closed, offers and proposals withdrawn, support ended: nothing counts on it."""
    with split.write() as session:
        done = settle(session, BROKER, OLD, withdraw=True, now=rows.NOW)
    assert done.withdrawn == {"proposal": 1, "need": 1, "offer": 1, "support": 1}
    with split.read() as session:
        assert session.scalars(select(Need.state)).all() == ["closed"]
        gone = session.scalars(select(Offer.reference).where(Offer.withdrawn)).all()
        assert gone == ["o-1"]
        assert session.scalars(select(Proposal.state)).one() == "withdrawn"
        support = session.scalars(select(Support)).one()
        assert (support.state, support.ends) == ("ended", rows.NOW.date())
        assert list_unsettled(session, BROKER, TODAY) == []


def test_settling_is_refused_by_name(split: Database) -> None:
    """An open school, an unknown or closed successor, both ways at once, or no right to it."""
    with split.write() as session:
        with pytest.raises(Conflict, match=f"{FIRST} School {FIRST} is not closed"):
            settle(session, BROKER, FIRST, withdraw=True)
        with pytest.raises(NotFound, match="There is no institution 900099"):
            settle(session, BROKER, OLD, to=900099)
        with pytest.raises(Conflict, match="is closed or takes no part"):
            settle(session, BROKER, OLD, to=OLD)
        for both in (True, False):
            with pytest.raises(BadSettlement):
                settle(session, BROKER, OLD, to=FIRST if both else None, withdraw=both)
        for role in (Role.ANALYST, Role.CONTACT, Role.APPROVER):
            with pytest.raises(Forbidden):
                settle(session, acting(role, name="x"), OLD, withdraw=True)
    assert owner(split, "n-1") == f"urn:{OLD}"


def test_successions_are_settled_over_http(split: Database) -> None:
    """List, read, settle; a body with both ways or none is refused."""
    with keyed(split) as client:
        where = "/api/v1/successions"
        [one] = client.get(where).json()["items"]
        assert (one["urn"], one["state"], one["needs"]) == (OLD, "several", ["n-1"])
        assert client.get(f"{where}/{OLD}").json() == one
        assert client.get(f"{where}?after={OLD}").json()["items"] == []
        for body in ({}, {"to": FIRST, "withdraw": True}):
            assert client.post(f"{where}/{OLD}/settlement", json=body).status_code == 422
        settled = client.post(f"{where}/{OLD}/settlement", json={"to": SECOND})
        assert settled.status_code == 200, settled.text
        assert settled.json()["carried_over"] == {
            "need": 1, "offer": 1, "proposal": 1, "support": 1,
        }  # fmt: skip
        assert client.get(where).json()["items"] == []
        assert client.get(f"{where}/{OLD}").json()["needs"] == []
        assert client.get(f"{where}/{FIRST}").status_code == 409
    assert owner(split, "n-1") == f"urn:{SECOND}"


def test_successions_are_settled_in_the_portal(split: Database) -> None:
    """The list leads to a page with the possible successors; a choice left out is named."""
    who = broker(split)
    assert "Settle 1 closed institution" in who.open("/").text
    listed = who.open("/successions")
    assert f"School {OLD}" in listed.text
    assert "needs (1) n-1" in listed.text
    one = who.open(f"/successions/{OLD}")
    assert f"School {FIRST}" in one.text
    blank = who.send(one, f"/successions/{OLD}")
    assert (blank.status, "Select what should happen" in blank.text) == (422, True)
    other = who.send(one, f"/successions/{OLD}", how="other", to="900099")
    assert "There is no institution 900099 in the register." in other.text
    done = who.send(one, f"/successions/{OLD}", how=str(FIRST))
    assert f"Institution {OLD} is settled" in done.text
    assert "There is nothing to settle." in done.text
    assert owner(split, "n-1") == f"urn:{FIRST}"
    who.limit_to(Role.ANALYST)
    assert not who.open(f"/successions/{OLD}").forms[1:]


def test_settling_asks_before_it_withdraws(
    split: Database, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """What is open is named first; nothing is withdrawn unless somebody says so."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", split.url)
    settings.cache_clear()
    request.addfinalizer(settings.cache_clear)

    def ended(*words: str) -> tuple[str, int]:
        done = CliRunner().invoke(app, ["register", "settle", *words])
        return done.output + str(done.exception or ""), done.exit_code

    said, code = ended(str(OLD), "--withdraw")
    assert "needs (1) n-1" in said
    assert "This withdraws 1 proposal, 1 need, 1 offer, 1 support. To go on" in said
    assert code != 0
    assert owner(split, "n-1") == f"urn:{OLD}"
    with split.read() as session:
        assert session.scalars(select(Need.state)).one() != "closed"
    assert ended("99999999999999999999", "--withdraw")[1] == 2
    said, code = ended(str(OLD), "--withdraw", "--yes")
    assert (code, "Withdrawn: 1 proposal, 1 need" in said) == (0, True)


def test_successions_are_settled_in_the_terminal(
    split: Database, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Without a URN the list, with one and a successor what was carried over."""
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", split.url)
    settings.cache_clear()
    request.addfinalizer(settings.cache_clear)
    terminal = CliRunner()

    def told(*words: str) -> str:
        return terminal.invoke(app, ["register", "settle", *words], catch_exceptions=False).output

    listed = told()
    assert f"{OLD} School {OLD}. It has several possible successors." in listed
    assert f"Successors: {FIRST} School {FIRST}, {SECOND} School {SECOND}." in listed
    assert [one["urn"] for one in json.loads(told("--json"))] == [OLD]
    done = told(str(OLD), "--to", str(SECOND), "--yes")
    assert "Carried over: 1 need, 1 offer, 1 proposal, 1 support." in done
    assert told() == "There is nothing to settle.\n"
    assert told(str(OLD), "--withdraw", "--yes").startswith(f"Nothing was open at {OLD}.")
