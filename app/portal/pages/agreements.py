"""What both sides respond to a proposal, recorded one side at a time."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BeforeValidator, StringConstraints
from starlette.responses import RedirectResponse, Response

from app.access.callers import Now
from app.access.declared import does
from app.access.policy import Action, authorise
from app.access.scoped import authorise_on, speaks_for
from app.errors import Forbidden, NotFound, Problem
from app.files.csv_reading import Date, RowModel, Text, clean_text
from app.portal import forms
from app.portal.forms import Field, Filled
from app.portal.labels import CONSENT_FIELDS, RESPONSE_FIELDS
from app.portal.pages.institutions import expertise_names
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals import agreements, decisions, publication, queries
from app.proposals.heard import OF_SIDE, Heard, NotHeard
from app.wording import capital
from models.vocabulary import Channel, DeclineReason, Says, Side

router = APIRouter()


class Word(RowModel):
    """Who of a side said something, when and how, as forms ask for it."""

    said_by: Annotated[str, StringConstraints(max_length=100), BeforeValidator(clean_text)]
    said_on: Date | None = None
    channel: Channel | None = None

    @property
    def heard(self) -> Heard:
        return Heard(self.said_by, self.said_on, self.channel)


class Answer(Word):
    """One side's answer as its form asks for it."""

    says: Literal[Says.YES, Says.NO]
    reason: DeclineReason | None = None
    note: Text | None = None


def _side(name: str) -> Side:
    if name not in list(Side):
        raise NotFound("a proposal has two sides: taker and giver")
    return Side(name)


@router.get("/proposals/{proposal_id:id}/agreements/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def ask(request: Request, who: Who, proposal_id: int, side: str) -> Response:
    return _form(request, who, proposal_id, _side(side), Filled())


@router.post("/proposals/{proposal_id:id}/agreements/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def record(
    request: Request, who: Who, proposal_id: int, side: str, form: SentBy, now: Now
) -> Response:
    given = texts(form)
    of = _side(side)
    if given.get("says") == Says.YES:
        # Without JavaScript the fields of a no are there too; a yes has neither.
        given |= {"reason": "", "note": ""}
    filled = Filled(given)
    answer = forms.read(Answer, filled, RESPONSE_FIELDS)
    if answer is not None and answer.says is Says.NO and answer.reason is None:
        filled.add("reason", RESPONSE_FIELDS["reason"].enter)
    elif answer is not None:
        with refusal_in(filled, RESPONSE_FIELDS), who.database.write() as session:
            agreements.agree(
                session,
                who.principal,
                proposal_id,
                of,
                answer.says,
                answer.heard,
                decisions.Said(answer.reason, answer.note),
                version=forms.whole(given.get("version")),
                hold_days=request.app.state.settings.hold_days,
                now=now,
            )
    if filled.wrong:
        return _form(request, who, proposal_id, of, filled, status=422)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?said={of}", 303)


@contextmanager
def refusal_in(filled: Filled, fields: Mapping[str, Field]) -> Iterator[None]:
    """Put why something was refused into the form, at its field where it has one."""
    try:
        yield
    except (NotFound, Forbidden):
        raise
    except NotHeard as wrong:
        given = filled.values.get(wrong.field)
        filled.add(wrong.field, capital(wrong.detail) if given else fields[wrong.field].enter)
    except Problem as problem:
        filled.general.append(capital(problem.detail))


@router.get("/proposals/{proposal_id:id}/publication/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def ask_consent(request: Request, who: Who, proposal_id: int, side: str) -> Response:
    return _form(request, who, proposal_id, _side(side), Filled(), template="consent.html")


@router.post("/proposals/{proposal_id:id}/publication/{side}")
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def publish(
    request: Request, who: Who, proposal_id: int, side: str, form: SentBy, now: Now
) -> Response:
    """A side's consent to show the pairing to anybody, or that it is taken back."""
    given = texts(form)
    of = _side(side)
    if given.get("withdraw"):
        with who.database.write() as session:
            publication.withdraw(session, who.principal, proposal_id, of, now=now)
        return RedirectResponse(f"{BASE}/proposals/{proposal_id}?unpublished={of}", 303)
    filled = Filled(given)
    word = forms.read(Word, filled, CONSENT_FIELDS)
    if word is not None:
        with refusal_in(filled, CONSENT_FIELDS), who.database.write() as session:
            publication.consent(session, who.principal, proposal_id, of, word.heard, now=now)
    if filled.wrong:
        return _form(request, who, proposal_id, of, filled, template="consent.html", status=422)
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?published={of}", 303)


def _form(
    request: Request,
    who: Visitor,
    proposal_id: int,
    side: Side,
    filled: Filled,
    *,
    template: str = "agree.html",
    status: int = 200,
) -> Response:
    authorise(who.principal, OF_SIDE[side])
    with who.database.read() as session:
        full = queries.get_proposal(session, who.principal, proposal_id)
        authorise_on(session, who.principal, OF_SIDE[side], full.proposal)
        consents = template == "consent.html"
        kept_apart = (
            publication.why_kept_apart(session, who.principal, proposal_id, side)
            if consents
            else None
        )
        own = speaks_for(session, who.principal, OF_SIDE[side], full.proposal)
        fields = CONSENT_FIELDS if consents else RESPONSE_FIELDS
        if filled.wrong and not own:
            # All that is missing at once; `check_heard` alone would tell it one by one.
            for name in ("channel", "said_on"):
                if not filled.values.get(name):
                    filled.add(name, fields[name].enter)
        return page(
            request,
            template,
            who,
            status=status,
            full=full,
            own=own,
            side=side,
            of=full.taker if side is Side.TAKER else full.giver,
            filled=filled,
            expertise=expertise_names(session, who),
            fields=fields,
            kept_apart=kept_apart,
        )
