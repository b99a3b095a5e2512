"""The difference of two plans: whose support changes, ends, is new, or is kept."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update

from app.access.policy import TERMINAL
from app.cases.queries import case_on
from app.cli.main import run as command
from app.database import Database
from app.errors import NotFound, Problem
from app.insight.diff_map import diff_map
from app.planning.options import MatchOptions
from app.proposals import decisions
from app.runs import queries, service
from app.runs.diff import Change, Diff, OtherPeriods, diff
from app.runs.diff_causes import Between, Cause
from app.settings import settings
from app.wording import on_day
from models.exchange import Need, Offer
from models.matching import Proposal, Run
from models.vocabulary import DecisionAction
from solver.blocks.block_program import restrict
from solver.formats.json_columns import decode
from solver.formats.problem_json import problem_from_json
from tests import rows
from tests.callers import keyed
from tests.portal import broker
from tests.runs import FREELY, contested, match

FREE = FREELY.model_copy(update={"change_price": 0})


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """Three needs of School 1 to 3; near and far can each meet one of two of them, one is alone."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        for urn in (1, 2):
            rows.add_need(session, f"N{urn}", rows.add_school(session, urn))
        alone = rows.add_school(session, 3)
        rows.add_need(session, "N3", alone, expertise_code="reading")
        for name, urn, miles in (("near", 4, 1), ("far", 5, 9), ("other", 6, 12)):
            school = rows.add_school(session, urn, miles, name=f"Giver {name}")
            rows.add_offer(session, name, school, half_days=4, max_pairings=1)
            if name == "near":
                rows.add_offer(session, "books", school, expertise_code="reading")
    match(sqlite_database, FREE)
    return sqlite_database


def found(database: Database, after: int, before: int | None = None) -> Diff:
    with database.read() as session:
        made = diff(session, TERMINAL, after, before)
        session.expunge_all()
        return made


def told(made: Diff) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (
            str(line.change),
            line.need,
            line.before and line.before.offer,
            line.after and line.after.offer,
        )
        for line in made.lines
    ]


def withdraw(database: Database, *offers: str) -> None:
    with database.write() as session:
        session.execute(update(Offer).where(Offer.reference.in_(offers)).values(withdrawn=True))


def giver_of(database: Database, need: str) -> str:
    with database.read() as session:
        query = (
            select(Offer.reference)
            .join(Proposal, Proposal.offer_id == Offer.id)
            .join(Need, Need.id == Proposal.need_id)
        )
        return session.scalars(query.where(Need.reference == need, Proposal.run_id == 1)).one()


def test_the_same_plan_twice_differs_in_nothing(exchange: Database) -> None:
    """Unchanged data are an empty difference: everything is kept, for no points and nobody."""
    made = found(exchange, match(exchange, FREE))
    assert {line.change for line in made.lines} == {Change.KEPT}
    assert (made.before and made.before.id, made.points, made.people) == (1, 0, 0)
    assert made.count(Change.KEPT) == 3


def test_every_kind_of_change_is_told(exchange: Database) -> None:
    """Another giver, a need unmet, one that ended, and one that is new; each for its school."""
    near = giver_of(exchange, "N1")
    with exchange.write() as session:
        session.execute(update(Need).where(Need.reference == "N2").values(state="closed"))
        rows.add_need(session, "N4", rows.add_school(session, 7))
    withdraw(exchange, near, "books")
    made = found(exchange, match(exchange, FREE), 1)
    lines = told(made)
    assert [line[:2] for line in lines] == [
        ("changed", "N1"),
        ("unmet", "N3"),
        ("ended", "N2"),
        ("new", "N4"),
    ]
    assert lines[0][2] == near
    assert (lines[1][2:], lines[2][3], lines[3][2]) == (("books", None), None, None)
    with exchange.read() as session:
        objective = {run.id: run.objective for run in session.scalars(select(Run))}
    assert made.points == objective[2] - objective[1]
    assert made.people == len({1, 2, 3, 7}) + 3


