"""Undoing an import while its rows are as it left them: all of it, or nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import RowMapping, Select, Table, bindparam, delete, select, update

from app.access.policy import Action, Principal, authorise, may
from app.access.scoped import authorise_for, visible
from app.chunks import chunked
from app.database import ReadSession, WriteSession, database_now
from app.errors import Conflict, NotFound
from app.events import audit, touched
from app.events.rows import digest_of_row
from app.import_kit.undo_log import TABLES, Touch, keep_undone, rows_now, touches_of
from app.imports.kinds import KINDS
from app.register import facts
from app.wording import number
from models.base import COUNTERS
from models.exchange import Limits, Need, Offer
from models.matching import Proposal
from models.partnerships import Support
from models.register import Circumstance, ImportBatch, ImportRows
from models.targets import SupportTarget
from models.vocabulary import ENDED_PROPOSALS, NeedState, ProposalState

LISTED: Final = 5
_ENDED_AS: Final[Mapping[str, Mapping[str, Any]]] = {
    Need.__tablename__: {"state": NeedState.CLOSED.value},
    Offer.__tablename__: {"withdrawn": True},
}
"""Rows that stay on record for good: one that was new is ended instead of deleted."""
_IN_USE: Final = frozenset(ProposalState) - ENDED_PROPOSALS - {ProposalState.PROPOSED}
_OF_PROPOSALS: Final = {
    Need.__tablename__: Proposal.need_id,
    Offer.__tablename__: Proposal.offer_id,
}


class NotUndone(Conflict):
    title = "The import can no longer be undone"


def can_be_undone(session: ReadSession, batches: Collection[ImportBatch]) -> set[int]:
    """Numbers of imports whose rows are kept; whether these were changed is seen when undoing."""
    wanted = [each.id for each in batches if each.undone_at is None]
    kept = select(ImportRows.import_id).where(ImportRows.import_id.in_(wanted))
    return set(session.scalars(kept))


def undo_import(session: WriteSession, principal: Principal, import_id: int) -> ImportBatch:
    """Put rows back as they were before an import, and end those that it added.

    Raises `NotUndone` where something has changed them since, or rests on them.
    """
    if not may(principal, Action.EDIT_RULES):
        authorise(principal, Action.IMPORT)
    seen = visible(principal, Action.READ, ImportBatch)
    query = select(ImportBatch).where(ImportBatch.id == import_id, seen).with_for_update()
    batch = session.scalar(query)
    if batch is None:
        raise NotFound(f"There is no import {import_id}. Check the number.")
    action = KINDS[batch.kind].action if batch.kind in KINDS else Action.IMPORT
    authorise(principal, action)
    rows = session.get(ImportRows, import_id)
    if batch.undone_at is not None:
        raise NotUndone(f"Import {number(import_id)} is undone already.")
    if rows is None:
        raise NotUndone(
            f"Import {number(import_id)} cannot be undone: that works for needs, offers, limits, "
            "circumstances, support and targets. Import a corrected file instead."
        )
    undone: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name, touches in touches_of(rows).items():
        table = TABLES[name]
        held = _unchanged(session, table, touches, import_id)
        _require_unused(session, table, touches, held, import_id)
        authorise_for(session, principal, action, _participants(session, table, held.values()))
        _write(session, table, touches)
        _tell(session, principal, table, touches, held)
        undone |= _again(session, table, touches)
        counts[name] = len(touches)
    batch.undone_at = database_now(session)
    batch.undone_by = principal.name
    keep_undone(session, rows, undone)
    audit.record(
        session,
        actor=principal.name,
        action="import.undo",
        subject=f"import:{batch.id}",
        kind=batch.kind,
        rows=counts,
    )
    return batch


def _unchanged(
    session: WriteSession, table: Table, touches: Sequence[Touch], import_id: int
) -> dict[int, RowMapping]:
    """The rows by number, locked; refused where one is not as the import left it."""
    held: dict[int, RowMapping] = {}
    for some in chunked(touches):
        ids = [touch.id for touch in some]
        session.execute(select(table.c.id).where(table.c.id.in_(ids)).with_for_update()).all()
        held |= {row["id"]: row for row in rows_now(session, table, table.c.id.in_(ids))}
    changed = [
        str(touch.id) if touch.id not in held else _named(table, held[touch.id])
        for touch in touches
        if touch.id not in held or digest_of_row(table, held[touch.id]) != touch.digest
    ]
    if changed:
        raise _refused(import_id, table, changed, "has changed", "have changed")
    return held


def _named(table: Table, row: RowMapping) -> str:
    return str(row["reference"] if "reference" in table.c else row["id"])


def _refused(
    import_id: int, table: Table, names: Sequence[str], one: str, several: str
) -> NotUndone:
    what = table.name.replace("_", " ")
    listed = ", ".join(names[:LISTED])
    if len(names) > LISTED:
        listed += f" and {number(len(names) - LISTED)} more"
    happened = f"{what} {listed} {one}" if len(names) == 1 else f"{what} {listed} {several}"
    return NotUndone(
        f"Import {number(import_id)} cannot be undone, as {happened} since. Import a corrected "
        "file instead."
    )


def _require_unused(
    session: WriteSession,
    table: Table,
    touches: Sequence[Touch],
    held: Mapping[int, RowMapping],
    import_id: int,
) -> None:
    """Refuse to take away what people have decided on, and what other rows refer to."""
    if (column := _OF_PROPOSALS.get(table.name)) is not None:
        uses = select(column).where(Proposal.state.in_(_IN_USE))
        happened = "has been decided on", "have been decided on"
        _refuse_used(session, table, held, import_id, [(column, uses)], happened)
    if table.name not in _ENDED_AS:
        new = {touch.id: held[touch.id] for touch in touches if touch.before is None}
        refer = [
            (key.parent, select(key.parent))
            for other in table.metadata.tables.values()
            for key in other.foreign_keys
            if key.column.table is table
        ]
        _refuse_used(session, table, new, import_id, refer, ("has been used", "have been used"))


def _refuse_used(
    session: WriteSession,
    table: Table,
    held: Mapping[int, RowMapping],
    import_id: int,
    uses: Sequence[tuple[Any, Select[Any]]],
    happened: tuple[str, str],
) -> None:
    used: set[int] = set()
    for column, query in uses:
        for some in chunked(held):
            used.update(session.scalars(query.where(column.in_(some))))
    if used:
        names = [_named(table, held[each]) for each in sorted(used)]
        raise _refused(import_id, table, names, *happened)


def _participants(session: WriteSession, table: Table, rows: Collection[RowMapping]) -> set[int]:
    """Those whose rows they are."""
    if table.name == SupportTarget.__tablename__:
        ids = {row["support_id"] for row in rows}
        sides = select(Support.taker_id).where(Support.id.in_(ids))
        return set(session.scalars(sides))
    column = "taker_id" if table.name == Support.__tablename__ else "participant_id"
    return {row[column] for row in rows}


def _write(session: WriteSession, table: Table, touches: Sequence[Touch]) -> None:
    new = [touch.id for touch in touches if touch.before is None]
    changed = [touch for touch in touches if touch.before is not None]
    moved: dict[str, Any] = {"updated_at": datetime.now(UTC)} if "updated_at" in table.c else {}
    counter = next((name for name in COUNTERS if name in table.c), None)
    if counter is not None:
        moved[counter] = table.c[counter] + 1
    if (ended := _ENDED_AS.get(table.name)) is not None:
        for some in chunked(new):
            session.execute(update(table).where(table.c.id.in_(some)).values({**ended, **moved}))
    else:
        for some in chunked(new):
            session.execute(delete(table).where(table.c.id.in_(some)))
    for columns, rows in _alike(changed):
        change = update(table).where(table.c.id == bindparam("row_id"))
        values = {name: bindparam(f"old_{name}", type_=table.c[name].type) for name in columns}
        given = [
            {"row_id": row.id} | {f"old_{name}": (row.before or {})[name] for name in columns}
            for row in rows
        ]
        session.execute(change.values({**values, **moved}), given)


def _alike(changed: Collection[Touch]) -> Iterator[tuple[tuple[str, ...], list[Touch]]]:
    """Rows by the columns that are put back."""
    found: dict[tuple[str, ...], list[Touch]] = {}
    for touch in changed:
        found.setdefault(tuple(sorted(touch.before or ())), []).append(touch)
    yield from found.items()


def _tell(
    session: WriteSession,
    principal: Principal,
    table: Table,
    touches: Sequence[Touch],
    held: Mapping[int, RowMapping],
) -> None:
    """Let what rests on the rows be looked at, and keep who changed what approval looks at."""
    if (tell := _TELLERS.get(table.name)) is not None:
        tell(session, principal, [held[touch.id] for touch in touches])


def _tell_needs(session: WriteSession, principal: Principal, rows: Sequence[RowMapping]) -> None:
    touched.mark_needs(session, principal.name, (row["reference"] for row in rows))


def _tell_owners(session: WriteSession, principal: Principal, rows: Sequence[RowMapping]) -> None:
    touched.mark(session, principal.name, (row["participant_id"] for row in rows))


def _tell_ended(session: WriteSession, principal: Principal, rows: Sequence[RowMapping]) -> None:
    facts.note_ended(
        session, principal.name, [(row["participant_id"], row["kind"]) for row in rows]
    )


_Teller = Callable[[WriteSession, Principal, Sequence[RowMapping]], None]
_TELLERS: Final[Mapping[str, _Teller]] = {
    Need.__tablename__: _tell_needs,
    Offer.__tablename__: _tell_owners,
    Limits.__tablename__: _tell_owners,
    Circumstance.__tablename__: _tell_ended,
}


def _again(session: WriteSession, table: Table, touches: Sequence[Touch]) -> dict[str, str]:
    """Rows that are ended, by reference, with what they are now: these may be imported again."""
    ended = _ENDED_AS.get(table.name)
    if ended is None:
        return {}
    ((column, value),) = ended.items()
    ids = [
        touch.id for touch in touches if touch.before is None or touch.before.get(column) == value
    ]
    return {
        row["reference"]: digest_of_row(table, row)
        for some in chunked(ids)
        for row in rows_now(session, table, table.c.id.in_(some))
    }
