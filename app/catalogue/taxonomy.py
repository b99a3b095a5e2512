"""The taxonomy of expertise: a versioned tree, imported whole; entries retire, none is deleted."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sqlalchemy import func, select

from app.access.policy import Action, Principal, authorise
from app.catalogue.rows import ExpertiseRow
from app.database import ReadSession, WriteSession
from app.errors import Fault, FaultyFile
from app.files.csv_reading import read_rows
from app.files.csv_writing import csv_text
from app.files.findings import Findings
from app.import_kit.report import ImportReport, new_report, record
from app.import_kit.upsert import Upserted, upsert
from app.progress import Progress, silent
from models.exchange import Expertise, Need, Offer


def import_expertise(
    session: WriteSession, principal: Principal, path: Path, on_progress: Progress = silent
) -> ImportReport:
    """Import the whole taxonomy: an entry that the file leaves out is retired."""
    authorise(principal, Action.IMPORT, everywhere=True)
    faults = Findings()
    rows = read_rows(path, ExpertiseRow, faults=faults, on_progress=on_progress)
    locked_tree(session)
    faults += tree_faults(path.name, rows)
    if not rows and not faults:
        reason = "has no rows, and would retire all expertise. Add rows"
        faults.append(Fault(path.name, None, None, None, reason))
    if faults:
        raise FaultyFile(faults)
    report = new_report("expertise", {"expertise": path}, faults.notes)
    stored = store(session, [row for _, row in rows])
    report.wrote(session, "expertise", stored)
    retired = [str(code) for (code,) in stored.closed]
    if used := _uses(session, retired):
        said = ", ".join(f"{code} ({count:,})" for code, count in sorted(used.items()))
        report.notes.append(f"Retired, but still used by needs or offers: {said}.")
    return record(session, principal, report)


def locked_tree(session: WriteSession) -> dict[str, Expertise]:
    """The whole taxonomy, locked: whether a change leaves it a tree rests on every entry."""
    query = select(Expertise).order_by(Expertise.code).with_for_update()
    return {entry.code: entry for entry in session.scalars(query)}


def store(session: WriteSession, rows: Iterable[ExpertiseRow]) -> Upserted:
    """Write a tree that was checked, parents first; retire what it leaves out."""
    by_code = {row.code: row for row in rows}
    columns = {
        code: {
            "code": code,
            "parent_code": row.parent,
            "name": row.name,
            "version": row.version,
            "retired": False,
        }
        for code, row in by_code.items()
    }
    for entry in session.scalars(select(Expertise).where(Expertise.code.not_in(by_code))):
        columns[entry.code] = {
            "code": entry.code,
            "parent_code": entry.parent_code,
            "name": entry.name,
            "version": entry.version,
            "retired": True,
        }
    parents = {code: row.parent for code, row in by_code.items()}
    order = sorted(columns, key=lambda code: len(ancestors(code, parents)))
    return upsert(
        session,
        Expertise,
        ("code",),
        [columns[code] for code in order],
        closes=lambda before, after: bool(after["retired"] and not before["retired"]),
    )


def ancestors(code: str, parents: Mapping[str, str | None]) -> list[str]:
    """What lies above an entry, nearest first; a circle is walked once."""
    above: list[str] = []
    parent = parents.get(code)
    while parent is not None and parent not in above:
        above.append(parent)
        parent = parents.get(parent)
    return above


def tree_faults(file: str, rows: list[tuple[int, ExpertiseRow]]) -> list[Fault]:
    """What keeps rows from being a tree: a code twice, an unknown parent, a circle."""
    faults: list[Fault] = []
    lines: dict[str, int] = {}
    parents: dict[str, str | None] = {}
    for line, row in rows:
        if row.code in lines:
            reason = f"is already on line {lines[row.code]:,}. Keep one row for each code"
            faults.append(Fault(file, line, "code", row.code, reason))
        else:
            lines[row.code] = line
            parents[row.code] = row.parent
    for code, parent in parents.items():
        if parent is not None and parent not in parents:
            reason = "is not a code in this file. Add a row for the parent, or leave it blank"
            faults.append(Fault(file, lines[code], "parent", parent, reason))
        elif code in (above := ancestors(code, parents)):
            reason = (
                f"puts {code} below itself ({' > '.join([code, *above])}). Choose another parent"
            )
            faults.append(Fault(file, lines[code], "parent", parent, reason))
    return faults


def export_expertise(session: ReadSession, principal: Principal) -> str:
    """The taxonomy in use as CSV; retired entries are left out, as in a new version of it."""
    authorise(principal, Action.READ)
    entries = select(Expertise).where(~Expertise.retired).order_by(Expertise.code)
    return csv_text(
        ExpertiseRow,
        (
            {"code": e.code, "parent": e.parent_code, "name": e.name, "version": e.version}
            for e in session.scalars(entries)
        ),
    )


def _uses(session: WriteSession, codes: list[str]) -> dict[str, int]:
    used: dict[str, int] = {}
    for column in (Need.expertise_code, Offer.expertise_code):
        counts = select(column, func.count()).where(column.in_(codes)).group_by(column)
        for code, count in session.execute(counts):
            used[code] = used.get(code, 0) + count
    return used
