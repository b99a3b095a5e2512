"""An independent check of a plan: plain loops over the problem's columns.

It shares no code with the rules and the solvers, on purpose: what they get wrong together, this
must not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from solver.check.loops import BUDGET, SearchBudget, faults_of_loops
from solver.formats.plan import Plan
from solver.formats.problem import Problem


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a plan.

    Attributes
    ----------
    rule
        The rule's name.
    where
        What it binds, by position: "participants[7]".
    sentence
        The same in words, with the figures.
    """

    rule: str
    where: str
    sentence: str


def verify(problem: Problem, plan: Plan, *, budget: SearchBudget = BUDGET) -> tuple[Violation, ...]:
    """Return everything that is wrong with a plan; nothing if it keeps its word.

    Every rule of the problem, the objective, the gap's arithmetic and what the status claims are
    computed anew. That no better plan exists cannot be seen from the plan; that none exists at
    all is refuted where a plan without pairings would do.

    Parameters
    ----------
    budget
        What the search for closed loops may take.

    Returns
    -------
    One entry for each thing that is wrong.
    """
    if plan.status in ("infeasible", "unknown"):
        return tuple(_empty_handed(problem, plan))
    pairings = _pairings(problem, plan)
    if isinstance(pairings, Violation):
        return (pairings,)
    return (
        *_range_violations(problem, pairings),
        *_count_violations(problem, pairings),
        *_reciprocity_violations(problem, pairings, budget),
        *_wish_violations(problem, pairings),
        *_linking_violations(problem, pairings),
        *_figure_violations(problem, plan, pairings),
    )


Pairings = dict[int, int]
"""Half-days by candidate."""


def _empty_handed(problem: Problem, plan: Plan) -> list[Violation]:
    found = []
    if len(plan.offer) or plan.objective is not None:
        sentence = f"a plan that is {plan.status} has no pairings and no objective"
        found.append(Violation("status", "status", sentence))
    if plan.status == "infeasible":
        if plan.stopped != "infeasible":
            sentence = f"stopped is {plan.stopped}, expected infeasible"
            found.append(Violation("status", "stopped", sentence))
        if plan.bound is not None or plan.gap is not None:
            sentence = "an infeasible problem has no bound and no gap"
            found.append(Violation("status", "bound", sentence))
        if not _wish_violations(problem, {}) and not _linking_violations(problem, {}):
            sentence = "infeasible, but a plan without pairings keeps every rule"
            found.append(Violation("status", "status", sentence))
        return found
    if plan.gap is not None:
        found.append(Violation("status", "gap", "without an objective there is no gap"))
    if plan.stopped in ("proved", "gap", "infeasible") or plan.conflict:
        sentence = f"unknown, but stopped is {plan.stopped} with {len(plan.conflict)} in conflict"
        found.append(Violation("status", "stopped", sentence))
    return found


def _pairings(problem: Problem, plan: Plan) -> Pairings | Violation:
    """Find each pairing's candidate; the first that is none, or is there twice, ends it."""
    if not len(plan.offer) == len(plan.need) == len(plan.half_days):
        return Violation("format", "pairings", "the columns are of unequal length")
    offers, needs = plan.offer.tolist(), plan.need.tolist()
    wanted = set(zip(offers, needs, strict=True))
    candidates = zip(
        problem.candidates.offer.tolist(), problem.candidates.need.tolist(), strict=True
    )
    place = {pair: at for at, pair in enumerate(candidates) if pair in wanted}
    pairings: Pairings = {}
    for at, days in enumerate(plan.half_days.tolist()):
        pair = (offers[at], needs[at])
        where = f"pairings[{at}]"
        if pair not in place:
            text = f"offer {pair[0]} and need {pair[1]} are no candidate"
            return Violation("candidate", where, text)
        if place[pair] in pairings:
            text = f"offer {pair[0]} and need {pair[1]} are there twice"
            return Violation("candidate", where, text)
        if days < 1:
            return Violation("pairing days", where, f"{days} half-days; a pairing has at least 1")
        pairings[place[pair]] = days
    return pairings


