"""What came of solving again around one need: kept with the run, as it takes seconds to find."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.database import Database
from app.errors import NotFound
from app.exchange.queries import get_need
from app.explanations.refused import (
    RefusedOffer,
    Today,
    look_today,
    more_miles,
    nearest_refused,
)
from app.runs import queries
from models.matching import RunFile
from models.vocabulary import Reciprocity
from solver.explain.explained_json import (
    NO_CANDIDATES,
    ChangeById,
    Explained,
    LimitById,
    UnmetById,
    by_id,
    change_by_id,
)
from solver.explain.smallest_change import NeedExplained, explain_need
from solver.formats.json_columns import decode, encode
from solver.formats.plan import Plan
from solver.formats.problem import Problem

MOST_KEPT: Final = 500
"""Answers of one run; the oldest makes room."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a need is unmet and what would meet it, by ids.

    `loss` is what the plan would lose by meeting the need within its limits and `left_out` the
    needs that it would no longer meet; `impossible` says that this was proven not to be possible.
    `longer` says that no limit has to change. `whole`: nothing was left out of account.
    """

    unmet: UnmetById
    limits: tuple[LimitById, ...]
    loss: int | None = None
    left_out: tuple[str, ...] = ()
    impossible: bool = False
    whole: bool = True
    change: ChangeById | None = None
    confirmed: bool = False
    longer: bool = False
    gain: int | None = None
    moved: int | None = None
    nearest: tuple[RefusedOffer, ...] = ()
    """Offers that the rules of a pair refuse, of the day when this was asked first."""


KEPT: Final = TypeAdapter(dict[str, Answer])


def kept_answers(session: Session, run_id: int) -> dict[str, Answer]:
    """Answers that were found before, by need."""
    try:
        return KEPT.validate_python(decode(queries.file_of(session, run_id, "trials")))
    except (NotFound, ValidationError):
        return {}


def answer_of(
    database: Database,
    principal: Principal,
    run_id: int,
    need: str,
    cancelled: Callable[[], bool],
) -> Answer:
    """The answer kept, or one found now and kept; `need` is unmet in that run."""
    with database.read() as session:
        if (kept := kept_answers(session, run_id).get(need)) is not None:
            return kept
        problem = queries.problem_of(session, principal, run_id)
        plan = queries.plan_of(session, principal, run_id)
        run = queries.get_run(session, principal, run_id)
        today = look_today(session, principal, run, get_need(session, principal, need))
        answer = found(problem, plan, need, cancelled)
        if today is not None:
            answer = with_refused(answer, today, problem, plan, need)
    if not cancelled():
        # Whoever looks gets the answer, whether or not the database can take it just now.
        with suppress(OperationalError):
            _keep(database, run_id, need, answer)
    return answer


def found(problem: Problem, plan: Plan, need: str, cancelled: Callable[[], bool]) -> Answer:
    """Find the answer: bounded work that repeats."""
    at = problem.needs.id.index(need)
    if not (problem.candidates.need == at).any():
        return Answer(NO_CANDIDATES, ())
    made = explain_need(problem, plan, at, cancelled=cancelled)
    return as_answer(problem, by_id(problem, plan, made.rules), need, made)


def with_refused(answer: Answer, today: Today, problem: Problem, plan: Plan, need: str) -> Answer:
    """Add the nearest offers refused, and more miles where no other change is confirmed."""
    answer = replace(answer, nearest=nearest_refused(today))
    if answer.confirmed or problem.rules.reciprocity is Reciprocity.CLOSED_LOOPS:
        return answer
    tried = more_miles(today, problem, plan, need)
    if tried is None or (answer.change is not None and not tried[0].confirmed):
        return answer
    trial, subject = tried
    if trial.change is None:
        return answer
    return replace(
        answer,
        change=ChangeById(trial.change.kind, subject, trial.change.by),
        confirmed=trial.confirmed,
        gain=trial.gain,
        moved=trial.moved,
    )


def as_answer(problem: Problem, explained: Explained, need: str, made: NeedExplained) -> Answer:
    smallest, elsewhere = made.smallest, made.elsewhere
    change = smallest.change if smallest else None
    return Answer(
        explained.needs[need],
        explained.limits,
        elsewhere.loss,
        tuple(problem.needs.id[left] for left in elsewhere.needs_left_out),
        elsewhere.impossible,
        made.whole,
        None if change is None else change_by_id(problem, change),
        confirmed=bool(smallest and smallest.confirmed),
        longer=bool(smallest and smallest.confirmed and change is None),
        gain=smallest.gain if smallest else None,
        moved=smallest.moved if smallest else None,
    )


def _keep(database: Database, run_id: int, need: str, answer: Answer) -> None:
    with database.write() as session:
        answers = kept_answers(session, run_id)
        answers.pop(need, None)
        answers[need] = answer
        newest = dict(list(answers.items())[-MOST_KEPT:])
        content = encode(KEPT.dump_python(newest, mode="json"), gzipped=True)
        session.merge(RunFile(run_id=run_id, name="trials", content=content))
