"""Generalised assignment by its published recipes, written as exchange without reciprocity.

Each job is to go to one agent, at a cost and for a part of the agent's capacity that depend on
both; the sum of costs is to be least. Types C and D are those of Chu and Beasley (A genetic
algorithm for the generalised assignment problem, Computers & Operations Research 24, 1997, 17-23),
type E that of Laguna, Kelly, Gonzalez-Velarde and Glover (Tabu search for the multilevel
generalized assignment problem, European Journal of Operational Research 82, 1995, 176-189), all as
stated by Yagiura, Ibaraki and Glover (An ejection chain approach for the generalized assignment
problem, INFORMS Journal on Computing 16, 2004, 133-151).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import IntArray
from solver.formats.plan import Plan
from solver.formats.problem import Problem
from solver.formats.tables import Candidates, Needs, Offers, Participants, ProblemFault, Rules

ASSIGNMENT_KINDS: Final = ("gap_c", "gap_d", "gap_e")


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Jobs for agents.

    Attributes
    ----------
    cost, resource
        Of each agent (row) with each job (column), shape (agents, jobs). Resource is 1 or more.
        Profits, whose sum is to be greatest, are costs below zero.
    capacity
        Resource of each agent, shape (agents,).
    """

    cost: IntArray
    resource: IntArray
    capacity: IntArray

    @property
    def reward(self) -> int:
        """Points for a job done, before its cost is taken off: twice the greatest cost or profit.

        So much that to leave a job out never pays where jobs are many. Where it did, the plan
        would have fewer pairings than jobs, and be no assignment; bounds hold in any case.
        """
        return 2 * max(1, int(np.abs(self.cost).max()))

    def problem(self) -> Problem:
        """Return the same as a problem of exchange: an agent is an offer, a job is a need.

        Half-days of a candidate are the job's resource with that agent, its bonus is the reward
        less the cost, and nothing is worth points by the half-day.
        """
        agents, jobs = self.cost.shape
        need, offer = np.divmod(np.arange(agents * jobs), agents)
        return Problem(
            Participants.of([f"a{at}" for at in range(agents)] + [f"j{at}" for at in range(jobs)]),
            Needs.of(
                [f"job{at}" for at in range(jobs)],
                agents + np.arange(jobs),
                self.resource.max(axis=0),
                days_min=1,
            ),
            Offers.of([f"agent{at}" for at in range(agents)], np.arange(agents), self.capacity),
            Candidates.of(
                offer,
                need,
                np.zeros_like(need),
                half_days=self.resource.T.ravel(),
                bonus=self.reward - self.cost.T.ravel(),
            ),
            Rules(Reciprocity.NONE),
        )

    def cost_at(self, points: float) -> float:
        """Return the cost of an assignment of every job that has so many points.

        Of a bound in points it gives the bound that no assignment's cost is below.
        """
        jobs: int = self.cost.shape[1]
        return jobs * self.reward - points

    def cost_of(self, plan: Plan) -> int:
        """Return the costs of a plan's pairings, counted from the instance and not from points.

        Raises
        ------
        ProblemFault
            If the plan is none of this instance, or breaks a rule of it other than that every job
            is to be done.
        """
        agents, jobs = self.cost.shape
        agent, job = plan.offer, plan.need
        if plan.objective is None:
            raise ProblemFault([f"the plan has no pairings ({plan.status})"])
        if ((agent < 0) | (agent >= agents) | (job < 0) | (job >= jobs)).any():
            raise ProblemFault(
                [f"the plan names agents or jobs not among the instance's {agents:,} and {jobs:,}"]
            )
        used = np.bincount(agent, self.resource[agent, job], agents)
        faults = [
            f"job {at + 1:,} is given to several agents"
            for at in np.flatnonzero(np.bincount(job, minlength=jobs) > 1)
        ]
        faults += [
            f"agent {at + 1:,} uses {used[at]:,.0f} of a capacity of {self.capacity[at]:,}"
            for at in np.flatnonzero(used > self.capacity)
        ]
        cost = int(self.cost[agent, job].sum())
        points = len(plan) * self.reward - cost
        if points != plan.objective or (plan.half_days != self.resource[agent, job]).any():
            faults.append(
                f"the plan's {plan.objective:,} points or its half-days are not those of this "
                f"instance ({points:,} points). Check the number, and whether it is to maximise"
            )
        # A bound that is a fraction may be rounded.
        if plan.bound is not None and plan.bound < plan.objective - 1e-6:
            faults.append(
                f"the plan's bound of {plan.bound:,} points is below the plan's own "
                f"{plan.objective:,}, so that it bounds nothing"
            )
        if faults:
            raise ProblemFault(faults)
        return cost


def draw_assignment(agents: int, jobs: int, seed: int, kind: str) -> Assignment:
    """Return a drawn instance; capacities are 0.8 of what an agent's even share would use.

    Parameters
    ----------
    kind
        "gap_c": resource 5 to 25 and cost 10 to 50, independent. "gap_d": resource 1 to 100, cost
        111 less the resource, give or take 10: what is cheap takes much. "gap_e": resource
        1 - 10 ln(u), cost 1000 / resource - 10 v with u and v from 0 to 1, in whole numbers.

    Raises
    ------
    ValueError
        If the kind does not exist.
    """
    random = np.random.default_rng([seed, 3])
    shape = agents, jobs
    if kind == "gap_c":
        resource, cost = random.integers(5, 26, shape), random.integers(10, 51, shape)
    elif kind == "gap_d":
        resource = random.integers(1, 101, shape)
        cost = 111 - resource + random.integers(-10, 11, shape)
    elif kind == "gap_e":
        # Cut before it divides: costs of the published instances lie just below 1000, 500, 333.
        resource = (1 - 10 * np.log(1 - random.random(shape))).astype(np.int64)
        cost = np.rint(1000 / resource - 10 * random.random(shape)).astype(np.int64)
    else:
        raise ValueError(f"kind {kind!r} is none of {', '.join(ASSIGNMENT_KINDS)}")
    return Assignment(cost, resource, resource.sum(axis=1) * 8 // (10 * agents))
