"""Asking both sides by link, and the two-heads sheet, for those who are signed in."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action, authorise
from app.access.scoped import authorise_on
from app.consent import answers, service
from app.consent.printed import as_pdf
from app.consent.service import MOST_CHOICES, Choice, Whom
from app.consent.sheet import sheet_of
from app.contacts.service import list_contacts
from app.database import WriteSession
from app.errors import Forbidden
from app.files.csv_reading import Date, RowModel, Text, clean_text
from app.http.media import PDF
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import ASK_FIELDS, RELEASE_FIELDS
from app.portal.pages.agreements import refusal_in
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import HEADERS, page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals import queries
from app.proposals.heard import Heard
from app.proposals.queries import Full
from app.proposals.schemas import cell_of
from models.contacts import Contact
from models.register import Participant
from models.vocabulary import Channel, Reply

router = APIRouter()
OF_CHOICES: Final = ("giver", "home_head", "home_head_elsewhere")
"""Whom a form names for the preferred proposal and, after a colon, for each other offer."""


class Release(RowModel):
    """What the head who releases the person said, as its form asks for it."""

    says: Reply
    said_by: Annotated[str, StringConstraints(max_length=100), BeforeValidator(clean_text)]
    said_on: Date
    channel: Channel
    note: Text | None = None


@router.get("/proposals/{proposal_id:id}/requests")
@does(Action.REVIEW)
def show_asking(request: Request, who: Who, proposal_id: int) -> Response:
    return _asking(request, who, proposal_id, Filled())


@router.post("/proposals/{proposal_id:id}/requests")
@does(Action.REVIEW)
def ask(request: Request, who: Who, proposal_id: int, form: SentBy, now: Now) -> Response:
    """Send the links."""
    given = texts(form)
    filled = Filled(given | {"choices": ";".join(str(each) for each in form.getlist("choices"))})
    whom = _whom(filled)
    if whom is not None:
        settings = request.app.state.settings
        with refusal_in(filled, ASK_FIELDS), who.database.write() as session:
            service.ask(
                session,
                who.principal,
                proposal_id,
                whom,
                version=forms.whole(given.get("version")),
                answer_hours=settings.answer_hours,
                hold_days=settings.hold_days,
                now=now,
            )
    if filled.wrong:
        return _asking(request, who, proposal_id, filled, status=422)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?asked=1#asked", 303)


def _whom(filled: Filled) -> Whom | None:
    """The contacts that were selected; none where a number is none, which the form then says."""
    offers = [each for each in filled.values["choices"].split(";") if each]
    numbers: dict[str, int | None] = {}
    of_choices = (f"{name}:{offer}" for offer in offers for name in OF_CHOICES)
    for name in ("taker", *OF_CHOICES, *of_choices):
        text = filled.values.get(name, "")
        numbers[name] = forms.whole(text)
        if text and not numbers[name]:
            filled.add(name, ASK_FIELDS[name.partition(":")[0]].enter)
    if len(offers) > MOST_CHOICES:
        filled.add("choices", ASK_FIELDS["choices"].enter)
    if filled.wrong:
        return None
    return Whom(
        numbers["taker"],
        numbers["giver"],
        numbers["home_head_elsewhere"] or numbers["home_head"],
        tuple(
            Choice(
                each,
                numbers[f"giver:{each}"],
                numbers[f"home_head_elsewhere:{each}"] or numbers[f"home_head:{each}"],
            )
            for each in offers
        ),
    )


def _asking(
    request: Request, who: Visitor, proposal_id: int, filled: Filled, *, status: int = 200
) -> Response:
    """The form; the look at the contacts is recorded, as any is."""
    authorise(who.principal, Action.REVIEW)
    with who.database.read() as reads:
        expertise = expertise_names(reads, who)
    with who.database.write() as session:
        full = queries.get_proposal(session, who.principal, proposal_id)
        authorise_on(session, who.principal, Action.REVIEW, full.proposal)
        alternates = queries.alternates_of(session, who.principal, full.proposal)
        return page(
            request,
            "ask.html",
            who,
            status=status,
            full=full,
            filled=filled,
            fields=ASK_FIELDS,
            expertise=expertise,
            contacts={
                "taker": _contacts(session, who, full.taker),
                "giver": _contacts(session, who, full.giver),
            },
            cells={"taker": cell_of(full.taker), "giver": cell_of(full.giver)},
            others=[
                (offer, giver, _contacts(session, who, giver))
                for _, offer, giver in alternates
                if offer.id != full.offer.id
            ],
            most_choices=MOST_CHOICES,
        )


def _contacts(session: WriteSession, who: Visitor, of: Participant) -> list[Contact]:
    """Those with an email address, as far as the visitor may read them."""
    try:
        found = list_contacts(session, who.principal, cell_of(of))
    except Forbidden:
        return []
    return [each for each in found if each.email]


@router.get("/proposals/{proposal_id:id}/release")
@does(Action.REVIEW)
def show_release(request: Request, who: Who, proposal_id: int) -> Response:
    return _release(request, who, proposal_id, Filled())


@router.post("/proposals/{proposal_id:id}/release")
@does(Action.REVIEW)
def record_release(
    request: Request, who: Who, proposal_id: int, form: SentBy, now: Now
) -> Response:
    """What the head who releases the person said by telephone, say."""
    filled = Filled(texts(form))
    said = forms.read(Release, filled, RELEASE_FIELDS)
    if said is not None:
        with refusal_in(filled, RELEASE_FIELDS), who.database.write() as session:
            answers.record_release(
                session,
                who.principal,
                proposal_id,
                said.says,
                Heard(said.said_by, said.said_on, said.channel),
                said.note,
                version=forms.whole(filled.values.get("version")),
                hold_days=request.app.state.settings.hold_days,
                now=now,
            )
    if filled.wrong:
        return _release(request, who, proposal_id, filled, status=422)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?released=1#asked", 303)


def _release(
    request: Request, who: Visitor, proposal_id: int, filled: Filled, *, status: int = 200
) -> Response:
    with who.database.read() as session:
        full = queries.get_proposal(session, who.principal, proposal_id)
        authorise_on(session, who.principal, Action.REVIEW, full.proposal)
        about: Mapping[str, Any] = {"full": full, "expertise": expertise_names(session, who)}
        return page(
            request,
            "release.html",
            who,
            status=status,
            filled=filled,
            fields=RELEASE_FIELDS,
            own=False,
            **about,
        )


@router.get("/proposals/{proposal_id:id}/sheet")
@does(Action.READ)
def show_sheet(request: Request, who: Who, proposal_id: int, now: Now) -> Response:
    """The two-heads sheet, to read, to print or as PDF."""
    with who.database.read() as session:
        full: Full = queries.get_proposal(session, who.principal, proposal_id)
        sheet = sheet_of(session, who.principal, proposal_id, now.date())
        if request.query_params.get("as") == "pdf":
            return pdf_page(f"proposal-{full.proposal.id}", as_pdf(sheet))
        return page(request, "sheet.html", who, sheet=sheet, full=full)


def pdf_page(name: str, content: bytes) -> Response:
    """A PDF to read or keep."""
    headers = {**HEADERS, "Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, 200, headers, PDF)
