"""What came of looking nearer first, outside stimulus and first call: in, out, and on pages."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.cases.schemas import CaseShown
from app.cli.case import lines
from app.database import Database
from app.errors import FaultyFile
from app.exchange.files import export_needs, import_needs
from app.portal.labels import label
from models.exchange import Need, Offer
from models.history import NEED_VERSION
from models.vocabulary import LadderStep, LookedOutcome
from tests import rows
from tests.audit import fault_after, intact, look
from tests.callers import NEED, NEEDS
from tests.portal import Visitor, broker
from tests.runs import FREELY, match

OUTCOMES = {"own_group": "no_capacity", "local_area": "no_answer"}
FILE = (
    "reference,participant,expertise,period,days,looked_within,looked_outcomes,outside_stimulus\n"
)
OFFER = {
    "reference": "o",
    "participant": "100001",
    "expertise": "maths",
    "period": "2026-27",
    "days": 2,
}


def test_a_need_says_what_came_of_it(client: TestClient, database: Database) -> None:
    """A step with an outcome was looked at; each version keeps it, and the audit binds it."""
    body = NEED | {"reference": "n", "looked_within": ["school"], "looked_outcomes": OUTCOMES}
    made = client.post(NEEDS, json=body | {"outside_stimulus": True})
    assert made.status_code == 201, made.text
    assert made.json()["looked_within"] == ["school", "own_group", "local_area"]
    assert made.json()["looked_outcomes"] == OUTCOMES
    assert made.json()["outside_stimulus"] is True
    place = made.headers["location"]
    told = lines(CaseShown.model_validate(client.get(f"{place}/case").json()), {})
    assert any("In its own trust or federation (nobody there has the days)" in one for one in told)
    changed = client.put(place, json=NEED, headers={"If-Match": "*"}).json()
    assert (changed["looked_outcomes"], changed["outside_stimulus"]) == (None, False)
    with database.read() as session:
        kept = select(NEED_VERSION.c.looked_outcomes).order_by(NEED_VERSION.c.version)
        assert session.scalars(kept).all() == [OUTCOMES, None]
    assert intact(look(database))
    assert fault_after(database, "update need_version set looked_outcomes = '{}' where version = 1")


@pytest.mark.parametrize(
    "wrong", [{"nowhere": "declined"}, {"own_group": "unlucky"}, ["own_group"], {"own_group": None}]
)
def test_only_steps_and_outcomes_of_the_lists_are_taken(client: TestClient, wrong: object) -> None:
    body = NEED | {"reference": "n", "looked_outcomes": wrong}
    answer = client.post(NEEDS, json=body)
    assert answer.status_code == 422
    assert "looked_outcomes" in answer.text


def test_an_offer_has_a_first_call(client: TestClient, database: Database) -> None:
    made = client.post("/api/v1/offers", json=OFFER | {"first_call_until": "2026-10-31"})
    assert made.status_code == 201, made.text
    assert made.json()["first_call_until"] == "2026-10-31"
    with database.read() as session:
        assert str(session.scalars(select(Offer.first_call_until)).one()) == "2026-10-31"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("family:declined", "includes 'family:declined', whose step is not known"),
        ("own_group", "includes 'own_group', which does not say what came of it"),
        ("own_group:sad", "includes 'own_group:sad', which does not say what came of it"),
        ("own_group:declined;own_group:no_answer", "names own_group more than once"),
    ],
)
def test_a_file_says_what_is_wrong_with_an_outcome(
    client: TestClient, database: Database, tmp_path: Path, cell: str, reason: str
) -> None:
    path = tmp_path / "needs.csv"
    path.write_text(f"{FILE}n,100000,maths,2026-27,2,,{cell},\n")
    with database.write() as session, pytest.raises(FaultyFile) as refused:
        import_needs(session, TERMINAL, path)
    [fault] = refused.value.faults
    assert fault.column == "looked_outcomes"
    assert reason in fault.reason


def test_a_file_has_outcomes_in_and_out(
    client: TestClient, database: Database, tmp_path: Path
) -> None:
    """What is exported changes nothing when it is imported again."""
    path = tmp_path / "needs.csv"
    cell = "region : declined ; own_group:no_capacity"
    path.write_text(f"{FILE}n,100000,maths,2026-27,2,school,{cell},yes\n")
    with database.write() as session:
        import_needs(session, TERMINAL, path)
    with database.read() as session:
        need = session.scalars(select(Need)).one()
        assert need.looked_within == ["school", "own_group", "region"]
        assert need.looked_outcomes == {"own_group": "no_capacity", "region": "declined"}
        assert need.outside_stimulus
        text = export_needs(session, TERMINAL)
    assert "own_group:no_capacity;region:declined,yes" in text
    path.write_text(text)
    with database.write() as session:
        assert not import_needs(session, TERMINAL, path).any_change


@pytest.fixture
def exchange(database: Database) -> Database:
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100001, name="Oak Primary School")
        rows.add_offer(session, "o", rows.add_school(session, 100002, 1))
    return database


def test_the_form_asks_and_the_proposal_shows_it(exchange: Database) -> None:
    """What was selected is selected again, and whoever decides on a match reads it."""
    who: Visitor = broker(exchange)
    page = who.open("/needs/new?participant=100001")
    filled = {"expertise": "maths", "period": rows.YEAR, "days": "2", "reference": "n"}
    came = {"looked_outcome_own_group": "no_capacity", "outside_stimulus": "yes"}
    page = who.send(page, "/needs/new", **filled, **came, looked_within=["school"])
    step = label(LadderStep.OWN_GROUP, LadderStep)
    said = f"{step} ({label(LookedOutcome.NO_CAPACITY, LookedOutcome).lower()})"
    assert said in page.text
    form = who.open("/needs/n/change").form("/needs/n/change")
    assert form.fields["looked_outcome_own_group"] == ["no_capacity"]
    assert form.fields["outside_stimulus"] == ["yes"]
    match(exchange, FREELY)
    page = who.open("/proposals/1")
    assert said in page.text
    assert "Where the school has looked already" in page.text
    assert "own_group:no_capacity,yes" in who.open("/needs?as=csv").text
    page = who.send(who.open("/offers/o/change"), "/offers/o/change", first_call_until="31/10/2026")
    assert "31 October 2026" in page.text
