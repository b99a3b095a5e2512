"""An import is undone as a whole while nothing else touched its rows, and not at all after that."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.access.policy import TERMINAL, Scope
from app.catalogue.packaged import load_packaged
from app.database import Database
from app.errors import FaultyFile, NotFound
from app.exchange.files import export_needs, import_limits, import_needs, import_offers
from app.exchange.service import advance_need, withdraw_offer
from app.import_kit.report import ImportReport
from app.imports.undo import NotUndone, can_be_undone, undo_import
from app.partnerships.service import import_support
from app.partnerships.target_files import import_targets
from app.register.circumstances import import_circumstances
from app.register.networks import import_networks
from models.exchange import Limits, Need, Offer
from models.partnerships import Support
from models.register import Circumstance, FactChange, ImportBatch, ImportRows
from models.targets import SupportTarget
from models.vocabulary import NeedState, Role, ScopeKind
from tests.audit import intact, look
from tests.factories import acting, establishment, import_schools

Importer = Callable[..., ImportReport]
ITEMS = "reference,participant,expertise,period,days\n"
NEEDS = f"{ITEMS}n-1,900001,music,2026-27,6\nn-2,900002,attendance,2026-27,2\n"
OFFERS = f"{ITEMS}o-1,900001,music,2026-27,6\n"
LIMITS = "participant,period,give_days\n900001,2026-27,6\n"
CIRCUMSTANCES = "participant,kind,starts,source\n900001,new_head,2026-09-01,x\n"
SUPPORT = "reference,taker,giver,starts,state\ns-1,900001,900002,2026-09-01,active\n"
TARGETS = (
    "support,measure,direction,value,by_date\ns-1,persistent_absence_pct,lower,12.5,2027-07-16\n"
)


@pytest.fixture
def exchange(database: Database, tmp_path: Path) -> Database:
    import_schools(database, tmp_path, establishment(900001), establishment(900002))
    with database.write() as session:
        load_packaged(session)
    return database


def take_in(
    database: Database, importer: Importer, folder: Path, text: str, principal: Any = TERMINAL
) -> int:
    """Import a text; the number of the import."""
    path = folder / "file.csv"
    path.write_text(text, "utf-8")
    with database.write() as session:
        importer(session, principal, path)
    with database.read() as session:
        number = session.scalar(select(func.max(ImportBatch.id)))
        assert number is not None
        return number


def undo(database: Database, number: int, principal: Any = TERMINAL) -> None:
    with database.write() as session:
        undo_import(session, principal, number)


def is_sound(database: Database) -> bool:
    """Whether the audit binds every row as it is."""
    found = look(database)
    assert found.fault is None, found.fault
    return intact(found)


@pytest.mark.parametrize(
    ("importer", "text", "changed", "model", "column"),
    [
        (import_needs, NEEDS, NEEDS.replace(",6", ",3.5"), Need, "half_days"),
        (import_offers, OFFERS, OFFERS.replace(",6", ",3.5"), Offer, "half_days"),
        (import_limits, LIMITS, LIMITS.replace(",6", ",3.5"), Limits, "give_half_days"),
    ],
)
def test_changed_rows_are_put_back(
    exchange: Database,
    tmp_path: Path,
    importer: Importer,
    text: str,
    changed: str,
    model: type[Need],
    column: str,
) -> None:
    """As they were, in a version of their own; the import says by whom it was undone."""
    take_in(exchange, importer, tmp_path, text)
    number = take_in(exchange, importer, tmp_path, changed)
    undo(exchange, number)
    with exchange.read() as session:
        row = session.scalars(select(model).order_by(model.id)).first()
        assert row is not None
        assert (getattr(row, column), row.version) == (12, 3)
        batch = session.get_one(ImportBatch, number)
        assert batch.undone_by == TERMINAL.name
        assert batch.undone_at is not None
    assert is_sound(exchange)


@pytest.mark.parametrize(
    ("importer", "text", "model"),
    [
        (import_limits, LIMITS, Limits),
        (import_circumstances, CIRCUMSTANCES, Circumstance),
        (import_support, SUPPORT, Support),
        (import_targets, TARGETS, SupportTarget),
    ],
)
def test_added_rows_are_deleted(
    exchange: Database, tmp_path: Path, importer: Importer, text: str, model: type[Any]
) -> None:
    """And come again with the next import of the same file."""
    if importer is import_targets:
        take_in(exchange, import_support, tmp_path, SUPPORT)
    for _ in range(2):
        number = take_in(exchange, importer, tmp_path, text)
        undo(exchange, number)
        with exchange.read() as session:
            assert session.scalar(select(func.count()).select_from(model)) == 0
    assert is_sound(exchange)


def test_who_undid_a_circumstance_changed_a_fact(exchange: Database, tmp_path: Path) -> None:
    """Approval rules look at circumstances: taking one away is kept like ending it."""
    undo(exchange, take_in(exchange, import_circumstances, tmp_path, CIRCUMSTANCES))
    with exchange.read() as session:
        assert session.scalars(select(FactChange.kind)).all() == ["circumstance"]


@pytest.mark.parametrize(("importer", "text"), [(import_needs, NEEDS), (import_offers, OFFERS)])
def test_added_needs_and_offers_are_ended_and_can_come_again(
    exchange: Database, tmp_path: Path, importer: Importer, text: str
) -> None:
    """They stay on record; a corrected file takes their references as if they were new."""
    number = take_in(exchange, importer, tmp_path, text)
    undo(exchange, number)
    model = Need if importer is import_needs else Offer
    with exchange.read() as session:
        for row in session.scalars(select(model)):
            assert row.state == NeedState.CLOSED if isinstance(row, Need) else row.withdrawn
    corrected = text.replace("900001", "900002").replace(",6", ",4")
    second = take_in(exchange, importer, tmp_path, corrected)
    with exchange.read() as session:
        row = session.scalars(select(model).order_by(model.id)).first()
        assert row is not None
        assert row.half_days == 8
        assert row.state == NeedState.IDENTIFIED if isinstance(row, Need) else not row.withdrawn
    undo(exchange, second)
    assert take_in(exchange, importer, tmp_path, text) > second
    assert is_sound(exchange)


def test_what_was_closed_by_people_stays_closed(exchange: Database, tmp_path: Path) -> None:
    """Only what an undoing ended can be imported again, and only while nobody touched it."""
    take_in(exchange, import_needs, tmp_path, NEEDS)
    with exchange.write() as session:
        advance_need(session, TERMINAL, "n-1", NeedState.CLOSED)
    with pytest.raises(FaultyFile):
        take_in(exchange, import_needs, tmp_path, NEEDS.replace(",6", ",4"))


def test_nothing_is_undone_where_a_row_has_changed(exchange: Database, tmp_path: Path) -> None:
    """All of it or nothing; the refusal names the rows."""
    number = take_in(exchange, import_needs, tmp_path, NEEDS)
    with exchange.write() as session:
        advance_need(session, TERMINAL, "n-2", NeedState.DIAGNOSED)
    with pytest.raises(NotUndone, match="need n-2 has changed since"):
        undo(exchange, number)
    with exchange.read() as session:
        assert set(session.scalars(select(Need.state))) == {"identified", "diagnosed"}


def test_a_later_import_keeps_the_first_from_being_undone(
    exchange: Database, tmp_path: Path
) -> None:
    """Undoing goes from the last one back."""
    first = take_in(exchange, import_offers, tmp_path, OFFERS)
    second = take_in(exchange, import_offers, tmp_path, OFFERS.replace(",6", ",4"))
    with pytest.raises(NotUndone, match="offer o-1 has changed"):
        undo(exchange, first)
    undo(exchange, second)
    with exchange.write() as session:
        withdraw_offer(session, TERMINAL, "o-1")
    with pytest.raises(NotUndone):
        undo(exchange, first)


def test_what_has_been_used_is_not_deleted(exchange: Database, tmp_path: Path) -> None:
    number = take_in(exchange, import_support, tmp_path, SUPPORT)
    with exchange.read() as session:
        version = session.scalars(select(Support.version)).one()
    take_in(exchange, import_targets, tmp_path, TARGETS)
    with pytest.raises(NotUndone):
        undo(exchange, number)
    with exchange.write() as session:
        # As if the targets had not counted as a change of the support.
        session.execute(update(Support).values(version=version))
    with pytest.raises(NotUndone, match="since"):
        undo(exchange, number)


def test_twice_is_refused_and_so_is_what_was_never_kept(exchange: Database, tmp_path: Path) -> None:
    number = take_in(exchange, import_needs, tmp_path, NEEDS)
    undo(exchange, number)
    with pytest.raises(NotUndone, match="undone already"):
        undo(exchange, number)
    family = take_in(
        exchange,
        import_networks,
        tmp_path,
        "key,name,kind,member\nfam,Family,family,900001\n",
    )
    with pytest.raises(NotUndone, match="works for needs"):
        undo(exchange, family)
    with pytest.raises(NotFound):
        undo(exchange, 999)
    with exchange.read() as session:
        batches = session.scalars(select(ImportBatch)).all()
        assert can_be_undone(session, batches) == set()
        assert session.scalar(select(func.count()).select_from(ImportRows)) == 1


def test_only_who_imported_or_may_everywhere_undoes(exchange: Database, tmp_path: Path) -> None:
    """To others in the same area the import is not there."""
    area = Scope(ScopeKind.AREA, "001")
    one, other = (acting(Role.BROKER, name=name, scope=area) for name in ("one", "other"))
    number = take_in(exchange, import_needs, tmp_path, NEEDS, one)
    with pytest.raises(NotFound):
        undo(exchange, number, other)
    undo(exchange, number, one)
    with exchange.read() as session:
        assert session.get_one(ImportBatch, number).undone_by == "one"


def test_an_undone_need_is_not_exported_as_open(exchange: Database, tmp_path: Path) -> None:
    undo(exchange, take_in(exchange, import_needs, tmp_path, NEEDS))
    with exchange.read() as session:
        assert export_needs(session, TERMINAL).count(",closed") >= 2
