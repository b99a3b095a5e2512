"""What a report of a run is made of, read from what the run stored."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.explanations import words
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
from app.planning.carry_out import Planned, ProblemMade
from app.planning.options import MatchOptions
from app.proposals.queries import Wanted, list_proposals
from app.register.group_members import MEMBERS
from app.runs import queries
from app.wording import counted, from_code, number
from models.exchange import Expertise, Need, Offer, Period
from models.matching import Proposal, Run
from models.register import Group, Institution, Organisation, Participant
from models.vocabulary import (
    HALF_DAYS_PER_DAY,
    METRES_PER_MILE,
    BalanceHolder,
    Ladder,
    Reciprocity,
)
from solver.explain.explained_json import Explained, UnmetById, explained_from_json
from solver.formats.json_columns import decode
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.formats.problem_json import problem_from_json
from solver.pairing.pair_rules import CLOSES, REASON_OF

AT_ONCE = 1_000
MOST_NAMED = 10_000
"""Participants that a query asks for by name; for more of them it reads everybody."""
HOLDER = {
    BalanceHolder.SCHOOL: "school",
    BalanceHolder.FEDERATION: "federation",
    BalanceHolder.TRUST: "trust",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run, stored or about to be."""

    run: Run
    problem: Problem
    plan: Plan
    refusals: dict[str, dict[str, int]]
    explained: Explained
    proposals: Sequence[tuple[Proposal, Need, Offer]]
    greedy_objective: int | None


def result_of(session: Session, principal: Principal, run_id: int) -> Result:
    """What a run that has a plan stored."""
    run = queries.get_run(session, principal, run_id)
    return Result(
        run,
        queries.problem_of(session, principal, run_id),
        queries.plan_of(session, principal, run_id),
        queries.refusals_of(session, principal, run_id),
        queries.explained_of(session, principal, run_id),
        [
            (each.proposal, each.need, each.offer)
            for each in list_proposals(
                session, principal, Wanted(run=run_id), sort="-total_points", limit=None
            )
        ],
        (run.summary or {}).get("greedy_objective"),
    )


def result_to_be(session: Session, run_id: int, made: ProblemMade, planned: Planned) -> Result:
    """What the work of a run told, before it is written down."""
    rows = [Proposal(**row) for row in planned.proposals]
    needs = _by_id(session, Need, {row.need_id for row in rows})
    offers = _by_id(session, Offer, {row.offer_id for row in rows})
    rows.sort(key=lambda row: -row.total_points)
    return Result(
        session.get_one(Run, run_id),
        problem_from_json(decode(made.content)),
        Plan.from_json(decode(planned.plan)),
        decode(made.refusals),
        explained_from_json(decode(planned.explained)),
        [(row, needs[row.need_id], offers[row.offer_id]) for row in rows],
        planned.greedy_objective,
    )


N = TypeVar("N", Need, Offer)


def _by_id(session: Session, model: type[N], ids: Collection[int]) -> dict[int, N]:
    wanted = sorted(ids)
    return {
        row.id: row
        for start in range(0, len(wanted), AT_ONCE)
        for row in session.scalars(
            select(model).where(model.id.in_(wanted[start : start + AT_ONCE]))
        )
    }


def report_data(
    session: Session,
    result: Result,
    *,
    made_up: bool = False,
    outline: tuple[tuple[tuple[float, float], ...], ...] = (),
) -> ReportData:
    """Everything a person needs to judge a plan."""
    run, problem, plan = result.run, result.problem, result.plan
    options = MatchOptions.model_validate(run.options)
    names = {
        code: name for code, name in session.execute(select(Expertise.code, Expertise.name)).all()
    }
    pairings = _pairings(session, result, names)
    period = session.get_one(Period, run.period_code)
    return ReportData(
        area=run.scope["name"],
        period=period.name,
        run=str(run.id),
        created_at=run.created_at,
        rules=rules_in_words(options),
        participants=_participants(session, problem),
        pairings=pairings,
        unmet=_unmet(session, result, {each.need for each in pairings}, names),
        objective=plan.objective or 0,
        bound=plan.bound,
        gap=plan.gap,
        status=plan.status,
        seconds=plan.seconds,
        seed=plan.seed,
        versions=tuple(sorted(plan.versions.items())),
        made_up=made_up,
        drawn=any(each.startswith(queries.DRAWN) for each in problem.needs.id),
        greedy_objective=result.greedy_objective,
        outline=outline,
    )


