"""Finding institutions, and recording what is needed and offered, through the portal's pages."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.database import Database
from app.portal.choices import Saved
from app.portal.labels import LABELS, NEED_FIELDS
from models.access import AuditEvent
from models.exchange import Need, Offer
from models.register import Circumstance, ImportBatch
from tests import rows
from tests.callers import csv_rows
from tests.factories import establishment, group, import_schools, link, write_gias
from tests.portal import BASE, Page, Visitor, broker

SAVED = LABELS[Saved]


@pytest.fixture
def exchange(database: Database) -> Database:
    """Two schools and a hub, one need and one offer, on both databases."""
    with database.write() as session:
        rows.add_calendar(session)
        one = rows.add_school(session, 100001, name="Oak <Primary> School", postcode="ZZ1 2AB")
        two = rows.add_school(session, 100002, 3, name="Ash Primary School")
        rows.add_school(session, 100003, 5, name="Elm Primary School", in_scope=False)
        rows.add_hub(session, "hub", group_uid=5001)
        rows.add_group(session, 5001, "multi_academy_trust", [one, two])
        rows.add_network(session, "n", [one])
        rows.add_need(session, "N/1", one)
        rows.add_offer(session, "O-1", two)
        rows.add_support(session, "S", one, two, half_days=3, expertise_code="maths")
        rows.add_support(session, "T", one, None, half_days=2, agency="Somebody's agency")
        rows.add_limits(session, one, carried_half_days=-1, allowance_half_days=4)
        kind = session.scalars(select(Circumstance.kind)).first() or "new_head"
        session.add(
            Circumstance(
                participant_id=one.id, kind=kind, starts=rows.STARTS, source="the school said so"
            )
        )
    return database


def stored(database: Database, model: Any, reference: str) -> Any:
    with database.read() as session:
        return session.scalars(select(model).where(model.reference == reference)).one()


def test_institutions_are_found_by_name_urn_and_place(who: Visitor) -> None:
    """Closed ones only when asked for or named by their URN; markup in a name stays text."""
    for asked in ("q=oak", "q=100001", "q=zz1%202ab", "q=primary+oak"):
        page = who.open(f"/institutions?{asked}")
        assert "Oak <Primary> School" in page.text
        assert "Ash" not in page.text
    everywhere = who.open("/institutions?q=testshire").text
    assert "Ash" in everywhere
    assert "Elm" not in everywhere
    assert "Elm" in who.open("/institutions?q=testshire&closed=yes").text
    assert "Closed or out of scope" in who.open("/institutions?q=100003").text
    assert "Hub hub" in who.open("/institutions?q=hub").text
    assert "No results for “nowhere”" in who.open("/institutions?q=nowhere").text
    raw = who.client.get(f"{BASE}/institutions?q=%3Cscript%3E").text
    assert "<script>" not in raw.split("<main")[1].split("</main>")[0]


def test_a_list_of_institutions_is_had_as_csv(who: Visitor) -> None:
    """Whole and as filtered."""
    answer = who.client.get(f"{BASE}/institutions?q=primary&as=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    found = [row["reference"] for row in csv_rows(answer)]
    assert found == ["urn:100002", "urn:100001"]


def test_a_page_tells_everything_of_an_institution(who: Visitor) -> None:
    """Groups, networks, circumstances, needs, offers, support, balance, and where it is from."""
    page = who.open("/participants/100001")
    for said in (
        "Group 5001",
        "Network n",
        "the school said so",
        "Maths",
        "Somebody's agency",
        "2026-27 0 0 1.5 0 -0.5 -2",
        "Group 5001: all members together",
        "2026-27 1.5 0 1.5 0 -0.5 -0.5",
        "can receive 2 days more than it gives",
    ):
        assert said in page.text, said
    assert f"{BASE}/needs/N/1" in page.links
    assert "Gives Oak <Primary> School" in who.open("/participants/100002").text
    hub = who.open("/participants/hub")
    assert "Everywhere within the travel limit" in hub.text
    assert "Multi-academy trust Group 5001" in hub.text
    assert "Group 5001: all members together" in hub.text
    assert who.open("/participants/7").status == 404
    assert who.open("/participants/99999999999999").status == 404
    assert who.open("/participants/no-such").status == 404


def test_a_page_names_its_source_with_the_date(sqlite_database: Database, tmp_path: Path) -> None:
    """What came by an import says by which; a trust says since when."""
    files = write_gias(
        tmp_path,
        [establishment(900001, trust="16001", trust_name="Made-up Trust 16001", trust_flag="3")],
        groups=[group(16001)],
        links=[link(900001, 16001, "01-09-2020")],
    )
    assert files.establishments.exists()
    import_schools(sqlite_database, tmp_path)
    page = broker(sqlite_database).open("/participants/900001")
    today = datetime.now(UTC).date()
    assert f"Public register of schools, import 1, {today.day} {today:%B %Y}" in page.text


def test_a_need_is_recorded_changed_and_withdrawn(who: Visitor, exchange: Database) -> None:
    """Each step says so, is on record, and what was withdrawn changes no more."""
    page = who.open("/needs/new?participant=100002")
    assert "Ash Primary School. Enter a URN" in page.text
    reference = page.form("/needs/new").fields["reference"][0]
    page = who.send(
        page, "/needs/new", expertise="reading", period=rows.YEAR, days="2.5", days_min="1"
    )
    assert f"Success {SAVED[Saved.CREATED]} " in page.text
    need = stored(exchange, Need, reference)
    assert (need.half_days, need.half_days_min, need.state) == (5, 2, "identified")
    page = who.open(f"/needs/{reference}/change")
    form = page.form(f"/needs/{reference}/change").fields
    assert (form["days"], form["priority"], form["mode"]) == (["2.5"], ["3"], ["either"])
    page = who.send(
        page,
        f"/needs/{reference}/change",
        days="4",
        days_min="",
        priority="1",
        travel_limit_miles="12.5",
        window_starts="1/10/2026",
    )
    assert f"Success {SAVED[Saved.CHANGED]} " in page.text
    need = stored(exchange, Need, reference)
    assert (need.half_days, need.half_days_min, need.priority) == (8, 8, 1)
    assert (need.travel_limit_miles, need.window_starts) == (12.5, date(2026, 10, 1))
    page = who.open(f"/needs/{reference}/withdraw")
    page = who.send(page, f"/needs/{reference}/withdraw")
    assert f"Success {SAVED[Saved.WITHDRAWN]} " in page.text
    assert f"{BASE}/needs/{reference}/change" not in page.links
    assert stored(exchange, Need, reference).state == "closed"
    with exchange.read() as session:
        done = session.scalars(
            select(AuditEvent.action)
            .where(AuditEvent.subject == f"need:{reference}")
            .order_by(AuditEvent.sequence)
        ).all()
    assert done == ["need.create", "need.change", "need.advance"]


def test_an_offer_is_recorded_changed_answered_and_withdrawn(
    who: Visitor, exchange: Database
) -> None:
    """An answer is its giver's, and is recorded apart from what the offer says."""
    page = who.open("/offers/new")
    reference = page.form("/offers/new").fields["reference"][0]
    page = who.send(
        page,
        "/offers/new",
        participant="hub",
        expertise="maths-primary",
        period=rows.TERM,
        days="6",
        quality="4",
        evidence="supported three schools",
        phases=["primary", "early_years"],
    )
    assert f"Success {SAVED[Saved.CREATED]} " in page.text
    offer = stored(exchange, Offer, reference)
    assert (offer.phases, offer.availability) == (["early_years", "primary"], "not_answered")
    page = who.send(page, f"/offers/{reference}/answer", availability="can_offer")
    assert f"Success {SAVED[Saved.ANSWERED]} " in page.text
    assert stored(exchange, Offer, reference).availability == "can_offer"
    change = f"/offers/{reference}/change"
    page = who.send(who.open(change), change, days="3", max_pairings="2", phases=[])
    assert f"Success {SAVED[Saved.CHANGED]} " in page.text
    offer = stored(exchange, Offer, reference)
    assert (offer.half_days, offer.max_pairings, offer.phases) == (6, 2, [])
    assert offer.availability == "can_offer"
    withdraw = f"/offers/{reference}/withdraw"
    assert f"Success {SAVED[Saved.WITHDRAWN]} " in who.send(who.open(withdraw), withdraw).text
    assert stored(exchange, Offer, reference).withdrawn


