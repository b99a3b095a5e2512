"""Contacts over HTTP: personal data, so every read is recorded, and there is no file of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Writes
from app.access.declared import does
from app.access.policy import Action
from app.contacts import service
from app.contacts.schemas import ContactContent, Contacts, ContactShown, NewContact
from app.database import WriteSession
from app.http.conditions import Known
from app.http.fields import Content, Id, Words
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import place_of, shown
from models.contacts import Contact

router = APIRouter(tags=["contacts"])
ContactId = Annotated[Id, Path(examples=[1])]


class ContactsOf(Content):
    participant: Words = Field(
        description="a URN, a key or a trust's reference", examples=["100000"]
    )


@router.get("/contacts", response_model=Contacts)
@does(Action.READ_CONTACTS)
def list_contacts(
    request: Request, principal: Caller, session: Writes, wanted: Annotated[ContactsOf, Query()]
) -> Response:
    """List the contacts of one institution or organisation. The audit records that you did."""
    found = service.list_contacts(session, principal, wanted.participant)
    return shown(request, Contacts(items=[_shown(session, each) for each in found]))


@router.post("/contacts", response_model=ContactShown, status_code=201)
@does(Action.CHANGE_CONTACTS)
def create_contact(
    request: Request, principal: Caller, session: Writes, body: NewContact
) -> Response:
    """Create a contact. Sending the same again gives the same contact."""
    made = service.add_contact(session, principal, body.participant, body)
    return _answer(request, session, made, 201)


@router.get("/contacts/{contact}", response_model=ContactShown)
@does(Action.READ_CONTACTS)
def get_contact(
    request: Request, principal: Caller, session: Writes, contact: ContactId
) -> Response:
    """Read one contact. The audit records that you did."""
    return _answer(request, session, service.get_contact(session, principal, contact))


@router.put("/contacts/{contact}", response_model=ContactShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_CONTACTS)
def change_contact(
    request: Request,
    principal: Caller,
    session: Writes,
    contact: ContactId,
    version: Known,
    body: ContactContent,
) -> Response:
    """Replace what is known of a contact."""
    made = service.change_contact(session, principal, contact, body, version)
    return _answer(request, session, made)


@router.delete("/contacts/{contact}", status_code=204, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_CONTACTS)
def erase_contact(
    principal: Caller, session: Writes, contact: ContactId, version: Known
) -> Response:
    """Erase a contact for good."""
    service.erase_contact(session, principal, contact, version)
    return Response(status_code=204)


def _shown(session: WriteSession, contact: Contact) -> ContactShown:
    return ContactShown.of(contact, service.cell_of(session, contact))


def _answer(
    request: Request, session: WriteSession, contact: Contact, status: int = 200
) -> Response:
    location = place_of(request, contact.id) if status == 201 else None
    content = _shown(session, contact)
    return shown(request, content, status=status, version=contact.version, location=location)
