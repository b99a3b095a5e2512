"""What a report of a run is made of, read from what the run stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.policy import Principal
from app.explanations import words
from app.insight.labels import LADDER_NAMES
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
from app.planning.carry_out import Outcome
from app.planning.load import AnyRow, PlannedNeed, PlannedOffer
from app.planning.options import MatchOptions
from app.planning.standing import price_in_words
from app.register import boundaries
from app.register.group_members import MEMBERS
from app.register.towns import towns
from app.runs import queries
from app.wording import counted, from_code, number
from models.exchange import Expertise, Need, Offer, Period
from models.matching import Proposal, Run
from models.register import Area, Group, Institution, Organisation, Participant
from models.vocabulary import (
    HALF_DAYS_PER_DAY,
    METRES_PER_MILE,
    AreaKind,
    BalanceHolder,
    Ladder,
    Phase,
    Reciprocity,
)
from solver.explain.explained_json import Explained, UnmetById
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.pairing.pair_rules import CLOSES, REASON_OF

MOST_NAMED = 10_000
"""Participants that a query asks for by name; for more of them it reads everybody."""
HOLDER = {
    BalanceHolder.SCHOOL: "school",
    BalanceHolder.FEDERATION: "federation",
    BalanceHolder.TRUST: "trust",
}


class Pairing(NamedTuple):
    """A proposal of a plan with what a report tells of its need and offer."""

    need: str
    offer: str
    giver_id: int
    taker_id: int
    expertise_code: str
    need_half_days: int
    priority: int
    half_days: int
    points: int
    points_once: int
    components: list[dict[str, Any]]
    ladder: str
    distance_m: int | None
    remote: bool
    rule_figures: dict[str, Any] | None
    sendable: bool


OF_THE_PROPOSAL: Final = Pairing._fields[Pairing._fields.index("half_days") :]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run, stored or about to be."""

    run: Run
    problem: Problem
    plan: Plan
    refusals: dict[str, dict[str, int]]
    explained: Explained
    pairings: Sequence[Pairing]
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
        _stored(session, run_id),
        (run.summary or {}).get("greedy_objective"),
    )


def result_to_be(session: Session, run_id: int, outcome: Outcome) -> Result:
    """What the work of a run came to, before it is written down or without reading it again."""
    needs = {need.id: need for need in outcome.needs}
    offers = {offer.id: offer for offer in outcome.offers}
    pairings = [
        _pairing(needs[row["need_id"]], offers[row["offer_id"]], row) for row in outcome.proposals
    ]
    return Result(
        session.get_one(Run, run_id),
        outcome.problem,
        outcome.plan,
        outcome.refusals,
        outcome.explained,
        pairings,
        outcome.greedy_objective,
    )


def _stored(session: Session, run_id: int) -> list[Pairing]:
    query = (
        select(
            Need.reference,
            Offer.reference,
            Offer.participant_id,
            Need.participant_id,
            Need.expertise_code,
            Need.half_days,
            Need.priority,
            *(getattr(Proposal, name) for name in OF_THE_PROPOSAL),
        )
        .join(Need, Need.id == Proposal.need_id)
        .join(Offer, Offer.id == Proposal.offer_id)
        # What was offered later, in place of what ended, is no part of the plan.
        .where(Proposal.run_id == run_id, Proposal.follows_id.is_(None))
        .order_by(Proposal.id)
    )
    return [Pairing._make(row) for row in session.execute(query)]


def _pairing(need: PlannedNeed, offer: PlannedOffer, row: dict[str, Any]) -> Pairing:
    return Pairing(
        need.reference,
        offer.reference,
        offer.participant_id,
        need.participant_id,
        need.expertise_code,
        need.half_days,
        need.priority,
        *(row[name] for name in OF_THE_PROPOSAL),
    )


def report_data(
    session: Session,
    result: Result,
    *,
    made_up: bool = False,
) -> ReportData:
    """Everything a person needs to judge a plan."""
    run, problem, plan = result.run, result.problem, result.plan
    options = MatchOptions.model_validate(run.options)
    names = {
        code: name for code, name in session.execute(select(Expertise.code, Expertise.name)).all()
    }
    people = _people(session, problem)
    pairings = _pairings(result, names, {row.id: row.reference for row in people})
    period = session.get_one(Period, run.period_code)
    ground = boundaries.boundaries(session)
    return ReportData(
        area=run.scope["name"],
        period=period.name,
        run=str(run.id),
        created_at=run.created_at,
        rules=rules_in_words(options),
        participants=_participants(session, problem, people),
        pairings=pairings,
        unmet=_unmet(session, result, names, _names(problem, people)),
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
        outline=_turned(ground.land),
        borders=_turned(ground.borders),
        ground_credit=ground.credit,
        places=tuple((town.name, town.latitude, town.longitude) for town in towns(session)),
    )