@pytest.mark.parametrize(
    ("typed", "error", "at"),
    [
        ({"days": "2.3"}, "{days} must be in steps of half a day, like 2 or 2.5", "#days"),
        ({"days": ""}, "Enter the number of days, like 2 or 2.5", "#days"),
        ({"days": "many <b>"}, "{days} must be a number of days, like 2 or 2.5", "#days"),
        ({"days": "99999999999"}, "{days} must be between 0 and 10,000 days", "#days"),
        ({"days_min": "9"}, "{days_min} “9” must be at most the 2 days asked for", "#days_min"),
        ({"expertise": ""}, "Select an area of expertise", "#expertise"),
        ({"expertise": "none"}, "{expertise} “none” is not in the list of expertise", "#expertise"),
        ({"participant": "5"}, "{participant} “5” is not in the register", "#participant"),
        ({"participant": "100003"}, "“100003” has closed or takes no part", "#participant"),
        ({"participant": "<b>"}, "{participant} “<b>” is not in the register", "#participant"),
        ({"period": "x"}, "{period} “x” is not a period of the calendar", "#period"),
        ({"window_ends": "31/2/2027"}, "{window_ends} is not a real date", "#window_ends"),
        ({"window_ends": "1/9/1000"}, "must be 1 January 1100 or later", "#window_ends"),
        ({"window_ends": "1/9/2030"}, "must be within the period 2026-27", "#window_ends"),
        ({"agreed_by": "a\0b"}, "contains the character U+0000", "#agreed_by"),
        (
            {"travel_limit_miles": "nan"},
            "{travel_limit_miles} must be a number",
            "#travel_limit_miles",
        ),
        (
            {"travel_limit_miles": "0"},
            "must be more than 0 and at most 1,000",
            "#travel_limit_miles",
        ),
        ({"priority": "9"}, "{priority} must be between 1 and 5", "#priority"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    who: Visitor, exchange: Database, typed: dict[str, str], error: str, at: str
) -> None:
    """Above the form with a link to the field, and in the title; nothing is stored."""
    right = {"participant": "100002", "expertise": "maths", "period": rows.YEAR, "days": "2"}
    page = who.send(who.open("/needs/new"), "/needs/new", **(right | typed))
    assert page.status == 422
    assert page.text.startswith("Error: Add a need")
    asked = {name: field.label for name, field in NEED_FIELDS.items()}
    assert error.format(**asked) in page.text
    assert at in page.links
    fields = page.form("/needs/new").fields
    for name, value in (right | typed).items():
        if name not in ("expertise", "period", "priority"):
            assert fields[name] == [value]
    with exchange.read() as session:
        assert session.scalar(select(func.count()).select_from(Need)) == 1


def test_a_form_sent_twice_is_stored_once(who: Visitor, exchange: Database) -> None:
    """Going back and sending again leads to what is stored already."""
    page = who.open("/needs/new?participant=100002")
    sent = {"expertise": "maths", "period": rows.YEAR, "days": "2"}
    for _ in range(2):
        assert f"Success {SAVED[Saved.CREATED]} " in who.send(page, "/needs/new", **sent).text
    with exchange.read() as session:
        assert session.scalar(select(func.count()).select_from(Need)) == 2


def test_a_change_from_an_older_version_is_refused(who: Visitor, exchange: Database) -> None:
    """Who was slower is told, and the change of the faster stays."""
    mine, theirs = (who.open("/needs/N/1/change") for _ in range(2))
    assert who.send(theirs, "/needs/N/1/change", days="3", days_min="").status == 200
    page = who.send(mine, "/needs/N/1/change", days="5", days_min="")
    assert page.status == 422
    assert "Someone else has changed this since you opened it." in page.text
    assert stored(exchange, Need, "N/1").half_days == 6
    withdrawn = who.post(
        "/needs/N/1/withdraw",
        token=who.open("/needs/N/1/withdraw").form("/needs/N/1/withdraw").fields["token"],
        version="1",
    )
    assert withdrawn.status == 412


def test_lists_are_filtered_and_had_as_an_import_reads_them(who: Visitor) -> None:
    """A filter holds for the page and for its CSV file."""
    assert "N/1" in who.open("/needs?state=identified&expertise=maths").text
    assert "No needs match the filter." in who.open("/needs?state=met").text
    nobody = who.open("/needs?participant=none").text  # which no field of the form shows
    assert "match the filter" not in nobody
    assert "See all needs" in nobody
    answer = who.client.get(f"{BASE}/needs?participant=100001&as=csv")
    assert [row["reference"] for row in csv_rows(answer)] == ["N/1"]
    assert csv_rows(answer)[0]["days"] in ("2", "2.0")
    assert csv_rows(who.client.get(f"{BASE}/offers?availability=may_offer&as=csv")) == []


def test_only_its_own_side_makes_a_suggestion_a_need(who: Visitor, exchange: Database) -> None:
    """The role of who agreed is asked for and kept, with no name; the page says why."""
    why = {"rule": "made up", "statement": "Overall absence was 9% of sessions", "also": ["And so"]}
    with exchange.write() as session:
        need = session.scalars(select(Need).where(Need.reference == "N/1")).one()
        need.state, need.suggestion = "suggested", why
    page = who.open("/needs/N/1")
    assert "Overall absence was 9% of sessions." in page.text
    assert "And so." in page.text
    assert who.send(page, "/needs/N/1/confirm", by_role="").status == 409
    page = who.send(page, "/needs/N/1/confirm", by_role="headteacher")
    assert f"Success {SAVED[Saved.CONFIRMED]} " in page.text
    need = stored(exchange, Need, "N/1")
    assert (need.state, need.agreed_by) == ("identified", "headteacher")


def upload(who: Visitor, kind: str, content: str | bytes, name: str = "my file.csv") -> Any:
    form = who.open(f"/imports/new?kind={kind}").form("/imports/new")
    assert form.fields["kind"] == [kind]
    return who.client.post(
        f"{BASE}/imports/new",
        data={"token": form.fields["token"][0], "kind": kind},
        files={"file": (name, content, "text/csv")},
        headers={"Sec-Fetch-Site": "same-origin"},
    )


NEEDS = "reference,participant,expertise,period,days\n"


def test_a_file_is_looked_at_first_and_taken_in_after(who: Visitor, exchange: Database) -> None:
    """The preview changes nothing; what is taken in is what was looked at, once."""
    page = Page(upload(who, "needs", f"{NEEDS}F-1,100002,reading,{rows.YEAR},2\n"))
    assert page.status == 200
    assert "Check the changes" in page.text
    assert "Needs 1 0 0 0" in page.text
    with exchange.read() as session:
        assert session.scalar(select(func.count()).select_from(Need)) == 1
    done = who.send(page, "/imports/take")
    assert "Needs imported: 1 row changed" in done.text
    assert "my_file.csv" in done.text
    assert stored(exchange, Need, "F-1").half_days == 4
    assert "1 row changed" in who.send(page, "/imports/take").text
    again = Page(upload(who, "needs", f"{NEEDS}F-1,100002,reading,{rows.YEAR},2\n"))
    assert "The file has nothing new." in again.text
    with exchange.read() as session:
        assert session.scalar(select(func.count()).select_from(ImportBatch)) == 1


def test_faulty_rows_are_listed_and_nothing_is_kept(
    who: Visitor, exchange: Database, tmp_path: Path
) -> None:
    """Each with its line, column, value and what is wrong; markup in a cell stays text."""
    bad = f"{NEEDS}F-1,100002,reading,{rows.YEAR},2\nF-2,100002,reading,{rows.YEAR},<i>2\n"
    answer = upload(who, "needs", bad)
    page = Page(answer)
    assert page.status == 422
    assert "my_file.csv 3 days <i>2 must be a number of days" in page.text
    assert "1 error No changes were made. Correct it and import the file again." in page.text
    assert "<i>2" not in answer.text
    assert [form.action for form in page.forms if "take" in form.action] == []
    assert upload(who, "needs", b"PK\x03\x04").status_code == 422
    assert upload(who, "needs", "").status_code == 422
    with exchange.read() as session:
        assert session.scalar(select(func.count()).select_from(Need)) == 1


def test_only_its_own_visit_takes_a_file_in(who: Visitor, exchange: Database) -> None:
    """Another person cannot, nor is there a way out of the folder."""
    page = Page(upload(who, "needs", f"{NEEDS}F-1,100002,reading,{rows.YEAR},2\n"))
    name = page.form("/imports/take").fields["file"][0]
    other = broker(exchange)
    theirs = Page(upload(other, "needs", f"{NEEDS}F-2,100002,reading,{rows.YEAR},2\n"))
    for wanted in (name, "..", "../..", ""):
        assert other.send(theirs, "/imports/take", file=wanted).status == 404


def test_a_file_has_to_be_chosen(who: Visitor) -> None:
    """The form says so at its field."""
    answer = upload(who, "offers", "", name="")
    page = Page(answer)
    assert page.status == 422
    assert "Select a CSV or Excel file" in page.text
    assert "#file" in page.links


def test_a_search_says_how_many_there_are(who: Visitor) -> None:
    """Of all pages; by a URN it is the one, closed or not."""
    assert "1 to 2 of 2 results" in who.open("/institutions?q=school").text
    assert "1 to 3 of 3 results" in who.open("/institutions?q=school&closed=yes").text
    assert "1 to 1 of 1 results" in who.open("/institutions?q=100001").text
    assert "No results for" in who.open("/institutions?q=nobody+at+all").text
