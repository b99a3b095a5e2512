"""The difference of two plans of one period: what is kept, changed, ended, new and unmet."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.access.policy import Principal
from app.errors import NotFound, Problem
from app.planning.scope import run_ids
from app.runs import queries
from app.runs.diff_causes import Between, Came
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.register import Participant
from models.vocabulary import HOLDING, RunState
from solver.formats.json_columns import decode
from solver.formats.problem import Problem as SolverProblem
from solver.formats.problem_json import problem_from_json

GIVER = aliased(Participant)


class OtherPeriods(Problem):
    """Two runs whose plans have nothing to do with each other."""

    status = 422
    title = "Runs of different periods"


class Change(StrEnum):
    """What became of the support for a need."""

    CHANGED = "changed"
    """Another supporting organisation."""
    UNMET = "unmet"
    """The newer plan meets it no more."""
    ENDED = "ended"
    """The newer run did not plan it: it was met, closed, or is not in its area."""
    NEW = "new"
    KEPT = "kept"
    """The same supporting organisation, or held by somebody's decision."""


class Support(NamedTuple):
    """A pairing of one plan."""

    proposal: Proposal
    offered: Offer
    giver: Participant

    @property
    def offer(self) -> str:
        return self.offered.reference

    @property
    def half_days(self) -> int:
        return self.proposal.half_days

    @property
    def points(self) -> int:
        """What it adds to the plan."""
        return self.proposal.total_points

    @property
    def is_held(self) -> bool:
        """Whether the newer run planned around it; preferred after it was replaced, it did not."""
        return self.proposal.state in HOLDING and self.proposal.replaced_by_run_id is None


@dataclass(frozen=True, slots=True)
class Line:
    """One pairing of a need in one plan, and what is in its place in the other."""

    change: Change
    need: str
    expertise: str
    taker: Participant
    before: Support | None
    after: Support | None
    came: Came | None
    """Why they differ; none where they do not, or there is nothing to compare with."""

    @property
    def points(self) -> int:
        """Points that the newer plan has more for it."""
        return (self.after.points if self.after else 0) - (self.before.points if self.before else 0)


@dataclass(frozen=True, slots=True)
class Diff:
    """Two plans; `before` is none where there was no earlier run: all is new then."""

    before: Run | None
    after: Run
    lines: Sequence[Line]
    """What changed first, by name of the school."""

    def count(self, change: Change) -> int:
        return sum(line.change is change for line in self.lines)

    @property
    def points(self) -> int:
        """Points that the newer plan has more."""
        return sum(line.points for line in self.lines)

    @property
    def people(self) -> int:
        """Schools and organisations whose support differs."""
        return people_in(self.lines)


def people_in(lines: Iterable[Line]) -> int:
    """How many schools and organisations have other support by what is not kept."""
    sides = (
        side
        for line in lines
        if line.change is not Change.KEPT
        for side in (
            line.taker.id,
            line.before and line.before.giver.id,
            line.after and line.after.giver.id,
        )
    )
    return len({each for each in sides if each is not None})


def diff(
    session: Session, principal: Principal, run_id: int, from_run_id: int | None = None
) -> Diff:
    """Compare the plan of a run with that of another, by default the one before it.

    Raises
    ------
    NotFound
        If there is no such run, or it has no plan.
    OtherPeriods
        If they plan different periods.
    """
    after = _planned(session, principal, run_id)
    if from_run_id is None:
        earlier = (Run.id < run_id, Run.state == RunState.SOLVED)
        ids = run_ids(session, after.scope, after.period_code, *earlier)
        from_run_id = ids[0] if ids else None
    before = None if from_run_id is None else _planned(session, principal, from_run_id)
    if before is not None and before.period_code != after.period_code:
        raise OtherPeriods(
            f"Run {before.id} plans {before.period_code} and run {after.id} plans "
            f"{after.period_code}. Compare two runs of the same period."
        )
    needs, old = _plan(session, before.id) if before else ({}, {})
    more, new = _plan(session, after.id)
    problem = _problem(session, after)
    between = None
    if before is not None:
        since = before.created_at.date()
        free = after.options.get("free", ())
        between = Between(_problem(session, before), problem, free, since)
    asked = set(problem.needs.id)
    lines = [
        _line(between, change, (needs | more)[reference], was, now)
        for reference in {**old, **new}
        for change, was, now in _of_need(
            old.get(reference, {}), new.get(reference, {}), planned=reference in asked
        )
    ]
    order = list(Change)
    lines.sort(key=lambda line: (order.index(line.change), line.taker.name, line.need))
    return Diff(before, after, lines)


def _line(
    between: Between | None,
    change: Change,
    asked: tuple[Need, Participant],
    before: Support | None,
    after: Support | None,
) -> Line:
    need, taker = asked
    came = None
    if between is not None and change is not Change.KEPT:
        if before is not None:
            came = between.ended(need, before.offered, before.proposal)
        elif after is not None:
            came = between.begun(need, after.offered)
    return Line(change, need.reference, need.expertise_code, taker, before, after, came)


def _problem(session: Session, run: Run) -> SolverProblem:
    return problem_from_json(decode(queries.file_of(session, run.id, "problem")))


def _planned(session: Session, principal: Principal, run_id: int) -> Run:
    run = queries.get_run(session, principal, run_id, whole=True)
    if run.state != RunState.SOLVED:
        raise NotFound(f"Run {run_id} has no plan to compare. Choose a run that is planned.")
    return run


Needs = dict[str, tuple[Need, Participant]]
"""Each need and its school."""
Plan = dict[str, dict[str, Support]]
"""Pairings by need and offer."""


def _plan(session: Session, run_id: int) -> tuple[Needs, Plan]:
    # What was offered later, in place of what ended, is no part of the plan.
    query = (
        select(Proposal, Need, Participant, Offer, GIVER)
        .join(Need, Need.id == Proposal.need_id)
        .join(Participant, Participant.id == Need.participant_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        .join(GIVER, GIVER.id == Offer.participant_id)
        .where(Proposal.run_id == run_id, Proposal.follows_id.is_(None))
        .order_by(Proposal.id)
    )
    needs: Needs = {}
    plan: Plan = defaultdict(dict)
    for proposal, need, taker, offer, giver in session.execute(query):
        needs[need.reference] = need, taker
        plan[need.reference][offer.reference] = Support(proposal, offer, giver)
    return needs, dict(plan)


def _of_need(
    old: dict[str, Support], new: dict[str, Support], *, planned: bool
) -> list[tuple[Change, Support | None, Support | None]]:
    """What became of one need; several supporting organisations change one by one."""
    found: list[tuple[Change, Support | None, Support | None]] = []
    for offer, was in old.items():
        if offer in new:
            found.append((Change.KEPT, was, new[offer]))
        elif was.is_held:
            found.append((Change.KEPT, was, was))
    gone = [was for offer, was in old.items() if offer not in new and not was.is_held]
    come = [now for offer, now in new.items() if offer not in old]
    both = min(len(gone), len(come))
    found += [(Change.CHANGED, *pair) for pair in zip(gone[:both], come[:both], strict=True)]
    lost = Change.UNMET if planned else Change.ENDED
    found += [(lost, was, None) for was in gone[both:]]
    return found + [(Change.NEW, None, now) for now in come[both:]]
