"""Imports over HTTP: what a file would change, importing it, and past imports."""

from dataclasses import asdict
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, File, Path, Query, Request, UploadFile
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Reads, Rehearses, Writes
from app.access.declared import Reach, does
from app.access.names import named_one, with_names
from app.access.policy import Action
from app.database import WriteSession
from app.http.fields import DIGITS, LARGEST, Id, Moment, Shown, Words
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, CSV
from app.http.replies import Listed, Page, listed, shown
from app.import_kit.changes import RowChange
from app.import_kit.report import ImportReport
from app.import_kit.upsert import SHOWN
from app.imports import service
from app.imports import undo as undo_service
from app.imports.kinds import GIAS, KINDS, SINGLE_FILES
from models.vocabulary import RegisterChange

router = APIRouter(prefix="/imports", tags=["imports"])
NAMES = {name.replace("-", "_").upper(): name for name in SINGLE_FILES}
Kind = StrEnum("Kind", NAMES)  # type: ignore[misc]  # its members are known at run time only
Template = StrEnum(  # type: ignore[misc]
    "Template", {name: of for name, of in NAMES.items() if KINDS[of].row}
)
TemplatePath = Annotated[Template, Path(examples=["needs"])]
ONLY_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}, "example": "reference,participant"}}}
}
KindPath = Annotated[Kind, Path(examples=["needs"])]
CsvFile = Annotated[UploadFile, File(description="a CSV or .xlsx file")]
ImportId = Annotated[Id, Path(examples=[1])]


MOST_AFFECTED = 100
ACTORS: Final = ("actor", "undone_by")


class CountsShown(Shown):
    """Counts of one kind of record; `absent` are stored and not in the file, and are kept."""

    added: int = Field(examples=[12])
    changed: int = Field(examples=[3])
    closed: int = Field(examples=[0])
    unchanged: int = Field(examples=[120])
    absent: int = Field(examples=[0])


class AffectedContent(Shown):
    """What hangs on an institution that closed, will close or moved."""

    urn: int = Field(examples=[100000])
    name: str = Field(examples=["Made-up Primary School"])
    change: RegisterChange
    on: date | None = Field(description="the closing date, where known")
    before: str | None = Field(description="the trust or local authority before")
    after: str | None
    successors: list[int] = Field(description="by URN", examples=[[100001]])
    needs: list[str] = Field(description="open, by reference", examples=[["n-1"]])
    offers: list[str] = Field(examples=[["o-1"]])
    support: list[str] = Field(description="running, by reference", examples=[[]])
    proposals: list[int] = Field(description="not ended, by number", examples=[[12]])
    carried_over: dict[str, int] = Field(
        description="what went to the successor, by kind", examples=[{"need": 1, "offer": 1}]
    )
    to_do: list[str] = Field(description="what a person has to look after", examples=[[]])
    to_settle: bool = Field(
        description="whether something stays at the closed institution until it is settled"
    )


class AffectedShown(AffectedContent):
    number: int = Field(description="its place in the list", examples=[1])


class AffectedList(Listed[AffectedShown]):
    pass


class AffectedQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0


class FieldShown(Shown):
    """One field of a row, as its file would have it; empty where there is nothing."""

    field: str = Field(examples=["days"])
    before: str = Field(examples=["2"])
    after: str = Field(examples=["3.5"])


class RowChangeShown(Shown):
    """A row that is added, changed or closed."""

    record: str = Field(examples=["needs"])
    name: str = Field(description="what it is known by", examples=["n-1"])
    became: RowChange
    fields: list[FieldShown]


class ReportShown(Shown):
    """What an import changed, or would change, by kind of record."""

    kind: str = Field(examples=["needs"])
    files: dict[str, str] = Field(examples=[{"needs": "needs.csv"}])
    digest: str = Field(description="SHA-256 over the files", examples=["9f86d081884c7d65"])
    things: dict[str, CountsShown] = Field(
        examples=[
            {"needs": {"added": 12, "changed": 3, "closed": 0, "unchanged": 120, "absent": 0}}
        ]
    )
    notes: list[str] = Field(examples=[[]])
    affected: list[AffectedContent] = Field(
        [], description=f"of the register: the first {MOST_AFFECTED} institutions to look after"
    )
    affected_total: int = Field(
        0, description="how many there are; `/imports/{import_id}/affected` has all", examples=[0]
    )
    changes: list[RowChangeShown] = Field(
        [], description=f"the first {SHOWN} rows of each kind of record, field by field"
    )
    applied: bool = Field(description="false: a preview", examples=[True])
    import_id: int | None = Field(
        None, description="the import that was recorded; null: nothing changed", examples=[1]
    )


class ImportShown(Shown):
    """An import that changed something."""

    id: int = Field(examples=[1])
    kind: str = Field(examples=["needs"])
    files: dict[str, Any] = Field(examples=[{"needs": "needs.csv"}])
    digest: str = Field(examples=["9f86d081884c7d65"])
    counts: dict[str, CountsShown] = Field(
        examples=[
            {"needs": {"added": 12, "changed": 3, "closed": 0, "unchanged": 120, "absent": 0}}
        ]
    )
    actor: str = Field(examples=["portal (broker)"])
    imported_at: Moment
    undone_at: Moment | None = None
    undone_by: str | None = Field(None, examples=[None])


class Imports(Listed[ImportShown]):
    pass


class ImportQuery(Page):
    after: Annotated[int, Field(ge=0, le=LARGEST, description="as `Link` gives it"), DIGITS] = 0
    kind: Words | None = None