def causes(made: Diff) -> dict[str, Cause | None]:
    return {line.need: line.came and line.came.cause for line in made.lines}


def test_every_difference_has_its_cause(exchange: Database) -> None:
    """What was withdrawn, closed, added; a need that nothing happened to moved for the plan."""
    near, far = giver_of(exchange, "N1"), giver_of(exchange, "N2")
    with exchange.write() as session:
        session.execute(update(Need).where(Need.reference == "N2").values(state="closed"))
        rows.add_need(session, "N4", rows.add_school(session, 7))
    withdraw(exchange, near, "books")
    first = found(exchange, match(exchange, FREE), 1)
    assert causes(first) == {
        "N1": Cause.OFFER_OVER,
        "N2": Cause.NEED_OVER,
        "N3": Cause.OFFER_OVER,
        "N4": Cause.NEED_ADDED,
    }
    assert causes(found(exchange, 1)) == dict.fromkeys(("N1", "N2", "N3"))
    with exchange.write() as session:
        session.execute(update(Offer).where(Offer.reference == near).values(withdrawn=False))
        session.execute(update(Need).where(Need.reference == "N2").values(state="identified"))
        session.execute(update(Offer).where(Offer.reference == far).values(half_days=5))
        session.execute(update(Offer).where(Offer.reference == "other").values(withdrawn=True))
    second = causes(found(exchange, match(exchange, FREE), 2))
    assert second["N2"] is Cause.NEED_ADDED
    assert Cause.OFFER_OVER in second.values()


def other(table: Any, **columns: Any) -> Any:
    """A table of a problem with columns that differ from before in each row."""
    return replace(table, **{name: getattr(table, name) + by for name, by in columns.items()})


def test_problems_tell_the_cause(exchange: Database) -> None:
    """Each part of a problem that can differ is told apart, for what ended and what is new."""
    giver = giver_of(exchange, "N1")
    with exchange.read() as session:
        need = session.scalars(select(Need).where(Need.reference == "N1")).one()
        offer = session.scalars(select(Offer).where(Offer.reference == giver)).one()
        made = session.scalars(select(Proposal).where(Proposal.need_id == need.id)).one()
        same = problem_from_json(decode(queries.file_of(session, 1, "problem")))
        pair = np.array([[same.offers.id.index(giver), same.needs.id.index("N1")]])
        out = np.delete(np.arange(len(same.candidates)), same.positions(pair))
        without = restrict(same, out)
        people = same.participants
        for after, cause in (
            (same, Cause.PLAN),
            (replace(same, needs=other(same.needs, priority=1)), Cause.NEED_CHANGED),
            (replace(same, offers=other(same.offers, max_pairings=1)), Cause.OFFER_CHANGED),
            (replace(same, participants=other(people, allowance=1)), Cause.LIMITS_CHANGED),
            (replace(same, exclusions=pair), Cause.EXCLUDED),
            (without, Cause.REFUSED),
        ):
            between = Between(same, after, (), rows.STARTS)
            assert between.ended(need, offer, made).cause is cause
        assert (
            Between(same, same, {"N1"}, rows.STARTS).ended(need, offer, made).cause is Cause.FREED
        )
        assert Between(without, same, (), rows.STARTS).begun(need, offer).cause is Cause.ALLOWED
        longer = replace(same, offers=other(same.offers, days=1))
        came = Between(same, longer, (), need.updated_at.date()).begun(need, offer)
        assert came.cause is Cause.OFFER_CHANGED
        assert came.sentence == f"The offer has changed ({on_day(offer.updated_at.date())})."
        later = need.updated_at.date() + timedelta(days=1)
        came = Between(same, longer, (), later).begun(need, offer)
        assert came.sentence == "The offer has changed."
        made.state = "declined"
        assert Between(same, same, (), rows.STARTS).ended(need, offer, made).cause is Cause.DECIDED
        session.rollback()


