"""The rules of a plan, one class each: its sentence, its rows, its check.

A rule is linear in the choice of candidates and their half-days, so its rows are both what the
solvers are given and what a plan is checked by. `solver.check.verify` shares none of this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from models.vocabulary import Reciprocity
from solver.arrays import IntArray
from solver.formats.problem import Problem
from solver.formulation.rows import FREE, Rows, grouped, stacked


class Rule(ABC):
    """A rule that every plan keeps.

    Attributes
    ----------
    name
        What it is called in files and explanations.
    statement
        What it asks, in plain English.
    table
        Column group that its subjects are positions of.
    """

    name: ClassVar[str]
    statement: ClassVar[str]
    table: ClassVar[str]

    @abstractmethod
    def rows(self, problem: Problem) -> Rows:
        """Return the rule's rows over all candidates of the problem, in half-days and pairings."""

    def where(self, subject: int) -> str:
        """Return what a row binds, such as "offers[3]"."""
        return f"{self.table}[{subject}]"

    def sentence(self, problem: Problem, subject: int) -> str:
        """Return the statement with the name of what it binds."""
        names = getattr(getattr(problem, self.table), "id", None)
        return f"{self.statement} ({names[subject]})" if names else self.statement

    def check(self, problem: Problem, half_days: IntArray) -> list[str]:
        """Return a sentence for each place where a choice breaks the rule.

        Parameters
        ----------
        half_days
            One per candidate of the problem, shape (candidates,); 0 is not chosen.
        """
        rows = self.rows(problem)
        values = rows.values(half_days)
        return [
            f"{self.where(int(rows.subject[at]))}: {self.statement}"
            for at in np.flatnonzero((values < rows.lower) | (values > rows.upper))
        ]


def _every(problem: Problem) -> IntArray:
    return np.arange(len(problem.candidates))


class NeedGivers(Rule):
    """At most so many givers per need."""

    name = "need givers"
    statement = "a need is met by at most max_givers givers"
    table = "needs"

    def rows(self, problem: Problem) -> Rows:
        most = problem.needs.max_givers
        upper = np.where(most == 0, FREE, most)
        return grouped(problem.candidates.need, _every(problem), count=1, upper=upper)


class PairingDays(Rule):
    """Each pairing is long enough to be useful and no longer than its need."""

    name = "pairing days"
    statement = "a pairing has from days_min to days half-days of its need"
    table = "candidates"

    def sentence(self, problem: Problem, subject: int) -> str:
        offer, need = problem.candidates.offer[subject], problem.candidates.need[subject]
        return f"{self.statement} ({problem.offers.id[offer]} for {problem.needs.id[need]})"

    def rows(self, problem: Problem) -> Rows:
        every, need = _every(problem), problem.candidates.need
        least, most = problem.needs.days_min[need], problem.needs.days[need]
        return stacked(
            [
                grouped(every, every, days=1, count=-least, lower=0),
                grouped(every, every, days=1, count=-most, upper=0),
            ]
        )


class NeedDays(Rule):
    """A need takes no more days than it has."""

    name = "need days"
    statement = "the pairings of a need have together at most its days"
    table = "needs"

    def rows(self, problem: Problem) -> Rows:
        # Of a single giver, the range of the pairing's own days says as much.
        several = np.flatnonzero(problem.needs.max_givers[problem.candidates.need] != 1)
        need = problem.candidates.need[several]
        return grouped(need, several, days=1, upper=problem.needs.days)


class OfferDays(Rule):
    """An offer gives no more days than it has."""

    name = "offer days"
    statement = "the pairings of an offer have together at most its days"
    table = "offers"

    def rows(self, problem: Problem) -> Rows:
        days = problem.offers.days
        return grouped(problem.candidates.offer, _every(problem), days=1, upper=days)


