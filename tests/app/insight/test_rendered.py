"""What is drawn of a plan once: the same as what would be drawn later, and never in the way."""

import gzip
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import delete, insert, select

from app.access.policy import TERMINAL
from app.cli.main import run as command
from app.database import Database
from app.insight import rendered
from app.insight.queries import report_data, result_of
from app.jobs.drawing import Drawing
from app.planning.carry_out import Message, Planned, carry_out
from app.runs import leases, service
from app.runs.results import receive
from app.settings import settings
from models.matching import RunFile
from tests import rows
from tests.portal import Visitor, anybody, broker

FILES = {"summary", "unmet", "picture"}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """Two schools that can support each other, and one that nobody reaches."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        schools = [rows.add_school(session, n, n * n, name=f"School & {n}") for n in (1, 2, 20)]
        for n, school in enumerate(schools):
            rows.add_need(session, f"n{n}", school, expertise_code=("maths", "reading")[n % 2])
            rows.add_offer(session, f"o{n}", school, expertise_code=("reading", "maths")[n % 2])
    return sqlite_database


def carried_out(
    database: Database, drawn: int | None = None, *, cancelled: bool = False
) -> tuple[int, list[Message]]:
    """A run as a worker's child carries it out, and what that told.

    `drawn` is another run to draw, `cancelled` whether somebody cancels it by then.
    """
    told: list[Message] = []
    with database.read() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    options = service.MatchOptions(workers=1, method="exact")
    with database.write() as session:
        run = service.submit(session, TERMINAL, takers, rows.YEAR, options)
        held = leases.lease(session, run, "test", 60.0)
        order = service.order_of(session, run, None)

    def tell(message: Message) -> None:
        told.append(message)
        receive(database, held, message)

    drawing = Drawing(database, drawn or held.run_id, tell, lambda: cancelled)
    carry_out(order, database, tell, lambda: False, draw=drawing)
    return held.run_id, told


def stored(database: Database, run_id: int) -> dict[str, bytes]:
    with database.read() as session:
        query = select(RunFile.name, RunFile.content).where(RunFile.run_id == run_id)
        return {name: content for name, content in session.execute(query) if name in FILES}


def pages(who: Visitor, database: Database, run_id: int) -> list[str]:
    """What a service that has just begun, and kept nothing yet, shows somebody of a plan."""
    fresh = anybody(database)
    fresh.client.cookies = who.client.cookies
    paths = ("", "/unmet", "/unmet?as=csv", "/picture", "/picture.svg")
    answers = [fresh.client.get(f"/portal/runs/{run_id}{path}") for path in paths]
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    return [answer.text for answer in answers]


def test_pages_are_the_same_drawn_before_or_when_looked_at(exchange: Database) -> None:
    """What is drawn from what the work told is what is drawn from what was stored."""
    run_id, _ = carried_out(exchange)
    assert set(stored(exchange, run_id)) == FILES
    who = broker(exchange)
    before = pages(who, exchange, run_id)
    with exchange.write() as session:
        session.execute(delete(RunFile).where(RunFile.name.in_(FILES)))
    assert pages(who, exchange, run_id) == before
    ElementTree.fromstring(before[-1])


def test_a_run_of_the_terminal_is_drawn_there(
    exchange: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens it in the portal waits for nothing."""
    settings.cache_clear()
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", exchange.url)
    words = ("--area", "Testshire", "--period", rows.YEAR, "--as-of", rows.STARTS.isoformat())
    monkeypatch.setattr("sys.argv", ["givetake", "match", *words, "--method", "exact", "--json"])
    with pytest.raises(SystemExit) as end:
        command()
    settings.cache_clear()
    assert end.value.code == 0
    assert set(stored(exchange, 1)) == FILES


def test_a_file_of_another_version_is_drawn_anew(exchange: Database) -> None:
    """It is no reason for a page to fail."""
    run_id, _ = carried_out(exchange)
    who = broker(exchange)
    before = pages(who, exchange, run_id)
    with exchange.write() as session:
        session.execute(delete(RunFile).where(RunFile.name.in_(FILES)))
        old = gzip.compress(b"{}")
        names = ("summary", "unmet")
        session.execute(
            insert(RunFile), [{"run_id": run_id, "name": n, "content": old} for n in names]
        )
    assert pages(who, exchange, run_id) == before


def test_charts_stored_as_pictures_are_drawn_anew(exchange: Database) -> None:
    """A summary of the version that kept each chart as SVG is not shown without its charts."""
    run_id, _ = carried_out(exchange)
    who = broker(exchange)
    before = pages(who, exchange, run_id)
    summary = json.loads(gzip.decompress(stored(exchange, run_id)["summary"]))
    assert summary["charts"]
    summary["charts"] = [
        {
            "title": chart["title"], "statement": chart["statement"], "svg": "<svg></svg>",
            "columns": chart["columns"], "rows": [["Own network", "2", "100%"]], "wide": False,
        }
        for chart in summary["charts"]
    ]  # fmt: skip
    old = gzip.compress(json.dumps(summary).encode())
    with pytest.raises(ValueError, match="bars"):
        rendered.read("summary", old)
    with exchange.write() as session:
        session.merge(RunFile(run_id=run_id, name="summary", content=old))
    assert pages(who, exchange, run_id) == before


def test_files_come_back_as_they_were(exchange: Database) -> None:
    """Reading what was written gives the same figures, charts and needs."""
    run_id, _ = carried_out(exchange)
    with exchange.read() as session:
        made = rendered.draw(report_data(session, result_of(session, TERMINAL, run_id)))
    for name, content in made.files().items():
        assert rendered.read(name, content) == getattr(made, name)
    assert stored(exchange, run_id) == made.files()


def test_a_plan_that_cannot_be_drawn_is_still_written(
    exchange: Database, log_lines: list[Any]
) -> None:
    """Drawing is for those who look; the plan does not depend on it."""
    run_id, told = carried_out(exchange, drawn=99)
    assert "run.drawing_failed" in {each["event"] for each in log_lines}
    assert isinstance(told[-1], Planned)
    assert told[-1].proposals
    assert stored(exchange, run_id) == {}


def test_a_cancelled_run_is_not_kept_waiting_by_its_pages(exchange: Database) -> None:
    """Its best plan is told at once, without them."""
    run_id, told = carried_out(exchange, cancelled=True)
    assert isinstance(told[-1], Planned)
    assert told[-1].proposals
    assert told[-1].pages == {}
    assert stored(exchange, run_id) == {}
