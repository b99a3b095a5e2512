"""The register of support in the portal, and its forms for support of other agencies."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.database import Database
from app.portal.choices import Saved
from app.portal.labels import LABELS, TARGET_FIELDS
from models.partnerships import Support
from models.targets import SupportTarget
from models.vocabulary import Role
from tests import rows
from tests.portal import BASE, Page, Visitor, broker

SAVED = LABELS[Saved]
REGISTER = "/participants/100001/support"
CONTENT = {
    "agency": "Programme A",
    "authority": "dfe_programme",
    "giver_name": "Made-up Consultants",
    "period": rows.YEAR,
    "days": "3",
    "leader_days": "1.5",
    "starts": "1/9/2026",
    "state": "active",
}
TARGET = {
    "measure": "attendance_pct",
    "direction": "raise",
    "value": "95",
    "by_date": "16/7/2099",
    "owner": "headteacher",
}


@pytest.fixture
def exchange(database: Database) -> Database:
    """A school with support of an agency, and some that this service arranged."""
    with database.write() as session:
        rows.add_calendar(session)
        one = rows.add_school(session, 100001, name="Oak <Primary> School")
        two = rows.add_school(session, 100002, name="Ash Primary School")
        agency = {"agency": "Agency B", "starts": rows.STARTS}
        other = rows.add_support(session, "theirs", one, None, **agency)
        rows.add_support(session, "ours", one, two)
        what = {"measure": "attendance_pct", "direction": "raise", "value": 94.0}
        by = {"by_date": rows.STARTS.replace(year=2099)}
        rows.add(session, SupportTarget(support_id=other.id, **what, **by))
        rows.add_limits(session, one, max_taken=2)
    return database


@pytest.fixture
def who(exchange: Database) -> Visitor:
    """A broker in the year of the support."""
    return broker(exchange, datetime(2026, 11, 30, tzinfo=UTC))


def added(who: Visitor, **changes: str) -> Page:
    page = who.open(f"{REGISTER}/new")
    return who.send(page, f"{REGISTER}/new", **(CONTENT | changes))


def test_support_of_another_agency_is_added_with_a_target(who: Visitor, exchange: Database) -> None:
    """From the page of the school, by forms; what contradicts is told first."""
    assert f"{BASE}{REGISTER}" in who.open("/participants/100001").links
    page = added(who)
    assert SAVED[Saved.CREATED] in page.text
    assert "Made-up Consultants" in page.text
    assert "Department for Education programme" in page.text
    [form] = [link for link in page.links if "support-" in link and link.endswith("/targets/new")]
    form = form.removeprefix(BASE)
    page = who.send(who.open(form), form, **TARGET)
    assert SAVED[Saved.CREATED] in page.text
    assert "95% of sessions" in page.text
    warning = page.text.index("Warning Attendance")
    assert warning < page.text.index("Current support")
    assert "and Made-up Consultants to raise it to 95% of sessions by 16 July 2099" in page.text
    school = who.open("/participants/100001").text
    assert "Made-up Consultants to raise it to 95% of sessions by 16 July 2099" in school
    assert "Oak <Primary> School has 3 supporting organisations at a time" in page.text
    assert not page.faults
    csv = who.client.get(f"{BASE}{REGISTER}?as=csv")
    assert csv.headers["content-type"].startswith("text/csv")
    assert "Programme A" in csv.text


def test_support_and_a_target_are_changed_and_a_target_removed(
    who: Visitor, exchange: Database
) -> None:
    """Each form holds what is stored; an old version says so."""
    page = who.open("/support/theirs/change")
    assert page.form("/support/theirs/change").fields["agency"] == ["Agency B"]
    page = who.send(page, "/support/theirs/change", days="2.5", authority="own_choice")
    assert SAVED[Saved.CHANGED] in page.text
    form = "/support/theirs/targets/1"
    page = who.open(form)
    assert page.form(form).fields["value"] == ["94"]
    again = who.open(form)
    page = who.send(page, form, value="96")
    assert "96% of sessions" in page.text
    assert "Someone else has changed this" in who.send(again, form, value="97").text
    page = who.send(who.open(form), f"{form}/remove")
    assert SAVED[Saved.CHANGED] in page.text
    assert who.open(form).status == 404
    with exchange.read() as session:
        stored = session.scalars(select(Support).where(Support.reference == "theirs")).one()
        assert (stored.half_days, stored.authority, stored.version) == (5, "own_choice", 4)
        assert session.scalars(select(SupportTarget)).all() == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"measure": ""}, "Measure is missing. Enter what the target measures"),
        ({"measure": "", "other": "atendance"}, "is not a measure that givetake knows"),
        ({"value": "101"}, "Value “101” must be between 0 and 100 for Attendance"),
        ({"value": ""}, "Value is missing. Enter what to raise Attendance to"),
        ({"by_date": "1/8/2026"}, "must not be before the support starts (1 September 2026)"),
        ({"direction": ""}, TARGET_FIELDS["direction"].enter),
        ({"by_date": "1/9/2099", "value": "90"}, "is in another target with the same date"),
    ],
)
def test_a_target_that_does_not_fit_says_why(
    who: Visitor, wrong: dict[str, str], told: str
) -> None:
    """At its field, and what was typed is kept."""
    form = "/support/theirs/targets/new"
    page = who.send(who.open(form), form, **(TARGET | wrong))
    assert page.status == 422
    assert told in page.text
    assert page.form(form).fields["owner"] == ["headteacher"]


def test_a_measure_of_ones_own_is_named_with_its_kind(who: Visitor) -> None:
    """And can be changed again."""
    form = "/support/theirs/targets/new"
    own = {"measure": "", "other": "Parents survey", "kind": "percent", "value": "80"}
    page = who.send(who.open(form), form, **(TARGET | own))
    assert "Parents survey" in page.text
    shown = who.open("/support/theirs/targets/2").form("/support/theirs/targets/2")
    assert shown.fields["other"] == ["Parents survey"]
    assert shown.fields["kind"] == ["percent"]


def test_support_that_does_not_fit_says_why(who: Visitor) -> None:
    """Without an agency, without a supporter, with the end before the start."""
    page = added(who, agency="", giver_name="", ends="1/8/2026")
    assert page.status == 422
    assert "must not be before starts" in page.text
    page = added(who, agency="", giver_name="")
    assert "Agency that arranged it is missing" in page.text
    assert "Supporting organisation is missing" in page.text


def test_support_does_not_start_after_its_targets(who: Visitor) -> None:
    """The form of the support says so, of targets that it does not show."""
    form = "/support/theirs/change"
    page = who.send(who.open(form), form, starts="2/9/2099")
    assert page.status == 422
    assert "must not be before the support starts (2 September 2099)" in page.text


def test_what_this_service_arranged_has_no_form_here(who: Visitor) -> None:
    """Nor has a reader any."""
    assert who.open("/support/ours/change").status == 409
    page = who.open(REGISTER)
    assert f"{BASE}/support/ours/change" not in page.links
    who.limit_to(Role.VIEWER)
    page = who.open(REGISTER)
    assert page.status == 200
    assert f"{BASE}/support/theirs/change" not in page.links
    assert who.open(f"{REGISTER}/new").status == 403
