"""What one caller may ask of the machine: for a run, and for all that waits of theirs."""

from typing import Final

from sqlalchemy import select

from app.access.holders import hold
from app.access.persons import same_person
from app.access.policy import Action, Principal, authorise
from app.database import WriteSession
from app.errors import Problem
from app.planning.options import MatchOptions
from app.settings import Settings
from app.wording import counted, number
from models.matching import Run
from models.vocabulary import Operation, RunState
from solver.solve import DEFAULT_TIME_LIMIT_S

RAISE: Final = "ask your administrator to raise"


class BeyondLimit(Problem):
    """A run that would have more of the machine than any may."""

    status = 422
    title = "More than a run may have"


class TooManyQueued(Problem):
    """A caller whose runs fill the queue, so that they would wait for a day."""

    status = 429
    title = "Too many queued runs"


def require_within(options: MatchOptions, settings: Settings) -> None:
    """Raise `BeyondLimit` where a run, or an area of a batch, would have more than it may."""
    most = settings.run_minutes
    if (seconds := options.time_limit_s or 0) > most * 60:
        raise BeyondLimit(
            f"The time limit of {number(round(seconds))} seconds is longer than the "
            f"{counted(most, 'minute')} that a run may search. Ask for less, or {RAISE} "
            "GIVETAKE_RUN_MINUTES."
        )
    if options.workers > settings.run_workers:
        raise BeyondLimit(
            f"A run may use {counted(settings.run_workers, 'worker')}, not "
            f"{number(options.workers)}. Ask for fewer, or {RAISE} GIVETAKE_RUN_WORKERS."
        )


def require_room(
    session: WriteSession, principal: Principal, options: MatchOptions, settings: Settings
) -> None:
    """Raise `BeyondLimit` or `TooManyQueued` where one more run of the same person is too much.

    Runs of others do not count: those who wait take turns. Nor do those of batches, of which there
    may be few.
    """
    authorise(principal, Action.RUN)  # before anything is said of what there is to run
    require_within(options, settings)
    names = same_person(session, principal.name)
    hold(session, names)  # or two that come at once would both take the last place
    mine = select(Run.operation, Run.options).where(
        Run.state == RunState.QUEUED, Run.actor.in_(names), Run.batch_id.is_(None)
    )
    waiting = session.execute(mine).all()
    if len(waiting) >= settings.queued_runs:
        raise TooManyQueued(
            f"You have {counted(len(waiting), 'queued run')}, and the limit is "
            f"{number(settings.queued_runs)}. Wait until one has started, cancel one, or {RAISE} "
            "GIVETAKE_QUEUED_RUNS."
        )
    searches = [
        _seconds(MatchOptions.model_validate(each.options), settings)
        for each in waiting
        if each.operation == Operation.SOLVE
    ]
    total = sum(searches) + _seconds(options, settings)
    if searches and total > settings.queued_minutes * 60:
        raise TooManyQueued(
            f"With this one your queued runs may search for {counted(round(total / 60), 'minute')} "
            f"together, and the limit is {number(settings.queued_minutes)}. Wait until one has "
            f"started, cancel one, ask for less time, or {RAISE} GIVETAKE_QUEUED_MINUTES."
        )


def _seconds(options: MatchOptions, settings: Settings) -> float:
    """How long a run may search; one that is limited by work, as long as any may."""
    if options.time_limit_s is not None:
        return options.time_limit_s
    return DEFAULT_TIME_LIMIT_S if options.work is None else settings.run_minutes * 60
