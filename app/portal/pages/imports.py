"""Importing a file: first what it would change and its errors, then for good."""

import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, UploadFile
from starlette.datastructures import FormData
from starlette.datastructures import UploadFile as SentFile
from starlette.responses import RedirectResponse, Response

from app import private_files
from app.access import browser_sessions
from app.access.declared import Reach, does
from app.access.policy import Action, authorise, may
from app.database import WriteSession
from app.errors import NotFound
from app.files.faults import faults_csv
from app.http.fields import LARGEST
from app.import_kit.report import Affected, ImportReport
from app.imports import background, undo
from app.imports import service as uploads
from app.imports.background import State, Told
from app.imports.kinds import KINDS
from app.imports.undo import NotUndone, can_be_undone
from app.portal.rendering import Pager, csv_file, csv_page, page, page_number
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.progress import Progress

router = APIRouter()
TITLES: Final = {kind.name: kind.title for kind in KINDS.values()}
PER_PAGE: Final = 25
MOST_FAULTS: Final = 200
MOST_CHANGES: Final = 200
PAGES: Final = {
    State.WORKING: ("import_wait.html", 200),
    State.SEEN: ("import_preview.html", 200),
    State.FAULTY: ("import_preview.html", 422),
    State.REFUSED: ("import_refused.html", 409),
}
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
    """Keep what was sent until it is taken in; none where a file that is required is missing."""
    _clear(request)
    fields = {role.name: role.name for role in KINDS[kind].roles} or {kind: "file"}
    sent = {
        role: file
        for role, name in fields.items()
        if isinstance(file := form.get(name), SentFile) and file.filename
    }
    required = {role.name for role in KINDS[kind].roles if role.required} or {kind}
    if not required <= set(sent):
        return None
    folder = _shelf(request, who) / secrets.token_hex(16)
    files = {}
    for role, file in sent.items():
        name = _UNSAFE.sub("_", Path(file.filename or "").name).lstrip(".")[-80:] or "file.csv"
        files[role] = folder / kind / role / name
        private_files.make_folder(files[role].parent)
        private_files.create(files[role])
        with files[role].open("wb") as target:
            shutil.copyfileobj(file.file, target)
    return Shelved(folder, kind, files)


def _take_down(request: Request, who: Visitor, name: str) -> Shelved:
    folder = _shelf(request, who) / name
    if not _NAME.fullmatch(name) or not folder.is_dir():
        raise NotFound("the file is no longer stored; choose it again")
    kind_folder = next(each for each in folder.iterdir() if each.is_dir())
    files = {role.name: next(role.iterdir()) for role in kind_folder.iterdir()}
    return Shelved(folder, kind_folder.name, files)


def _clear(request: Request) -> None:
    """Throw away what nobody decided on."""
    oldest = time.time() - browser_sessions.LONGEST.total_seconds()
    for shelf in _shelves(request).glob("*"):
        if shelf.stat().st_mtime < oldest:
            shutil.rmtree(shelf, ignore_errors=True)


def _take_in(
    session: WriteSession, who: Visitor, shelved: Shelved, on_progress: Progress
) -> ImportReport:
    opened = {role: path.open("rb") for role, path in shelved.files.items()}
    try:
        files = {
            role: UploadFile(file, filename=shelved.files[role].name)
            for role, file in opened.items()
        }
        kind = KINDS[shelved.kind]
        return uploads.import_files(session, who.principal, kind, files, on_progress)
    finally:
        for file in opened.values():
            file.close()


@router.get("/imports")
@does(Action.READ)
def list_imports(request: Request, who: Who) -> Response:
    with who.database.read() as session:
        found = uploads.list_imports(session, who.principal, limit=None)[::-1]
        if request.query_params.get("as") == "csv":
            columns = [*("id", "kind", "imported_at", "actor"), *("files", "counts", "undone_at")]
            rows = [{name: getattr(each, name) for name in columns} for each in found]
            return csv_page("imports", columns, rows)
        templates = {
            name: TITLES[name]
            for name, kind in KINDS.items()
            if kind.row and may(who.principal, kind.action)
        }
        return page(
            request,
            "imports.html",
            who,
            found=found[:100],
            undoable=can_be_undone(session, found[:100]),
            kinds=TITLES,
            templates=templates,
        )


