"""Needs, offers and limits as CSV files, in and out: all of a file or nothing."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Table, select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import OUTSIDE, outside, visible
from app.catalogue.naming import Names
from app.catalogue.queries import get_period
from app.database import ReadSession, WriteSession
from app.errors import Fault, FaultyFile
from app.events import touched
from app.exchange.plausible import note_days
from app.exchange.progress import PROGRESS
from app.exchange.resolve import (
    ANSWERED_FOR,
    Catalogue,
    cell_of,
    limits_columns,
    need_columns,
    offer_columns,
)
from app.exchange.rows import LimitsRow, NeedRow, OfferRow, outcomes_text
from app.files.csv_reading import RowModel, read_rows
from app.files.csv_writing import csv_text, days
from app.files.findings import Findings
from app.import_kit.duplicates import note_duplicates
from app.import_kit.misfits import Columns, Misfit, Stored
from app.import_kit.report import ImportReport, new_report, record
from app.import_kit.undo_log import may_come_again
from app.import_kit.upsert import upsert
from app.progress import Progress, silent
from app.register.group_actors import Named
from models.base import Base
from models.exchange import Limits, Need, Offer
from models.register import Participant
from models.vocabulary import Availability, NeedState

Item = TypeVar("Item", NeedRow, OfferRow)


def import_needs(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    return _import_items(
        session, principal, path, on_progress, "needs", Need, NeedRow, need_columns
    )


def import_offers(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    return _import_items(
        session, principal, path, on_progress, "offers", Offer, OfferRow, offer_columns
    )


def import_limits(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    authorise(principal, Action.IMPORT)
    faults = Findings()
    rows = read_rows(path, LimitsRow, faults=faults, on_progress=on_progress)
    catalogue = Catalogue.load(session, principal, [row for _, row in rows])
    named = catalogue.named
    keys = [(line, f"{named.reference(row.participant)} {row.period}") for line, row in rows]
    faults += _repeated(path.name, "participant", keys)
    columns: list[Columns] = []
    for line, row in rows:
        misfits: list[Misfit] = []
        columns.append(limits_columns(row, catalogue, misfits))
        faults += [Fault(path.name, line, *misfit) for misfit in misfits]
    touches = [{made.get("participant_id")} for made in columns]
    faults[:] = _without_others(faults, _outside(session, principal, path, rows, touches))
    key = ("participant_id", "period_code")
    return _take_in(session, principal, path, "limits", Limits, key, columns, faults, named)


def _import_items(
    session: WriteSession,
    principal: Principal,
    path: Path,
    on_progress: Progress,
    kind: str,
    model: type[Need] | type[Offer],
    row_model: type[Item],
    settle: Callable[[Item, Catalogue, Stored | None, list[Misfit]], Columns],
) -> ImportReport:
    authorise(principal, Action.IMPORT)
    faults = Findings()
    rows = read_rows(path, row_model, faults=faults, on_progress=on_progress)
    faults += _repeated(path.name, "reference", [(line, row.reference) for line, row in rows])
    catalogue = Catalogue.load(session, principal, [row for _, row in rows])
    held = _stored(session, model)
    again = may_come_again(session, _table(model), kind)
    # What the undoing of an import ended can be imported as if it had never been.
    stored = {reference: row for reference, row in held.items() if reference not in again}
    columns: list[Columns] = []
    for done, (line, row) in enumerate(rows):
        misfits: list[Misfit] = []
        columns.append(settle(row, catalogue, stored.get(row.reference), misfits))
        faults += [Fault(path.name, line, *misfit) for misfit in misfits]
        if done % 1000 == 0:
            on_progress(f"Checking {path.name}", done / len(rows))
    # Of a reference that somebody else's row has, that row is looked at too.
    touches = [
        {made.get("participant_id"), held.get(row.reference, {}).get("participant_id")}
        for made, (_, row) in zip(columns, rows, strict=True)
    ]
    others = _outside(session, principal, path, rows, touches)
    if model is Offer:
        new = [
            (line, made)
            for made, (line, row) in zip(columns, rows, strict=True)
            if row.reference not in stored and made["availability"] != Availability.NOT_ANSWERED
        ]
        faults += _answered_for(session, principal, path, new)
        if again:
            for made in columns:
                made["withdrawn"] = stored.get(made["reference"], {}).get("withdrawn", False)
    faults[:] = _without_others(faults, others)
    all_items = {**stored, **{made["reference"]: made for made in columns}}
    notes = note_duplicates(
        kind.removesuffix("s"),
        _entries(all_items.values(), catalogue.names),
        {row.reference for _, row in rows},
    )
    notes += note_days(
        kind.removesuffix("s"),
        ((line, row.reference, row.half_days) for line, row in rows),
    )
    key = ("reference",)
    catalogue.named.made += notes
    return _take_in(session, principal, path, kind, model, key, columns, faults, catalogue.named)


def _entries(held: Iterable[Stored], names: Names) -> Iterator[tuple[Hashable, str, str]]:
    """What needs or offers that are not over say, but for what a rule suggests by itself."""
    for one in held:
        over = one.get("withdrawn") or one.get("state") in (NeedState.MET, NeedState.CLOSED)
        asked = one.get("state") == NeedState.SUGGESTED or (
            one.get("suggestion") and one.get("availability") == Availability.NOT_ANSWERED
        )
        if over or asked:
            continue
        said = (one["participant_id"], one["expertise_code"], one["period_code"])
        window = (str(one["window_starts"]), tuple(one.get("phases") or ()))
        about = f"{names.get(one['expertise_code'], '')}, {one['period_code']}"
        yield (*said, *window), one["reference"], about


def _take_in(
    session: WriteSession,
    principal: Principal,
    path: Path,
    kind: str,
    model: type[Base],
    key: tuple[str, ...],
    columns: list[Columns],
    faults: Findings,
    named: Named,
) -> ImportReport:
    if faults:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line or 0))
    report = new_report(kind, {kind: path}, faults.notes)
    report.notes += named.notes
    among = visible(principal, Action.READ, model)
    written = upsert(session, model, key, columns, among=among)
    report.wrote(session, kind, written)
    if model is Need:
        touched.mark_needs(session, principal.name, (reference for (reference,) in written.changed))
    else:
        changed = {*written.changed, *(written.added if model is Limits else ())}
        owners = (
            row["participant_id"] for row in columns if tuple(row[name] for name in key) in changed
        )
        touched.mark(session, principal.name, owners)
    return record(session, principal, report, written)


def _table(model: type[Need] | type[Offer]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _stored(session: WriteSession, model: type[Need] | type[Offer]) -> dict[str, Stored]:
    table = _table(model)
    names = [column.name for column in table.c]
    # Locked, so that nobody changes one between this look and its being written.
    query = select(*table.c).order_by(table.c.id).with_for_update()
    rows = (dict(zip(names, row, strict=True)) for row in session.execute(query))
    return {row["reference"]: row for row in rows}


def _answered_for(
    session: WriteSession, principal: Principal, path: Path, new: Sequence[tuple[int, Columns]]
) -> list[Fault]:
    """A fault for each new offer that somebody answers who may not speak for its giver."""
    givers = {made["participant_id"] for _, made in new if made["participant_id"] is not None}
    beyond = outside(session, principal, Action.ANSWER_OFFER, givers)
    return [
        Fault(path.name, line, "availability", made["availability"], ANSWERED_FOR)
        for line, made in new
        if made["participant_id"] in beyond
    ]


def _outside(
    session: WriteSession,
    principal: Principal,
    path: Path,
    rows: Sequence[tuple[int, NeedRow | OfferRow | LimitsRow]],
    touches: Sequence[set[Any]],
) -> list[Fault]:
    """A fault for each row that would change what its importer may not."""
    everybody = {each for some in touches for each in some if each is not None}
    beyond = outside(session, principal, Action.IMPORT, everybody)
    return [
        Fault(path.name, line, "participant", row.participant, OUTSIDE)
        for (line, row), some in zip(rows, touches, strict=True)
        if some & beyond
    ]


def _without_others(faults: list[Fault], others: list[Fault]) -> list[Fault]:
    """Of a line that is not its importer's no more than that: the rest tells what is stored."""
    lines = {fault.line for fault in others}
    return [fault for fault in faults if fault.line not in lines] + others


