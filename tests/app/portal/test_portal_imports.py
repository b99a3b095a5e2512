"""Files that the portal looks at and takes in beside its requests."""

import os
import threading
import time
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


def test_a_file_that_takes_long_is_waited_for(
    who: Visitor, exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says how far it is, without scripts too; what came of it is there afterwards."""
    monkeypatch.setattr(background, "QUICK_S", 0.0)
    lines = "".join(f"W-{n},100,maths,{rows.YEAR},2\n" for n in range(300))
    files = {"file": ("needs.csv", NEEDS + lines)}
    form = who.open("/imports/new?kind=needs").form("/imports/new")
    sent = {name: value[0] for name, value in form.fields.items()}
    answer = who.client.post(f"{BASE}/imports/new", data=sent, files=files, headers=OURS)
    address = answer.url.path.removeprefix(BASE)
    assert address.startswith("/imports/waiting/")
    assert anybody(exchange).open(address).text.startswith("Sign in")
    assert broker(exchange).open(address).status == 404
    page = settled(who, address)
    assert "Needs 300 0 0 0" in page.text
    who.send(page, "/imports/take")
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
    background.begin(tmp_path, "look", lambda on_progress: ImportReport("needs", {}, ""))
    assert background.told(tmp_path).state is background.State.SEEN
    background._tell(tmp_path, background.Told("take"))
    assert background.told(tmp_path).state is background.State.WORKING
    os.utime(tmp_path / background.NAME, (1, 1))
    assert background.told(tmp_path).refused == background.LOST


def test_work_that_waits_for_long_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a large file nothing is told for minutes; the file is still going to be looked at."""
    monkeypatch.setattr(background, "QUICK_S", 0.0)
    gate = threading.Event()

    def work(on_progress: Progress) -> ImportReport:
        assert gate.wait(60)
        return ImportReport("needs", {}, "")

    folders = [tmp_path / name for name in ("large", "behind")]
    for folder in folders:
        folder.mkdir()
        background.begin(folder, "look", work)
        os.utime(folder / background.NAME, (1, 1))
    background._live_on()
    states = {background.told(folder).state for folder in folders}
    gate.set()
    assert states == {background.State.WORKING}


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
