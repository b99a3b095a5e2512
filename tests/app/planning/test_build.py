"""From rows to a problem: what is left, who counts, and what the file says."""

from collections.abc import Iterator
from datetime import date

import pytest

from app.access.policy import TERMINAL
from app.database import Database, WriteSession
from app.errors import Conflict, NotFound
from app.planning.build import Built, Unplannable, build
from app.planning.capacity import what_is_left
from app.planning.load import load
from app.planning.options import AllowanceRule, MatchOptions
from models.register import Circumstance, CircumstanceRule
from solver.pairing.travel import EstimatedTravelTimes
from tests import rows
from tests.rows import TERM, YEAR

PLAIN = MatchOptions(allowance=AllowanceRule(base_half_days=4))


@pytest.fixture
def session(sqlite_database: Database) -> Iterator[WriteSession]:
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        yield session


def built(
    session: WriteSession,
    options: MatchOptions = PLAIN,
    *,
    period: str = YEAR,
    as_of: date = rows.STARTS,
    takers: set[int] | None = None,
) -> Built:
    session.expire_all()
    return build(load(session, TERMINAL, takers, period, as_of), options, EstimatedTravelTimes())


def candidates(made: Built) -> list[tuple[str, str]]:
    problem = made.problem
    return [
        (problem.offers.id[offer], problem.needs.id[need])
        for offer, need in zip(problem.candidates.offer, problem.candidates.need, strict=True)
    ]


def column(made: Built, name: str, who: str) -> int:
    participants = made.problem.participants
    return int(getattr(participants, name)[participants.id.index(who)])


def test_a_near_offer_is_a_candidate_and_a_far_one_is_refused_by_reason(
    session: WriteSession,
) -> None:
    """Distance binds on site; the refusal is counted for its need."""
    rows.add_need(session, "N", rows.add_school(session, 1))
    rows.add_offer(session, "near", rows.add_school(session, 2, miles_north=19))
    rows.add_offer(session, "far", rows.add_school(session, 3, miles_north=21))
    made = built(session)
    assert candidates(made) == [("near", "N")]
    assert made.refusals.sentence(0) == "1 refused: 1 too far"


def test_only_needs_of_the_takers_are_planned_but_givers_come_from_anywhere(
    session: WriteSession,
) -> None:
    """The area limits takers alone."""
    inside, outside = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "in", inside)
    rows.add_need(session, "out", outside)
    rows.add_offer(session, "O", outside)
    assert candidates(built(session, takers={inside.id})) == [("O", "in")]


def test_a_term_uses_items_of_its_year_and_a_year_not_those_of_its_terms(
    session: WriteSession,
) -> None:
    """Days belong to a period."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "year", taker)
    ends = date(2026, 12, 31)
    rows.add_need(session, "term", taker, period_code=TERM, window_ends=ends)
    rows.add_offer(session, "O", giver)
    assert built(session, period=YEAR).problem.needs.id == ("year",)
    assert built(session, period=TERM).problem.needs.id == ("year", "term")


def test_windows_are_cut_to_the_run_and_must_meet(session: WriteSession) -> None:
    """An offer for the summer is no candidate of an autumn run, nor is a window gone by."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "summer", giver, window_starts=date(2027, 4, 20))
    rows.add_offer(session, "early", giver, window_ends=date(2026, 9, 30))
    assert candidates(built(session, period=TERM)) == [("early", "N")]
    assert candidates(built(session, as_of=date(2026, 10, 1))) == [("summer", "N")]


def test_running_support_spends_days_and_places_on_both_sides(session: WriteSession) -> None:
    """Mid-year, a run spends only what is left; support of others fills a taker's places."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    rows.add_limits(session, giver, give_half_days=10)
    rows.add_support(session, "S1", taker, giver, expertise_code="maths", half_days=3)
    rows.add_support(session, "S2", taker, None, agency="Council")
    made = built(session)
    assert made.problem.offers.days.tolist() == [5]
    assert made.problem.offers.max_pairings.tolist() == [1]
    assert column(made, "give_limit", "urn:2") == 7
    assert column(made, "max_given", "urn:2") == 2
    assert column(made, "max_taken", "urn:1") == 1
    assert column(made, "allowance", "urn:1") == 4 - 3
    assert column(made, "allowance", "urn:2") == 4 + 3


def test_support_in_a_term_spends_the_terms_offer_first_then_the_years(
    session: WriteSession,
) -> None:
    """Days belong to a period, and those of a term come out of the year where it has no offer."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "year", giver, max_pairings=1)
    rows.add_offer(session, "term", giver, period_code=TERM, max_pairings=1)
    running = {"expertise_code": "maths", "period_code": TERM}
    rows.add_support(session, "S1", taker, giver, half_days=3, **running)
    assert left(session, TERM) == ([8, 5], [1, 0])
    assert left(session, YEAR) == ([8], [1])
    rows.add_support(session, "S2", taker, giver, half_days=2, **running)
    assert left(session, TERM) == ([6, 5], [0, 0])
    assert left(session, YEAR) == ([6], [0])


