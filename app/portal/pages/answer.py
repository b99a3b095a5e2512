"""The page that a link opens: the sheet, and a form that takes one answer. Nobody signs in for it.

Opening it uses nothing up: programs that check emails open links, too.
"""

import hmac
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now, database_of
from app.access.declared import public
from app.access.policy import Link, Principal
from app.access.secret import signing_secret
from app.consent import answers
from app.consent.answers import SIDE_OF, Answer, BadAnswer
from app.consent.links import NoSuchLink, proof_of_form, request_of, token_of
from app.consent.printed import as_pdf
from app.consent.queries import Offered, of_what_was_chosen, offered
from app.consent.service import AlreadyClosed
from app.consent.sheet import sheet_of
from app.consent.wording import opens_nothing, why_closed
from app.database import Database, ReadSession
from app.errors import Problem
from app.files.csv_reading import clean_text
from app.http.attempts import Attempts, address_of
from app.portal import forms
from app.portal.forms import Filled
from app.portal.labels import AFTER_ANSWER, ANSWER_FIELDS, LABELS, NOTHING_FOLLOWS
from app.portal.pages.consent import pdf_page
from app.portal.rendering import page
from app.portal.sessions import BASE, NotOurForm, Sent, texts
from app.proposals.states import LAPSING
from app.wording import at_moment, capital, distance
from models.consent import ConsentRequest
from models.matching import Proposal
from models.vocabulary import (
    HOLDING,
    DeclineReason,
    Party,
    ProposalState,
    Reply,
    days_text,
)

router = APIRouter()
MOST_LETTERS = 300


@router.get("/answer/{token}")
@public
def show(request: Request, token: str, now: Now) -> Response:
    """What is asked, and what was answered."""
    database = database_of(request)
    found = _found(request, database, token)
    with database.read() as session:
        return _page(request, session, found, token, Filled(), now)


@router.get("/answer/{token}/sheet")
@public
def sheet(request: Request, token: str, now: Now) -> Response:
    """The sheet as PDF, for whoever holds the link."""
    database = database_of(request)
    found = _found(request, database, token)
    with database.read() as session:
        found = of_what_was_chosen(session, found)
        if opens_nothing(found):
            raise AlreadyClosed(why_closed(found, now) or "")
        made = sheet_of(session, _holder(found), found.proposal_id, now.date())
    return pdf_page(f"proposal-{found.proposal_id}", as_pdf(made))


@router.post("/answer/{token}")
@public
async def answer(request: Request, token: str, form: Sent, now: Now) -> Response:
    """Take the one answer."""
    return await run_in_threadpool(_take, request, token, form, now)


def _take(request: Request, token: str, form: FormData, now: Any) -> Response:
    database = database_of(request)
    found = _found(request, database, token)
    given = texts(form)
    proof = proof_of_form(found, _secret(request))
    if not hmac.compare_digest(given.get("token", "").encode(), proof.encode()):
        raise NotOurForm(
            "the form was not sent from the page that your link opens; open the link and try again"
        )
    filled = Filled(given)
    answered = _answer(filled)
    if answered is not None:
        try:
            with database.write() as session:
                answers.answer(
                    session,
                    found.id,
                    answered,
                    hold_days=request.app.state.settings.hold_days,
                    now=now,
                )
        except AlreadyClosed:
            pass  # the page says why, and what to do
        except BadAnswer as bad:
            filled.add(bad.field, capital(bad.detail.removesuffix(".")))
        except Problem as problem:
            filled.general.append(capital(problem.detail))
    if filled.wrong:
        with database.read() as session:
            return _page(request, session, found, token, filled, now, status=422)
    return RedirectResponse(f"{BASE}/answer/{token}?sent=1", 303)


