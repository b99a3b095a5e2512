"""The one register of support of a school, and forms for support of other agencies."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action
from app.contacts.service import whose
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound, Stale
from app.exchange.limits import named
from app.files.csv_writing import days
from app.import_kit.misfits import Unfit
from app.partnerships import external, queries
from app.partnerships.register_schemas import RegisterLine, register_lines
from app.partnerships.service import SupportRow
from app.partnerships.support_register import support_register
from app.partnerships.targets import (
    TargetRow,
    measures_of_targets,
    shown_value,
    stored_measure,
    target_choices,
    targets_of,
    typed,
)
from app.portal import forms
from app.portal.choices import Saved
from app.portal.forms import Filled
from app.portal.labels import SUPPORT_FIELDS, TARGET_FIELDS
from app.portal.pages.flags import ask_first
from app.portal.pages.institutions import expertise_names
from app.portal.pages.needs_and_offers import catalogue_choices, saved
from app.portal.rendering import csv_page, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.register.naming import reference_named
from app.wording import capital
from models.partnerships import Support
from models.targets import SupportTarget
from models.vocabulary import SupportState

router = APIRouter()
CHANGED: Final = (
    "Someone else has changed this since you opened it. Open it again to make your changes"
)


@router.get("/participants/{cell:path}/support")
@does(Action.READ)
def show_register(request: Request, who: Who, cell: str, now: Now) -> Response:
    """Who supports a school, towards which targets, and what is at odds."""
    with who.database.read() as session:
        found = support_register(session, who.principal, cell, now.date())
        if request.query_params.get("as") == "csv":
            rows = [line.model_dump(mode="json") for line in register_lines(found)]
            return csv_page(f"support-{cell}", list(RegisterLine.model_fields), rows)
        return page(
            request,
            "support_register.html",
            who,
            cell=cell,
            register=found,
            done=saved(request),
            expertise=expertise_names(session, who),
            measure=lambda target: stored_measure(target).label,
            value=shown_value,
        )


@router.get("/participants/{cell:path}/support/new")
@does(Action.CHANGE_SUPPORT)
def new_support(request: Request, who: Who, cell: str) -> Response:
    reference = f"support-{secrets.token_hex(6)}"
    filled = Filled({"reference": reference, "state": SupportState.ACTIVE})
    with who.database.read() as session:
        return _form(request, who, session, cell, filled)


@router.post("/participants/{cell:path}/support/new")
@does(Action.CHANGE_SUPPORT)
def create_support(request: Request, who: Who, cell: str, form: SentBy) -> Response:
    filled = Filled(texts(form) | {"taker": cell})
    row = forms.read(SupportRow, filled, SUPPORT_FIELDS)
    if row is not None:

        def act(session: WriteSession) -> object:
            return external.create_support(session, who.principal, row)

        if (asked := ask_first(request, who, form, f"{BASE}{_here(cell)}/new", act)) is not None:
            return asked
        if _done(who, filled, act, SUPPORT_FIELDS):
            return _to(cell, Saved.CREATED)
    with who.database.read() as session:
        if row is not None and _is_there(session, who, row):
            # The same form, sent twice.
            return _to(cell, Saved.CREATED)
        return _form(request, who, session, cell, filled)


@router.get("/support/{reference:path}/change")
@does(Action.CHANGE_SUPPORT)
def show_change(request: Request, who: Who, reference: str) -> Response:
    with who.database.read() as session:
        support = external.get_changeable(session, who.principal, reference)
        cells = named(session, [each for each in (support.taker_id, support.giver_id) if each])
        filled = Filled(_typed(support, cells))
        return _form(request, who, session, cells[support.taker_id][0], filled, support)


@router.post("/support/{reference:path}/change")
@does(Action.CHANGE_SUPPORT)
def change_support(request: Request, who: Who, reference: str, form: SentBy) -> Response:
    with who.database.read() as session:
        support = external.get_changeable(session, who.principal, reference)
        cell, _ = named(session, [support.taker_id])[support.taker_id]
    filled = Filled(texts(form) | {"taker": cell, "reference": reference})
    version = forms.whole(filled.values.get("version")) or 0
    row = forms.read(SupportRow, filled, SUPPORT_FIELDS)
    if row is not None:

        def act(session: WriteSession) -> object:
            return external.change_support(session, who.principal, row, version)

        back = f"{BASE}/support/{reference}/change"
        if (asked := ask_first(request, who, form, back, act)) is not None:
            return asked
        if _done(who, filled, act, SUPPORT_FIELDS):
            return _to(cell, Saved.CHANGED)
    with who.database.read() as session:
        return _form(request, who, session, cell, filled, support)


@router.get("/support/{reference:path}/targets/new")
@does(Action.CHANGE_SUPPORT)
def new_target(request: Request, who: Who, reference: str) -> Response:
    with who.database.read() as session:
        support = external.get_changeable(session, who.principal, reference)
        return _target_form(request, who, session, support, Filled())


@router.post("/support/{reference:path}/targets/new")
@does(Action.CHANGE_SUPPORT)
def add_target(request: Request, who: Who, reference: str, form: SentBy) -> Response:
    return _save_target(request, who, reference, form, None)


@router.get("/support/{reference:path}/targets/{target_id:id}")
@does(Action.CHANGE_SUPPORT)
def show_target(request: Request, who: Who, reference: str, target_id: int) -> Response:
    with who.database.read() as session:
        support = external.get_changeable(session, who.principal, reference)
        target = _target(targets_of(session, [support.id])[support.id], target_id)
        content = typed(target, reference).model_dump(mode="json", exclude={"support"})
        values = {name: str(value) for name, value in content.items() if value is not None}
        if target.kind is not None:
            values |= {"measure": "", "other": stored_measure(target).label}
        filled = Filled(values | {"version": str(support.version)})
        return _target_form(request, who, session, support, filled, target)


@router.post("/support/{reference:path}/targets/{target_id:id}")
@does(Action.CHANGE_SUPPORT)
def change_target(
    request: Request, who: Who, reference: str, target_id: int, form: SentBy
) -> Response:
    return _save_target(request, who, reference, form, target_id)


@router.post("/support/{reference:path}/targets/{target_id:id}/remove")
@does(Action.CHANGE_SUPPORT)
def remove_target(who: Who, reference: str, target_id: int, form: SentBy) -> Response:
    version = forms.whole(texts(form).get("version")) or 0
    with who.database.write() as session:
        support = external.get_changeable(session, who.principal, reference)
        stored = targets_of(session, [support.id])[support.id]
        gone = _target(stored, target_id)
        left = [typed(each, reference) for each in stored if each is not gone]
        external.change_targets(session, who.principal, reference, version, left)
        cell, _ = named(session, [support.taker_id])[support.taker_id]
    return _to(cell, Saved.CHANGED)


def _save_target(
    request: Request, who: Visitor, reference: str, form: FormData, target_id: int | None
) -> Response:
    """Store a target that was typed in the place of `target_id`, or as another one."""
    with who.database.read() as session:
        support = external.get_changeable(session, who.principal, reference)
        stored = targets_of(session, [support.id])[support.id]
        target = None if target_id is None else _target(stored, target_id)
        cell, _ = named(session, [support.taker_id])[support.taker_id]
    filled = Filled(texts(form) | {"support": reference})
    version = forms.whole(filled.values.get("version")) or 0
    chosen = filled.values.get("measure", "")
    known = {each.measure for each in measures_of_targets()}
    # What is typed in the fields of another measure counts only where none is selected.
    cells = filled.values | {"measure": chosen or filled.values.get("other", "")}
    if chosen in known:
        cells["kind"] = ""
    read = Filled(cells)
    row = forms.read(TargetRow, read, TARGET_FIELDS)
    if row is not None:
        rows = [typed(each, reference) for each in stored if each is not target]

        def act(session: WriteSession) -> object:
            return external.change_targets(session, who.principal, reference, version, [*rows, row])

        if _done(who, read, act, TARGET_FIELDS):
            return _to(cell, Saved.CREATED if target is None else Saved.CHANGED)
    for name, error in read.errors.items():
        filled.add("other" if name == "measure" and filled.values.get("other") else name, error)
    filled.general += read.general
    with who.database.read() as session:
        return _target_form(request, who, session, support, filled, target)


def _target(stored: list[SupportTarget], target_id: int) -> SupportTarget:
    for each in stored:
        if each.id == target_id:
            return each
    raise NotFound("This target is no longer there. Someone may have removed it.")


def _here(cell: str) -> str:
    return f"/participants/{cell}/support"


def _to(cell: str, done: Saved) -> Response:
    return RedirectResponse(f"{BASE}{_here(cell)}?done={done}", 303)


def _is_there(session: ReadSession, who: Visitor, row: SupportRow) -> bool:
    """Whether the form's own reference is stored of the same school already."""
    try:
        stored = queries.get_support(session, who.principal, row.reference)
    except NotFound:
        return False
    taker: str = stored["taker_reference"]
    return taker == reference_named(session, row.taker)