class OfferPairings(Rule):
    """An offer serves only so many at once."""

    name = "offer pairings"
    statement = "an offer has at most max_pairings pairings at once"
    table = "offers"

    def rows(self, problem: Problem) -> Rows:
        most = problem.offers.max_pairings
        return grouped(problem.candidates.offer, _every(problem), count=1, upper=most)


class GiveLimit(Rule):
    """A giver gives no more days than it can."""

    name = "give limit"
    statement = "a participant gives at most give_limit half-days in all"
    table = "participants"

    def rows(self, problem: Problem) -> Rows:
        most = problem.participants.give_limit
        return grouped(problem.giver, _every(problem), days=1, upper=most)


class MaxGiven(Rule):
    """A giver has only so many pairings at once."""

    name = "most given"
    statement = "a participant gives in at most max_given pairings at once"
    table = "participants"

    def rows(self, problem: Problem) -> Rows:
        most = problem.participants.max_given
        return grouped(problem.giver, _every(problem), count=1, upper=most)


class MaxTaken(Rule):
    """Not five masters."""

    name = "most taken"
    statement = "a participant takes in at most max_taken pairings at once"
    table = "participants"

    def rows(self, problem: Problem) -> Rows:
        most = problem.participants.max_taken
        return grouped(problem.taker, _every(problem), count=1, upper=most)


class Balance(Rule):
    """Reciprocity `balanced`, held by each participant or by a group's account.

    An exempt participant stands outside: neither its days nor its allowance count.
    """

    name = "balance"
    statement = "an account takes at most what it gives and its members' allowances"
    table = "participants"

    def rows(self, problem: Problem) -> Rows:
        participants = problem.participants
        bound = ~participants.exempt
        allowance = np.zeros(len(participants), np.int64)
        np.add.at(allowance, participants.account[bound], participants.allowance[bound])
        takes = np.flatnonzero(bound[problem.taker])
        gives = np.flatnonzero(bound[problem.giver])
        return grouped(
            np.concatenate(
                [
                    participants.account[problem.taker[takes]],
                    participants.account[problem.giver[gives]],
                ]
            ),
            np.concatenate([takes, gives]),
            days=np.concatenate([np.ones_like(takes), -np.ones_like(gives)]),
            upper=allowance,
        )


class BothRoles(Rule):
    """Reciprocity `both_roles`: who takes also gives.

    One row per need of a single giver, otherwise one per candidate: tighter than one row per
    participant with a large coefficient.
    """

    name = "both roles"
    statement = "a participant that takes also gives in at least one pairing"
    table = "participants"

    def rows(self, problem: Problem) -> Rows:
        taker, giver = problem.taker, problem.giver
        takes = np.flatnonzero(~problem.participants.exempt[taker])
        need = problem.candidates.need[takes]
        single = problem.needs.max_givers[need] == 1
        key = np.where(single, need, len(problem.needs) + takes)
        first, row = np.unique(key, return_index=True, return_inverse=True)[1:]
        subject = taker[takes[first]]
        order = np.argsort(giver, kind="stable")
        start, end = (np.searchsorted(giver[order], subject, side) for side in ("left", "right"))
        sizes = end - start
        steps = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        gives = order[np.repeat(start, sizes) + steps]
        return Rows(
            row=np.concatenate([row, np.repeat(np.arange(len(subject)), sizes)]),
            candidate=np.concatenate([takes, gives]),
            count=np.concatenate([np.ones_like(takes), -np.ones_like(gives)]),
            days=np.zeros(len(takes) + len(gives), np.int64),
            lower=np.full(len(subject), -FREE),
            upper=np.zeros(len(subject), np.int64),
            subject=subject,
        )


