"""Paths of declared interests: a forbidden one removes exactly its candidates, at decisions too."""

from datetime import UTC, date, datetime, timedelta
from itertools import permutations, product
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database, WriteSession
from app.interests import service
from app.interests.queries import Sides, between
from app.interests.rows import InterestRow
from app.interests.rules import rules_in_force
from app.planning.build import build
from app.planning.load import load
from app.planning.options import MatchOptions
from app.proposals import decisions, flags
from app.proposals.pair_check import RulesBroken
from models.interests import Interest, InterestRule
from models.matching import ProposalFlag
from models.register import Participant
from models.vocabulary import DecisionAction, InterestKind, Role
from solver.pairing.interest_rule import sentence
from solver.pairing.travel import EstimatedTravelTimes
from tests import rows
from tests.factories import acting
from tests.runs import FREELY, contested, match

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
TWO_STEPS = (InterestKind.GOVERNOR_IN_COMMON, InterestKind.ADVISER_EMPLOYED_BY)
REFUSING = (*TWO_STEPS, InterestKind.BIDS_FOR, InterestKind.PAID_TO_JUDGE)
Pair = frozenset[int]


def _reach_further(session: WriteSession) -> None:
    for kind, rule in rules_in_force(session).items():
        row = {"kind": kind, "effect": rule.effect, "exceptions": rule.exceptions}
        rows.add(session, InterestRule(**row, most_steps=2 if kind in TWO_STEPS else 1))


