"""Families of schools that cover most of each other's needs: a heuristic, with a bound beside it.

A family is a set of schools of a given size, every two of them within a time of travel, and every
one giving or receiving at least once. Chosen are families without a common member that cover the
most needs: set packing, of which this is the restricted problem of a column generation (see
Desaulniers, Desrosiers and Solomon, Column Generation, 2005). Families grow greedily around every
school; the linear program over them gives each school a price; with these prices they are grown
again, towards what is worth more than it costs; then an integer program chooses. That is no proof,
as growing is greedy, so a bound stands beside it: the linear program of who could cover what if
each school could have another family with every other, of the same size and within the same time.

Everything is deterministic: ties go to the lower number, and the integer program has a
deterministic limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Final

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from solver.arrays import BoolArray, FloatArray, IntArray
from solver.formats.families import Covered, Families, Family, FamilyProblem

ROUNDS: Final = 6
"""Times that families are grown anew with the prices of the last."""
WORK: Final = 2.0
"""Deterministic seconds of CP-SAT, which chooses among the families."""
NEARLY: Final = 1e-6
TIE: Final = 1e-3
"""What a minute of travel counts beside a need, in growing alone."""


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """The problem as growing looks at it.

    Attributes
    ----------
    near : bool[S, S]
        Whether two schools may be in one family.
    can : bool[S, N]
        Whether a school has an offer that a need may have, and the two are near.
    options
        For each need, the offers that it may have, the best first.
    """

    problem: FamilyProblem
    near: BoolArray
    can: BoolArray
    owner: sparse.csr_array
    options: tuple[tuple[int, ...], ...]
    minutes: FloatArray

    @classmethod
    def of(cls, problem: FamilyProblem) -> "_Tables":
        schools, needs = len(problem.give_limit), len(problem.need_of)
        minutes = np.fmax(problem.minutes, problem.minutes.T)
        known = ~np.isnan(problem.minutes) & ~np.isnan(problem.minutes.T)
        near = known & (minutes <= problem.limit_minutes)
        np.fill_diagonal(near, val=False)
        giver = problem.offer_of[problem.pair_offer]
        taker = problem.need_of[problem.pair_need]
        kept = near[giver, taker]
        can = np.zeros((schools, needs), np.bool_)
        can[giver[kept], problem.pair_need[kept]] = True
        options: list[list[int]] = [[] for _ in range(needs)]
        for offer, need in zip(
            problem.pair_offer[kept].tolist(), problem.pair_need[kept].tolist(), strict=True
        ):
            options[need].append(offer)
        owner = sparse.csr_array(
            (np.ones(needs), (problem.need_of, np.arange(needs))), shape=(schools, needs)
        )
        return cls(problem, near, can, owner, tuple(map(tuple, options)), minutes)


def find_families(problem: FamilyProblem) -> Families:
    """Find families of schools that cover most of each other's needs.

    Parameters
    ----------
    problem
        Schools, needs, offers, allowed pairs and minutes between every two schools.

    Returns
    -------
    Families
        Those chosen, by the needs that they cover, with the bound.
    """
    tables = _Tables.of(problem)
    schools = len(problem.give_limit)
    known: dict[tuple[int, ...], Family | None] = {}
    columns: list[Family] = []
    prices = np.zeros(schools)
    for _ in range(ROUNDS):
        before = len(known)
        for seed in range(schools):
            for members in _grown(tables, seed, prices):
                if members not in known:
                    known[members] = _family(tables, members)
        columns = [family for family in known.values() if family is not None]
        if len(known) == before:
            break
        prices = _prices(columns, schools)
    chosen = _chosen(columns, schools)
    found = sorted(chosen, key=lambda each: (-len(each.covers), each.members))
    return Families(tuple(found), _bound(tables), len(columns))


def _grown(tables: _Tables, seed: int, prices: FloatArray) -> list[tuple[int, ...]]:
    """Members of families around a school, one for each size, each with who adds most."""
    problem, can = tables.problem, tables.can
    members = [seed]
    open_to = np.flatnonzero(tables.near[seed])
    from_inside = can[seed].copy()
    """Needs of anybody that some member can cover."""
    mine = problem.need_of == seed
    found = []
    while len(members) < problem.largest:
        gives = can[np.ix_(open_to, mine)].any(axis=1)
        gain = can[np.ix_(open_to, mine & ~from_inside)].sum(axis=1)
        takes = tables.owner[open_to] @ from_inside.astype(np.float64)
        far = tables.minutes[np.ix_(open_to, np.array(members))].mean(axis=1)
        worth = gain + takes - prices[open_to] - TIE * far
        worth[~gives & (takes == 0)] = -np.inf
        if not len(worth) or worth.max() == -np.inf:
            break
        best = int(open_to[worth.argmax()])
        members.append(best)
        open_to = open_to[tables.near[best][open_to]]
        from_inside |= can[best]
        mine |= problem.need_of == best
        if len(members) >= problem.smallest:
            found.append(tuple(sorted(members)))
    return found


def _family(tables: _Tables, members: tuple[int, ...]) -> Family | None:
    """Cover needs among members, those with the fewest ways first; None if somebody is idle.

    A need that nobody has days or places left for is tried by moving one other need to another
    offer, so that few are left out that could be covered.
    """
    problem = tables.problem
    inside = set(members)
    offer_of = problem.offer_of
    needs = [
        (tuple(o for o in tables.options[need] if int(offer_of[o]) in inside), int(need))
        for member in members
        for need in np.flatnonzero(problem.need_of == member)
    ]
    needs = sorted((each for each in needs if each[0]), key=lambda each: (len(each[0]), each[1]))
    used = _Used(problem)
    options = {need: offers for offers, need in needs}
    for offers, need in needs:
        if not any(used.take(offer, need) for offer in offers):
            used.make_room(need, options)
    used.fill_up()
    covers = tuple(Covered(o, n, days) for n, (o, days) in sorted(used.taken.items()))
    taking_part = {int(offer_of[each.offer]) for each in covers}
    taking_part |= {int(problem.need_of[each.need]) for each in covers}
    return Family(members, covers) if taking_part == inside else None


class _Used:
    """What is taken of offers and givers within one family."""

    def __init__(self, problem: FamilyProblem) -> None:
        self.problem = problem
        self.taken: dict[int, tuple[int, int]] = {}
        self.days: dict[int, int] = {}
        self.places: dict[int, int] = {}
        self.given: dict[int, int] = {}
        self.gives: dict[int, int] = {}
        self.takes: dict[int, int] = {}

    def take(self, offer: int, need: int) -> bool:
        """Cover a need by an offer with the fewest useful days, if there are as many."""
        problem = self.problem
        giver, taker = int(problem.offer_of[offer]), int(problem.need_of[need])
        least = int(problem.least[need])
        full = (
            self.places.get(offer, 0) >= int(problem.pairings[offer])
            or self.gives.get(giver, 0) >= int(problem.most_given[giver])
            or self.takes.get(taker, 0) >= int(problem.most_taken[taker])
        )
        if full or self._left(offer) < least:
            return False
        self._put(offer, need, least)
        return True

    def fill_up(self) -> None:
        """Give what is left of offers to the needs that they cover, up to what these ask for."""
        for need, (offer, half_days) in sorted(self.taken.items()):
            more = min(self._left(offer), int(self.problem.asked[need]) - half_days)
            self._count(offer, need, more, 0)
            self.taken[need] = (offer, half_days + more)

    def _left(self, offer: int) -> int:
        giver = int(self.problem.offer_of[offer])
        return min(
            int(self.problem.offered[offer]) - self.days.get(offer, 0),
            int(self.problem.give_limit[giver]) - self.given.get(giver, 0),
        )

    def make_room(self, need: int, options: dict[int, tuple[int, ...]]) -> bool:
        """Move one covered need to another offer, so that this one can be covered."""
        for other, (offer, half_days) in list(self.taken.items()):
            self._drop(other)
            if any(self.take(mine, need) for mine in options[need]):
                if any(self.take(o, other) for o in options[other] if o != offer):
                    return True
                self._drop(need)
            self._put(offer, other, half_days)
        return False

    def _put(self, offer: int, need: int, half_days: int) -> None:
        self._count(offer, need, half_days, 1)
        self.taken[need] = (offer, half_days)

    def _drop(self, need: int) -> None:
        offer, half_days = self.taken.pop(need)
        self._count(offer, need, -half_days, -1)

    def _count(self, offer: int, need: int, half_days: int, times: int) -> None:
        giver, taker = int(self.problem.offer_of[offer]), int(self.problem.need_of[need])
        self.days[offer] = self.days.get(offer, 0) + half_days
        self.places[offer] = self.places.get(offer, 0) + times
        self.given[giver] = self.given.get(giver, 0) + half_days
        self.gives[giver] = self.gives.get(giver, 0) + times
        self.takes[taker] = self.takes.get(taker, 0) + times


def _packing(columns: Sequence[Family], schools: int) -> tuple[FloatArray, sparse.csr_array]:
    worth = np.array([len(each.covers) for each in columns], float)
    rows = np.array([who for each in columns for who in each.members], np.int64)
    of = np.array([at for at, each in enumerate(columns) for _ in each.members], np.int64)
    matrix = sparse.csr_array((np.ones(len(rows)), (rows, of)), shape=(schools, len(columns)))
    return worth, matrix


def _prices(columns: Sequence[Family], schools: int) -> FloatArray:
    """Return what each school is worth in a family: the duals of the packing's relaxation."""
    if not columns:
        return np.zeros(schools)
    worth, matrix = _packing(columns, schools)
    found = linprog(  # type: ignore[call-overload]  # its stubs know no sparse matrix
        -worth, A_ub=matrix, b_ub=np.ones(schools), method="highs"
    )
    return np.asarray(np.maximum(0.0, -np.asarray(found.ineqlin.marginals, float)), np.float64)


