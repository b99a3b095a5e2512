"""Files that are sent over HTTP, imported as from the terminal, and past imports."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fastapi import UploadFile
from pydantic import TypeAdapter
from sqlalchemy import select

from app.access.policy import Action, Principal, authorise
from app.access.scoped import visible
from app.database import ReadSession, WriteSession
from app.errors import NotFound
from app.files.csv_writing import template
from app.import_kit.report import Affected, ImportReport
from app.imports.kinds import KINDS, Kind
from app.progress import Progress, silent
from models.register import ImportBatch

_AFFECTED: Final = TypeAdapter(list[Affected])
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def import_files(
    session: WriteSession,
    principal: Principal,
    kind: Kind,
    files: Mapping[str, UploadFile | None],
    on_progress: Progress = silent,
) -> ImportReport:
    """Import the files that were sent, by role, as the terminal would."""
    authorise(principal, kind.action)
    with _on_disk({role: file for role, file in files.items() if file is not None}) as paths:
        return kind.import_files(session, principal, paths, on_progress)


def digest(files: Mapping[str, UploadFile | None]) -> bytes:
    """Over roles, names and bytes: what tells one upload from another."""
    found = hashlib.sha256()
    for role, file in sorted(files.items()):
        if file is not None:
            found.update(f"{role}\0{file.filename}\0".encode("utf-8", "replace"))
            content = hashlib.file_digest(file.file, "sha256")  # type: ignore[arg-type]  # it has readinto
            found.update(content.digest())
            file.file.seek(0)
    return found.digest()


@contextmanager
def _on_disk(files: Mapping[str, UploadFile]) -> Iterator[dict[str, Path]]:
    """Files under the names they came with, as far as those are harmless, by role."""
    with tempfile.TemporaryDirectory(prefix="givetake-") as folder:
        paths: dict[str, Path] = {}
        for role, file in files.items():
            name = _UNSAFE.sub("_", Path(file.filename or "").name).lstrip(".")[-80:]
            paths[role] = Path(folder) / role / (name or f"{role}.csv")
            paths[role].parent.mkdir()
            with paths[role].open("wb") as target:
                shutil.copyfileobj(file.file, target)
        yield paths


def list_imports(
    session: ReadSession,
    principal: Principal,
    *,
    kind: str | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[ImportBatch]:
    """Imports that changed something, in their order."""
    authorise(principal, Action.READ)
    query = select(ImportBatch).where(
        ImportBatch.id > after, visible(principal, Action.READ, ImportBatch)
    )
    query = query.order_by(ImportBatch.id)
    if kind is not None:
        query = query.where(ImportBatch.kind == kind)
    return session.scalars(query.limit(limit)).all()


def get_import(session: ReadSession, principal: Principal, import_id: int) -> ImportBatch:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, ImportBatch)
    found = session.scalar(select(ImportBatch).where(ImportBatch.id == import_id, seen))
    if found is None:
        raise NotFound(f"There is no import {import_id}. Check the number.")
    return found


def list_affected(
    session: ReadSession,
    principal: Principal,
    import_id: int,
    *,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[tuple[int, Affected]]:
    """What hangs on institutions that an import closed or moved, numbered in its order from 1."""
    found = affected_by(get_import(session, principal, import_id))
    return found[after : None if limit is None else after + limit]


def affected_by(batch: ImportBatch) -> list[tuple[int, Affected]]:
    return list(enumerate(_AFFECTED.validate_python(batch.affected or []), start=1))


def latest(session: ReadSession | WriteSession, digest: str) -> ImportBatch:
    """The import of these files that was just recorded."""
    query = select(ImportBatch).where(ImportBatch.digest == digest)
    return session.scalars(query.order_by(ImportBatch.id.desc()).limit(1)).one()


def template_of(principal: Principal, kind: str) -> str:
    """The columns of a kind of file with made-up rows, as CSV.

    Raises `NotFound` where there is no such kind, or it has no template.
    """
    authorise(principal, Action.READ)
    found = KINDS.get(kind)
    if found is None or found.row is None:
        names = ", ".join(name for name, each in KINDS.items() if each.row)
        raise NotFound(f"There is no template {kind!r}. Choose one of: {names}.")
    return template(found.row_model)
