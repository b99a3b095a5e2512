"""Taking a file in: first what it would change and its faulty rows, then for good."""

import re
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, UploadFile
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as SentFile
from starlette.responses import RedirectResponse, Response

from app import uploads
from app.access import visits
from app.access.policy import Action, authorise
from app.database import WriteSession
from app.imports import ImportReport
from app.portal.pages import csv_page, page
from app.portal.visitors import BASE, SentBy, Visitor, Who, texts
from app.problems import Fault, FaultyFile, NotFound

router = APIRouter()
KINDS: Final = {
    "needs": "Needs",
    "offers": "Offers",
    "limits": "Limits of participants",
    "support": "Support that runs or ran",
    "circumstances": "Circumstances",
    "organisations": "Organisations",
    "networks": "Networks",
    "measures": "Published measures",
    "periods": "Periods",
    "expertise": "Expertise",
    "circumstance-rules": "Rules of circumstances",
    "gias": "The public register of schools",
}
ROLES: Final = {
    "establishments": "Establishments (edubasealldata)",
    "groups": "Groups (allgroupsdata)",
    "links": "Group links (alllinksdata)",
    "successors": "Predecessors and successors (links_edubasealldata)",
    "memberships": "Academies' memberships (academiesmatmembership)",
}
GIAS: Final = "gias"
MOST_FAULTS: Final = 200
_NAME = re.compile(r"[0-9a-f]{32}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Shelved:
    """Files that wait for a decision, by role; for this visit only, and not for long."""

    folder: Path
    kind: str
    files: dict[str, Path]


def _shelves(request: Request) -> Path:
    """Beside the database, where every process of the service finds them."""
    folder: Path = request.app.state.settings.data_folder
    return folder / "uploads"


def _shelf(request: Request, who: Visitor) -> Path:
    return _shelves(request) / sha256(who.secret.encode()).hexdigest()[:32]


def _put_away(request: Request, who: Visitor, kind: str, form: FormData) -> Shelved | None:
    """Keep what was sent until it is taken in; none where nothing was."""
    _clear(request)
    sent = {
        role: file
        for role in ((kind,) if kind != GIAS else tuple(ROLES))
        if isinstance(file := form.get(role if kind == GIAS else "file"), SentFile)
        and file.filename
    }
    if not sent or (kind == GIAS and "establishments" not in sent):
        return None
    folder = _shelf(request, who) / secrets.token_hex(16)
    files = {}
    for role, file in sent.items():
        name = _UNSAFE.sub("_", Path(file.filename or "").name).lstrip(".")[-80:] or "file.csv"
        files[role] = folder / kind / role / name
        files[role].parent.mkdir(parents=True, mode=0o700)
        with files[role].open("wb") as target:
            shutil.copyfileobj(file.file, target)
    return Shelved(folder, kind, files)


def _take_down(request: Request, who: Visitor, name: str) -> Shelved:
    folder = _shelf(request, who) / name
    if not _NAME.fullmatch(name) or not folder.is_dir():
        raise NotFound("the file is no longer kept; choose it again")
    kind_folder = next(folder.iterdir())
    files = {role.name: next(role.iterdir()) for role in kind_folder.iterdir()}
    return Shelved(folder, kind_folder.name, files)


def _clear(request: Request) -> None:
    """Throw away what nobody decided on."""
    oldest = time.time() - visits.LONGEST.total_seconds()
    for shelf in _shelves(request).glob("*"):
        if shelf.stat().st_mtime < oldest:
            shutil.rmtree(shelf, ignore_errors=True)


def _take_in(session: WriteSession, who: Visitor, shelved: Shelved) -> ImportReport:
    opened = {role: path.open("rb") for role, path in shelved.files.items()}
    try:
        files = {
            role: UploadFile(file, filename=shelved.files[role].name)
            for role, file in opened.items()
        }
        if shelved.kind == GIAS:
            return uploads.take_in_gias(session, who.principal, files)
        return uploads.take_in(session, who.principal, shelved.kind, files[shelved.kind])
    finally:
        for file in opened.values():
            file.close()


@router.get("/imports")
def list_imports(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = uploads.list_imports(session, who.principal, limit=None)[::-1]
        if request.query_params.get("as") == "csv":
            columns = ["id", "kind", "imported_at", "actor", "files", "counts"]
            rows = [{name: getattr(each, name) for name in columns} for each in found]
            return csv_page("imports", columns, rows)
        return page(request, "imports.html", who, found=found[:100], kinds=KINDS)


@router.get("/imports/new")
def new_import(request: Request, who: Who, kind: str = "needs") -> Response:
    authorise(who.principal, Action.IMPORT)
    chosen = kind if kind in KINDS else "needs"
    return page(request, "import_form.html", who, kind=chosen, kinds=KINDS, roles=ROLES)


@router.post("/imports/new")
def preview_import(request: Request, who: Who, form: SentBy) -> Response:
    authorise(who.principal, Action.IMPORT)
    kind = texts(form).get("kind", "")
    if kind not in KINDS:
        raise NotFound("choose what the file holds")
    shelved = _put_away(request, who, kind, form)
    if shelved is None:
        error = "Choose a CSV file"
        return page(
            request,
            "import_form.html",
            who,
            status=422,
            kind=kind,
            kinds=KINDS,
            roles=ROLES,
            error=error,
        )
    report, faults = _rehearse(who, shelved)
    if report is None:
        shutil.rmtree(shelved.folder)
    return page(
        request,
        "import_preview.html",
        who,
        status=200 if report else 422,
        kind=kind,
        kinds=KINDS,
        report=report,
        faults=faults[:MOST_FAULTS],
        number_of_faults=len(faults),
        names=[path.name for path in shelved.files.values()],
        shelved=shelved.folder.name,
    )


def _rehearse(who: Visitor, shelved: Shelved) -> tuple[ImportReport | None, Sequence[Fault]]:
    try:
        with who.database.rehearse() as session:
            return _take_in(session, who, shelved), ()
    except FaultyFile as faulty:
        return None, faulty.faults


@router.post("/imports/take")
def take_import(request: Request, who: Who, form: SentBy) -> Response:
    shelved = _take_down(request, who, texts(form).get("file", ""))
    with who.database.write() as session:
        report = _take_in(session, who, shelved)
    shutil.rmtree(shelved.folder)
    done = sum(each.added + each.changed + each.closed for each in report.things.values())
    return RedirectResponse(f"{BASE}/imports?done={shelved.kind}&n={done}", 303)
