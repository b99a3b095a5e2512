"""Requests for consent, answers and the two-heads sheet over HTTP."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads, Writes, database_of
from app.access.declared import does
from app.access.names import with_names
from app.access.policy import Action, Principal
from app.consent import answers, many, queries, reminders, service
from app.consent.printed import STYLE_POLICY, as_html, as_pdf
from app.consent.schemas import (
    AnswerSaved,
    AnswersSaved,
    NewAnswers,
    NewRelease,
    NewRequests,
    Requests,
    RequestShown,
    SheetShown,
)
from app.consent.sheet import sheet_of
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV, HTML, JSON, PDF, first_of
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, shown
from app.proposals.heard import Heard
from app.proposals.queries import get_proposal
from models.matching import Proposal
from models.vocabulary import Party, Reply, Side

router = APIRouter(tags=["consent"])
OneId = Annotated[Id, Path(examples=[1])]
AS_SHEET: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            HTML: {"schema": {"type": "string"}},
            PDF: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


def _requests(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    proposal_id: int,
) -> list[RequestShown]:
    settings = request.app.state.settings
    found = queries.requests_of(
        session, principal, proposal_id, settings.remind_hours, settings.remind_again_hours
    )
    return with_names(session, [RequestShown.of(each) for each in found], "asked_by")


@router.get("/proposals/{proposal_id}/requests", response_model=Requests, responses=AS_CSV)
@does(Action.READ)
def list_requests(
    request: Request, principal: Caller, session: Reads, proposal_id: OneId
) -> Response:
    """List who was asked about a proposal by a link, what they answered, and the next clock."""
    items = _requests(request, session, principal, proposal_id)
    columns = [name for name in RequestShown.model_fields if name != "choices"]
    return listed(request, None, Requests, lambda limit: items, lambda each: each.id, columns)


@router.post(
    "/proposals/{proposal_id}/requests",
    response_model=Requests,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def ask(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: NewRequests,
    key: Key,
    now: Now,
) -> Response:
    """Send both sides, and the head who releases the person, a single-use link by email.

    The home head is asked before the supporting organisation. Who was asked already and has not
    answered is not asked twice. The answer's `ETag` is the proposal's.
    """

    def create() -> Response:
        settings = request.app.state.settings
        service.ask(
            session,
            principal,
            proposal_id,
            body.whom(),
            version=version,
            answer_hours=settings.answer_hours,
            hold_days=settings.hold_days,
            now=now,
        )
        full = get_proposal(session, principal, proposal_id)
        items = _requests(request, session, principal, proposal_id)
        return shown(
            request,
            Requests.model_construct(items=items),
            status=201,
            version=full.proposal.version,
            location=request.url.path,
        )

    return once(request, session, principal.name, key, body, create)


@router.post(
    "/proposals/{proposal_id}/release",
    response_model=Requests,
    status_code=201,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.REVIEW)
def record_release(
    request: Request,
    principal: Caller,
    session: Writes,
    proposal_id: OneId,
    version: Known,
    body: NewRelease,
    key: Key,
    now: Now,
) -> Response:
    """Record what the head who releases the person told you, such as by telephone.

    Their open link is closed by it. A no declines the proposal for capacity.
    """

    def create() -> Response:
        answers.record_release(
            session,
            principal,
            proposal_id,
            body.says,
            body.heard(),
            body.note,
            version=version,
            hold_days=request.app.state.settings.hold_days,
            now=now,
        )
        full = get_proposal(session, principal, proposal_id)
        items = _requests(request, session, principal, proposal_id)
        return shown(
            request,
            Requests.model_construct(items=items),
            status=201,
            version=full.proposal.version,
        )

    return once(request, session, principal.name, key, body, create)


@router.post("/requests/{request_id}/reminder", response_model=RequestShown, status_code=201)
@does(Action.REVIEW)
def remind(
    request: Request, principal: Caller, session: Writes, request_id: OneId, key: Key, now: Now
) -> Response:
    """Remind whoever has not answered a link now. Each link has two reminders in all."""

    def create() -> Response:
        made = reminders.remind(session, principal, request_id, now=now)
        found = _requests(request, session, principal, made.proposal_id)
        return shown(request, next(each for each in found if each.id == request_id), status=201)

    return once(request, session, principal.name, key, b"", create)


@router.post("/requests/answers", response_model=AnswersSaved, status_code=201)
@does(Action.AGREE_FOR_TAKER, Action.AGREE_FOR_GIVER)
def answer_many(
    request: Request, principal: Caller, session: Writes, body: NewAnswers, key: Key, now: Now
) -> Response:
    """Save what sides say to many proposals: all or none.

    For a side that you speak for, leave out `said_on` and `channel`. Of what others told you, say
    when and how. Every answer that cannot be saved is named in `errors`. Open links of these sides
    are closed.
    """
    hold_days = request.app.state.settings.hold_days
    rows = [
        many.Row(
            each.proposal,
            Party(each.side.value),
            Reply(each.says.value),
            Heard(each.said_by, each.said_on, each.channel),
            each.reason,
            each.note,
        )
        for each in body.answers
    ]

    def create() -> Response:
        saved = many.save(session, principal, rows, hold_days=hold_days, now=now)
        items = [
            AnswerSaved(
                proposal=each.row.proposal_id,
                side=Side(each.row.party.value),
                says=each.row.says,
                agreement=each.agreement_id,
                state=session.get_one(Proposal, each.row.proposal_id).state,
            )
            for each in saved
        ]
        return shown(request, AnswersSaved.model_construct(items=items), status=201)

    try:
        return once(request, session, principal.name, key, body, create)
    except many.FaultyAnswers:
        # Given back first: on SQLite nobody else can try anything meanwhile.
        session.rollback()
        many.rehearse(database_of(request), principal, rows, hold_days=hold_days, now=now)
        raise


@router.get("/proposals/{proposal_id}/sheet", response_model=SheetShown, responses=AS_SHEET)
@does(Action.READ)
def get_sheet(
    request: Request, principal: Caller, session: Reads, proposal_id: OneId, now: Now
) -> Response:
    """Read the two-heads sheet of a proposal: as JSON, HTML that prints, or PDF."""
    sheet = sheet_of(session, principal, proposal_id, now.date())
    match first_of(request, [JSON, HTML, PDF]):
        case "text/html":
            headers = {"Content-Security-Policy": STYLE_POLICY}
            return Response(as_html(sheet), 200, headers, f"{HTML}; charset=utf-8")
        case "application/pdf":
            name = f'inline; filename="proposal-{proposal_id}.pdf"'
            return Response(as_pdf(sheet), 200, {"Content-Disposition": name}, PDF)
        case _:
            return shown(request, SheetShown.of(sheet))
