"""What a report of a run is made of, read from what the run stored."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.insight.report import (
    Component,
    Refusal,
    ReportData,
    ReportPairing,
    ReportParticipant,
    Symbol,
    UnmetNeed,
    symbol_of,
)
from app.matching import queries
from app.matching.options import MatchOptions
from models.exchange import Expertise, Need, Period
from models.matching import Run
from models.register import Group, Institution, Membership, Organisation, Participant
from models.vocabulary import (
    HALF_DAYS_PER_DAY,
    METRES_PER_MILE,
    BalanceHolder,
    Ladder,
    Reciprocity,
)
from solver import refusals
from solver.problem import Problem

MOST_NAMED = 10_000
"""Participants that a query asks for by name; for more of them it reads everybody."""
HOLDER = {
    BalanceHolder.SCHOOL: "participant",
    BalanceHolder.FEDERATION: "federation",
    BalanceHolder.TRUST: "trust",
}


def report_data(
    session: Session,
    principal: Principal,
    run_id: int,
    *,
    made_up: bool = False,
    outline: tuple[tuple[tuple[float, float], ...], ...] = (),
) -> ReportData:
    """Everything a person needs to judge the plan of a run that has one."""
    run = queries.get_run(session, principal, run_id)
    problem = queries.problem_of(session, principal, run_id)
    plan = queries.plan_of(session, principal, run_id)
    options = MatchOptions.model_validate(run.options)
    names = {
        code: name for code, name in session.execute(select(Expertise.code, Expertise.name)).all()
    }
    pairings = _pairings(session, principal, run_id, problem, names)
    period = session.get_one(Period, run.period_code)
    return ReportData(
        area=run.scope["name"],
        period=period.name,
        run=str(run.id),
        created_at=run.created_at,
        rules=rules_in_words(options),
        participants=_participants(session, problem),
        pairings=pairings,
        unmet=_unmet(session, principal, run, problem, {each.need for each in pairings}, names),
        objective=plan.objective or 0,
        bound=plan.bound,
        gap=plan.gap,
        status=plan.status,
        seconds=plan.seconds,
        seed=plan.seed,
        versions=tuple(sorted(plan.versions.items())),
        made_up=made_up,
        drawn=any(each.startswith(queries.DRAWN) for each in problem.needs.id),
        greedy_objective=(run.summary or {}).get("greedy_objective"),
        outline=outline,
    )


def _pairings(
    session: Session, principal: Principal, run_id: int, problem: Problem, names: dict[str, str]
) -> tuple[ReportPairing, ...]:
    reference = {
        row.id: row.reference
        for row in session.execute(select(Participant.id, Participant.reference))
    }
    return tuple(
        ReportPairing(
            need=need.reference,
            offer=offer.reference,
            giver=reference[offer.participant_id],
            taker=reference[need.participant_id],
            expertise=names[need.expertise_code],
            days=proposal.half_days / HALF_DAYS_PER_DAY,
            days_needed=need.half_days / HALF_DAYS_PER_DAY,
            priority=need.priority,
            points=proposal.points,
            components=tuple(Component(**each) for each in proposal.components),
            ladder=Ladder(proposal.ladder),
            distance_miles=(
                None if proposal.distance_m is None else proposal.distance_m / METRES_PER_MILE
            ),
            remote=proposal.remote,
            suggested=not proposal.sendable,
        )
        for proposal, need, offer in queries.proposals(session, principal, run_id)
        # What was offered later, in place of what ended, is no part of the plan.
        if proposal.follows_id is None
    )


def _participants(session: Session, problem: Problem) -> tuple[ReportParticipant, ...]:
    exempt = dict(zip(problem.participants.id, problem.participants.exempt.tolist(), strict=True))
    memberships = (
        select(Membership.participant_id, Group.name)
        .join(Group)
        .where(Membership.left.is_(None), Group.open)
        .order_by(Group.kind)
    )
    group = {who: name for who, name in session.execute(memberships)}
    query = (
        select(Participant, Institution, Organisation)
        .outerjoin(Institution)
        .outerjoin(Organisation)
        .order_by(Participant.id)
    )
    if len(exempt) <= MOST_NAMED:
        query = query.where(Participant.reference.in_(exempt))
    rows = session.execute(query).all()
    return tuple(
        ReportParticipant(
            reference=who.reference,
            name=who.name,
            kind=institution.type_name if institution else organisation.kind.replace("_", " "),
            symbol=_symbol(institution),
            latitude=who.latitude,
            longitude=who.longitude,
            group_name=group.get(who.id),
            disadvantage_percent=institution.free_school_meals_percent if institution else None,
            exempt=exempt[who.reference],
        )
        for who, institution, organisation in rows
        if who.reference in exempt
    )


def _symbol(institution: Institution | None) -> Symbol:
    if institution is None:
        return Symbol.ORGANISATION
    return symbol_of(
        specialist=institution.specialist,
        alternative=institution.alternative_provision,
        phases=institution.phases,
    )


def _unmet(
    session: Session,
    principal: Principal,
    run: Run,
    problem: Problem,
    met: set[str],
    names: dict[str, str],
) -> tuple[UnmetNeed, ...]:
    by_need = queries.refusals_of(session, principal, run.id)
    candidates = dict.fromkeys(problem.needs.id, 0)
    for need in problem.candidates.need.tolist():
        candidates[problem.needs.id[need]] += 1
    rows: Sequence[Row[Need, str]] = session.execute(
        select(Need, Participant.reference)
        .join(Participant, Participant.id == Need.participant_id)
        .where(Need.period_code.in_(_periods(session, run)))
        .order_by(Need.priority, Need.id)
    ).all()
    return tuple(
        UnmetNeed(
            need=need.reference,
            taker=taker,
            expertise=names[need.expertise_code],
            days_needed=need.half_days / HALF_DAYS_PER_DAY,
            priority=need.priority,
            reasons=_reasons(by_need.get(need.reference, {}), candidates[need.reference]),
        )
        for need, taker in rows
        if need.reference in candidates and need.reference not in met
    )


def _periods(session: Session, run: Run) -> list[str]:
    period = session.get_one(Period, run.period_code)
    return [period.code] if period.year_code is None else [period.code, period.year_code]


def _reasons(refused: dict[str, int], candidates: int) -> tuple[Refusal, ...]:
    """Why nobody met a need: what the rules refused, and what the plan used otherwise."""
    ranked = sorted(refused.items(), key=lambda item: -item[1])
    reasons = [Refusal(refusals.Refusal(name).statement, count) for name, count in ranked]
    if candidates:
        better = "The rules allow it, but the plan does more good elsewhere."
        reasons.insert(0, Refusal(better, candidates))
    return tuple(reasons)


def rules_in_words(options: MatchOptions) -> tuple[str, ...]:
    """What the plan had to keep to, in the words of its rules."""
    holder = HOLDER[options.balance_held_by]
    reciprocity: dict[Any, str] = {
        Reciprocity.NONE: "Nobody has to give in order to take.",
        Reciprocity.BALANCED: (
            f"Each {holder} takes at most what it gives, plus its allowance; "
            "the allowance grows with disadvantage and urgency."
        ),
        Reciprocity.BOTH_ROLES: "Whoever takes also gives at least once, unless exempt.",
    }
    return (
        reciprocity[options.reciprocity],
        f"On-site support travels at most {options.travel_limit_miles:g} miles where neither "
        "side set a limit of its own; distance does not bind remote support.",
        f"At most {options.max_taken} supporters at once, running ones counted, and at most "
        f"{options.max_given} takers, unless a participant set its own limit.",
        f"Each need looks at its {options.max_neighbours} nearest offers that the rules allow.",
        "Days, places, dates, phases, areas served and circumstances bind on both sides.",
    )
