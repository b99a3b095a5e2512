"""Declaring and withdrawing interests: over HTTP, by file, from the terminal and on pages."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from app.access.policy import TERMINAL, Scope
from app.cli.main import app
from app.database import Database
from app.errors import FaultyFile, Forbidden, NotFound
from app.files.csv_writing import template
from app.imports.kinds import KINDS
from app.interests import queries, service
from app.interests.rows import InterestRow
from app.portal.labels import INTEREST_FIELDS, WITHDRAWAL_NEEDED
from app.settings import settings
from models.interests import Interest
from models.vocabulary import InterestKind, Role, ScopeKind
from tests import rows
from tests.audit import intact, look
from tests.callers import csv_rows, keyed, said
from tests.factories import acting
from tests.portal import Visitor
from tests.runs import FREELY, match, matched

API = "/api/v1/interests"
BODY = {
    "reference": "I",
    "kind": "supplier_of",
    "holder": "2",
    "about": "1",
    "starts": "2025-09-01",
    "evidence": "contract for catering",
    "declared_by": "business manager",
    "declared_on": "2025-09-02",
}
INTERESTS = KINDS["interests"]


@pytest.fixture
def exchange(database: Database) -> Database:
    """Ash School (2) is to support Oak School (1)."""
    return matched(database)


def row(**changes: Any) -> InterestRow:
    return InterestRow.model_validate(BODY | changes)


def a_contact(urn: str, name: str) -> Any:
    return acting(Role.CONTACT, name=name, scope=Scope(ScopeKind.INSTITUTION, urn))


def test_an_interest_is_declared_read_and_withdrawn(exchange: Database) -> None:
    """Once, however often it is sent; withdrawn with a reason it can still be read."""
    with keyed(exchange) as client:
        sent = {"Idempotency-Key": "one"}
        made = client.post(API, json=BODY, headers=sent)
        assert made.status_code == 201, made.text
        assert client.post(API, json=BODY, headers=sent).text == made.text
        said(client.post(API, json=BODY), 409, "conflict")
        location = made.headers["location"]
        assert location == f"{API}/I"
        read = client.get(location)
        assert read.json() == made.json()
        assert (read.json()["holder_name"], read.json()["about_name"]) == (
            "Ash School",
            "Oak School",
        )
        [line] = csv_rows(client.get(API, headers={"Accept": "text/csv"}))
        assert line == {"ends": ""} | BODY
        gone = f"{location}/withdrawal"
        tag = {"If-Match": read.headers["etag"]}
        assert client.post(gone, json={}, headers=tag).status_code == 422
        why = {"reason": "The contract ended."}
        assert client.post(gone, json=why).status_code == 428
        withdrawn = client.post(gone, json=why, headers=tag)
        assert withdrawn.status_code == 200, withdrawn.text
        assert withdrawn.json()["withdrawn_reason"] == "The contract ended."
        assert client.post(gone, json=why, headers=tag).status_code == 412
        assert client.get(f"{API}?withdrawn=false").json()["items"] == []
        assert len(client.get(f"{API}?withdrawn=true&participant=1").json()["items"]) == 1
        assert client.get(f"{API}?on=2025-08-31").json()["items"] == []
        assert client.get(f"{API}?kind=bids_for").json()["items"] == []
        said(client.get(f"{API}/J"), 404, "not-found")
    assert intact(look(exchange))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"about": "2"}, "about"),
        ({"holder": "99"}, "holder"),
        ({"kind": "friend_of"}, "kind"),
        ({"ends": "2025-08-31"}, "ends"),
        ({"declared_on": "2199-01-01"}, "declared_on"),
        ({"declared_by": ""}, "declared_by"),
        ({"evidence": None}, "evidence"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    exchange: Database, changes: dict[str, Any], field: str
) -> None:
    """And nothing is stored."""
    with keyed(exchange) as client:
        answer = client.post(API, json=BODY | changes)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == f"#/{field}"
        assert client.get(API).json()["items"] == []


def test_who_may_declare_and_withdraw(exchange: Database) -> None:
    """A contact for their own school, and only what they recorded; a broker all of its area."""
    oak, ash, other = (a_contact(urn, name) for urn, name in (("1", "o"), ("2", "a"), ("3", "x")))
    elsewhere = acting(Role.BROKER, name="far", scope=Scope(ScopeKind.AREA, "998"))
    broker = acting(Role.BROKER, name="near", scope=Scope(ScopeKind.AREA, "999"))
    for who in (other, elsewhere):
        with pytest.raises(Forbidden, match="both sides"), exchange.write() as session:
            service.declare(session, who, row())
    for who in (acting(Role.ANALYST), acting(Role.APPROVER)):
        with pytest.raises(Forbidden, match="declare interests"), exchange.write() as session:
            service.declare(session, who, row())
    with exchange.write() as session:
        service.declare(session, oak, row())
    with pytest.raises(Forbidden, match="recorded yourself"), exchange.write() as session:
        service.withdraw(session, ash, "I", "not so")
    for who in (other, elsewhere):
        with pytest.raises(NotFound), exchange.write() as session:
            service.withdraw(session, who, "I", "not so")
    with exchange.read() as session:
        assert len(queries.list_interests(session, ash)) == 1
        assert queries.list_interests(session, other) == []
    with exchange.write() as session:
        service.declare(session, ash, row(reference="J"))
        service.withdraw(session, ash, "J", "declared twice")
        service.withdraw(session, broker, "I", "told by the school")


def test_a_file_adds_interests_and_changes_their_ends(exchange: Database, tmp_path: Path) -> None:
    """The same again changes nothing; a withdrawn one stays so, and nothing else may change."""
    path = tmp_path / "interests.csv"
    heading = "reference,kind,holder,about,starts,ends,evidence,declared_by,declared_on"
    first = "I,bids_for,2,1,2026-01-01,{},{},clerk,2026-01-02"

    def take(*lines: str) -> Any:
        path.write_text("\n".join([heading, *lines]) + "\n")
        with exchange.write() as session:
            return INTERESTS.import_files(session, TERMINAL, {INTERESTS.name: path})

    report = take(first.format("", "minutes"), "J,other,1,2,,,made up,clerk,2026-01-02")
    assert report.things["interests"].added == 2
    assert "Flagged: 1 proposal" in " ".join(report.notes)
    assert not take(first.format("", "minutes")).any_change
    assert take(first.format("2026-12-31", "minutes of May")).things["interests"].changed == 1
    with exchange.write() as session:
        found = session.scalars(select(Interest).where(Interest.reference == "I")).one()
        assert (found.ends, found.evidence) == (date(2026, 12, 31), "minutes of May")
        assert (found.recorded_by, found.version) == ("terminal", 2)
        service.withdraw(session, TERMINAL, "J", "a mistake")
    assert not take("J,other,1,2,,,made up,clerk,2026-01-02").any_change
    for line, column in (
        ("J,other,1,2,,,made up again,clerk,2026-01-02", "reference"),
        ("I,other,2,1,2026-01-01,,minutes,clerk,2026-01-02", "kind"),
        ("I,bids_for,1,2,2026-01-01,,minutes,clerk,2026-01-02", "holder"),
        ("K,other,1,1,,,made up,clerk,2026-01-02", "about"),
        ("K,other,1,9,,,made up,clerk,2026-01-02", "about"),
    ):
        with pytest.raises(FaultyFile) as refused:
            take(line)
        assert refused.value.faults[0].column == column
    path.write_text(f"{heading}\nL,other,1,2,,,made up,clerk,2026-01-02\n")
    beyond = acting(Role.BROKER, scope=Scope(ScopeKind.AREA, "998"))
    with pytest.raises(FaultyFile), exchange.write() as session:
        INTERESTS.import_files(session, beyond, {INTERESTS.name: path})
    assert intact(look(exchange))


def test_the_rules_are_open_to_read(exchange: Database) -> None:
    """Each kind with what it does; also as CSV."""
    with keyed(exchange) as client:
        found = client.get("/api/v1/interest-rules").json()["items"]
        assert [each["kind"] for each in found] == list(InterestKind)
        refusing = {each["kind"] for each in found if each["effect"] == "refuses"}
        assert refusing == set(InterestKind) - {"supplier_of", "other"}
        lines = csv_rows(client.get("/api/v1/interest-rules", headers={"Accept": "text/csv"}))
        assert len(lines) == len(found)


def test_an_interest_is_withdrawn_from_the_terminal(
    exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its reference; the proposal that it flagged is clear again."""
    with exchange.write() as session:
        service.declare(session, TERMINAL, row())
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", exchange.url)
    settings.cache_clear()
    done = CliRunner().invoke(app, ["withdraw", "interest", "I", "--reason", "It ended."])
    settings.cache_clear()
    assert done.exit_code == 0, done.output
    assert "Interest I is withdrawn." in done.stdout
    with exchange.read() as session:
        assert session.scalars(select(Interest)).one().withdrawn_reason == "It ended."


