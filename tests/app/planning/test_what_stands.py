"""What stands: the last plan's undecided pairings are kept at a price that people can read."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.cli.main import run as command
from app.database import Database
from app.errors import NotFound
from app.planning.options import MatchOptions
from app.planning.standing import price_in_words
from app.proposals import decisions
from app.runs import queries
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.vocabulary import DecisionAction
from solver.check.verify import verify
from tests import rows
from tests.portal import broker
from tests.runs import FREELY, contested, match


def giver(database: Database, run_id: int) -> str:
    """The offer that a run proposes for the one need."""
    with database.read() as session:
        query = select(Offer.reference).join(Proposal, Proposal.offer_id == Offer.id)
        return session.scalars(query.where(Proposal.run_id == run_id)).one()


def problem_of(database: Database, run_id: int) -> Any:
    with database.read() as session:
        return queries.problem_of(session, TERMINAL, run_id)


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """One need that two can meet: run 1 chose the nearer, which then said less of its quality."""
    database = contested(sqlite_database)
    match(database, FREELY)
    with database.write() as session:
        session.execute(update(Offer).where(Offer.reference == "far").values(quality=5))
    return database


def how(**changes: Any) -> MatchOptions:
    return FREELY.model_copy(update=changes)


def test_what_nobody_decided_on_is_kept_at_its_price(exchange: Database) -> None:
    """At a high price the giver stays, at a low one the better one takes its place."""
    assert giver(exchange, 1) == "near"
    kept = match(exchange, how(change_price=5_000))
    assert giver(exchange, kept) == "near"
    moved = match(exchange, how(change_price=1))
    assert giver(exchange, moved) == "far"
    problem = problem_of(exchange, moved)
    assert (problem.current.tolist(), problem.change_penalty) == ([[0, 0, 4]], 1)
    with exchange.read() as session:
        assert verify(problem, queries.plan_of(session, TERMINAL, moved)) == ()
        run = session.get_one(Run, moved)
        points = session.scalars(select(Proposal).where(Proposal.run_id == moved)).one()
    assert run.objective == points.total_points - 1
    assert run.bound == run.objective


def test_a_need_is_freed_by_name(exchange: Database) -> None:
    """What is freed costs nothing to change; a need that is not there is told by name."""
    assert giver(exchange, match(exchange, how(change_price=5_000, free=("N",)))) == "far"
    assert len(problem_of(exchange, 2).current) == 0
    with pytest.raises(NotFound, match="There is no need 'M' to free in this run"):
        match(exchange, how(free=("M",)))


def test_a_first_run_has_nothing_that_stands(sqlite_database: Database) -> None:
    """Its problem is as it was before there was a price."""
    run_id = match(contested(sqlite_database), FREELY)
    problem = problem_of(sqlite_database, run_id)
    assert (len(problem.current), problem.change_penalty) == (0, 0)


def test_what_was_decided_on_does_not_stand(exchange: Database) -> None:
    """A broker who withdrew a proposal wants it no longer."""
    with exchange.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.WITHDRAW, hold_days=14)
    run_id = match(exchange, how(change_price=5_000))
    assert len(problem_of(exchange, run_id).current) == 0
    assert giver(exchange, run_id) == "far"


@pytest.mark.parametrize("change", ["withdrawn", "exclusion", "other area"])
def test_what_could_not_be_kept_has_no_price(exchange: Database, change: str) -> None:
    """A withdrawn offer, an excluded pair and the plan of another area hold nobody."""
    options, takers = how(change_price=5_000), ()
    if change == "withdrawn":
        with exchange.write() as session:
            session.execute(update(Offer).where(Offer.reference == "near").values(withdrawn=True))
    elif change == "exclusion":
        options = how(change_price=5_000, exclusions=("N=near",))
    else:
        takers = ("1",)
    run_id = match(exchange, options, takers)
    assert len(problem_of(exchange, run_id).current) == 0
    assert giver(exchange, run_id) == "far"


def test_a_plan_that_paid_for_changes_is_kept_without_paying_again(exchange: Database) -> None:
    """Its figures are those of its own problem: what moved once is not moved again."""
    first = match(exchange, how(change_price=1))
    again = match(exchange, how(change_price=2))
    with exchange.read() as session:
        moved, kept = session.get_one(Run, first), session.get_one(Run, again)
        assert kept.kept_run_id == first
        assert (moved.objective, moved.bound) == (kept.objective - 1, kept.bound - 1)
        assert verify(problem_of(exchange, again), queries.plan_of(session, TERMINAL, again)) == ()
    cheaper = match(exchange, how(change_price=0))
    with exchange.read() as session:
        assert session.get_one(Run, cheaper).kept_run_id is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"change_price": 0}, "of the last plan costs nothing."),
        ({"change_price": 125}, "costs 125 points: as much as 10 miles for 2.5 days of support."),
        (
            {"change_price": 125, "weights": {"nearness": 300}},
            "costs 125 points: as much as 5 miles for 2.5 days of support.",
        ),
        (
            {"change_price": 5_000},
            "costs 5,000 points: 2 times as much as a need of priority 3 earns.",
        ),
        ({"change_price": 1, "weights": {"nearness": 0, "priority": 0}}, "costs 1 point."),
    ],
)
def test_the_price_is_put_in_words(changes: dict[str, Any], words: str) -> None:
    """In miles as the weights make them, or in needs where no distance is worth as much."""
    assert price_in_words(how(**changes)).endswith(words)


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf"), 2.5, 5_000_001, "many", None])
def test_a_price_that_is_none_is_refused(price: Any) -> None:
    """Nothing below 0, no fraction, nothing that no weight could reach."""
    with pytest.raises(ValidationError):
        MatchOptions(change_price=price)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [("-1", "--change-price '-1' must be"), ("nan", "an integer")],
)
def test_the_terminal_says_what_is_wrong_with_a_price(
    option: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """By name, value and fix, before anything is read."""
    words = ["match", "--area", "A", "--period", rows.YEAR, "--change-price", option]
    monkeypatch.setattr("sys.argv", ["givetake", *words])
    with pytest.raises(SystemExit) as ended:
        command()
    assert ended.value.code == 2
    assert sentence in " ".join(capfd.readouterr().err.split())


def test_the_portal_asks_for_the_price_and_says_what_it_means(exchange: Database) -> None:
    """The form has the default with its words; what is sent is stored with the run."""
    who = broker(exchange, rows.NOW)
    page = who.open("/runs/new")
    assert "as much as 10 miles for 2.5 days of support" in page.text
    sent = {"area": "Testshire", "period": rows.YEAR}
    bad = who.send(page, "/runs/new", **sent, change_price="-3")
    assert "Price of a change must be between 0 and 5,000,000" in bad.text
    bad = who.send(page, "/runs/new", **sent, change_price="40", free="N; drop")
    assert "Needs that can change at no price must contain only letters" in bad.text
    who.send(page, "/runs/new", **sent, change_price="40", free="N, M")
    with exchange.read() as session:
        options = session.scalars(select(Run.options).order_by(Run.id.desc())).first()
    assert options is not None
    assert (options["change_price"], options["free"]) == (40, ["N", "M"])


def test_needs_and_points_are_as_they_were(exchange: Database) -> None:
    """The price is beside the points of a proposal, never in them."""
    kept = match(exchange, how(change_price=5_000))
    with exchange.read() as session:
        one, two = session.scalars(
            select(Proposal).where(Proposal.run_id.in_([1, kept])).order_by(Proposal.run_id)
        )
        assert (one.points, one.points_once) == (two.points, two.points_once)
        assert session.scalars(select(Need.state)).all() == ["identified"]
