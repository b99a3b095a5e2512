"""The swap finder: schools of an area that could exchange now, by the rules of a run."""

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import Conflict
from app.graph.plan_loops import loops_of_run
from app.graph.queries import viewing
from app.graph.swaps import Swap, find_swaps
from app.planning.options import MatchOptions
from models.register import Participant
from tests import rows
from tests.runs import match

AREA = "local_authority:999"


@pytest.fixture
def exchange(database: Database) -> Database:
    """Three schools go round, two of another expertise swap, and a sixth only gives."""
    with database.write() as session:
        rows.add_calendar(session)
        people = [
            rows.add_school(session, 100_000 + n, n * 1.0, name=f"School {n}") for n in range(6)
        ]
        for n, (offers, needs) in enumerate(
            (("maths", "reading"), ("reading", "maths-primary"), ("maths-primary", "maths"))
        ):
            rows.add_offer(session, f"o-{n}", people[n], expertise_code=offers, max_pairings=1)
            rows.add_need(session, f"n-{n}", people[n], expertise_code=needs)
        for n, (offers, needs) in ((3, ("maths", "reading")), (4, ("reading", "maths"))):
            rows.add_offer(session, f"o-{n}", people[n], expertise_code=offers, half_days=3)
            rows.add_need(
                session, f"n-{n}", people[n], expertise_code=needs, half_days=6, half_days_min=2
            )
        rows.add_offer(session, "o-5", people[5])
    return database


def _found(database: Database, **changes: object) -> list[Swap]:
    with database.read() as session:
        return find_swaps(session, TERMINAL, AREA, rows.YEAR, rows.STARTS, **changes).items  # type: ignore[arg-type]


def test_each_member_gives_what_the_next_needs(exchange: Database) -> None:
    """Swaps come with what each gives, and every gift is what rules and days allow."""
    found = _found(exchange)
    members = [[gift.giver_name for gift in each.gifts] for each in found]
    assert ["School 3", "School 4"] in members
    assert all(2 <= len(each) <= 3 and len(set(each)) == len(each) for each in members)
    assert not any("School 5" in each for each in members)
    for each in found:
        for gift, following in zip(each.gifts, (*each.gifts[1:], each.gifts[0]), strict=True):
            assert gift.taker == following.giver
            assert 2 <= gift.half_days <= 6
    swap = next(each for each in found if each.gifts[0].giver_name == "School 3")
    assert [(gift.offer, gift.need, gift.half_days) for gift in swap.gifts] == [
        *(("o-3", "n-4", 3), ("o-4", "n-3", 3))
    ]
    assert [each.points for each in found] == sorted((e.points for e in found), reverse=True)
    assert max(len(each.gifts) for each in _found(exchange, longest=2)) == 2


@pytest.mark.parametrize(
    ("who", "limits", "days"),
    [(3, {"give_half_days": 2}, 2), (3, {"max_given": 0}, None), (4, {"max_taken": 0}, None)],
)
def test_nobody_gives_or_takes_beyond_its_own_limits(
    exchange: Database, who: int, limits: dict[str, int], days: int | None
) -> None:
    """No more days than it may give, and no swap without a place left to give or to receive."""
    with exchange.write() as session:
        school = session.scalars(
            select(Participant).where(Participant.reference == f"urn:{100_000 + who}")
        ).one()
        rows.add_limits(session, school, **limits)
    pairs = {
        (gift.offer, gift.need): gift.half_days for each in _found(exchange) for gift in each.gifts
    }
    assert pairs.get(("o-3", "n-4")) == days


def test_beside_a_plan_only_what_it_leaves_is_used(exchange: Database) -> None:
    """A plan that meets every need leaves nothing to swap; its own loops are told by name."""
    options = MatchOptions(as_of=rows.STARTS, workers=1, method="exact")
    run_id = match(exchange, options)
    left = _found(exchange, run_id=run_id)
    whole = _found(exchange)
    assert len(left) < len(whole)
    with exchange.read() as session, viewing(session, TERMINAL, rows.STARTS) as view:
        loops = loops_of_run(session, TERMINAL, view, run_id).items
        pairs = {
            (edge.giver, edge.taker) for each in loops for gives in each.support for edge in gives
        }
        assert loops
        for each in loops:
            for at, key in enumerate(each.members):
                assert (key, each.members[(at + 1) % len(each.members)]) in pairs


def test_a_country_is_too_large(exchange: Database) -> None:
    """Whoever asks for England is told to ask for less."""
    with exchange.read() as session, pytest.raises(Conflict, match="too large"):
        find_swaps(session, TERMINAL, "England", rows.YEAR, rows.STARTS)


def test_an_area_without_needs_has_no_swaps(database: Database) -> None:
    """It is no error that nobody needs or offers anything."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 100_000)
    assert not _found(database)