@router.get("", response_model=Imports, responses=AS_CSV)
@does(Action.READ)
def list_imports(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[ImportQuery, Query()]
) -> Response:
    """List imports that changed something, in their order."""

    def read(limit: int | None) -> list[ImportShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = service.list_imports(session, principal, **filters, limit=limit)
        items = [ImportShown.model_validate(batch) for batch in found]
        return with_names(session, items, *ACTORS)

    return listed(request, wanted, Imports, read, lambda one: one.id)


@router.get("/{kind}/template", response_class=Response, responses=ONLY_CSV)
@does(Action.READ, reach=Reach.OPEN)
def get_template(request: Request, principal: Caller, kind: TemplatePath) -> Response:
    """Download a template of a file: its columns with made-up rows, to replace with yours."""
    name = f'attachment; filename="{kind.value}.csv"'
    headers = {"Content-Disposition": name}
    return Response(
        service.template_of(principal, kind.value), 200, headers, f"{CSV}; charset=utf-8"
    )


@router.get("/{import_id}", response_model=ImportShown)
@does(Action.READ)
def get_import(
    request: Request, principal: Caller, session: Reads, import_id: ImportId
) -> Response:
    """Read one import."""
    batch = service.get_import(session, principal, import_id)
    return shown(request, named_one(session, ImportShown.model_validate(batch), *ACTORS))


@router.post("/{import_id}/undo", response_model=ImportShown)
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OWN)
def undo_import(
    request: Request, principal: Caller, session: Writes, import_id: ImportId, key: Key
) -> Response:
    """Put rows back as they were before an import, while nothing else has changed them.

    Rows that it added are deleted; needs are closed and offers withdrawn, and can be imported
    again.
    """

    def undo() -> Response:
        batch = undo_service.undo_import(session, principal, import_id)
        item = ImportShown.model_validate(batch)
        return shown(request, named_one(session, item, *ACTORS))

    return once(request, session, principal.name, key, b"", undo)


@router.get("/{import_id}/affected", response_model=AffectedList, responses=AS_CSV)
@does(Action.READ)
def list_affected(
    request: Request,
    principal: Caller,
    session: Reads,
    import_id: ImportId,
    wanted: Annotated[AffectedQuery, Query()],
) -> Response:
    """List what hung on institutions that an import of the register closed or moved."""

    def read(limit: int | None) -> list[AffectedShown]:
        found = service.list_affected(
            session, principal, import_id, after=wanted.after, limit=limit
        )
        return [AffectedShown(number=number, **asdict(each)) for number, each in found]

    return listed(request, wanted, AffectedList, read, lambda one: one.number)


@router.post("/gias/preview", response_model=ReportShown)
@does(Action.IMPORT, reach=Reach.EVERYWHERE)
def preview_gias(
    request: Request,
    principal: Caller,
    session: Rehearses,
    establishments: CsvFile,
    groups: CsvFile | None = None,
    links: CsvFile | None = None,
    successors: CsvFile | None = None,
    memberships: CsvFile | None = None,
) -> Response:
    """Show what the register's files would change, and change nothing."""
    files = {
        "establishments": establishments,
        "groups": groups,
        "links": links,
        "successors": successors,
        "memberships": memberships,
    }
    return _report(request, service.import_files(session, principal, GIAS, files))


@router.post("/gias", response_model=ReportShown, status_code=201)
@does(Action.IMPORT, reach=Reach.EVERYWHERE)
def import_gias(
    request: Request,
    principal: Caller,
    session: Writes,
    key: Key,
    establishments: CsvFile,
    groups: CsvFile | None = None,
    links: CsvFile | None = None,
    successors: CsvFile | None = None,
    memberships: CsvFile | None = None,
) -> Response:
    """Import the register's files of one day. If any has an error, nothing changes."""
    files = {
        "establishments": establishments,
        "groups": groups,
        "links": links,
        "successors": successors,
        "memberships": memberships,
    }
    return once(
        request,
        session,
        principal.name,
        key,
        service.digest(files),
        lambda: _applied(request, session, service.import_files(session, principal, GIAS, files)),
    )


@router.post("/{kind}/preview", response_model=ReportShown)
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OWN)
def preview_import(
    request: Request, principal: Caller, session: Rehearses, kind: KindPath, file: CsvFile
) -> Response:
    """Show what a file would change, and change nothing."""
    report = service.import_files(session, principal, KINDS[kind], {kind: file})
    return _report(request, report)


@router.post("/{kind}", response_model=ReportShown, status_code=201)
@does(Action.IMPORT, Action.EDIT_RULES, reach=Reach.OWN)
def import_file(
    request: Request,
    principal: Caller,
    session: Writes,
    kind: KindPath,
    file: CsvFile,
    key: Key,
) -> Response:
    """Import a file. If it has an error, nothing changes."""
    files = {kind.value: file}
    return once(
        request,
        session,
        principal.name,
        key,
        service.digest(files),
        lambda: _applied(
            request, session, service.import_files(session, principal, KINDS[kind], files)
        ),
    )


def _report(request: Request, report: ImportReport) -> Response:
    return shown(request, ReportShown.model_validate(_content(report) | {"applied": False}))


def _content(report: ImportReport) -> dict[str, Any]:
    content = report.as_json()
    total = len(report.affected)
    return content | {
        "affected": content["affected"][:MOST_AFFECTED],
        "affected_total": total,
    }


def _applied(request: Request, session: WriteSession, report: ImportReport) -> Response:
    """Answer what was imported; the same files again change nothing and say so."""
    import_id = service.latest(session, report.digest).id if report.any_change else None
    content = _content(report) | {"applied": True, "import_id": import_id}
    base = request.url.path.rpartition("/")[0]
    return shown(
        request,
        ReportShown.model_validate(content),
        status=201,
        location=None if import_id is None else f"{base}/{import_id}",
    )
