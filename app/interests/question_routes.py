"""Who was asked to declare their interests, and what they answered, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import does
from app.access.names import named_one, with_names
from app.access.policy import Action, Principal
from app.database import ReadSession, WriteSession
from app.http.conditions import Known
from app.http.fields import Id
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.interests import questions
from app.interests.schemas import (
    OF_QUESTIONS,
    InterestQuestionAnswer,
    InterestQuestionQuery,
    InterestQuestions,
    InterestQuestionShown,
    NewInterestQuestion,
)

router = APIRouter(tags=["interests"])
QuestionId = Annotated[Id, Path(examples=[1])]


@router.get("/interest-questions", response_model=InterestQuestions, responses=AS_CSV)
@does(Action.READ)
def list_interest_questions(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[InterestQuestionQuery, Query()],
) -> Response:
    """List who was asked to declare their interests, and what they answered."""

    def read(limit: int | None) -> list[InterestQuestionShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = questions.list_questions(session, principal, **filters, limit=limit)
        return with_names(session, [InterestQuestionShown.of(row) for row in found], *OF_QUESTIONS)

    return listed(request, wanted, InterestQuestions, read, lambda one: one.id)


@router.post("/interest-questions", response_model=InterestQuestionShown, status_code=201)
@does(Action.DECLARE_INTEREST)
def ask_for_interests(
    request: Request, principal: Caller, session: Writes, body: NewInterestQuestion, key: Key
) -> Response:
    """Record that somebody was asked to declare their interests."""

    def create() -> Response:
        made = questions.ask(session, principal, body.participant, body.asked_role, body.asked_on)
        return _question(request, session, principal, made.id, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/interest-questions/{question_id}", response_model=InterestQuestionShown)
@does(Action.READ)
def get_interest_question(
    request: Request, principal: Caller, session: Reads, question_id: QuestionId
) -> Response:
    """Read one question about interests."""
    return _question(request, session, principal, question_id)


@router.post(
    "/interest-questions/{question_id}/answer",
    response_model=InterestQuestionShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.DECLARE_INTEREST)
def answer_interest_question(
    request: Request,
    principal: Caller,
    session: Writes,
    question_id: QuestionId,
    version: Known,
    body: InterestQuestionAnswer,
) -> Response:
    """Record what they answered: that they have none, or that they declared some."""
    questions.answer(
        session,
        principal,
        question_id,
        body.answer,
        body.answered_by,
        body.answered_on,
        version,
    )
    return _question(request, session, principal, question_id)


def _question(
    request: Request,
    session: ReadSession | WriteSession,
    principal: Principal,
    question_id: int,
    status: int = 200,
) -> Response:
    row = questions.get_question(session, principal, question_id)
    return shown(
        request,
        named_one(session, InterestQuestionShown.of(row), *OF_QUESTIONS),
        status=status,
        version=row["version"],
        location=place_of(request, question_id) if status == 201 else None,
    )