def _answer(filled: Filled) -> Answer | None:
    """What was typed; none where something is missing, which the form then says."""
    given = filled.values
    for name in ("role", "note"):
        try:
            given[name] = str(clean_text(given.get(name, "")))
        except ValueError as wrong:
            filled.add(name, f"{ANSWER_FIELDS[name].name} {str(wrong).removesuffix('.')}")
            given[name] = ""
    says = given.get("says", "")
    if says not in list(Reply):
        filled.add("says", ANSWER_FIELDS["says"].enter)
    if not given["role"]:
        filled.add("role", ANSWER_FIELDS["role"].enter)
    for name, most in (("role", 100), ("note", MOST_LETTERS)):
        if len(given.get(name, "")) > most:
            filled.add(name, f"{ANSWER_FIELDS[name].name} must be {most} characters or fewer")
    if filled.wrong:
        return None
    reason = given.get("reason", "")
    return Answer(
        Reply(says),
        given["role"],
        DeclineReason(reason) if reason in list(DeclineReason) else None,
        given.get("note") or None,
        forms.whole(given.get("chosen")),
    )


def _found(request: Request, database: Database, token: str) -> ConsentRequest:
    """The request of a link; guesses are slowed down and stopped, like keys that open nothing."""
    try:
        with database.read() as session:
            return request_of(session, token, _secret(request))
    except NoSuchLink:
        Attempts(database).take(address_of(request))
        raise


def _secret(request: Request) -> str:
    return signing_secret(request.app.state.settings)


def _holder(found: ConsentRequest) -> Principal:
    side = SIDE_OF.get(Party(found.party))
    return Principal(f"link:{found.id}", frozenset(), link=Link(found.proposal_id, side))


def _page(
    request: Request,
    session: ReadSession,
    found: ConsentRequest,
    token: str,
    filled: Filled,
    now: Any,
    *,
    status: int = 200,
) -> Response:
    found = session.get_one(ConsentRequest, found.id, populate_existing=True)
    counts = of_what_was_chosen(session, found)
    closed = why_closed(counts, now)
    choice = offered(session, found)
    chosen = [each.giver.name for each in choice if each.proposal.id == found.chosen_id]
    if not filled.values.get("role"):
        filled.values["role"] = found.role
    response = page(
        request,
        "answer.html",
        None,
        status=status,
        asked=found,
        party=Party(found.party),
        sheet=None
        if opens_nothing(counts)
        else sheet_of(session, _holder(counts), counts.proposal_id, now.date()),
        closed=closed,
        sent=bool(request.query_params.get("sent")),
        thanks=counts.state in list(Reply) and counts.voided_at is None,
        chosen=chosen[0] if chosen else None,
        after=_after(session, counts),
        address=f"{request.scope['root_path']}/answer/{token_of(found, _secret(request))}",
        proof=proof_of_form(found, _secret(request)),
        choices_offered=[_choice(each, found) for each in choice],
        filled=filled,
        fields=ANSWER_FIELDS,
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _choice(each: Offered, found: ConsentRequest) -> tuple[int, str, str]:
    """One of those that the school may pick from."""
    first = " (suggested)" if each.proposal.id == found.proposal_id else ""
    facts = days_text(each.proposal.half_days)
    if each.proposal.distance_m is not None:
        facts += f", {distance(each.proposal.distance_m)} away"
    return each.proposal.id, f"{each.giver.name}{first}", facts


def _after(session: ReadSession, found: ConsentRequest) -> str:
    """What follows from an answer, as its proposal stands now."""
    if found.state not in list(Reply):
        return ""
    proposal = session.get_one(Proposal, found.chosen_id or found.proposal_id)
    if found.state == Reply.NO or proposal.state in HOLDING:
        held = ""
        if found.state == Reply.TALK_FIRST and proposal.state in LAPSING and proposal.held_until:
            held = f" The days stay held until {at_moment(proposal.held_until)}."
        return AFTER_ANSWER[Reply(found.state)] + held
    state = LABELS[ProposalState][ProposalState(proposal.state)].lower()
    return f"The proposal is now {state}. {NOTHING_FOLLOWS}"
