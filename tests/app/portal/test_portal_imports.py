"""Files that the portal looks at and takes in beside its requests."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.database import Database
from app.errors import Conflict
from app.import_kit.report import ImportReport
from app.imports import background
from app.progress import Progress
from models.exchange import Need
from tests import rows
from tests.portal import BASE, OURS, Page, Visitor, anybody, broker

NEEDS = "reference,participant,expertise,period,days\n"


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100)
    return sqlite_database


REPORT = ImportReport("needs", {}, "")


@contextmanager
def file_before(folder: Path) -> Iterator[None]:
    """Until the block ends another file is looked at, and whatever comes after it waits."""
    gate = threading.Event()

    def work(on_progress: Progress) -> ImportReport:
        assert gate.wait(60)
        return REPORT

    folder.mkdir()
    background.begin(folder, "look", work, quick_s=0.0)
    try:
        yield
    finally:
        gate.set()


def test_a_file_that_takes_long_is_waited_for(
    who: Visitor, exchange: Database, tmp_path: Path
) -> None:
    """The page says how far it is, without scripts too; what came of it is there afterwards."""
    lines = "".join(f"W-{n},100,maths,{rows.YEAR},2\n" for n in range(300))
    files = {"file": ("needs.csv", NEEDS + lines)}
    form = who.open("/imports/new?kind=needs").form("/imports/new")
    sent = {name: value[0] for name, value in form.fields.items()}
    with file_before(tmp_path / "first"):
        answer = who.client.post(f"{BASE}/imports/new", data=sent, files=files, headers=OURS)
        address = answer.url.path.removeprefix(BASE)
        assert address.startswith("/imports/waiting/")
        assert 'http-equiv="refresh"' in answer.text
    assert anybody(exchange).open(address).text.startswith("Sign in")
    assert broker(exchange).open(address).status == 404
    page = settled(who, address)
    assert "Needs 300 0 0 0" in page.text
    with file_before(tmp_path / "second"):
        who.send(page, "/imports/take")
        assert 'http-equiv="refresh"' in who.client.get(f"{BASE}{address}").text
    page = settled(who, address)
    assert "Needs imported: 300 rows changed" in page.text
    assert "300 rows changed" in who.open(address).text
    assert not list(exchange_folder(exchange).glob("*/*/needs/*"))
    with exchange.read() as session:
        assert session.scalar(select(func.count()).where(Need.reference.startswith("W-"))) == 300


def exchange_folder(database: Database) -> Path:
    """Where files wait for a decision."""
    return Path(database.url.removeprefix("sqlite:///")).parent / "uploads"


def settled(who: Visitor, address: str) -> Page:
    """Look again and again, as a browser without scripts does, until something came of it."""
    for _ in range(200):
        answer = who.client.get(f"{BASE}{address}")
        if 'http-equiv="refresh"' not in answer.text:
            return Page(answer)
        part = who.client.get(f"{BASE}{address}", headers={"HX-Request": "true"})
        assert "<html" not in part.text
        time.sleep(0.02)
    raise AssertionError("nothing came of it")


def test_work_that_was_interrupted_is_told(who: Visitor, tmp_path: Path) -> None:
    """A file that nobody works on any more is not waited for for ever."""
    left = tmp_path / "left"
    with file_before(left):
        assert background.told(left).state is background.State.WORKING
        os.utime(left / background.NAME, (1, 1))
        assert background.told(left).refused.startswith(
            "The import was interrupted. No changes were made."
        )


def test_work_that_waits_for_long_is_not_lost(tmp_path: Path) -> None:
    """Behind a large file nothing is told for minutes; the file is still going to be looked at."""
    folders = [tmp_path / name for name in ("large", "behind")]
    with file_before(folders[0]), file_before(folders[1]):
        for folder in folders:
            os.utime(folder / background.NAME, (1, 1))
        background.heartbeat()
        states = {background.told(folder).state for folder in folders}
    assert states == {background.State.WORKING}


def test_an_import_outlasts_a_busy_database(tmp_path: Path) -> None:
    """It changed nothing yet, so it is done again when the database is back."""
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    faults = [OperationalError("select", {}, busy)]

    def work(on_progress: Progress) -> ImportReport:
        if faults:
            raise faults.pop()
        return REPORT

    assert background.begin(tmp_path, "take", work, quick_s=60).state == "taken"


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Conflict("it is closed"), "It is closed"),
        (OperationalError("select", {}, Exception("locked")), background.BUSY),
        (RuntimeError("secret words"), background.BROKEN),
    ],
)
def test_whatever_goes_wrong_beside_the_requests_is_told(
    tmp_path: Path, raised: Exception, said: str
) -> None:
    """In words for people, and nothing of a fault of ours is shown."""

    def work(on_progress: Progress) -> ImportReport:
        raise raised

    told = background.begin(tmp_path, "take", work)
    assert (told.state, said in told.refused, "secret" in told.refused) == ("refused", True, False)
