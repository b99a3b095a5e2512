"""What every importer shares: reports, comparing with what is stored, writing only differences."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from app.access.policy import Principal
from app.database import WriteSession
from app.errors import Fault, FaultyFile
from app.events import audit
from app.files.csv_reading import R, read_rows
from app.files.findings import Notes
from app.import_kit import undo_log
from app.import_kit.changes import Change, changes_of
from app.import_kit.upsert import Counts, Row, Upserted
from app.progress import Progress
from models.register import ImportBatch
from models.vocabulary import RegisterChange

Item = TypeVar("Item")


@dataclass(slots=True)
class Affected:
    """What hangs on an institution that closed, is to close or moved, and what became of it.

    Needs, offers, support and proposals are by reference or number; `carried_over` counts what
    went to its successor, by kind, and `to_do` is what a person has to look after.
    """

    urn: int
    name: str
    change: RegisterChange
    on: date | None = None
    before: str | None = None
    after: str | None = None
    successors: list[int] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)
    support: list[str] = field(default_factory=list)
    proposals: list[int] = field(default_factory=list)
    carried_over: dict[str, int] = field(default_factory=dict)
    to_do: list[str] = field(default_factory=list)
    to_settle: bool = False
    """Whether something stayed at the closed institution until a person settles it."""

    @property
    def any_work(self) -> bool:
        return bool(self.needs or self.offers or self.support or self.proposals)


@dataclass(slots=True)
class ImportReport:
    """What an import did, thing by thing, and what a reader should know besides."""

    kind: str
    files: dict[str, str]
    digest: str
    things: dict[str, Counts] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    affected: list[Affected] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    """The first rows of each thing that are added or changed, field by field."""

    def wrote(self, session: WriteSession, thing: str, written: Upserted) -> None:
        """Count what was written of a thing, and tell its first changes."""
        self.things[thing] = written.counts
        self.changes += changes_of(session, thing, written)

    @property
    def any_change(self) -> bool:
        return any(counts.any_change for counts in self.things.values())

    def as_json(self) -> dict[str, Any]:
        """As JSON has it, days as text."""
        content: dict[str, Any] = _as_json(asdict(self))
        return content


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def watched(rows: Iterable[Item], total: int, stage: str, on_progress: Progress) -> Iterator[Item]:
    """The same rows, telling how many of them have passed."""
    for passed, row in enumerate(rows):
        if passed % 1000 == 0:
            on_progress(stage, passed / max(1, total))
        yield row


def read_file(
    path: Path, model: type[R], faults: list[Fault], on_progress: Progress, **options: bool
) -> list[tuple[int, R]]:
    """Like `read_rows`, but one of several files: what makes it unreadable is a fault as well."""
    before = len(faults)
    try:
        rows = read_rows(path, model, faults=faults, on_progress=on_progress, **options)
    except FaultyFile as unreadable:
        faults.extend(unreadable.faults)
        return []
    if not rows and len(faults) == before:
        faults.append(Fault(path.name, None, None, None, "has a header but no rows. Add rows"))
    return rows


def check_unique(
    path: Path,
    rows: Iterable[tuple[int, R]],
    column: str,
    key: Callable[[R], Hashable],
    faults: list[Fault],
) -> None:
    """Add a fault for every row whose key, unless it is None, was on an earlier line."""
    lines: dict[Hashable, int] = {}
    for line, row in rows:
        identity = key(row)
        if identity is None:
            continue
        first = lines.setdefault(identity, line)
        if first != line:
            parts = identity if isinstance(identity, tuple) else (identity,)
            value = " / ".join("" if part is None else str(part) for part in parts)
            faults.append(
                Fault(
                    path.name,
                    line,
                    column,
                    value,
                    f"is already on line {first:,}. Keep one of them",
                )
            )


def raise_faults(faults: list[Fault]) -> None:
    """Refuse the import if anything was found wrong, file by file in the order of lines."""
    if faults:
        files = list(dict.fromkeys(fault.file for fault in faults))
        raise FaultyFile(
            sorted(faults, key=lambda fault: (files.index(fault.file), fault.line or 0))
        )


def present(row: Row, sources: Mapping[str, str], columns: frozenset[str]) -> Row:
    """The row without what comes from a column that the file does not have."""
    return {
        name: value
        for name, value in row.items()
        if name not in sources or sources[name] in columns
    }


def new_report(kind: str, paths: Mapping[str, Path], notes: Notes | None = None) -> ImportReport:
    """An empty report on these files, by role; the digest is over roles and bytes.

    `notes` tell what was read otherwise than it is written.
    """
    digest = hashlib.sha256()
    for role, path in sorted(paths.items()):
        with path.open("rb") as file:
            digest.update(role.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    names = {role: path.name for role, path in paths.items()}
    said = [] if notes is None else notes.sentences
    return ImportReport(kind, names, digest.hexdigest(), notes=said)


def record(
    session: WriteSession,
    principal: Principal,
    report: ImportReport,
    *undoable: Upserted,
) -> ImportReport:
    """Keep what an import did as one batch and one audit event; nothing done leaves no trace.

    What was written of `undoable` can be undone (`app.imports.undo`).
    """
    if not report.any_change:
        return report
    # The planner of queries would else go by what was there before, perhaps nothing at all.
    session.execute(text("ANALYZE"))
    things = {thing: asdict(counts) for thing, counts in report.things.items()}
    batch = ImportBatch(
        kind=report.kind,
        files=report.files,
        digest=report.digest,
        counts=things,
        affected=[_as_json(asdict(each)) for each in report.affected] or None,
        actor=principal.name,
        imported_at=datetime.now(UTC),
    )
    session.add(batch)
    if undoable:
        session.flush()
        undo_log.keep(session, batch.id, undoable)
    audit.record(
        session,
        actor=principal.name,
        action=f"import.{report.kind}",
        subject=f"import:{report.kind}",
        digest=report.digest,
        counts=things,
    )
    return report