def test_the_other_way_round_is_the_reverse(exchange: Database) -> None:
    """Points that were lost are gained."""
    withdraw(exchange, "books")
    newer = match(exchange, FREE)
    forth, back = found(exchange, newer, 1), found(exchange, 1, newer)
    assert forth.points == -back.points < 0
    assert (forth.count(Change.UNMET), back.count(Change.NEW)) == (1, 1)


def test_what_somebody_decided_on_is_kept(exchange: Database) -> None:
    """A held proposal is not planned again, and has not ended either."""
    with exchange.write() as session:
        [held] = session.scalars(select(Proposal.id).join(Need).where(Need.reference == "N3")).all()
        decisions.decide(session, TERMINAL, held, DecisionAction.PREFER, hold_days=14)
    made = found(exchange, match(exchange, FREE), 1)
    assert ("kept", "N3", "books", "books") in told(made)
    assert made.count(Change.KEPT) == 3


def test_a_first_run_is_all_new(exchange: Database) -> None:
    """There is nothing to compare with."""
    made = found(exchange, 1)
    assert made.before is None
    assert made.count(Change.NEW) == len(made.lines) == 3


def test_runs_of_other_periods_and_without_a_plan_are_refused(exchange: Database) -> None:
    """By number, with what to do."""
    with exchange.read() as session:
        takers = service.takers_in(session, TERMINAL, "Testshire", rows.STARTS)
    term = service.match(
        exchange, TERMINAL, takers, rows.TERM, MatchOptions(as_of=rows.STARTS, workers=1)
    )
    with pytest.raises(OtherPeriods, match=f"Run 1 plans 2026-27 and run {term} plans 2026-27/aut"):
        found(exchange, term, 1)
    with exchange.write() as session:
        session.execute(update(Run).where(Run.id == term).values(state="failed"))
    with pytest.raises(NotFound, match=f"Run {term} has no plan to compare"):
        found(exchange, 1, term)
    with pytest.raises(NotFound, match="There is no run 99"):
        found(exchange, 1, 99)


def test_http_gives_it_as_json_and_csv(exchange: Database) -> None:
    """By default with the run before; with `from`, with any of the same period."""
    withdraw(exchange, "books")
    match(exchange, FREE)
    with keyed(exchange) as client:
        shown = client.get("/api/v1/runs/2/diff").json()
        assert shown == client.get("/api/v1/runs/2/diff?from=1").json()
        assert (shown["before"], shown["counts"]["unmet"], shown["counts"]["kept"]) == (1, 1, 2)
        assert shown["items"][0]["giver_before_name"] == "Giver near"
        assert shown["items"][0]["giver_after"] is None
        assert shown["items"][0]["cause"] == "offer_over"
        table = client.get("/api/v1/runs/2/diff", headers={"Accept": "text/csv"}).text
        lines = list(csv.DictReader(StringIO(table.lstrip("\ufeff"))))
        assert [line["change"] for line in lines] == ["unmet", "kept", "kept"]
        assert client.get("/api/v1/runs/2/diff?from=0").status_code == 422
        assert client.get("/api/v1/runs/2/diff?from=77").status_code == 404


def test_the_portal_shows_it_as_a_list(exchange: Database) -> None:
    """With the names of both sides, and nothing where nothing differs."""
    withdraw(exchange, "books")
    match(exchange, FREE)
    match(exchange, FREE)
    who = broker(exchange)
    page = who.open("/runs/2/diff")
    assert "2 pairings kept, 0 changed, 0 ended, 0 new, 1 no longer met" in page.text
    assert "Giver near" in page.text
    assert "The earlier offer no longer stands" in page.text
    assert "Nothing differs." in who.open("/runs/3/diff").text
    assert "everything is new" in who.open("/runs/1/diff").text


