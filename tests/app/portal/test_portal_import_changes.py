"""The preview tells each row that changes, errors can be downloaded, and imports undone."""

from io import BytesIO

import pytest
from openpyxl import Workbook
from sqlalchemy import select

from app.database import Database
from app.files.csv_writing import BYTE_ORDER_MARK
from app.import_kit.changes import RowChange
from app.portal.labels import LABELS
from models.exchange import Need
from tests import rows
from tests.callers import keyed
from tests.portal import BASE, OURS, Page, Visitor

HEAD = "reference,participant,expertise,period,days\n"


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100)
    return sqlite_database


def upload(who: Visitor, content: str | bytes, name: str = "needs.csv") -> Page:
    form = who.open("/imports/new?kind=needs").form("/imports/new")
    sent = {name: value[0] for name, value in form.fields.items()}
    files = {"file": (name, content)}
    return Page(who.client.post(f"{BASE}/imports/new", data=sent, files=files, headers=OURS))


def take_in(who: Visitor, days: str) -> None:
    page = upload(who, f"{HEAD}n-1,100,maths,{rows.YEAR},{days}\n")
    assert "Needs imported" in who.send(page, "/imports/take").text


def test_rows_are_shown_before_they_are_imported(who: Visitor, exchange: Database) -> None:
    """Field by field, in the words of the file."""
    page = upload(who, f"{HEAD}n-1,100,maths,{rows.YEAR},2\n")
    assert f"n-1 Needs {LABELS[RowChange][RowChange.ADDED]} Participant: 100" in page.text
    take_in(who, "2")
    page = upload(who, f"{HEAD}n-1,100,maths,{rows.YEAR},3.5\n")
    changed = LABELS[RowChange][RowChange.CHANGED]
    assert f"n-1 Needs {changed} Days: 2 to 3.5 Days min: 2 to 3.5" in page.text


def test_a_spreadsheet_can_be_imported(who: Visitor, exchange: Database) -> None:
    book = Workbook()
    assert book.active is not None
    for row in (HEAD.strip().split(","), ["n-1", 100, "maths", rows.YEAR, 2.5]):
        book.active.append(row)
    content = BytesIO()
    book.save(content)
    who.send(upload(who, content.getvalue(), "needs.xlsx"), "/imports/take")
    with exchange.read() as session:
        assert session.scalars(select(Need.half_days)).all() == [5]


def test_errors_are_downloaded_with_how_to_correct_them(who: Visitor) -> None:
    """All of them, though the page shows the first; the template is beside them."""
    lines = "".join(f"n-{n},100,maths,{rows.YEAR},x{n}\n" for n in range(300))
    page = upload(who, HEAD + lines)
    assert "Only the first 200 errors are shown." in page.text
    (link,) = (each for each in page.links if each.endswith("/errors"))
    assert f"{BASE}/imports/templates/needs" in page.links
    answer = who.client.get(link)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = answer.text.removeprefix(BYTE_ORDER_MARK).splitlines()
    assert len(table) == 301
    assert table[0].endswith("how_to_correct_it")
    assert "must be a number of days" in table[1]


def test_an_import_is_undone_after_a_question(who: Visitor, exchange: Database) -> None:
    """The list offers it; the page of the import says that it was undone."""
    take_in(who, "2")
    take_in(who, "3")
    listed = who.open("/imports")
    assert f"{BASE}/imports/2/undo" in listed.links
    page = who.open("/imports/2/undo")
    assert "Undo import 2?" in page.text
    done = who.send(page, "/imports/2/undo")
    assert "Import undone. You can import a corrected file." in done.text
    assert f"{BASE}/imports/2/undo" not in who.open("/imports").links
    with exchange.read() as session:
        assert session.scalars(select(Need.half_days)).all() == [4]


def test_what_can_no_longer_be_undone_says_why(who: Visitor, exchange: Database) -> None:
    take_in(who, "2")
    question = who.open("/imports/1/undo")
    take_in(who, "3")
    answer = who.send(question, "/imports/1/undo")
    assert answer.status == 409
    assert "This import cannot be undone" in answer.text
    assert "need n-1 has changed since" in who.open("/imports/1/undo").text
    assert who.open("/imports/99/undo").status == 404


def test_http_shows_changes_and_undoes(exchange: Database) -> None:
    """A repeated request with its key is answered alike; without one it is refused."""
    files = {"file": ("needs.csv", f"{HEAD}n-1,100,maths,{rows.YEAR},2\n")}
    with keyed(exchange) as client:
        seen = client.post("/api/v1/imports/needs/preview", files=files).json()
        (change,) = seen["changes"]
        assert (change["record"], change["name"], change["became"]) == ("needs", "n-1", "added")
        assert {"field": "days", "before": "", "after": "2"} in change["fields"]
        number = client.post("/api/v1/imports/needs", files=files).json()["import_id"]
        where, key = f"/api/v1/imports/{number}/undo", {"Idempotency-Key": "once"}
        first = client.post(where, headers=key)
        assert first.status_code == 200
        assert first.json()["undone_at"] is not None
        assert client.post(where, headers=key).json() == first.json()
        assert client.post(where).status_code == 409
        bad = {"file": ("needs.csv", f"{HEAD}n-2,100,maths,{rows.YEAR},x\n")}
        (fault,) = client.post("/api/v1/imports/needs/preview", files=bad).json()["faults"]
        assert fault["mend"] == "Change it: days must be a number of days, like 2 or 2.5."