@pytest.fixture
def people(sqlite_database: Database) -> tuple[Database, list[int]]:
    """Schools that can all support each other; two are of a trust, for which a team stands."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        _reach_further(session)
        schools = [rows.add_school(session, 1 + n, n * 0.5) for n in range(6)]
        for each in schools:
            rows.add_need(session, f"n{each.id}", each)
            rows.add_offer(session, f"o{each.id}", each)
            rows.add_limits(session, each, allowance_half_days=100)
        rows.add_group(session, 71, "multi_academy_trust", schools[:2])
        team = rows.add_hub(session, "team", group_uid=71)
        ids = [each.id for each in (*schools, team)]
    return sqlite_database, ids


def _draw(session: WriteSession, draw: Random, people: list[int]) -> list[Interest]:
    made = []
    for number in range(draw.randint(1, 4)):
        holder, about = (session.get_one(Participant, who) for who in draw.sample(people, 2))
        starts = rows.STARTS + timedelta(days=draw.choice((0, 200)))
        ends = starts + timedelta(days=draw.choice((90, 400)))
        dates = {"starts": starts, "ends": ends if draw.random() < 0.7 else None}
        kind = draw.choice([*REFUSING, *TWO_STEPS, InterestKind.SUPPLIER_OF])
        made.append(rows.add_interest(session, f"I{number}", holder, about, kind=kind, **dates))
    return made


def _forbidden(made: list[Interest], people: list[int]) -> set[Pair]:
    """By hand: direct ones, and those through one other, of everybody whom an interest is of."""
    *schools, team = people
    of = {team: [team, *schools[:2]]}
    joins = [
        (each, {
            frozenset((one, other))
            for one, other in product(of.get(each.holder_id, [each.holder_id]),
                                      of.get(each.about_id, [each.about_id]))
            if one != other
        })
        for each in made
    ]  # fmt: skip
    direct = {pair for each, pairs in joins if each.kind in REFUSING for pair in pairs}
    found = set(direct)
    for (one, first), (other, second) in permutations(joins, 2):
        if not {InterestKind(one.kind), InterestKind(other.kind)} <= set(TWO_STEPS):
            continue
        starts = max(one.starts or date.min, other.starts or date.min)
        if starts > min(one.ends or date.max, other.ends or date.max):
            continue
        found |= {a ^ b for a in first for b in second if len(a & b) == 1}
    return found


def _candidates(session: WriteSession) -> set[tuple[int, int]]:
    loaded = load(session, TERMINAL, None, rows.YEAR, rows.STARTS, now=NOW)
    built = build(loaded, MatchOptions(as_of=rows.STARTS), EstimatedTravelTimes())
    return {
        (loaded.offers[offer].participant_id, loaded.needs[need].participant_id)
        for offer, need in zip(
            built.candidates.offer.tolist(), built.candidates.need.tolist(), strict=True
        )
    }


@pytest.mark.parametrize("seed", range(30))
def test_declared_interests_remove_exactly_their_candidates(
    people: tuple[Database, list[int]], seed: int
) -> None:
    """Those whom one joins, or a forbidden path; asked of one pair alone it is the same."""
    database, ids = people
    with database.rehearse() as session:
        before = _candidates(session)
        made = _draw(session, Random(seed), ids)
        gone = _forbidden(made, ids)
        assert _candidates(session) == {pair for pair in before if frozenset(pair) not in gone}
        sides = {pair: Sides(*pair, rows.STARTS, rows.ENDS) for pair in before}
        for number, (pair, each) in enumerate(sides.items()):
            [told] = between(session, {number: each}, rows.STARTS).values()
            refused = [one for one in told if one["refuses"]]
            assert bool(refused) == (frozenset(pair) in gone), pair
            loaded = load(
                session, TERMINAL, None, rows.YEAR, rows.STARTS, now=NOW, only=sorted(pair)
            )
            alone = {
                frozenset((one.holder, one.about)) for one in loaded.between if one.declared.refuses
            }
            assert (frozenset(pair) in alone) == (frozenset(pair) in gone), pair


def test_a_path_is_refused_in_words_at_a_decision(sqlite_database: Database) -> None:
    """Who joins the two and how; and a run after it proposes somebody else."""
    database = contested(sqlite_database)
    database.before_commit = flags.review
    run_id = match(database, FREELY, now=NOW)
    prefer: Any = {"hold_days": 14, "now": NOW}
    with database.write() as session:
        _reach_further(session)
        between_them = rows.add_school(session, 9, name="Yew School")
        taker, giver = (session.get_one(Participant, number) for number in (1, 2))
        kinds = (InterestKind.ADVISER_EMPLOYED_BY, InterestKind.GOVERNOR_IN_COMMON)
        rows.add_interest(session, "I", giver, between_them, kind=kinds[0])
        rows.add_interest(session, "J", taker, between_them, kind=kinds[1])
    said = (
        "Declared interests join the two through Yew School: the school receiving support and Yew "
        "School have a governor in common, and the supporting organisation employs an adviser"
    )
    with pytest.raises(RulesBroken, match=said), database.write() as session:
        decisions.decide(session, TERMINAL, run_id, DecisionAction.PREFER, **prefer)


def test_a_path_declared_late_flags_what_is_open(sqlite_database: Database) -> None:
    """By the interest that closes it, of whichever side; withdrawn, the cause is gone."""
    database = contested(sqlite_database)
    database.before_commit = flags.review
    match(database, FREELY, now=NOW)
    with database.write() as session:
        _reach_further(session)
        rows.add_school(session, 9, name="Yew School")
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14, now=NOW)

    def declare(reference: str, holder: str) -> None:
        row = InterestRow(
            **{"reference": reference, "kind": "governor_in_common", "holder": holder},
            **{"about": "9", "evidence": "made up", "declared_by": "clerk"},
            declared_on=rows.STARTS,
        )
        with database.write() as session:
            service.declare(session, TERMINAL, row)

    declare("I", "2")
    with database.read() as session:
        assert session.scalars(select(ProposalFlag)).all() == []
    declare("J", "1")
    with database.read() as session:
        [flag] = session.scalars(select(ProposalFlag))
        assert "join the two through Yew School" in flag.reasons[0]
    with database.write() as session:
        service.withdraw(session, acting(Role.BROKER, name="other"), "I", "It ended.")
    with database.read() as session:
        [flag] = session.scalars(select(ProposalFlag))
        assert flag.outcome == "cause_gone"


def test_whoever_may_want_the_school_says_so() -> None:
    """An incoming trust, from either side of a path or of an interest."""
    figures = {
        **{"kind": "bids_for", "held_by": "giver", "holder_group": True, "about_group": False},
        **{"starts": None, "ends": None, "declared_on": "2026-09-01"},
    }
    assert "trust or federation of the supporting organisation may take over the school" in (
        sentence(figures)
    )
    through = {
        **{"name": "Yew School", "second_kind": "supplier_of"},
        **{"held_by_first": True, "held_by_second": False},
    }
    assert sentence(figures | {"through": through}) == (
        "Declared interests join the two through Yew School: the trust or federation of the "
        "supporting organisation may take over Yew School, and Yew School is a supplier of the "
        "school receiving support (declared on 1 September 2026)."
    )
