"""When a proposal ends without an agreement, its need's next alternate is offered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import CLOCK, WORKER
from app.database import Database, ReadSession, WriteSession, database_now
from app.errors import Problem
from app.events import audit
from app.log import about_run
from app.planning.build import Built, build
from app.planning.load import load
from app.planning.options import MatchOptions
from app.planning.pair_constraints import only_known
from app.planning.proposal_rows import proposal_rows
from app.planning.scope import takers_of
from app.planning.travel import travel_times
from app.proposals.decisions import lapse
from app.proposals.states import LAPSING
from models.matching import Alternate, Proposal, Run
from models.vocabulary import ProposalState, SteeringKind
from solver.arrays import IntArray
from solver.check.verify import Violation, verify
from solver.formats.plan import Plan, Status, Stopped
from solver.formats.tables import frozen

OF_GIVERS = frozenset({"offer pairings", "offer days", "most given", "give limit"})
"""Rules about what givers have; what is only proposed takes none of it away."""
OF_THE_FIGURES = frozenset({"objective", "bound", "gap", "status"})
"""What `verify` says of a plan file's own claims; a proposal makes none."""

log = structlog.get_logger()


def keep_up(
    database: Database,
    travel_source: str | None,
    now: datetime | None = None,
    *,
    expire: bool = True,
) -> int:
    """Lapse what nobody answered, offer alternates, and return how many were offered.

    Without `expire` nothing lapses: a hold that ended by a wrong clock would be gone for good.
    Finding and checking candidates anew is costly and done outside any transaction.
    """
    with database.read() as session:
        now = now or database_now(session)
        if not _is_anything_due(session, now):
            return 0
    if expire:
        with database.write() as session:
            lapse(session, now)
    with database.read() as session:
        runs = session.scalars(
            select(Proposal.run_id).where(Proposal.alternate_due).distinct()
        ).all()
    return sum(_offer(database, run_id, travel_source, now) for run_id in sorted(runs))


def _is_anything_due(session: Session, now: datetime) -> bool:
    lapsing = Proposal.state.in_(LAPSING) & (Proposal.held_until <= now)
    return any(
        session.scalar(select(Proposal.id).where(due).limit(1)) is not None
        for due in (Proposal.alternate_due, lapsing)
    )


@dataclass(frozen=True, slots=True)
class _Due:
    """The ended proposals of a run that wait for a successor, and what there is to choose from."""

    need_of: dict[int, int]
    """Need by ended proposal."""
    alternates: dict[int, list[int]]
    """Offers by need, the best first, without those proposed for it already."""
    proposed: set[tuple[int, int]]
    """Need and offer of every proposal of the run, whatever became of it."""
    standing: list[tuple[int, int, int]]
    """Offer, need and half-days of the run's proposals that nobody decided on."""


def _due(session: Session, run_id: int) -> _Due:
    of_run = session.scalars(
        select(Proposal).where(Proposal.run_id == run_id).order_by(Proposal.id)
    ).all()
    need_of = {each.id: each.need_id for each in of_run if each.alternate_due}
    proposed = {(each.need_id, each.offer_id) for each in of_run}
    alternates: dict[int, list[int]] = {}
    for need_id, offer_id in session.execute(
        select(Alternate.need_id, Alternate.offer_id)
        .where(Alternate.run_id == run_id, Alternate.need_id.in_(need_of.values()))
        .order_by(Alternate.need_id, Alternate.rank)
    ):
        if (need_id, offer_id) not in proposed:
            alternates.setdefault(need_id, []).append(offer_id)
    standing = [
        (each.offer_id, each.need_id, each.half_days)
        for each in of_run
        if each.state == ProposalState.PROPOSED
    ]
    return _Due(need_of, alternates, proposed, standing)


def _offer(database: Database, run_id: int, travel_source: str | None, now: datetime) -> int:
    """Offer the next alternate of every need of a run that waits for one."""
    with database.read() as session:
        run = session.get_one(Run, run_id)
        due = _due(session, run_id)
        with about_run(run.id, run.request_id):
            built = _build(session, run, travel_source, now) if due.need_of else None
        rows = _successors(run_id, due, built) if built else {}
    with database.write() as session:
        return _write(session, list(due.need_of), rows)


def _build(
    session: ReadSession, run: Run, travel_source: str | None, now: datetime
) -> Built | None:
    """The run's problem as of now, with everything that is held taken off; none if there is none.

    Pins are for runs: an alternate takes nobody's place.
    """
    options = MatchOptions.model_validate(run.options).model_copy(update={"pins": ()})
    try:
        takers = takers_of(session, WORKER, run.scope, now.date())
        loaded = load(session, WORKER, takers.participant_ids, run.period_code, now.date(), now=now)
        exclusions = [each for each in loaded.steering if each.kind == SteeringKind.EXCLUSION]
        loaded = replace(loaded, steering=exclusions)
        return build(loaded, only_known(options, loaded), travel_times(travel_source))
    except Problem as problem:
        log.info("run.alternatives_unavailable", problem=type(problem).__name__)
        return None