def _repeated(file: str, column: str, keys: Iterable[tuple[int, str]]) -> list[Fault]:
    first: dict[str, int] = {}
    faults = []
    for line, key in keys:
        if first.setdefault(key, line) != line:
            reason = f"is already on line {first[key]:,}. Keep one of them"
            faults.append(Fault(file, line, column, key, reason))
    return faults


def export_needs(session: ReadSession, principal: Principal, period: str | None = None) -> str:
    """Needs as `import_needs` reads them back unchanged, by reference."""
    return _export(session, principal, NeedRow, Need, period)


def export_offers(session: ReadSession, principal: Principal, period: str | None = None) -> str:
    """Offers that are not withdrawn, as `import_offers` reads them back unchanged."""
    return _export(session, principal, OfferRow, Offer, period)


def export_limits(session: ReadSession, principal: Principal, period: str | None = None) -> str:
    return _export(session, principal, LimitsRow, Limits, period)


def _export(
    session: ReadSession,
    principal: Principal,
    row_model: type[RowModel],
    model: type[Need] | type[Offer] | type[Limits],
    period: str | None,
) -> str:
    authorise(principal, Action.READ)
    told = [PROGRESS.label("progress")] if model is Need else []
    query = (
        select(Participant.reference.label("of"), *told, *model.__table__.c)
        .select_from(model)
        .join(Participant, Participant.id == model.participant_id)
    )
    query = query.where(visible(principal, Action.READ, model))
    if period is not None:
        query = query.where(model.period_code == get_period(session, principal, period).code)
    if model is Offer:
        query = query.where(~Offer.withdrawn)
    order = model.period_code if model is Limits else model.__table__.c.reference
    found = session.execute(query.order_by(order, Participant.reference)).mappings()
    return csv_text(row_model, (_cells(row_model, row) for row in found))


def _cells(row_model: type[RowModel], row: Mapping[Any, Any]) -> dict[str, Any]:
    """A stored row under the names of the file's columns."""
    cells: dict[str, Any] = {}
    for name, described in row_model.model_fields.items():
        column = described.alias or name
        if name == "participant":
            cells[column] = cell_of(row["of"])
        elif name in ("expertise", "period"):
            cells[column] = row[f"{name}_code"]
        elif name == "pot":
            cells[column] = row["pot_reference"]
        elif name in ("phases", "looked_within"):
            cells[column] = ";".join(row[name] or ())
        elif name == "looked_outcomes":
            cells[column] = outcomes_text(row[name])
        elif described.alias and row[name] is not None:
            cells[column] = days(row[name])
        else:
            cells[column] = row[name]
    return cells | {name: row[name] for name in row_model.told}
