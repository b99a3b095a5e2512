"""The kept graph: built once, refreshed by events of any process, and the same as built anew."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.database import Database, WriteSession
from app.events import audit
from app.graph import kept
from app.graph.kept import SupportGraph, build, support_graph
from app.graph.kinds import Edge, Node
from models.access import AuditHead
from models.interests import Interest
from models.matching import Proposal
from models.partnerships import Support
from models.register import Participant
from tests import rows
from tests.graphs import fill

Content = tuple[dict[str, Node], set[Edge]]


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as session:
        fill(session, 1)
        _tell(session)
    return database


def _tell(session: WriteSession) -> None:
    audit.record(session, actor="somebody", action="made.up", subject="made:up")


def _content(graph: SupportGraph) -> Content:
    return dict(graph.nodes), {edge for *_, edge in graph.graph.edges(data="edge")}


def _kept(database: Database) -> Content:
    with database.read() as session, support_graph(session) as graph:
        return _content(graph)


def _anew(database: Database) -> Content:
    with database.read() as session:
        return _content(build(session))


def _end_support(session: WriteSession) -> None:
    session.execute(update(Support).where(Support.reference == "s-3").values(state="ended"))


def _add_support(session: WriteSession) -> None:
    taker, giver = session.scalars(select(Participant).order_by(Participant.id).limit(2))
    rows.add_support(session, "new", taker, giver)
    rows.add_support(session, "by-name", taker, None, agency="made up")


def _remove_support(session: WriteSession) -> None:
    for each in session.scalars(select(Support)).all():
        session.delete(each)


def _decline(session: WriteSession) -> None:
    for each in session.scalars(select(Proposal)):
        each.state = "declined"


def _replace(session: WriteSession) -> None:
    for each in session.scalars(select(Proposal)):
        each.state = "replaced"


def _withdraw(session: WriteSession) -> None:
    for each in session.scalars(select(Interest)):
        each.withdrawn_at, each.withdrawn_by, each.withdrawn_reason = rows.NOW, "x", "made up"


def _rename(session: WriteSession) -> None:
    session.execute(update(Participant).values(name="Renamed"))


@pytest.mark.parametrize(
    "change",
    [_end_support, _add_support, _remove_support, _decline, _replace, _withdraw, _rename],
)
def test_a_kept_graph_is_as_one_built_anew(
    filled: Database, change: Callable[[WriteSession], Any]
) -> None:
    """After each change that an event tells of, one by one or all at once."""
    before = _kept(filled)
    assert before == _anew(filled)
    with filled.write() as session:
        change(session)
        _tell(session)
    after = _kept(filled)
    assert after == _anew(filled)
    assert after != before


def test_it_is_built_once_and_not_by_events_of_others(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign-in, say, changes no edge; a change of support is taken over without building."""
    _kept(filled)
    built: list[int] = []

    def counting(session: Any) -> SupportGraph:
        built.append(1)
        return build(session)

    monkeypatch.setattr(kept, "build", counting)
    with filled.write() as session:
        _tell(session)
    _kept(filled)
    with filled.write() as session:
        _end_support(session)
        _tell(session)
    _kept(filled)
    assert not built
    with filled.write() as session:
        _rename(session)
        _tell(session)
    _kept(filled)
    assert built == [1]


def test_many_changes_are_read_anew(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of rows the graph is built anew, and is the same."""
    monkeypatch.setattr(kept, "FEW", 3)
    _kept(filled)
    with filled.write() as session:
        _decline(session)
        _tell(session)
    assert _kept(filled) == _anew(filled)


def test_readers_of_several_threads_each_see_all_of_it(filled: Database) -> None:
    """Nobody sees a graph that somebody else is refreshing."""
    found: list[Content] = []
    with filled.write() as session:
        _add_support(session)
        _tell(session)
    threads = [threading.Thread(target=lambda: found.append(_kept(filled))) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert len(found) == 6
    assert all(each == _anew(filled) for each in found)


def test_another_database_has_another_graph(
    filled: Database, migrated_sqlite: Path, tmp_path: Path
) -> None:
    """What is kept belongs to one database alone."""
    shutil.copy(migrated_sqlite, tmp_path / "other.sqlite3")
    _kept(filled)
    with Database(f"sqlite:///{tmp_path / 'other.sqlite3'}") as other:
        assert not {key for key in _kept(other)[0] if key.startswith("urn:")}
    assert {key for key in _kept(filled)[0] if key.startswith("urn:")}


def test_answers_are_kept_up_to_a_number(filled: Database) -> None:
    """Whoever asks for many days fills no memory."""
    with filled.read() as session, support_graph(session) as graph:
        for day in range(100):
            graph.remember(("of", day), day)
        assert list(graph.memo.values()) == list(range(100 - kept.MOST_REMEMBERED, 100))


def test_a_request_as_of_before_leaves_what_is_kept(sqlite_database: Database) -> None:
    """It reads its own graph, and the next one builds nothing anew; only SQLite reads so."""
    with sqlite_database.write() as session:
        fill(session, 1)
        _tell(session)
    before = _kept(sqlite_database)
    with sqlite_database.read() as early:
        early.scalar(select(AuditHead.last_sequence))
        with sqlite_database.write() as session:
            _end_support(session)
            _tell(session)
        after = _kept(sqlite_database)
        assert after != before
        with support_graph(early) as graph:
            assert _content(graph) == before
        assert _kept(sqlite_database) == after
