"""Contacts of an institution or organisation: listed, added, changed and erased."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.declared import does
from app.access.policy import Action, authorise
from app.contacts import service
from app.contacts.schemas import NEITHER, ContactContent
from app.errors import Stale
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import CONTACT_FIELDS
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Who, texts

router = APIRouter()
CHANGED = "This contact has changed since you opened the page. Open it again to see the changes"


@router.get("/participants/{cell:path}/contacts")
@does(Action.READ_CONTACTS)
def show_contacts(request: Request, who: Who, cell: str) -> Response:
    """The list; opening it is recorded."""
    with who.database.write() as session:
        found = service.list_contacts(session, who.principal, cell)
        name = service.whose(session, who.principal, cell, Action.READ_CONTACTS).name
        return page(request, "contacts.html", who, cell=cell, name=name, contacts=found)


@router.get("/participants/{cell:path}/contacts/new")
@does(Action.CHANGE_CONTACTS)
def new_contact(request: Request, who: Who, cell: str) -> Response:
    authorise(who.principal, Action.CHANGE_CONTACTS)
    return _form(request, who, cell, Filled())


@router.post("/participants/{cell:path}/contacts/new")
@does(Action.CHANGE_CONTACTS)
def add_contact(request: Request, who: Who, cell: str, form: SentBy) -> Response:
    filled = Filled(texts(form))
    content = _read(filled)
    if content is None:
        return _form(request, who, cell, filled)
    with who.database.write() as session:
        service.add_contact(session, who.principal, cell, content)
    return _to(cell)


@router.get("/contacts/{contact_id:id}/change")
@does(Action.CHANGE_CONTACTS)
def show_change(request: Request, who: Who, contact_id: int) -> Response:
    authorise(who.principal, Action.CHANGE_CONTACTS)
    with who.database.write() as session:
        found = service.get_contact(session, who.principal, contact_id)
        values = {name: getattr(found, name) or "" for name in CONTACT_FIELDS}
        filled = Filled(values | {"version": str(found.version)})
        cell = service.cell_of(session, found)
    return _form(request, who, cell, filled, contact_id)


@router.post("/contacts/{contact_id:id}/change")
@does(Action.CHANGE_CONTACTS)
def change_contact(request: Request, who: Who, contact_id: int, form: SentBy) -> Response:
    filled = Filled(texts(form))
    content = _read(filled)
    version = forms.whole(filled.values.get("version")) or 0
    with who.database.write() as session:
        cell = service.cell_of(session, service.get_contact(session, who.principal, contact_id))
    if content is not None:
        try:
            with who.database.write() as session:
                service.change_contact(session, who.principal, contact_id, content, version)
            return _to(cell)
        except Stale:
            filled.general.append(CHANGED)
    return _form(request, who, cell, filled, contact_id)


@router.get("/contacts/{contact_id:id}/erase")
@does(Action.CHANGE_CONTACTS)
def show_erase(request: Request, who: Who, contact_id: int) -> Response:
    authorise(who.principal, Action.CHANGE_CONTACTS)
    with who.database.write() as session:
        found = service.get_contact(session, who.principal, contact_id)
        cell = service.cell_of(session, found)
        return page(request, "contact_erase.html", who, cell=cell, contact=found)


@router.post("/contacts/{contact_id:id}/erase")
@does(Action.CHANGE_CONTACTS)
def erase_contact(who: Who, contact_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        cell = service.cell_of(session, service.get_contact(session, who.principal, contact_id))
        service.erase_contact(session, who.principal, contact_id)
    return _to(cell)


def _read(filled: Filled) -> ContactContent | None:
    content = forms.read(ContactContent, filled, CONTACT_FIELDS)
    if NEITHER in filled.general:
        filled.general.remove(NEITHER)
        filled.add("email", NEITHER)
    return content


def _form(
    request: Request, who: Who, cell: str, filled: Filled, contact_id: int | None = None
) -> Response:
    with who.database.read() as session:
        name = service.whose(session, who.principal, cell, Action.CHANGE_CONTACTS).name
    return page(
        request,
        "contact_form.html",
        who,
        status=422 if filled.wrong else 200,
        cell=cell,
        name=name,
        filled=filled,
        fields=CONTACT_FIELDS,
        contact_id=contact_id,
    )


def _to(cell: str) -> Response:
    return RedirectResponse(f"{BASE}/participants/{cell}/contacts", 303)
