"""The easy special case: days split freely and nothing counted, a min-cost circulation.

Each half-day of support is a unit of flow: from the giver's account through its gate (the give
limit), its offer and the need to the taker's account. What an account takes beyond what it gives
flows to a hub, at most its allowance; what it gives beyond comes from there. The matrix is a
network's, so that an optimal flow is whole, and proven (Ahuja, Magnanti and Orlin, Network Flows,
1993).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import BoolArray, IntArray
from solver.backends.conflict import send_conflict
from solver.backends.limits import Limits, OnNews
from solver.backends.processes import in_child
from solver.formats.plan import Stopped
from solver.formats.problem import Problem
from solver.formulation.presolve import presolve, ranges
from solver.formulation.rules import ChangePenalty
from solver.methods.result import Result
from solver.parameters import DEFAULTS, SolveParameters


def why_no_flow(problem: Problem) -> str | None:
    """Return what keeps a problem from being a circulation, in words; None if it is one."""
    people, offers, needs = problem.participants, problem.offers, problem.needs
    if problem.rules.reciprocity not in (Reciprocity.NONE, Reciprocity.BALANCED):
        return f"reciprocity is {problem.rules.reciprocity}"
    if problem.linking:
        return "there are linking rules"
    if (needs.max_givers != 0).any():
        return "some need limits its givers (max_givers is not 0)"
    if (needs.days_min != 1).any() or problem.candidates.half_days.any():
        return "some pairing has fewest half-days above 1, or fixed ones"
    for name, limit, of in (
        ("max_given", people.max_given, problem.giver),
        ("max_taken", people.max_taken, problem.taker),
        ("max_pairings", offers.max_pairings, problem.candidates.offer),
    ):
        if (np.bincount(of, minlength=len(limit)) > limit).any():
            return f"pairings are counted ({name})"
    return None


class Arcs(NamedTuple):
    """Arcs of the network and the supply of its nodes.

    Attributes
    ----------
    tail, head, capacity, cost
        One entry per arc; costs are points lost.
    supply
        One per node.
    """

    tail: IntArray
    head: IntArray
    capacity: IntArray
    cost: IntArray
    supply: IntArray


def solve_flow(
    problem: Problem,
    limits: Limits,
    *,
    on_news: OnNews,
    cancelled: Callable[[], bool],
    parameters: SolveParameters = DEFAULTS,
) -> Result:
    """Solve a problem that `why_no_flow` finds nothing against, to proven optimality.

    Returns
    -------
    The best plan; none where time is up, or with a conflict where it is infeasible.
    """
    low, high = ranges(problem)
    keep, high = presolve(problem, low, high)
    candidate = np.flatnonzero(keep)
    pinned = np.zeros(len(keep), np.bool_)
    pinned[problem.positions(problem.pins)] = True
    first = problem.candidates.bonus + ChangePenalty().kept_points(problem)
    arcs = _network(problem, candidate, high, first, pinned)
    # SimpleMinCostFlow holds the interpreter's lock and hears nobody: it runs in a child.
    answer = in_child(_send_flow, arcs, deadline=limits.deadline, cancelled=cancelled)
    if answer is None:
        if cancelled():
            return Result(None, np.inf, Stopped.CANCELLED)
        if time.time() >= limits.deadline:
            return Result(None, np.inf, Stopped.TIME)
        return Result(None, np.inf, Stopped.STALLED, given_up=1)
    if len(answer) < len(arcs.tail):
        conflict = in_child(
            send_conflict,
            (problem, parameters.loops),
            deadline=limits.deadline,
            cancelled=cancelled,
        )
        return Result(None, -np.inf, Stopped.INFEASIBLE, conflict=conflict or ())
    half_days = np.zeros(len(keep), np.int64)
    half_days[candidate] = answer[: len(candidate)] + answer[len(candidate) : 2 * len(candidate)]
    half_days[pinned] += 1
    chosen = half_days > 0
    saved = ChangePenalty().kept_points(problem)
    objective = int(problem.candidates.points @ half_days)
    objective += int(problem.candidates.bonus[chosen].sum()) - int(saved[~chosen].sum())
    on_news(objective, objective)
    return Result(half_days, objective, Stopped.PROVED, objective)


def _network(
    problem: Problem, candidate: IntArray, high: IntArray, first: IntArray, pinned: BoolArray
) -> Arcs:
    """Return the network; its first arcs are the candidates', the first half-day apart.

    The first half-day of a pairing carries its bonus, so that it is used before the others; a
    pin's is no choice and becomes supply and demand.

    Parameters
    ----------
    candidate
        Positions of the candidates kept.
    high, first, pinned
        Per candidate of the problem: most half-days, points of the first half-day beyond those of
        each, and whether it is pinned.
    """
    people, offers, needs = problem.participants, problem.offers, problem.needs
    account_at = 0
    gate_at = account_at + 2 * len(people)
    offer_at = gate_at + len(people)
    need_at = offer_at + len(offers)
    hub = need_at + len(needs)
    # An exempt participant stands outside its account, in one of its own without limit.
    everyone = np.arange(len(people))
    free = people.exempt | (problem.rules.reciprocity is Reciprocity.NONE)
    account = np.where(free, len(people) + everyone, people.account)
    allowance = np.zeros(2 * len(people), np.int64)
    np.add.at(allowance, account, np.where(free, 0, people.allowance))
    most = int(needs.days.sum())
    allowance[account[free]] = most
    allowance, give_limit = np.minimum(allowance, most), np.minimum(people.give_limit, most)
    accounts = np.unique(account)
    offer, need = problem.candidates.offer[candidate], problem.candidates.need[candidate]
    points, pin = problem.candidates.points[candidate], pinned[candidate].astype(np.int64)
    supply = np.zeros(hub + 1, np.int64)
    np.add.at(supply, offer_at + offer, -pin)
    np.add.at(supply, need_at + need, pin)
    parts = [
        (offer_at + offer, need_at + need, 1 - pin, -points - first[candidate]),
        (offer_at + offer, need_at + need, high[candidate] - 1, -points),
        (account_at + account, gate_at + everyone, give_limit, None),
        (gate_at + offers.participant, offer_at + np.arange(len(offers)), offers.days, None),
        (
            need_at + np.arange(len(needs)),
            account_at + account[needs.participant],
            needs.days,
            None,
        ),
        (account_at + accounts, np.full(len(accounts), hub), allowance[accounts], None),
        (np.full(len(accounts), hub), account_at + accounts, np.full(len(accounts), most), None),
    ]
    return Arcs(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([np.minimum(part[2], most) for part in parts]),
        np.concatenate([np.zeros(len(p[0]), np.int64) if p[3] is None else p[3] for p in parts]),
        supply,
    )


def _send_flow(connection: Connection, arcs: Arcs) -> None:
    """Send the optimal flow of each arc, none at all if there is no flow."""
    from ortools.graph.python import min_cost_flow

    network: Any = min_cost_flow.SimpleMinCostFlow()
    network.add_arcs_with_capacity_and_unit_cost(arcs.tail, arcs.head, arcs.capacity, arcs.cost)
    network.set_nodes_supplies(np.arange(len(arcs.supply)), arcs.supply)
    status = network.solve()
    if status == network.OPTIMAL:
        connection.send(network.flows(np.arange(len(arcs.tail))))
    elif status == network.INFEASIBLE:
        connection.send(np.zeros(0, np.int64))
    else:
        raise RuntimeError(f"the network could not be solved: {status}")
    connection.close()
