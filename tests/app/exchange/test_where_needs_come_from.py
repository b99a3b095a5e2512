"""Where needs and offers come from, where a school looked first, and who signed: in and out."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.cases.schemas import CaseShown
from app.cli.case import lines
from app.database import Database
from app.errors import FaultyFile
from app.exchange.files import export_needs, export_offers, import_needs, import_offers
from models.exchange import Need, Offer
from models.history import NEED_VERSION, OFFER_VERSION
from tests import rows
from tests.audit import fault_after, intact, look
from tests.callers import NEED, NEEDS, said
from tests.portal import Visitor, broker

OFFERS = "/api/v1/offers"
SIGNED = {"signed_by_head_on": "2026-09-01", "signed_by_adviser_on": "2026-09-02"}
SOURCES = {
    "improvement_plan_line": "2.3 Attendance",
    "looked_within": ["school", "own_group"],
    "looked_within_note": "No capacity",
    **SIGNED,
}
STRENGTH = {"strength_line": "4.1 Reading", **SIGNED}
NEED_FILE = (
    "reference,participant,expertise,period,days,improvement_plan_line,looked_within,"
    "looked_within_note,signed_by_head_on\n"
)
ANY = {"If-Match": "*"}


def test_a_need_keeps_where_it_comes_from(client: TestClient, database: Database) -> None:
    """Over HTTP, in each version, on any day, and bound by the audit."""
    made = client.post(NEEDS, json=NEED | {"reference": "n"} | SOURCES)
    assert made.status_code == 201, made.text
    assert made.json() | SOURCES == made.json()
    place = made.headers["location"]
    changed = client.put(place, json=NEED | SOURCES | {"looked_within": []}, headers=ANY)
    assert changed.json()["looked_within"] is None
    then = client.get(f"{place}/case").json()
    assert then["need"] | SOURCES | {"looked_within": None} == then["need"]
    told = lines(CaseShown.model_validate(then), {})
    assert "Line of the improvement plan: 2.3 Attendance." in told
    assert "Signed by the adviser: 2 September 2026." in told
    with database.read() as session:
        kept = select(NEED_VERSION.c.looked_within).order_by(NEED_VERSION.c.version)
        assert session.scalars(kept).all() == [["school", "own_group"], None]
    assert intact(look(database))
    fault = fault_after(database, "update need_version set improvement_plan_line = 'Another'")
    assert fault is not None
    assert "Version 1 of need 1" in fault.sentence


def test_an_offer_keeps_the_line_of_its_strength(client: TestClient, database: Database) -> None:
    """In the same way."""
    offer = {"participant": "100000", "expertise": "maths", "period": rows.YEAR, "days": 8}
    made = client.post(OFFERS, json=offer | {"reference": "o"} | STRENGTH)
    assert made.json() | STRENGTH == made.json()
    with database.read() as session:
        assert session.scalars(select(OFFER_VERSION.c.strength_line)).all() == ["4.1 Reading"]
    assert intact(look(database))


def test_nobody_has_signed_tomorrow(client: TestClient) -> None:
    """The field is named, and what to do."""
    body = NEED | {"reference": "n", "signed_by_head_on": "2199-01-01"}
    problem = said(client.post(NEEDS, json=body), 422, "unfit")
    assert problem["errors"][0]["pointer"] == "#/signed_by_head_on"
    assert "Enter the day of signing" in problem["errors"][0]["detail"]


def test_files_have_it_in_and_out(client: TestClient, database: Database, tmp_path: Path) -> None:
    """What is exported changes nothing; a word that is none is refused with its line."""
    path = tmp_path / "needs.csv"
    line = "n,100000,maths,2026-27,2,2.3 Attendance,own_group; school,No capacity,1/9/2026\n"
    path.write_text(NEED_FILE + line)
    with database.write() as session:
        import_needs(session, TERMINAL, path)
    with database.read() as session:
        need = session.scalars(select(Need)).one()
        assert need.looked_within == ["school", "own_group"]
        text = export_needs(session, TERMINAL)
    assert "2.3 Attendance,school;own_group,No capacity,,,2026-09-01" in text
    path.write_text(text)
    with database.write() as session:
        assert not import_needs(session, TERMINAL, path).any_change
    path.write_text(NEED_FILE + line.replace("own_group", "family"))
    with database.write() as session, pytest.raises(FaultyFile) as refused:
        import_needs(session, TERMINAL, path)
    assert [(each.line, each.column) for each in refused.value.faults] == [(2, "looked_within")]
    offers = tmp_path / "offers.csv"
    offers.write_text(
        "reference,participant,expertise,period,days,strength_line,signed_by_adviser_on\n"
        "o,100001,maths,2026-27,2,4.1 Reading,1/9/2026\n"
    )
    with database.write() as session:
        import_offers(session, TERMINAL, offers)
    with database.read() as session:
        assert session.scalars(select(Offer.strength_line)).one() == "4.1 Reading"
        assert "4.1 Reading" in export_offers(session, TERMINAL)


@pytest.fixture
def exchange(database: Database) -> Database:
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100001, name="Oak Primary School")
    return database


def test_forms_ask_for_it_and_pages_show_it(exchange: Database) -> None:
    """Of a need and of an offer; what was chosen is chosen again in the form of a change."""
    who: Visitor = broker(exchange)
    page = who.open("/needs/new?participant=100001")
    filled = {"expertise": "maths", "period": rows.YEAR, "days": "2", "reference": "n"}
    signed = {"signed_by_head_on": "1/9/2026", "signed_by_adviser_on": "2/9/2026"}
    sources = {"improvement_plan_line": "2.3 Attendance", "looked_within_note": "No capacity"}
    several = ["school", "own_network"]
    page = who.send(page, "/needs/new", **filled, **signed, **sources, looked_within=several)
    assert "In the school itself; In its own network; No capacity" in page.text
    assert "Signed by the adviser 2 September 2026" in page.text
    assert "2.3 Attendance" in who.open("/needs/n/case").text
    form = who.open("/needs/n/change").form("/needs/n/change")
    assert form.fields["looked_within"] == several
    page = who.open("/offers/new?participant=100001")
    filled |= {"reference": "o", "availability": "not_answered"}
    page = who.send(page, "/offers/new", **filled, **signed, strength_line="4.1 Reading")
    assert "4.1 Reading" in page.text
    page = who.send(who.open("/offers/o/change"), "/offers/o/change", signed_by_head_on="1/9/2199")
    assert page.status == 422
    assert "is in the future. Enter the day of signing" in page.text