def left(session: WriteSession, period: str) -> tuple[list[int], list[int]]:
    found = what_is_left(load(session, TERMINAL, None, period, rows.STARTS), PLAIN)
    return found.offer_half_days, found.offer_pairings


def test_ended_support_spends_nothing(session: WriteSession) -> None:
    """Only what still runs in the period takes capacity."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    rows.add_support(session, "S1", taker, giver, half_days=3, state="ended")
    rows.add_support(session, "S2", taker, giver, half_days=3, ends=date(2026, 8, 1))
    assert built(session).problem.offers.days.tolist() == [8]


def test_an_offer_used_up_is_refused_as_not_offering(session: WriteSession) -> None:
    """Nothing is left of it, and the taker is told so."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    other = rows.add_school(session, 3)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    rows.add_offer(session, "still", other)
    rows.add_support(session, "S", other, giver, expertise_code="maths", half_days=8)
    made = built(session)
    assert candidates(made) == [("still", "N")]
    assert made.refusals.sentence(0) == "1 refused: 1 not offering"


def test_a_terms_limit_and_what_is_left_of_the_years_both_bind(session: WriteSession) -> None:
    """The tighter of the two is the file's limit."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    rows.add_limits(session, giver, TERM, give_half_days=6)
    rows.add_limits(session, giver, YEAR, give_half_days=9)
    assert column(built(session, period=TERM), "give_limit", "urn:2") == 6
    rows.add_support(session, "S", taker, giver, half_days=5)
    assert column(built(session, period=TERM), "give_limit", "urn:2") == 4


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"may_give": False, "days_percent": 100}, []),
        ({"may_give": True, "days_percent": 50}, [4]),
        ({"may_give": True, "days_percent": 100}, [8]),
    ],
)
def test_a_circumstance_takes_a_giver_out_or_lowers_its_days(
    session: WriteSession, rule: dict[str, bool | int], expected: list[int]
) -> None:
    """Each rule is data: may give, and how much of its days."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    kind = {"kind": "moving", "statement": "It moves.", "extra_allowance_half_days": 0}
    rows.add(session, CircumstanceRule(priority=None, **kind, **rule))
    fact = {"participant_id": giver.id, "kind": "moving", "source": "test"}
    rows.add(session, Circumstance(starts=date(2026, 10, 1), **fact))
    assert built(session).problem.offers.days.tolist() == expected


def test_a_circumstance_raises_priority_and_allowance_while_it_lasts(
    session: WriteSession,
) -> None:
    """A school in difficulty can take first; once it is over, nothing of it is left."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    rule = {"may_give": True, "days_percent": 100, "extra_allowance_half_days": 6, "priority": 1}
    rows.add(session, CircumstanceRule(kind="concern", statement="A concern.", **rule))
    fact = {"participant_id": taker.id, "kind": "concern", "source": "test"}
    rows.add(session, Circumstance(starts=date(2026, 9, 1), ends=date(2026, 9, 30), **fact))
    made = built(session)
    assert made.problem.needs.priority.tolist() == [1]
    assert column(made, "allowance", "urn:1") == 10
    later = built(session, as_of=date(2026, 10, 1))
    assert later.problem.needs.priority.tolist() == [3]
    assert column(later, "allowance", "urn:1") == 4


def test_the_allowance_grows_with_disadvantage_and_urgency_and_missing_is_not_zero() -> None:
    """The school that serves most disadvantage may take first and give later."""
    rule = AllowanceRule()
    assert rule.half_days(None, urgent=False) == rule.base_half_days
    assert rule.half_days(40.0, urgent=False) == rule.base_half_days + 8
    assert rule.half_days(40.0, urgent=True) == rule.base_half_days + 12
    assert rule.half_days(100.0, urgent=True) <= rule.most_half_days


def test_a_debt_lowers_the_allowance_to_nothing_at_least(session: WriteSession) -> None:
    """A balance carries over and never makes giving compulsory."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    rows.add_limits(session, taker, allowance_half_days=6, carried_half_days=-20)
    rows.add_limits(session, giver, allowance_half_days=6, carried_half_days=3)
    made = built(session)
    assert column(made, "allowance", "urn:1") == 0
    assert column(made, "allowance", "urn:2") == 9