def _range_violations(problem: Problem, pairings: Pairings) -> list[Violation]:
    found = []
    for candidate, days in pairings.items():
        need = int(problem.candidates.need[candidate])
        low, high = int(problem.needs.days_min[need]), int(problem.needs.days[need])
        fixed = int(problem.candidates.half_days[candidate])
        where = f"candidates[{candidate}]"
        if not low <= days <= high:
            text = f"{days} half-days, but need {need} asks for {low} to {high}"
            found.append(Violation("pairing days", where, text))
        if fixed and days != fixed:
            text = f"{days} half-days, but the candidate fixes {fixed}"
            found.append(Violation("pairing days", where, text))
    return found


def _count_violations(problem: Problem, pairings: Pairings) -> list[Violation]:
    need_count: dict[int, int] = defaultdict(int)
    need_days: dict[int, int] = defaultdict(int)
    offer_count: dict[int, int] = defaultdict(int)
    offer_days: dict[int, int] = defaultdict(int)
    given_count: dict[int, int] = defaultdict(int)
    given_days: dict[int, int] = defaultdict(int)
    taken_count: dict[int, int] = defaultdict(int)
    for candidate, days in pairings.items():
        offer = int(problem.candidates.offer[candidate])
        need = int(problem.candidates.need[candidate])
        giver = int(problem.offers.participant[offer])
        need_count[need] += 1
        need_days[need] += days
        offer_count[offer] += 1
        offer_days[offer] += days
        given_count[giver] += 1
        given_days[giver] += days
        taken_count[int(problem.needs.participant[need])] += 1
    participants = problem.participants
    any_number = {n: int(m) or len(pairings) for n, m in enumerate(problem.needs.max_givers)}
    found = []
    for rule, table, used, limit in (
        ("need givers", "needs", need_count, any_number),
        ("need days", "needs", need_days, problem.needs.days),
        ("offer pairings", "offers", offer_count, problem.offers.max_pairings),
        ("offer days", "offers", offer_days, problem.offers.days),
        ("most given", "participants", given_count, participants.max_given),
        ("give limit", "participants", given_days, participants.give_limit),
        ("most taken", "participants", taken_count, participants.max_taken),
    ):
        for position, amount in used.items():
            if amount > limit[position]:
                text = f"{amount}, but at most {limit[position]}"
                found.append(Violation(rule, f"{table}[{position}]", text))
    return found


def _reciprocity_violations(
    problem: Problem, pairings: Pairings, budget: SearchBudget
) -> list[Violation]:
    participants = problem.participants
    taken: dict[int, int] = defaultdict(int)
    given: dict[int, int] = defaultdict(int)
    for candidate, days in pairings.items():
        taken[int(problem.needs.participant[problem.candidates.need[candidate]])] += days
        given[int(problem.offers.participant[problem.candidates.offer[candidate]])] += days
    found = []
    if problem.rules.reciprocity == "both_roles":
        for participant in taken:
            if participant not in given and not participants.exempt[participant]:
                text = f"takes {taken[participant]} half-days and gives nothing"
                found.append(Violation("both roles", f"participants[{participant}]", text))
    if problem.rules.reciprocity == "balanced":
        balance: dict[int, int] = defaultdict(int)
        for participant, account in enumerate(participants.account.tolist()):
            if not participants.exempt[participant]:
                balance[account] += int(participants.allowance[participant])
                balance[account] += given.get(participant, 0) - taken.get(participant, 0)
        for account, left in balance.items():
            if left < 0:
                text = f"takes {-left} half-days more than it gives and its allowance"
                found.append(Violation("balance", f"participants[{account}]", text))
    if problem.rules.reciprocity == "closed_loops":
        arcs = [
            (
                int(problem.offers.participant[problem.candidates.offer[candidate]]),
                int(problem.needs.participant[problem.candidates.need[candidate]]),
            )
            for candidate in pairings
        ]
        exempt, max_loop = participants.exempt.tolist(), problem.rules.max_loop
        faults = faults_of_loops(arcs, exempt, max_loop, budget)
        found += [Violation("closed loops", f"participants[{who}]", text) for who, text in faults]
    return found