def _done(who: Visitor, filled: Filled, act: Any, fields: Mapping[str, forms.Field]) -> bool:
    """Whether it was stored; if not, the form says why."""
    try:
        with who.database.write() as session:
            written: WriteSession = session
            act(written)
    except Unfit as unfit:
        # Of the targets of an arrangement the form shows one.
        plain = [each._replace(column=each.column.rpartition("/")[2]) for each in unfit.misfits]
        forms.take(filled, plain, fields)
    except Stale:
        filled.general.append(CHANGED)
    except Conflict as conflict:
        filled.general.append(capital(conflict.detail))
    return not filled.wrong


def _typed(support: Support, cells: dict[int, tuple[str, str]]) -> dict[str, str]:
    """What is stored, as it would have been typed."""
    found: dict[str, Any] = {
        name: getattr(support, name)
        for name in ("giver_name", "agency", "authority", "target", "state", "result", "version")
    }
    found |= {
        "giver": support.giver_id and cells[support.giver_id][0],
        "expertise": support.expertise_code,
        "period": support.period_code,
        "days": None if support.half_days is None else days(support.half_days),
        "leader_days": (
            None if support.leader_half_days is None else days(support.leader_half_days)
        ),
        "starts": support.starts and support.starts.isoformat(),
        "ends": support.ends and support.ends.isoformat(),
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def _form(
    request: Request,
    who: Visitor,
    session: ReadSession,
    cell: str,
    filled: Filled,
    support: Support | None = None,
) -> Response:
    if support is None:
        name = whose(session, who.principal, cell, Action.CHANGE_SUPPORT).name
    else:
        _, name = named(session, [support.taker_id])[support.taker_id]
    return page(
        request,
        "support_form.html",
        who,
        status=422 if filled.wrong else 200,
        cell=cell,
        name=name,
        filled=filled,
        fields=SUPPORT_FIELDS,
        support=support,
        **catalogue_choices(session, who),
    )


def _target_form(
    request: Request,
    who: Visitor,
    session: ReadSession,
    support: Support,
    filled: Filled,
    target: SupportTarget | None = None,
) -> Response:
    sides = [each for each in (support.taker_id, support.giver_id) if each is not None]
    cells = named(session, sides)
    cell, name = cells[support.taker_id]
    giver = support.giver_name if support.giver_id is None else cells[support.giver_id][1]
    return page(
        request,
        "target_form.html",
        who,
        status=422 if filled.wrong else 200,
        cell=cell,
        name=name,
        supporter=giver,
        filled=filled,
        fields=TARGET_FIELDS,
        support=support,
        target=target,
        measures=target_choices(),
    )