def test_a_funded_hub_is_exempt_and_serves_only_its_areas(session: WriteSession) -> None:
    """Area served is a rule."""
    from models.register import AreaServed

    rows.add_need(session, "N", rows.add_school(session, 1))
    for key, area in (("here", "999"), ("there", "998")):
        hub = rows.add_hub(session, key)
        rows.add_offer(session, key, hub)
        served = {"area_kind": "local_authority", "area_code": area}
        rows.add(session, AreaServed(participant_id=hub.id, **served))
    made = built(session)
    assert candidates(made) == [("here", "N")]
    assert column(made, "exempt", "org:here") == 1
    assert made.refusals.sentence(0) == "1 refused: 1 area not served"


def test_a_trust_holds_the_balance_when_it_is_set_so(session: WriteSession) -> None:
    """Accounts follow the group named, and nobody else's."""
    first, second, alone = (rows.add_school(session, urn) for urn in (1, 2, 3))
    rows.add_group(session, 10, "multi_academy_trust", [first, second])
    rows.add_group(session, 11, "federation", [second, alone])
    for school in (first, second, alone):
        rows.add_need(session, f"N{school.id}", school)
        rows.add_offer(session, f"O{school.id}", school)
    assert built(session).problem.participants.account.tolist() == [0, 1, 2]
    by_trust = built(session, MatchOptions(balance_held_by="trust"))
    assert by_trust.problem.participants.account.tolist() == [0, 0, 2]
    by_federation = built(session, MatchOptions(balance_held_by="federation"))
    assert by_federation.problem.participants.account.tolist() == [0, 1, 1]


def test_pins_and_exclusions_reach_the_file_and_strangers_are_named(
    session: WriteSession,
) -> None:
    """A pin outside the rules of a pair is refused before any solving."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker)
    rows.add_offer(session, "O", giver)
    rows.add_offer(session, "far", rows.add_school(session, 3, miles_north=90))
    made = built(session, MatchOptions(pins=("N=O",)))
    assert made.problem.pins.tolist() == [[0, 0]]
    made = built(session, MatchOptions(exclusions=("N=O", "N=far")))
    assert made.problem.exclusions.tolist() == [[0, 0]]
    with pytest.raises(NotFound, match="'nobody'"):
        built(session, MatchOptions(pins=("N=nobody",)))
    with pytest.raises(Unplannable, match="N=far"):
        built(session, MatchOptions(pins=("N=far",)))


def test_suggestions_are_planned_only_when_asked_for(session: WriteSession) -> None:
    """What nobody confirmed stays out of an ordinary run."""
    taker, giver = rows.add_school(session, 1), rows.add_school(session, 2)
    rows.add_need(session, "N", taker, state="suggested")
    rows.add_need(session, "M", taker)
    rows.add_offer(session, "O", giver)
    rows.add_offer(session, "asked", giver, availability="not_answered")
    assert candidates(built(session)) == [("O", "M")]
    planned = candidates(built(session, MatchOptions(include_suggestions=True)))
    assert sorted(planned) == [("O", "M"), ("O", "N"), ("asked", "M"), ("asked", "N")]


def test_nothing_to_plan_says_what_is_missing(session: WriteSession) -> None:
    """An empty database gets a sentence, not an empty plan."""
    with pytest.raises(Unplannable, match="no need"):
        built(session)
    rows.add_need(session, "N", rows.add_school(session, 1))
    with pytest.raises(Unplannable, match="no offer"):
        built(session)


def test_a_period_unknown_or_over_is_refused(session: WriteSession) -> None:
    """Nobody plans the past by mistake."""
    with pytest.raises(NotFound, match=TERM):
        built(session, period="2026/27")
    with pytest.raises(Conflict, match="ended on 31 August 2027"):
        built(session, as_of=date(2027, 9, 1))