def test_the_template_of_the_file_can_be_imported(exchange: Database, tmp_path: Path) -> None:
    """Once the schools that it names are in the register."""
    with exchange.write() as session:
        for urn in (900001, 900002):
            rows.add_school(session, urn)
    path = tmp_path / "interests.csv"
    path.write_text(template(INTERESTS.row_model))
    with exchange.write() as session:
        report = INTERESTS.import_files(session, TERMINAL, {INTERESTS.name: path})
    assert report.things["interests"].added == 1


def test_an_interest_is_declared_and_withdrawn_on_pages(exchange: Database, who: Visitor) -> None:
    """From either side's page; what it stops is shown first, and it stays with the reason."""
    new = "/participants/1/interests/new"
    proposal = who.open("/proposals/1")
    assert f"{proposal.text}".count("neither side was asked to declare interests") == 1
    form = who.open(f"{new}?about=2")
    assert form.faults == []
    blank = who.send(form, new)
    assert (blank.status, INTEREST_FIELDS["kind"].enter in blank.text) == (422, True)
    wrong = who.send(form, new, kind="other", about="99", evidence="x", declared_by="clerk")
    assert "is not in the register" in wrong.text
    filled = {"kind": "paid_to_judge", "evidence": "terms of review", "declared_by": "clerk"}
    asked = who.send(form, new, **filled)
    assert "1 proposal can no longer go ahead" in asked.text
    page = who.send(asked, new)
    assert "Oak School : is paid to judge the other , Ash School" in page.text
    assert "Evidence: terms of review" in page.text
    assert page.faults == []
    again = who.send(asked, new)
    assert again.text == page.text
    proposal = who.open("/proposals/1")
    assert "is paid to judge the supporting organisation" in proposal.text
    with exchange.read() as session:
        reference = session.scalars(select(Interest.reference)).one()
    path = f"/interests/{reference}/withdraw"
    withdrawal = who.open(path)
    assert withdrawal.faults == []
    assert WITHDRAWAL_NEEDED in who.send(withdrawal, path).text
    done = who.send(withdrawal, path, reason="The review is over.")
    assert "The review is over." in done.text
    assert path not in who.open("/participants/2").links
    rules = who.open("/interest-rules")
    assert "Rules the pairing out" in rules.text
    assert rules.faults == []


def test_a_viewer_sees_interests_and_declares_none(who: Visitor, exchange: Database) -> None:
    """Neither a link nor a page to do so."""
    with exchange.write() as session:
        service.declare(session, TERMINAL, row())
    match(exchange, FREELY)
    who.limit_to(Role.VIEWER)
    page = who.open("/participants/1")
    assert "is a supplier of the other" in page.text
    assert "Declare an interest" not in page.text
    assert who.open("/participants/1/interests/new").status == 403
    assert who.open("/interests/I/withdraw").status == 403