def _chosen(columns: Sequence[Family], schools: int) -> list[Family]:
    """Choose families without a common member that cover most, starting from a greedy choice."""
    # It takes long to import, so only where it runs.
    from ortools.sat.python import cp_model

    greedy = _greedy(columns)
    inside = {id(each) for each in greedy}
    model = cp_model.CpModel()
    takes = [model.new_bool_var("") for _ in columns]
    of_school: list[list[cp_model.IntVar]] = [[] for _ in range(schools)]
    for each, take in zip(columns, takes, strict=True):
        model.add_hint(take, id(each) in inside)
        for who in each.members:
            of_school[who].append(take)
    for some in of_school:
        model.add_at_most_one(some)
    model.maximize(cp_model.LinearExpr.weighted_sum(takes, [len(each.covers) for each in columns]))
    search = cp_model.CpSolver()
    search.parameters.num_workers = 1
    search.parameters.random_seed = 0
    search.parameters.max_deterministic_time = WORK
    if search.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return greedy
    return [each for each, take in zip(columns, takes, strict=True) if search.value(take)]


def _greedy(columns: Sequence[Family]) -> list[Family]:
    used: set[int] = set()
    found = []
    for each in sorted(columns, key=lambda one: (-len(one.covers), one.members)):
        if used.isdisjoint(each.members):
            used |= set(each.members)
            found.append(each)
    return found