@router.get("/imports/templates/{kind}")
@does(Action.READ, reach=Reach.OPEN)
def download_template(request: Request, who: Who, kind: str) -> Response:
    """The columns of a file with made-up rows, to fill in with a spreadsheet."""
    return csv_file(kind, uploads.template_of(who.principal, kind))


@router.get("/imports/{number:int}")
@does(Action.READ)
def show_import(request: Request, who: Who, number: int) -> Response:
    """What hung on institutions that an import of the register closed or moved."""
    with who.database.read() as session:
        batch = uploads.get_import(session, who.principal, min(number, LARGEST))
        affected = [each for _, each in uploads.affected_by(batch)]
        if request.query_params.get("as") == "csv":
            columns = [each.name for each in fields(Affected)]
            return csv_page(f"import-{number}", columns, [asdict(each) for each in affected])
        pager = Pager(page_number(request), PER_PAGE, len(affected))
        shown = affected[(pager.page - 1) * PER_PAGE :][:PER_PAGE]
        return page(
            request,
            "import.html",
            who,
            batch=batch,
            affected=shown,
            pager=pager,
            kinds=TITLES,
            can_undo=batch.id in can_be_undone(session, [batch]),
        )


@router.get("/imports/{number:int}/undo")
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OWN)
def ask_to_undo(request: Request, who: Who, number: int) -> Response:
    """What undoing an import would do, or why it can no longer be undone."""
    return _undo_page(request, who, number, _why_not_undone(who, number))


@router.post("/imports/{number:int}/undo")
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OWN)
def undo_import(request: Request, who: Who, form: SentBy, number: int) -> Response:
    try:
        with who.database.write() as session:
            batch = undo.undo_import(session, who.principal, min(number, LARGEST))
            where = f"{BASE}/imports/{batch.id}?undone=yes"
    except NotUndone as refused:
        return _undo_page(request, who, number, refused.detail)
    return RedirectResponse(where, 303)


def _why_not_undone(who: Visitor, number: int) -> str:
    """Tried, and rolled back."""
    try:
        with who.database.rehearse() as session:
            undo.undo_import(session, who.principal, min(number, LARGEST))
    except NotUndone as refused:
        return refused.detail
    return ""


def _undo_page(request: Request, who: Visitor, number: int, refused: str) -> Response:
    with who.database.read() as session:
        batch = uploads.get_import(session, who.principal, min(number, LARGEST))
        return page(
            request,
            "import_undo.html",
            who,
            status=409 if refused else 200,
            batch=batch,
            kinds=TITLES,
            refused=refused,
        )


@router.get("/imports/new")
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OPEN)
def new_import(request: Request, who: Who, kind: str = "needs") -> Response:
    chosen = kind if kind in KINDS else "needs"
    authorise(who.principal, KINDS[chosen].action)
    return _form(request, who, chosen)


@router.post("/imports/new")
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OWN)
def preview_import(request: Request, who: Who, form: SentBy) -> Response:
    kind = texts(form).get("kind", "")
    if kind not in KINDS:
        raise NotFound("Select what the file holds.")
    authorise(who.principal, KINDS[kind].action)
    shelved = _put_away(request, who, kind, form)
    if shelved is None:
        return _form(request, who, kind, error="Select a CSV or Excel file", status=422)

    def look(on_progress: Progress) -> ImportReport:
        with who.database.rehearse() as session:
            return _take_in(session, who, shelved, on_progress)

    return _answer(request, who, shelved, background.begin(shelved.folder, "look", look))


