"""Evidence of quality on the page of an offer: added, answered and withdrawn."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action, Principal
from app.database import ReadSession
from app.evidence import queries, service
from app.evidence.service import NewEvidence
from app.exchange.limits import named
from app.exchange.queries import get_offer
from app.exchange.rows import OneToFive
from app.files.csv_reading import Date, Key, RowModel, Text
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import EVIDENCE_ANSWER_FIELDS, EVIDENCE_FIELDS, WITHDRAWAL_NEEDED
from app.portal.pages.partnerships import RoleText, typed_day
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from models.vocabulary import EvidenceKind
from solver.pairing.weights import Weights

router = APIRouter()
MOST_LETTERS: Final = 300


class EvidenceForm(RowModel):
    kind: EvidenceKind
    strength: OneToFive
    on_day: Date
    role: RoleText
    said_by: Key | None = None
    body: Text | None = None
    source: Text | None = None


class AnswerForm(RowModel):
    answer: Text
    role: RoleText


@router.get("/offers/{reference:path}/evidence/new")
@does(Action.ADD_EVIDENCE)
def ask_evidence(request: Request, who: Who, reference: str, now: Now) -> Response:
    return _form(request, who, reference, Filled({"on_day": typed_day(now.date())}))


@router.post("/offers/{reference:path}/evidence/new")
@does(Action.ADD_EVIDENCE)
def add_evidence(request: Request, who: Who, reference: str, form: SentBy, now: Now) -> Response:
    filled = Filled(texts(form))
    content = forms.read(EvidenceForm, filled, EVIDENCE_FIELDS)
    if content is not None:
        new = NewEvidence(**content.model_dump(), offer=reference)
        with forms.refused(filled, EVIDENCE_FIELDS), who.database.write() as session:
            service.add(session, who.principal, new, now=now)
        if not filled.wrong:
            return _to(reference, "added")
    return _form(request, who, reference, filled)


@router.get("/evidence/{evidence_id:id}/answer")
@does(Action.ADD_EVIDENCE)
def ask_evidence_answer(request: Request, who: Who, evidence_id: int) -> Response:
    return _step(request, who, evidence_id, "evidence_answer.html", Filled())


@router.post("/evidence/{evidence_id:id}/answer")
@does(Action.ADD_EVIDENCE)
def answer_evidence(
    request: Request, who: Who, evidence_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    content = forms.read(AnswerForm, filled, EVIDENCE_ANSWER_FIELDS)
    if content is not None:
        version = forms.whole(filled.values.get("version"))
        with forms.refused(filled, EVIDENCE_ANSWER_FIELDS), who.database.write() as session:
            service.answer(
                session,
                who.principal,
                evidence_id,
                content.answer,
                content.role,
                version=version,
                now=now,
            )
        if not filled.wrong:
            return _back(who, evidence_id, "answered")
    return _step(request, who, evidence_id, "evidence_answer.html", filled)


@router.get("/evidence/{evidence_id:id}/withdraw")
@does(Action.ADD_EVIDENCE)
def ask_evidence_withdrawal(request: Request, who: Who, evidence_id: int) -> Response:
    return _step(request, who, evidence_id, "evidence_withdraw.html", Filled())


@router.post("/evidence/{evidence_id:id}/withdraw")
@does(Action.ADD_EVIDENCE)
def withdraw_evidence(
    request: Request, who: Who, evidence_id: int, form: SentBy, now: Now
) -> Response:
    filled = Filled(texts(form))
    reason = filled.values.get("reason", "")[:MOST_LETTERS]
    if not reason:
        filled.add("reason", WITHDRAWAL_NEEDED)
    else:
        version = forms.whole(filled.values.get("version"))
        with forms.refused(filled, {}), who.database.write() as session:
            service.withdraw(session, who.principal, evidence_id, reason, version=version, now=now)
        if not filled.wrong:
            return _back(who, evidence_id, "withdrawn")
    return _step(request, who, evidence_id, "evidence_withdraw.html", filled)


def _form(request: Request, who: Visitor, reference: str, filled: Filled) -> Response:
    with who.database.read() as session:
        offer = get_offer(session, who.principal, reference)
        _, name = named(session, [offer.participant_id])[offer.participant_id]
        kinds = _kinds(session, who.principal, offer.participant_id)
    return page(
        request,
        "evidence_form.html",
        who,
        status=422 if filled.wrong else 200,
        offer=offer,
        name=name,
        kinds=kinds,
        ceiling=Weights().claim_ceiling,
        filled=filled,
        fields=EVIDENCE_FIELDS,
    )


def _kinds(session: ReadSession, principal: Principal, giver_id: int) -> list[EvidenceKind]:
    """What the visitor can add: whoever is no broker for the giver, its claims alone."""
    if service.may_add_of_others(session, principal, giver_id):
        return [kind for kind in EvidenceKind if kind in service.BY_HAND]
    return [EvidenceKind.CLAIM]


def _step(
    request: Request, who: Visitor, evidence_id: int, template: str, filled: Filled
) -> Response:
    with who.database.read() as session:
        found = queries.get_evidence(session, who.principal, evidence_id)
    return page(
        request,
        template,
        who,
        status=422 if filled.wrong else 200,
        evidence=found,
        back=_address(found["offer_reference"], found["giver_reference"]),
        filled=filled,
        fields=EVIDENCE_ANSWER_FIELDS,
    )


def _address(offer: str | None, giver: str) -> str:
    """Where evidence is shown: at its offer, or with all offers of its giver."""
    if offer is not None:
        return f"{BASE}/offers/{offer}#evidence"
    return f"{BASE}/offers?participant={giver.partition(':')[2]}"


def _back(who: Visitor, evidence_id: int, done: str) -> Response:
    with who.database.read() as session:
        found = queries.get_evidence(session, who.principal, evidence_id)
    if found["offer_reference"] is None:
        return RedirectResponse(_address(None, found["giver_reference"]), 303)
    return _to(found["offer_reference"], done)


def _to(reference: str, done: str) -> Response:
    return RedirectResponse(f"{BASE}/offers/{reference}?evidence={done}#evidence", 303)