class ClosedLoops(Rule):
    """Reciprocity `closed_loops`, as far as rows go: all but the exempt give as often as they take.

    How long loops are is said by columns, one per loop (`solver.formulation.loop_columns`).
    """

    name = "closed loops"
    statement = "each pairing lies on one loop of at most max_loop participants"
    table = "participants"

    def rows(self, problem: Problem) -> Rows:
        bound = ~problem.participants.exempt
        gives, takes = np.flatnonzero(bound[problem.giver]), np.flatnonzero(bound[problem.taker])
        return grouped(
            np.concatenate([problem.giver[gives], problem.taker[takes]]),
            np.concatenate([gives, takes]),
            count=np.concatenate([np.ones_like(gives), -np.ones_like(takes)]),
            lower=0,
            upper=0,
        )


class Pins(Rule):
    """What people fixed is in."""

    name = "pin"
    statement = "a pinned pair is in the plan"
    table = "pins"

    def sentence(self, problem: Problem, subject: int) -> str:
        offer, need = problem.pins[subject]
        return f"{self.statement} ({problem.offers.id[offer]} for {problem.needs.id[need]})"

    def rows(self, problem: Problem) -> Rows:
        pinned = problem.positions(problem.pins)
        return grouped(np.arange(len(pinned)), pinned, count=1, lower=1)


class Exclusions(Rule):
    """What people ruled out is not in."""

    name = "exclusion"
    statement = "an excluded pair is not in the plan"
    table = "exclusions"

    def rows(self, problem: Problem) -> Rows:
        excluded = problem.positions(problem.exclusions)
        rows = np.flatnonzero(excluded >= 0)
        return grouped(rows, excluded[rows], count=1, upper=0)


class LinkingRule(Rule):
    """A rule over many participants: a pot, a pool, a floor, a ceiling."""

    name = "linking"
    statement = "the weighted half-days or pairings keep to the linking rule's limit"
    table = "linking"

    def sentence(self, problem: Problem, subject: int) -> str:
        rule = problem.linking[subject]
        return f"{rule.id}: weighted {rule.unit} {rule.sense} {rule.limit}"

    def rows(self, problem: Problem) -> Rows:
        none = np.zeros(0, np.int64)
        parts = [Rows(*[none] * 7)]
        for at, rule in enumerate(problem.linking):
            size = len(rule.candidates)
            days = rule.unit == "half_days"
            least = rule.sense == ">="
            parts.append(
                Rows(
                    row=np.zeros(size, np.int64),
                    candidate=rule.candidates,
                    count=np.zeros(size, np.int64) if days else rule.weight,
                    days=rule.weight if days else np.zeros(size, np.int64),
                    lower=np.array([rule.limit if least else -FREE]),
                    upper=np.array([FREE if least else rule.limit]),
                    subject=np.array([at]),
                )
            )
        return stacked(parts)


class ChangePenalty(Rule):
    """Running pairings are kept unless it pays to change them: points, never a ban."""

    name = "change penalty"
    statement = "each pairing of the plan in force that is not kept costs change_penalty points"
    table = "current"

    def rows(self, problem: Problem) -> Rows:
        """Return no rows: it binds nothing."""
        return stacked([])

    def kept_points(self, problem: Problem) -> IntArray:
        """Return the points that keeping each candidate saves, shape (candidates,)."""
        saved = np.zeros(len(problem.candidates), np.int64)
        position = problem.positions(problem.current)
        saved[position[position >= 0]] = problem.change_penalty
        return saved


def rules_of(problem: Problem) -> tuple[Rule, ...]:
    """Return the rules that bind a problem, reciprocity as it is set."""
    reciprocity: dict[Reciprocity, tuple[Rule, ...]] = {
        Reciprocity.NONE: (),
        Reciprocity.BALANCED: (Balance(),),
        Reciprocity.BOTH_ROLES: (BothRoles(),),
        Reciprocity.CLOSED_LOOPS: (ClosedLoops(),),
    }
    return (
        NeedGivers(),
        PairingDays(),
        NeedDays(),
        OfferDays(),
        OfferPairings(),
        GiveLimit(),
        MaxGiven(),
        MaxTaken(),
        *reciprocity[problem.rules.reciprocity],
        Pins(),
        Exclusions(),
        LinkingRule(),
        ChangePenalty(),
    )