@router.get("/imports/waiting/{name}")
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OPEN)
def wait_for_import(request: Request, who: Who, name: str) -> Response:
    """How far a file is; asked for again and again until something came of it."""
    shelved = _take_down(request, who, name)
    told = background.told(shelved.folder)
    if told.state is not State.WORKING and request.headers.get("hx-request"):
        return Response(None, 200, {"HX-Redirect": f"{BASE}/imports/waiting/{name}"})
    return _answer(request, who, shelved, told, waits=True)


@router.get("/imports/waiting/{name}/errors")
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OPEN)
def download_errors(request: Request, who: Who, name: str) -> Response:
    """All errors of a file, each with how to correct it, for a spreadsheet."""
    shelved = _take_down(request, who, name)
    told = background.told(shelved.folder)
    return csv_file(f"errors in {shelved.kind}", faults_csv(told.faults))


@router.post("/imports/take")
@does(Action.IMPORT, reach=Reach.OPEN)
def take_import(request: Request, who: Who, form: SentBy) -> Response:
    authorise(who.principal, Action.IMPORT)
    shelved = _take_down(request, who, texts(form).get("file", ""))
    told = background.told(shelved.folder)
    if told.state is not State.SEEN:
        return _answer(request, who, shelved, told)

    def take(on_progress: Progress) -> ImportReport:
        with who.database.write() as session:
            return _take_in(session, who, shelved, on_progress)

    return _answer(request, who, shelved, background.begin(shelved.folder, "take", take))


def _form(
    request: Request, who: Visitor, kind: str, error: str = "", status: int = 200
) -> Response:
    """The form to choose a file, and what it holds, of the kinds that this visitor may import."""
    titles = {name: TITLES[name] for name in KINDS if may(who.principal, KINDS[name].action)}
    return page(
        request,
        "import_form.html",
        who,
        status=status,
        kind=kind,
        kinds=titles,
        roles=KINDS[kind].roles,
        error=error,
    )


def _more_changes(report: ImportReport) -> bool:
    """Whether rows change that the report does not tell one by one."""
    counts = report.things.values()
    return sum(each.added + each.changed + each.closed for each in counts) > MOST_CHANGES


def _number_of(who: Visitor, report: ImportReport) -> int:
    with who.database.read() as session:
        return uploads.latest(session, report.digest).id


def _answer(
    request: Request, who: Visitor, shelved: Shelved, told: Told, *, waits: bool = False
) -> Response:
    """What came of a file, or the page that waits for it."""
    if told.state is State.WORKING and not waits:
        return RedirectResponse(f"{BASE}/imports/waiting/{shelved.folder.name}", 303)
    if told.state not in (State.WORKING, State.SEEN):
        # What came of it stays, for whoever looks again.
        for role in (shelved.folder / shelved.kind).iterdir():
            shutil.rmtree(role, ignore_errors=True)
    if told.state is State.TAKEN and told.report is not None:
        counts = told.report.things.values()
        done = sum(each.added + each.changed + each.closed for each in counts)
        where = f"{BASE}/imports"
        if told.report.affected and done:
            where += f"/{_number_of(who, told.report)}"
        return RedirectResponse(f"{where}?done={shelved.kind}&n={done}", 303)
    template, status = PAGES[told.state]
    if told.state is State.WORKING and request.headers.get("hx-request"):
        template = "import_live.html"
    return page(
        request,
        template,
        who,
        status=status,
        kind=shelved.kind,
        kinds=TITLES,
        told=told,
        report=told.report,
        affected_most=PER_PAGE,
        faults=told.faults[:MOST_FAULTS],
        changes_most=MOST_CHANGES,
        more_changes=told.report is not None and _more_changes(told.report),
        has_template=KINDS[shelved.kind].row is not None,
        number_of_faults=told.number_of_faults,
        names=[path.name for path in shelved.files.values()],
        shelved=shelved.folder.name,
    )
