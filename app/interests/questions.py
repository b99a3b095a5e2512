"""Asking participants to declare their interests, and what they answered: each by role and day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import RowMapping, Select, select
from sqlalchemy.orm import Session

from app.access.policy import Action, Principal, authorise
from app.access.scoped import authorise_for, authorise_on, outside, visible
from app.chunks import chunked
from app.database import ReadSession, WriteSession, database_now
from app.errors import Conflict, NotFound, Problem, require_version
from app.events import audit
from app.register.naming import reference_named
from app.wording import on_day
from models.interests import InterestQuestion
from models.register import Participant
from models.vocabulary import InterestAnswer

COUNTS_FOR: Final = timedelta(days=365)
"""How long before a match somebody may have been asked for it to count."""
_QUESTIONS: Final[Select[Any]] = select(
    InterestQuestion.__table__,
    Participant.reference.label("reference"),
    Participant.name.label("name"),
).join(Participant, Participant.id == InterestQuestion.participant_id)


class BadQuestion(Problem):
    """What is wrong with a question about interests, or its answer; `field` names which."""

    status = 422
    title = "Invalid question about interests"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


def ask(
    session: WriteSession, principal: Principal, participant: str, role: str, asked_on: date
) -> InterestQuestion:
    """Record that somebody was asked to declare the interests of a participant.

    Raises
    ------
    NotFound
        If there is no such participant, or the principal may not see it.
    BadQuestion
        If nobody was asked, or on a day that is yet to come.
    """
    authorise(principal, Action.DECLARE_INTEREST)
    now = database_now(session)
    reference = reference_named(session, participant)
    who = session.scalar(select(Participant.id).where(Participant.reference == reference))
    if who is None or outside(session, principal, Action.READ, [who]):
        raise NotFound(f"There is no participant {participant!r}. Check the URN or key.")
    authorise_for(session, principal, Action.DECLARE_INTEREST, [who])
    _check_role("asked_role", role)
    if asked_on > now.date():
        raise BadQuestion("asked_on", f"they cannot have been asked on {on_day(asked_on)} yet")
    made = InterestQuestion(
        participant_id=who,
        asked_role=role,
        asked_on=asked_on,
        asked_by=principal.name,
        recorded_at=now,
    )
    session.add(made)
    session.flush()
    _record(session, principal, made, "asked")
    return made


def answer(
    session: WriteSession,
    principal: Principal,
    question_id: int,
    said: InterestAnswer,
    role: str,
    answered_on: date,
    version: int | None = None,
) -> InterestQuestion:
    """Record what they answered; the same again changes nothing.

    Raises
    ------
    NotFound, Stale
        If there is no such question, or it is no longer at `version`.
    Conflict
        If it was answered otherwise: ask again, and record that answer.
    BadQuestion
        If nobody answered, or before they were asked, or on a day that is yet to come.
    """
    authorise(principal, Action.DECLARE_INTEREST)
    seen = visible(principal, Action.READ, InterestQuestion)
    query = select(InterestQuestion).where(InterestQuestion.id == question_id, seen)
    found = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if found is None:
        raise NotFound(f"There is no question about interests {question_id}. Check the number.")
    authorise_on(session, principal, Action.DECLARE_INTEREST, found)
    same = (said.value, role, answered_on)
    if found.answer is not None and same == (found.answer, found.answered_by, found.answered_on):
        return found
    require_version(found.version, version, f"Question about interests {question_id}")
    if found.answer is not None:
        raise Conflict(
            f"It was answered on {on_day(found.answered_on)}. Record that they were asked again, "
            "and then their new answer."
        )
    now = database_now(session)
    _check_role("answered_by", role)
    if not found.asked_on <= answered_on <= now.date():
        raise BadQuestion(
            "answered_on",
            f"they cannot have answered on {on_day(answered_on)}: enter a day from "
            f"{on_day(found.asked_on)} to today",
        )
    found.answer, found.answered_by, found.answered_on = said.value, role, answered_on
    found.answer_recorded_by, found.answer_recorded_at = principal.name, now
    found.version += 1
    session.flush()
    _record(session, principal, found, "answered")
    return found


def list_questions(
    session: ReadSession,
    principal: Principal,
    *,
    participant: str | None = None,
    answered: bool | None = None,
    after: int = 0,
    limit: int | None = 100,
) -> Sequence[RowMapping]:
    """A page of questions by number."""
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, InterestQuestion)
    query = _QUESTIONS.where(InterestQuestion.id > after, seen)
    if participant is not None:
        query = query.where(Participant.reference == reference_named(session, participant))
    if answered is not None:
        is_open = InterestQuestion.answer.is_(None)
        query = query.where(~is_open if answered else is_open)
    return session.execute(query.order_by(InterestQuestion.id).limit(limit)).mappings().all()


def get_question(
    session: ReadSession | WriteSession, principal: Principal, question_id: int
) -> RowMapping:
    authorise(principal, Action.READ)
    seen = visible(principal, Action.READ, InterestQuestion)
    query = _QUESTIONS.where(InterestQuestion.id == question_id, seen)
    found = session.execute(query).mappings().first()
    if found is None:
        raise NotFound(f"There is no question about interests {question_id}. Check the number.")
    return found


@dataclass(frozen=True, slots=True)
class Question:
    """That a participant was asked, and what it answered."""

    asked_on: date
    answer: InterestAnswer | None
    answered_on: date | None


def questions_to(
    session: Session, participants: Collection[int], first: date, last: date
) -> dict[int, list[Question]]:
    """What each was asked from a year before `first` until `last`, in order.

    Of whoever may be seen: nobody is asked for here.
    """
    found: dict[int, list[Question]] = {who: [] for who in participants}
    for ids in chunked(sorted(found)):
        query = select(InterestQuestion).where(
            InterestQuestion.participant_id.in_(ids),
            InterestQuestion.asked_on.between(first - COUNTS_FOR, last),
        )
        for each in session.scalars(query.order_by(InterestQuestion.asked_on, InterestQuestion.id)):
            said = None if each.answer is None else InterestAnswer(each.answer)
            found[each.participant_id].append(Question(each.asked_on, said, each.answered_on))
    return found


def _check_role(field: str, role: str) -> None:
    if not role.strip():
        raise BadQuestion(field, "enter a role, like headteacher, and never a name")


def _record(
    session: WriteSession, principal: Principal, question: InterestQuestion, what: str
) -> None:
    audit.record(
        session,
        actor=principal.name,
        action=f"interest.{what}",
        subject=f"interest-question:{question.id}",
        of=question,
        participant=question.participant_id,
        answer=question.answer,
    )
