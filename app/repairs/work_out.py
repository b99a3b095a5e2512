"""Repairs of a pairing that broke: worked out from the rows of one moment, and kept to be taken."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.access.policy import WORKER, Action, Principal, authorise
from app.access.scoped import authorise_on
from app.database import Database, ReadSession, database_now
from app.errors import Conflict
from app.events import audit
from app.planning.build import Built, build
from app.planning.holds import Hold
from app.planning.load import PlannedNeed, in_force, load, planned
from app.planning.options import MatchOptions
from app.planning.pair_constraints import Unplannable, only_known
from app.planning.proposal_rows import proposal_rows
from app.planning.scope import Takers, run_ids, takers_of
from app.planning.standing import Standing, undecided
from app.planning.travel import travel_times
from app.proposals.queries import Full, find_proposals, get_proposal
from app.proposals.states import ENDED
from app.register.lookups import COUNTRY
from app.repairs.broken import has_run_out, why_broken
from app.repairs.digests import digests_of
from app.repairs.plans import MOST_SECONDS, repairs_of
from models.exchange import Period
from models.matching import Proposal, Run, Steering
from models.repairs import Repair
from models.vocabulary import AreaKind, NeedState, RepairSize, RunState, SteeringKind
from solver.arrays import IntArray
from solver.formats.problem import Problem
from solver.formats.tables import pairs

WIDE: Final = (COUNTRY, AreaKind.REGION.value)
"""Scopes of which a repair plans the local authority of the school alone."""


class NothingBroken(Conflict):
    title = "The pairing needs no repair"


@dataclass(frozen=True, slots=True)
class Found:
    """One repair: who ends, and the rows of the proposals that come.

    `lost` are those of `ends`, besides the one that broke, that could not have been kept anyway.
    """

    size: RepairSize
    ends: Sequence[Proposal]
    proposes: Sequence[dict[str, Any]]
    concerned: Sequence[int]
    lost: Sequence[int] = ()
    objective: int | None = None
    bound: float | None = None


def work_out(
    database: Database,
    principal: Principal,
    proposal_id: int,
    travel_source: str | None,
    *,
    now: datetime | None = None,
    seconds: float = MOST_SECONDS,
) -> None:
    """Work out up to three repairs and keep them, in the place of those that nobody took.

    Raises
    ------
    NotFound, Forbidden
        If there is no such proposal, or the principal may not review it.
    NothingBroken
        If it needs no repair.
    """
    authorise(principal, Action.REVIEW)
    with database.snapshot() as session:
        now = now or database_now(session)
        full = get_proposal(session, principal, proposal_id)
        authorise_on(session, principal, Action.REVIEW, full.proposal)
        if not why_broken(session, full.proposal, full.need, full.offer, now):
            raise NothingBroken(
                f"Proposal {proposal_id} needs no repair: it can go ahead as it is."
            )
        found = _repairs(session, full, travel_source, now, seconds)
        period = session.get_one(Run, full.proposal.run_id).period_code
        made = [
            Repair(
                proposal_id=proposal_id,
                size=each.size,
                content={
                    "ends": [one.id for one in each.ends],
                    "lost": list(each.lost),
                    "proposes": list(each.proposes),
                    "concerned": list(each.concerned),
                },
                digests=digests_of(session, each.concerned, period, proposal_id, now),
                objective=each.objective,
                bound=each.bound,
                worked_out_at=now,
                worked_out_by=principal.name,
            )
            for each in found
        ]
    with database.write() as session:
        # Whoever else works them out waits here.
        session.get_one(Proposal, proposal_id, with_for_update=True)
        session.execute(
            delete(Repair).where(Repair.proposal_id == proposal_id, Repair.taken_at.is_(None))
        )
        session.add_all(made)
        session.flush()
        audit.record(
            session,
            actor=principal.name,
            action="proposal.repairs_worked_out",
            subject=f"proposal:{proposal_id}",
            repairs=[each.id for each in made],
        )


def _repairs(
    session: ReadSession, full: Full, travel_source: str | None, now: datetime, seconds: float
) -> list[Found]:
    """Every repair that changes something, the smallest first."""
    run = latest_run(session, full.proposal)
    takers = _area(session, run, full, now)
    stands = _standing(session, run, full)
    try:
        built = _build(session, run, full, takers, stands, travel_source, now)
    except Unplannable:
        return _ended_alone(full)
    problem, current = _problem(session, built, run, full, stands, now)
    needs = {each.id: row for row, each in enumerate(built.loaded.needs)}
    kept = set(current.values())
    apart = {
        each.proposal.id: each
        for each in stands
        if each.need.id in needs and each.proposal.id not in kept
    }
    position = {reference: at for at, reference in enumerate(problem.participants.id)}
    is_open = full.proposal.state not in ENDED
    freed = (full.giver.reference, full.taker.reference) if is_open else ()
    worked = repairs_of(
        problem,
        [needs[full.need.id]] if full.need.id in needs else [],
        [position[each] for each in freed if each in position],
        [needs[each.need.id] for each in apart.values() if each.need.id != full.need.id],
        seconds=seconds,
        seed=MatchOptions.model_validate(run.options).seed,
    )
    by_id = {each.proposal.id: each.proposal for each in stands}
    found = []
    for each in worked.found:
        ends = [full.proposal] if is_open else []
        ends += [by_id[one] for at, one in current.items() if not each.half_days[at]]
        lost = list(apart) if each.size is RepairSize.LARGEST else []
        ends += [by_id[one] for one in lost]
        new = np.array([at for at in np.flatnonzero(each.half_days) if at not in current], np.int64)
        rows = proposal_rows(run.id, built, new, each.half_days[new])
        if ends or rows:
            concerned = _concerned(built, full, ends, stands, rows)
            found.append(
                Found(each.size, ends, rows, concerned, lost, each.objective, worked.bound)
            )
    return found or _ended_alone(full)


def _ended_alone(full: Full) -> list[Found]:
    """The pairing ends, and nobody is found for its need."""
    if full.proposal.state in ENDED:
        return []
    sides = (full.need.participant_id, full.offer.participant_id)
    return [Found(RepairSize.SMALLEST, [full.proposal], [], sides)]


def latest_run(session: Session, proposal: Proposal) -> Run:
    """The newest run that planned what the run of a proposal planned: repairs are of that plan."""
    run = session.get_one(Run, proposal.run_id)
    newer = run_ids(session, run.scope, run.period_code, Run.state == RunState.SOLVED)
    return session.get_one(Run, max([run.id, *newer]))


def _area(session: ReadSession, run: Run, full: Full, now: datetime) -> Takers:
    code = full.taker.local_authority_code
    if run.scope["kind"] not in WIDE or code is None:
        return takers_of(session, WORKER, run.scope, now.date())
    narrow = {"kind": AreaKind.LOCAL_AUTHORITY.value, "code": code, "name": code}
    return takers_of(session, WORKER, narrow, now.date())


def _standing(session: ReadSession, run: Run, full: Full) -> list[Full]:
    """Proposals of the area that nobody has decided on, besides the one that broke."""
    runs = run_ids(session, run.scope, run.period_code)
    others = Proposal.id != full.proposal.id
    return find_proposals(session, WORKER, Proposal.run_id.in_(runs), undecided(), others)


def _build(
    session: ReadSession,
    run: Run,
    full: Full,
    takers: Takers,
    stands: Sequence[Full],
    travel_source: str | None,
    now: datetime,
) -> Built:
    """The problem of the area as of now, less what is decided on and what lies outside."""
    loaded = load(
        session,
        WORKER,
        takers.participant_ids,
        run.period_code,
        now.date(),
        now=now,
        besides=full.proposal.id,
    )
    period = session.get_one(Period, run.period_code)
    ids = takers.participant_ids
    inside = [each for each in stands if ids is None or each.need.participant_id in ids]
    outside = [each for each in stands if ids is not None and each.need.participant_id not in ids]
    matched = [planned(PlannedNeed, full.need)] if full.need.state == NeedState.MATCHED else []
    loaded = replace(
        loaded,
        # Taking the repair lets it look for support again.
        needs=[*loaded.needs, *matched],
        holds=[*loaded.holds, *(_held(each, period) for each in outside)],
        # Pins are for runs: a repair keeps those that stand, and makes none.
        steering=[each for each in loaded.steering if each.kind == SteeringKind.EXCLUSION],
    )
    options = only_known(MatchOptions.model_validate(run.options), loaded)
    standing = [Standing(each.need.id, each.offer.id, each.proposal.half_days) for each in inside]
    options = options.model_copy(update={"pins": (), "free": ()})
    return build(loaded, options, travel_times(travel_source), standing)


def _held(full: Full, period: Period) -> Hold:
    return Hold(
        full.need.id,
        full.offer.id,
        full.taker.id,
        full.giver.id,
        full.proposal.half_days,
        period.code,
        period.starts,
        period.ends,
        # The proposals that this is asked of are decided by nobody yet.
        pot=full.need.pot_reference,
    )


def _problem(
    session: ReadSession, built: Built, run: Run, full: Full, stands: Sequence[Full], now: datetime
) -> tuple[Problem, dict[int, int]]:
    """The problem to repair, and the proposal of each of its candidates that stands.

    What stands is `current` where its days still fit both sides, and pinned where somebody pinned
    it. What ended in this run before is not proposed again.
    """
    problem, needs, offers = built.problem, built.problem.needs, built.problem.offers
    offer, need, half_days = problem.current.T
    fits = (needs.days_min[need] <= half_days) & (half_days <= needs.days[need])
    current = problem.current[fits & (half_days <= offers.days[offer])]
    ids = {
        (built.loaded.needs[row].id, built.loaded.offers[at].id): k
        for k, (at, row) in enumerate(
            zip(built.candidates.offer.tolist(), built.candidates.need.tolist(), strict=True)
        )
    }
    at = set(problem.positions(current).tolist())
    standing = {
        ids[pair]: each.proposal.id
        for each in stands
        if (pair := (each.need.id, each.offer.id)) in ids and ids[pair] in at
    }
    is_over = full.proposal.state in ENDED or has_run_out(full.proposal, now)
    gone = {
        (need_id, offer_id)
        for need_id, offer_id in session.execute(
            select(Proposal.need_id, Proposal.offer_id).where(
                Proposal.run_id == run.id, Proposal.state.in_(ENDED)
            )
        )
    }
    if is_over:
        gone.add((full.need.id, full.offer.id))
    wanted = in_force(now).where(Steering.kind == SteeringKind.PIN)
    pinned = {(each.need_id, each.offer_id) for each in session.scalars(wanted)}
    out = {k for pair in gone if (k := ids.get(pair)) is not None} - set(standing)
    pins = {k for pair in pinned if (k := ids.get(pair)) is not None} & set(standing)
    columns = problem.candidates

    def rows(positions: Iterable[int]) -> IntArray:
        found = np.array(sorted(positions), np.int64)
        return np.column_stack([columns.offer[found], columns.need[found]])

    excluded = np.unique(np.concatenate([problem.exclusions, rows(out)]), axis=0)
    price = max(1, MatchOptions.model_validate(run.options).change_price)
    return (
        replace(
            problem,
            exclusions=pairs(excluded),
            pins=pairs(rows(pins)),
            current=pairs(current, 3),
            change_penalty=price if len(current) else 0,
        ),
        standing,
    )


def _concerned(
    built: Built,
    full: Full,
    ends: Sequence[Proposal],
    stands: Sequence[Full],
    rows: Sequence[dict[str, Any]],
) -> list[int]:
    """Everybody whose days a repair moves, with those who share a balance with them."""
    sides = {full.taker.id, full.giver.id}
    ending = {each.id for each in ends}
    for each in stands:
        if each.proposal.id in ending:
            sides |= {each.taker.id, each.giver.id}
    owner = {each.id: each.participant_id for each in built.loaded.needs}
    giver = {each.id: each.participant_id for each in built.loaded.offers}
    for row in rows:
        sides |= {owner[row["need_id"]], giver[row["offer_id"]]}
    ids = {each.reference: each.id for each in built.loaded.participants}
    who = built.problem.participants
    mine = np.array([ids[each] in sides for each in who.id], np.bool_)
    shared = np.isin(who.account, who.account[mine])
    return sorted(sides | {ids[each] for each, is_in in zip(who.id, shared, strict=True) if is_in})