@pytest.mark.parametrize("form", ["", "--json", "--csv"])
def test_the_terminal_prints_it(
    exchange: Database,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As a table, as JSON and as CSV."""
    withdraw(exchange, "books")
    match(exchange, FREE)
    settings.cache_clear()
    monkeypatch.setenv("GIVETAKE_DATABASE_URL", exchange.url)
    monkeypatch.setattr("sys.argv", ["givetake", "diff", "1", "2", *([form] if form else [])])
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        command()
    settings.cache_clear()
    assert not ended.value.code
    text = capfd.readouterr().out
    if form == "--json":
        assert json.loads(text)["counts"]["unmet"] == 1
    elif form == "--csv":
        assert text.splitlines()[1].startswith("unmet,N3,reading,3,")
    else:
        assert "From run 1 to run 2: 0 changed, 1 unmet, 0 ended, 0 new, 2 kept." in text


@pytest.fixture
def moved(sqlite_database: Database) -> Database:
    """One need whose giver run 2 changed, as another had become better."""
    contested(sqlite_database)
    match(sqlite_database, FREE)
    with sqlite_database.write() as session:
        session.execute(update(Offer).where(Offer.reference == "far").values(quality=5))
    match(sqlite_database, FREE)
    return sqlite_database


def proposal_states(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Proposal.state).order_by(Proposal.id)))


def test_what_stood_before_can_be_kept_all_the_same(moved: Database) -> None:
    """Preferring the replaced proposal holds it against the newer one, and the case says so."""
    assert proposal_states(moved) == ["replaced", "proposed"]
    with moved.write() as session:
        decisions.decide(session, TERMINAL, 1, DecisionAction.PREFER, hold_days=14)
    assert proposal_states(moved) == ["preferred", "proposed"]
    made = found(moved, 2)
    assert told(made) == [("changed", "N", "near", "far")]
    with pytest.raises(Problem), moved.write() as session:
        decisions.decide(session, TERMINAL, 2, DecisionAction.PREFER, hold_days=14)
    with moved.read() as session:
        then = case_on(session, TERMINAL, "N", datetime.now(UTC).date()).proposals
        assert [each.state for each in then] == ["preferred", "proposed"]


def test_a_difference_is_taken_over_one_by_one_or_as_a_whole(moved: Database) -> None:
    """From the page of the difference; the earlier proposal can be chosen in place of the newer."""
    who = broker(moved, rows.NOW)
    page = who.open("/runs/2/diff")
    assert sorted(page.boxes["chosen"]) == ["1:2", "2:1"]
    assert "Take over 1 change" in page.text
    done = who.send(page, "/proposals/decide", action="prefer", chosen="2:1")
    assert "1 proposal" in done.text
    assert proposal_states(moved) == ["replaced", "preferred"]
    assert sorted(who.open("/runs/2/diff").boxes.get("chosen", [])) == ["1:2"]


def test_a_map_shows_what_ends_and_what_comes_in_its_place(moved: Database) -> None:
    """One arc of each plan; who has no position is counted."""
    with moved.read() as session:
        lines = diff(session, TERMINAL, 2).lines
        drawn = diff_map(lines)
        assert drawn is not None
        assert (len(drawn.ended), len(drawn.begun), len(drawn.dots)) == (1, 1, 3)
        assert drawn.without_position == 0
        lines[0].taker.latitude = lines[0].taker.longitude = None
        assert lines[0].before is not None
        drawn = diff_map(lines)
        assert drawn is not None
        assert (drawn.ended, drawn.begun, drawn.without_position) == ((), (), 1)
        assert diff_map([]) is None
        session.rollback()
    assert "support that ends" in broker(moved, rows.NOW).open("/runs/2/diff").text


def test_http_names_the_proposals_of_both_plans(moved: Database) -> None:
    """So that either can be decided on."""
    with keyed(moved) as client:
        [line] = client.get("/api/v1/runs/2/diff").json()["items"]
        assert (line["proposal_before"], line["proposal_after"]) == (1, 2)
        decided = "/api/v1/proposals/1/decisions"
        kept = client.post(decided, json={"action": "prefer"}, headers={"If-Match": "*"})
        assert kept.status_code == 201, kept.text
        assert client.get("/api/v1/proposals/1").json()["state"] == "preferred"