def _successors(run_id: int, due: _Due, built: Built) -> dict[int, dict[str, Any]]:
    """A row of the proposal that follows each ended one, as far as the rules allow one."""
    of_need: dict[int, list[int]] = {}
    position = {}
    wanted = set(due.need_of.values())
    excluded = set(built.problem.positions(built.problem.exclusions).tolist())
    for k, (offer, need) in enumerate(
        zip(built.candidates.offer.tolist(), built.candidates.need.tolist(), strict=True)
    ):
        offer_id, need_id = built.loaded.offers[offer].id, built.loaded.needs[need].id
        position[offer_id, need_id] = k
        if need_id in wanted and k not in excluded and (need_id, offer_id) not in due.proposed:
            of_need.setdefault(need_id, []).append(k)
    standing = {
        position[offer_id, need_id]: half_days
        for offer_id, need_id, half_days in due.standing
        if (offer_id, need_id) in position
    }
    rows = {}
    for proposal_id, need_id in due.need_of.items():
        rank = {offer_id: place for place, offer_id in enumerate(due.alternates.get(need_id, []))}
        choices = [
            (
                rank.get(built.loaded.offers[built.candidates.offer[k]].id, len(rank)),
                -int(built.problem.candidates.points[k]),
                k,
            )
            for k in of_need.get(need_id, [])
        ]
        ordered = [k for _, _, k in sorted(choices)]
        chosen = _first_that_fits(built, standing, ordered)
        if chosen is not None:
            k, half_days = chosen
            standing[k] = half_days
            [rows[proposal_id]] = proposal_rows(run_id, built, np.array([k]), np.array([half_days]))
    return rows


def _first_that_fits(
    built: Built, standing: dict[int, int], ordered: Sequence[int]
) -> tuple[int, int] | None:
    """The first candidate that fits beside the run's standing proposals, else against them.

    What is only proposed holds nothing: where every giver is proposed to somebody, the best
    alternate competes with that proposal, and who is preferred first has the days.
    """
    before = _violations(built, standing)
    for forgiven in (frozenset[str](), OF_GIVERS):
        for k in ordered:
            for half_days in _half_days(built, {} if forgiven else standing, k):
                added = _violations(built, standing | {k: half_days}) - before
                if any(each.rule not in forgiven for each in added):
                    continue
                alone = _violations(built, {k: half_days}) if forgiven else set()
                if not any(each.rule in OF_GIVERS for each in alone):
                    return k, half_days
    return None


def _half_days(built: Built, standing: dict[int, int], k: int) -> list[int]:
    """The most half-days that the giver has beside these proposals, and the fewest useful."""
    problem = built.problem
    offer, need = problem.candidates.offer[k], problem.candidates.need[k]
    givers = problem.giver
    giver = givers[k]
    given = {each: days for each, days in standing.items() if givers[each] == giver}
    of_offer = sum(days for each, days in given.items() if problem.candidates.offer[each] == offer)
    most = min(
        int(problem.needs.days[need]),
        int(problem.offers.days[offer]) - of_offer,
        int(problem.participants.give_limit[giver]) - sum(given.values()),
    )
    least = int(problem.needs.days_min[need])
    return sorted({most, least}, reverse=True) if most >= least else []


def _violations(built: Built, plan: dict[int, int]) -> set[Violation]:
    chosen: IntArray = np.array(sorted(plan), np.int64)
    candidates = built.problem.candidates
    made = Plan(
        Status.FEASIBLE,
        Stopped.WORK,
        offer=frozen(candidates.offer[chosen], np.int64),
        need=frozen(candidates.need[chosen], np.int64),
        half_days=frozen([plan[k] for k in chosen.tolist()], np.int64),
    )
    return {each for each in verify(built.problem, made) if each.rule not in OF_THE_FIGURES}


def _write(session: WriteSession, ended: Sequence[int], rows: dict[int, dict[str, Any]]) -> int:
    """Write the successors of proposals that still wait for one; the others wait no more."""
    waiting = session.scalars(
        select(Proposal)
        .where(Proposal.id.in_(ended), Proposal.alternate_due)
        .order_by(Proposal.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    offered = 0
    for before in waiting:
        before.alternate_due = False
        if (row := rows.get(before.id)) is None:
            continue
        successor = Proposal(**row, follows_id=before.id)
        session.add(successor)
        session.flush()
        audit.record(
            session,
            actor=CLOCK.name,
            action="proposal.offered",
            subject=f"proposal:{successor.id}",
            of=successor,
            follows=before.id,
        )
        offered += 1
    return offered