def _bound(tables: _Tables) -> int:
    """Most needs that any families could cover.

    The linear program of the pairs that are near enough: a need is covered once, an offer and a
    giver have their days (a pairing takes the fewest useful) and places, and a school has at most
    so many others in its family. Left out is that the family of one member is that of the others.
    """
    problem, near = tables.problem, tables.near
    giver = problem.offer_of[problem.pair_offer]
    taker = problem.need_of[problem.pair_need]
    kept = np.flatnonzero(near[giver, taker])
    if not len(kept):
        return 0
    offer, need = problem.pair_offer[kept], problem.pair_need[kept]
    giver, taker = giver[kept], taker[kept]
    schools = len(problem.give_limit)
    ends = np.minimum(giver, taker) * schools + np.maximum(giver, taker)
    together, of = np.unique(ends, return_inverse=True)
    pairs, both, at = len(kept), len(together), np.arange(len(kept))
    least = problem.least[need].astype(float)
    one = np.ones(pairs)

    def rows(row: IntArray, value: FloatArray, number: int) -> sparse.csr_array:
        return sparse.csr_array((value, (row, at)), shape=(number, pairs + both))

    in_family = np.concatenate([together // schools, together % schools])
    column = np.tile(pairs + np.arange(both), 2)
    matrix = sparse.vstack(
        [
            rows(need, one, len(problem.need_of)),
            rows(offer, one, len(problem.offer_of)),
            rows(offer, least, len(problem.offer_of)),
            rows(giver, least, schools),
            rows(giver, one, schools),
            rows(taker, one, schools),
            sparse.csr_array(
                (
                    np.concatenate([one, -one]),
                    (np.tile(at, 2), np.concatenate([at, pairs + of])),
                ),
                shape=(pairs, pairs + both),
            ),
            sparse.csr_array(
                (np.ones(2 * both), (in_family, column)), shape=(schools, pairs + both)
            ),
        ],
        "csr",
    )
    limits = np.concatenate(
        [
            np.ones(len(problem.need_of)),
            problem.pairings,
            problem.offered,
            problem.give_limit,
            problem.most_given,
            problem.most_taken,
            np.zeros(pairs),
            np.full(schools, problem.largest - 1),
        ]
    ).astype(float)
    worth = np.concatenate([-one, np.zeros(both)])
    found = linprog(worth, A_ub=matrix, b_ub=limits, bounds=(0, 1), method="highs")
    if found.fun is None:
        return len(np.unique(need))
    return floor(-float(found.fun) + NEARLY)