def _wish_violations(problem: Problem, pairings: Pairings) -> list[Violation]:
    chosen = {
        (int(problem.candidates.offer[candidate]), int(problem.candidates.need[candidate]))
        for candidate in pairings
    }
    found = []
    for at, (offer, need) in enumerate(problem.pins.tolist()):
        if (offer, need) not in chosen:
            text = f"offer {offer} and need {need} are pinned and not in the plan"
            found.append(Violation("pin", f"pins[{at}]", text))
    for at, (offer, need) in enumerate(problem.exclusions.tolist()):
        if (offer, need) in chosen:
            text = f"offer {offer} and need {need} are excluded and in the plan"
            found.append(Violation("exclusion", f"exclusions[{at}]", text))
    return found


def _linking_violations(problem: Problem, pairings: Pairings) -> list[Violation]:
    found = []
    for at, rule in enumerate(problem.linking):
        total = 0
        for candidate, weight in zip(rule.candidates.tolist(), rule.weight.tolist(), strict=True):
            days = pairings.get(candidate, 0)
            total += weight * (days if rule.unit == "half_days" else min(days, 1))
        kept = total <= rule.limit if rule.sense == "<=" else total >= rule.limit
        if not kept:
            text = f"{rule.id}: {total} is not {rule.sense} {rule.limit} {rule.unit}"
            found.append(Violation("linking", f"linking[{at}]", text))
    return found


def _objective(problem: Problem, pairings: Pairings) -> int:
    points = 0
    chosen = set()
    for candidate, days in pairings.items():
        points += int(problem.candidates.points[candidate]) * days
        points += int(problem.candidates.bonus[candidate])
        offer, need = problem.candidates.offer[candidate], problem.candidates.need[candidate]
        chosen.add((int(offer), int(need)))
    current = {(offer, need) for offer, need, _ in problem.current.tolist()}
    dropped = current - chosen
    if dropped and problem.change_penalty:
        candidates = zip(
            problem.candidates.offer.tolist(), problem.candidates.need.tolist(), strict=True
        )
        points -= problem.change_penalty * sum(pair in dropped for pair in candidates)
    return points


def _figure_violations(problem: Problem, plan: Plan, pairings: Pairings) -> list[Violation]:
    objective = _objective(problem, pairings)
    found = []
    if plan.objective != objective:
        text = f"{plan.objective}, but the pairings are worth {objective}"
        found.append(Violation("objective", "objective", text))
    if plan.bound is None or plan.gap is None:
        sentence = "a plan with an objective has a bound and a gap"
        found.append(Violation("bound", "bound", sentence))
    else:
        if not plan.bound >= objective:
            text = f"{plan.bound} is below the objective {objective}"
            found.append(Violation("bound", "bound", text))
        gap = (plan.bound - objective) / max(1, objective)
        if not math.isclose(plan.gap, gap, rel_tol=1e-9, abs_tol=1e-12):
            text = f"{plan.gap}, but bound and objective make {gap}"
            found.append(Violation("gap", "gap", text))
        if plan.status == "optimal" and plan.bound >= objective + 1:
            text = f"optimal, but the bound leaves {plan.bound - objective} points"
            found.append(Violation("status", "status", text))
    if (plan.status == "optimal") != (plan.stopped == "proved"):
        text = f"{plan.status} and stopped by {plan.stopped} do not go together"
        found.append(Violation("status", "status", text))
    if plan.stopped == "infeasible" or plan.conflict:
        text = "a plan with pairings is not infeasible and has no conflict"
        found.append(Violation("status", "stopped", text))
    return found