def _turned(rings: Sequence[boundaries.Ring]) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Longitude and latitude the other way round."""
    return tuple(tuple((y, x) for x, y in ring) for ring in rings)


def _pairings(
    result: Result, names: dict[str, str], reference: dict[int, str]
) -> tuple[ReportPairing, ...]:
    """The pairings of a report, those with the most points first."""
    pairings = (
        ReportPairing(
            need=each.need,
            offer=each.offer,
            giver=reference[each.giver_id],
            taker=reference[each.taker_id],
            expertise=names[each.expertise_code],
            days=each.half_days / HALF_DAYS_PER_DAY,
            days_needed=each.need_half_days / HALF_DAYS_PER_DAY,
            priority=each.priority,
            points=each.points,
            points_once=each.points_once,
            components=tuple(Component(**part) for part in each.components),
            ladder=Ladder(each.ladder),
            distance_miles=None if each.distance_m is None else each.distance_m / METRES_PER_MILE,
            remote=each.remote,
            suggested=not each.sendable,
            closes=_closing(each.rule_figures or {}),
        )
        for each in result.pairings
    )
    return tuple(sorted(pairings, key=lambda each: -each.total_points))


def _closing(figures: dict[str, Any]) -> str:
    found = figures.get(CLOSES.name)
    return CLOSES.passed(found) if found and CLOSES.warns(found) else ""


def _people(session: Session, problem: Problem) -> list[AnyRow]:
    """The problem's participants with what a report tells of them, by id."""
    wanted = set(problem.participants.id)
    query = (
        select(
            Participant.id,
            Participant.reference,
            Participant.name,
            Participant.latitude,
            Participant.longitude,
            Area.name.label("local_authority"),
            Institution.type_name,
            Institution.specialist,
            Institution.alternative_provision,
            Institution.phases,
            Institution.free_school_meals_percent,
            Organisation.kind,
        )
        .outerjoin(Institution)
        .outerjoin(Organisation)
        .outerjoin(
            Area,
            (Area.kind == AreaKind.LOCAL_AUTHORITY.value)
            & (Area.code == Participant.local_authority_code),
        )
        .order_by(Participant.id)
    )
    if len(wanted) <= MOST_NAMED:
        query = query.where(Participant.reference.in_(wanted))
    return [row for row in session.execute(query) if row.reference in wanted]


def _participants(
    session: Session, problem: Problem, people: Sequence[AnyRow]
) -> tuple[ReportParticipant, ...]:
    exempt = dict(zip(problem.participants.id, problem.participants.exempt.tolist(), strict=True))
    memberships = (
        select(MEMBERS.c.participant_id, Group.name)
        .join(Group, Group.id == MEMBERS.c.group_id)
        .where(MEMBERS.c.left.is_(None), Group.open)
        .order_by(Group.kind)
    )
    group = {who: name for who, name in session.execute(memberships)}
    return tuple(
        ReportParticipant(
            reference=row.reference,
            name=row.name,
            kind=from_code(row.kind) if row.type_name is None else row.type_name,
            symbol=_symbol(row),
            latitude=row.latitude,
            longitude=row.longitude,
            group_name=group.get(row.id),
            disadvantage_percent=row.free_school_meals_percent,
            exempt=exempt[row.reference],
            local_authority=row.local_authority,
            phases=tuple(map(Phase, row.phases or ())),
        )
        for row in people
    )


def _symbol(row: AnyRow) -> Symbol:
    if row.type_name is None:
        return Symbol.ORGANISATION
    return symbol_of(
        specialist=row.specialist, alternative=row.alternative_provision, phases=row.phases
    )


def _unmet(
    session: Session, result: Result, names: dict[str, str], who: words.Names
) -> tuple[UnmetNeed, ...]:
    run, by_need = result.run, result.refusals
    unmet = set(result.problem.needs.id) - {each.need for each in result.pairings}
    rows = session.execute(
        select(
            Need.reference,
            Need.expertise_code,
            Need.half_days,
            Need.priority,
            Participant.reference.label("taker"),
        )
        .join(Participant, Participant.id == Need.participant_id)
        .where(Need.period_code.in_(_periods(session, run)))
        .order_by(Need.priority, Need.id)
    )
    return tuple(
        UnmetNeed(
            need=need.reference,
            taker=need.taker,
            expertise=names[need.expertise_code],
            days_needed=need.half_days / HALF_DAYS_PER_DAY,
            priority=need.priority,
            reasons=_reasons(
                by_need.get(need.reference, {}), result.explained.needs.get(need.reference)
            ),
            change=_change(result.explained.needs.get(need.reference), who),
        )
        for need in rows
        if need.reference in unmet
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


def _names(problem: Problem, people: Sequence[AnyRow]) -> words.Names:
    who = problem.participants.id
    return words.Names(
        {row.reference: row.name for row in people},
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
    steps = {step: name.lower() for step, name in LADDER_NAMES.items()}
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
        price_in_words(options),
        *(
            [
                "Pairs whose earlier support did not work are left out for "
                f"{counted(options.refuse_failed_support_years, 'year')} after it ended, unless "
                "they are pinned."
            ]
            if options.refuse_failed_support_years
            else []
        ),
        *(
            [
                "Support is looked for only on these steps of the ladder: "
                f"{', '.join(name for step, name in steps.items() if step in options.steps)}."
            ]
            if options.steps
            else []
        ),
        *(
            [
                "For each need support is looked for up to the nearest step of the ladder on which "
                "the rules allow somebody, and further once nothing came of that step."
            ]
            if options.nearest_step_first
            else []
        ),
    )
