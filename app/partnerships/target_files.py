"""Targets of support as a file, all of it or nothing."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, update

from app.access.policy import Action, Principal, authorise
from app.access.scoped import OUTSIDE, outside, visible
from app.chunks import chunked
from app.database import WriteSession
from app.errors import Fault
from app.files.findings import Findings
from app.import_kit.misfits import Columns, Misfit
from app.import_kit.report import (
    ImportReport,
    check_unique,
    new_report,
    raise_faults,
    read_file,
    record,
)
from app.import_kit.upsert import upsert
from app.partnerships.targets import TargetRow, target_columns
from app.progress import Progress, silent
from models.partnerships import Support
from models.targets import SupportTarget

UNKNOWN = "is not the reference of support that is stored. Import the support first"


def import_targets(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Add and change targets by support, measure and date; those it does not name are kept."""
    authorise(principal, Action.IMPORT)
    faults = Findings()
    rows = read_file(path, TargetRow, faults, on_progress)
    query = select(Support).order_by(Support.id).with_for_update()
    named = {row.support for _, row in rows}
    seen = query.where(visible(principal, Action.READ, Support))
    stored = {each.reference: each for each in session.scalars(seen) if each.reference in named}
    sides = {i for each in stored.values() for i in (each.taker_id, each.giver_id) if i}
    beyond = outside(session, principal, Action.IMPORT, sides)
    read: list[tuple[int, TargetRow, Columns]] = []
    for line, row in rows:
        support = stored.get(row.support)
        misfits: list[Misfit] = []
        columns = target_columns(row, None if support is None else support.starts, misfits)
        if support is None:
            misfits = [Misfit("support", row.support, UNKNOWN)]
        elif {support.taker_id, support.giver_id} - {None} <= beyond:
            misfits = [Misfit("support", row.support, OUTSIDE)]
        faults += [Fault(path.name, line, *misfit) for misfit in misfits]
        if support is not None and not misfits:
            read.append((line, row, {"support_id": support.id} | columns))
    keys = {row: (row.support, each["measure"], row.by_date) for _, row, each in read}
    check_unique(path, [(line, row) for line, row, _ in read], "measure", keys.get, faults)
    raise_faults(faults)
    report = new_report("targets", {"targets": path}, faults.notes)
    mine = select(Support.id).where(visible(principal, Action.READ, Support))
    done = upsert(
        session,
        SupportTarget,
        ("support_id", "measure", "by_date"),
        [columns for _, _, columns in read],
        among=SupportTarget.support_id.in_(mine),
    )
    report.wrote(session, "targets", done)
    changed = {key[0] for key in (*done.added, *done.changed)}
    for ids in chunked(sorted(changed)):
        # The version of an arrangement counts the changes of its targets too.
        counts = {"version": Support.version + 1, "updated_at": datetime.now(UTC)}
        session.execute(update(Support).where(Support.id.in_(ids)).values(counts))
    return record(session, principal, report, done)