def _pairings(session: Session, result: Result, names: dict[str, str]) -> tuple[ReportPairing, ...]:
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
            points_once=proposal.points_once,
            components=tuple(Component(**each) for each in proposal.components),
            ladder=Ladder(proposal.ladder),
            distance_miles=(
                None if proposal.distance_m is None else proposal.distance_m / METRES_PER_MILE
            ),
            remote=proposal.remote,
            suggested=not proposal.sendable,
            closes=_closing(proposal.rule_figures or {}),
        )
        for proposal, need, offer in result.proposals
        # What was offered later, in place of what ended, is no part of the plan.
        if proposal.follows_id is None
    )


def _closing(figures: dict[str, Any]) -> str:
    found = figures.get(CLOSES.name)
    return CLOSES.passed(found) if found and CLOSES.warns(found) else ""


def _participants(session: Session, problem: Problem) -> tuple[ReportParticipant, ...]:
    exempt = dict(zip(problem.participants.id, problem.participants.exempt.tolist(), strict=True))
    memberships = (
        select(MEMBERS.c.participant_id, Group.name)
        .join(Group, Group.id == MEMBERS.c.group_id)
        .where(MEMBERS.c.left.is_(None), Group.open)
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
            kind=institution.type_name if institution else from_code(organisation.kind),
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
    session: Session, result: Result, met: set[str], names: dict[str, str]
) -> tuple[UnmetNeed, ...]:
    run, problem, by_need = result.run, result.problem, result.refusals
    planned = set(problem.needs.id)
    name = _names(session, problem)
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
            reasons=_reasons(
                by_need.get(need.reference, {}), result.explained.needs.get(need.reference)
            ),
            change=_change(result.explained.needs.get(need.reference), name),
        )
        for need, taker in rows
        if need.reference in planned and need.reference not in met
    )


def _periods(session: Session, run: Run) -> list[str]:
    period = session.get_one(Period, run.period_code)
    return [period.code] if period.year_code is None else [period.code, period.year_code]


def _reasons(refused: dict[str, int], unmet: UnmetById | None) -> tuple[Refusal, ...]:
    """Why nobody met a need: the rules of the plan that bind, then what those of a pair refused."""
    ranked = sorted(refused.items(), key=lambda item: -item[1])
    binding = [] if unmet is None else words.reasons(unmet.counts)
    return (
        *(Refusal(each.sentence, each.offers) for each in binding),
        *(Refusal(REASON_OF[name].statement, count) for name, count in ranked),
    )


def _change(unmet: UnmetById | None, names: words.Names) -> str | None:
    if unmet is None or unmet.change is None:
        return None
    return words.change_words(unmet.change, names)


def _names(session: Session, problem: Problem) -> words.Names:
    who = problem.participants.id
    return words.Names(
        {
            row.reference: row.name
            for row in session.execute(select(Participant.reference, Participant.name))
        },
        {
            offer: who[at]
            for offer, at in zip(
                problem.offers.id, problem.offers.participant.tolist(), strict=True
            )
        },
        {
            need: who[at]
            for need, at in zip(problem.needs.id, problem.needs.participant.tolist(), strict=True)
        },
    )


def rules_in_words(options: MatchOptions) -> tuple[str, ...]:
    """What the plan had to keep to, in the words of its rules."""
    holder = HOLDER[options.balance_held_by]
    reciprocity: dict[Any, str] = {
        Reciprocity.NONE: "Schools can receive support without giving any.",
        Reciprocity.BALANCED: (
            f"Each {holder} receives at most what it gives, plus an allowance. The allowance "
            "grows with disadvantage and with urgent needs."
        ),
        Reciprocity.BOTH_ROLES: (
            "Each school that receives support also gives support, unless it is exempt."
        ),
        Reciprocity.CLOSED_LOOPS: (
            f"Support goes round in closed loops of at most {number(options.max_loop)} schools: "
            "each supports the next, and the last supports the first. A loop can also begin and "
            "end with one that is exempt."
        ),
    }
    return (
        reciprocity[options.reciprocity],
        f"On-site support travels at most {counted(options.travel_limit_miles, 'mile')}, unless "
        "a side has set its own limit. Remote support has no travel limit.",
        "Unless they have set their own limits, each school has at most "
        f"{counted(options.max_taken, 'supporting organisation')} at a time, including current "
        f"support, and each organisation supports at most {counted(options.max_given, 'school')} "
        "at a time.",
        f"Each need is compared with its {counted(options.max_neighbours, 'nearest offer')} that "
        "the rules allow, and with all such offers of its own trust, federation or networks.",
        "Limits on days, dates, locations, phases, areas served and circumstances apply to both "
        "sides.",
        *(
            [
                "Pairs whose earlier support did not work are left out for "
                f"{counted(options.refuse_failed_support_years, 'year')} after it ended, unless "
                "they are pinned."
            ]
            if options.refuse_failed_support_years
            else []
        ),
    )
