"""Runs, proposals, decisions, pins and exclusions as a portal calls them."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access.keys import create_key
from app.access.policy import TERMINAL, Grant, Role, Scope
from app.database import Database, WriteSession
from app.main import create_app
from app.runs import caps, queries, service
from app.settings import Settings
from models.exchange import Offer
from models.vocabulary import ScopeKind
from solver.pairing.pair_rules import PAIR_RULES
from tests import rows, runs
from tests.callers import csv_rows, keyed
from tests.factories import ADMINISTRATOR, acting, new_key
from tests.runs import match

API = "/api/v1"
OPTIONS = {"workers": 1, "method": "exact", "as_of": rows.STARTS.isoformat()}
ASKED = {"area": "Testshire", "period": rows.YEAR, "options": OPTIONS}


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """One need of two days that two givers can serve, the nearer one better."""
    with sqlite_database.write() as session:
        rows.add_calendar(session)
        taker = rows.add_school(session, 1)
        rows.add_need(session, "N", taker)
        rows.add_limits(session, taker, allowance_half_days=100)
        rows.add_offer(session, "near", rows.add_school(session, 2, 1))
        rows.add_offer(session, "far", rows.add_school(session, 3, 9))
    return sqlite_database


@pytest.fixture
def client(exchange: Database) -> Iterator[TestClient]:
    with keyed(exchange, rows.NOW) as client:
        yield client


@pytest.fixture
def solved(client: TestClient, exchange: Database) -> int:
    """The id of a run that proposes the nearer giver."""
    return match(exchange)


def post(client: TestClient, path: str, body: Any = None, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"{API}{path}", json=body, headers=sent)


def test_a_run_is_submitted_followed_and_done_by_the_service_itself(exchange: Database) -> None:
    """With its own worker the service carries out what it takes in; events tell all of it."""
    with keyed(exchange, workers=1) as client:
        answer = post(client, "/runs", ASKED)
        assert answer.status_code == 202
        assert answer.json()["state"] == "queued"
        location = answer.headers["location"]
        events = client.get(f"{location}/events")
        assert events.headers["content-type"].startswith("text/event-stream")
        run = client.get(location).json()
        assert (run["state"], run["gap"], run["last_event"]) == ("solved", 0, run["last_event"])
        numbers = [line for line in events.text.splitlines() if line.startswith("id: ")]
        assert numbers == [f"id: {number}" for number in range(1, run["last_event"] + 1)]
        plan, problem = (client.get(f"{location}/{name}") for name in ("plan", "problem"))
        assert plan.json()["format"] == "givetake-plan/1"
        assert problem.json()["needs"]["id"] == ["N"]
        assert "attachment" in problem.headers["content-disposition"]


def test_following_resumes_after_the_last_event_seen(client: TestClient, solved: int) -> None:
    """Who was cut off gets what is missing, and who has all is told to stop."""
    url = f"{API}/runs/{solved}/events"
    every = client.get(url, params={"wait_s": 0}).text
    last = every.count("id: ")
    rest = client.get(url, headers={"Last-Event-ID": str(last - 1)}).text
    assert rest.count("id: ") == 1
    assert f"id: {last}\nevent: solved\n" in rest
    data = next(line for line in rest.splitlines() if line.startswith("data: "))
    assert json.loads(data.removeprefix("data: "))["proposals"] == 1
    assert client.get(url, headers={"Last-Event-ID": str(last)}).status_code == 204


def test_whom_a_run_pins_is_for_those_who_read_the_whole_plan(
    client: TestClient, exchange: Database
) -> None:
    """A contact with one proposal of it sees how it was planned, and not for whom else."""
    named = {"pins": ("N=near",), "exclusions": ("N=far",), "free": ("N",)}
    match(exchange, runs.OPTIONS.model_copy(update=named))
    scopes = {
        Role.CONTACT: Scope(ScopeKind.INSTITUTION, "2"),
        Role.BROKER: Scope(ScopeKind.AREA, "999"),
    }
    for role, scope in scopes.items():
        with exchange.write() as session:
            key = new_key(session, Grant(role, scope))
        headers = {"Authorization": f"Bearer {key}"}
        one = client.get(f"{API}/runs/1", headers=headers).json()
        (listed,) = client.get(f"{API}/runs", headers=headers).json()["items"]
        for told in (one["options"], listed["options"]):
            assert told["method"] == "exact"
            seen = {name: tuple(told[name]) for name in named}
            assert seen == (named if role is Role.BROKER else dict.fromkeys(named, ()))


def test_a_submission_sent_twice_is_one_run(client: TestClient) -> None:
    """The same Idempotency-Key gives the same answer, and another body is refused."""
    first, again = (post(client, "/runs", ASKED, Idempotency_Key="k") for _ in range(2))
    assert first.json() == again.json()
    assert len(client.get(f"{API}/runs").json()["items"]) == 1
    other = post(client, "/runs", ASKED | {"area": "England"}, Idempotency_Key="k")
    assert other.status_code == 422


def test_nobody_fills_the_queue(exchange: Database) -> None:
    """As many runs of one key wait as may; the next is refused until one has gone."""
    with exchange.write() as session:
        keys = [new_key(session) for _ in range(2)]
    mine, other = ({"Authorization": f"Bearer {key}"} for key in keys)
    with TestClient(create_app(Settings(workers=0, queued_runs=2), exchange)) as client:
        first = post(client, "/runs", ASKED, **mine, Idempotency_Key="k").json()["id"]
        assert post(client, "/runs", ASKED, **mine).status_code == 202
        refused = post(client, "/runs", ASKED, **mine)
        assert refused.status_code == 429
        assert refused.json()["type"] == "urn:givetake:problem:too-many-queued"
        assert int(refused.headers["retry-after"]) > 0
        again = post(client, "/runs", ASKED, **mine, Idempotency_Key="k")
        assert (again.status_code, again.json()["id"]) == (202, first)
        assert post(client, "/runs", ASKED, **other).status_code == 202
        post(client, f"/runs/{first}/cancellation", **mine)
        assert post(client, "/runs", ASKED, **mine).status_code == 202


def test_two_at_once_do_not_share_the_last_place(database: Database) -> None:
    """Who submits beside another of the same key waits for it, and is then refused."""
    with database.write() as session:
        rows.add_calendar(session)
        rows.add_school(session, 1)
        key, _ = create_key(session, TERMINAL, "test", [ADMINISTRATOR])
        who = acting(Role.BROKER, name=f"key:{key.prefix}")

    def send(session: WriteSession) -> None:
        options = service.MatchOptions(as_of=rows.STARTS)
        caps.require_room(session, who, options, Settings(queued_runs=1))
        takers = service.takers_in(session, who, "Testshire", rows.STARTS)
        service.submit(session, who, takers, rows.YEAR, options)

    def send_too() -> None:
        with database.write() as session:
            send(session)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            send(session)
            sent = pool.submit(send_too)
            wait([sent], 0.3)
        with pytest.raises(caps.TooManyQueued):
            sent.result()


def test_a_queued_run_is_cancelled_once(client: TestClient) -> None:
    """What has ended stays as it is."""
    run = post(client, "/runs", ASKED).json()["id"]
    assert post(client, f"/runs/{run}/cancellation").json()["state"] == "cancelled"
    assert post(client, f"/runs/{run}/cancellation").status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"period": "2026-27"}, 422, "an area or takers"),
        (ASKED | {"takers": ["1"]}, 422, "an area or takers"),
        (ASKED | {"of_run": 1}, 422, "`solve` must not have of_run"),
        ({"operation": "validate", "of_run": 1}, 422, "must have a plan"),
        ({"operation": "validate", "of_run": 7, "plan": {}}, 404, "no run 7"),
        (ASKED | {"area": "Nowhere"}, 404, "Nowhere"),
        (ASKED | {"period": "1999-00"}, 404, "no period '1999-00'"),
        (ASKED | {"options": {"seed": "1"}}, 422, "valid integer"),
        (ASKED | {"options": {"method": "magic"}}, 422, "must be one of: auto"),
        (ASKED | {"options": {"weights": {"beauty": 1}}}, 422, "must be weights named"),
        (ASKED | {"options": {"pins": ["N"]}}, 422, "pattern"),
        (ASKED | {"options": {"gap": 1e400}}, 422, "finite"),
        ({"operation": "validate", "of_run": 7, "plan": {"\ud800": 1}}, 422, "that JSON allows"),
        (ASKED | {"colour": "red"}, 422, "is not a known field"),
    ],
)
def test_what_cannot_be_run_is_refused_before_it_waits(
    client: TestClient, body: dict[str, Any], status: int, said: str
) -> None:
    """The answer names the thing and the fix, and no run is left behind."""
    answer = client.post(
        f"{API}/runs", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert said in answer.text
    assert client.get(f"{API}/runs").json()["items"] == []


def test_a_given_plan_that_is_no_plan_is_refused(client: TestClient, solved: int) -> None:
    """What is wrong with it is told, by field."""
    answer = post(client, "/runs", {"operation": "evaluate", "of_run": solved, "plan": {}})
    assert (answer.status_code, "givetake-plan/1" in answer.text) == (422, True)
    deep = json.loads('{"a":' * 900 + "1" + "}" * 900)
    answer = post(client, "/runs", {"operation": "evaluate", "of_run": solved, "plan": deep})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/plan")
    plan = client.get(f"{API}/runs/{solved}/plan").json()
    answer = post(client, "/runs", {"operation": "evaluate", "of_run": solved, "plan": plan})
    assert (answer.status_code, answer.json()["operation"]) == (202, "evaluate")


def test_one_proposal_says_everything_that_speaks_for_it(client: TestClient, solved: int) -> None:
    """Components add up to the points, rules have their figures, alternates their loss."""
    (listed,) = client.get(f"{API}/proposals", params={"run": solved}).json()["items"]
    shown = client.get(f"{API}/proposals/{listed['id']}").json()
    assert listed.items() <= shown.items()
    assert (shown["giver"], shown["days"], shown["distance_miles"]) == ("2", 2, 1.0)
    parts = shown["components"]
    assert sum(part["points"] for part in parts if not part["once"]) == shown["points"]
    assert [part["name"] for part in parts if part["once"]] == ["priority"]
    assert parts[0]["points"] == shown["points_once"]
    assert shown["total_points"] == shown["points"] * 4 + shown["points_once"]
    rules = {rule["rule"]: rule for rule in shown["rules"]}
    assert len(rules) == len(PAIR_RULES)
    assert all(rule["holds"] and rule["today"] is None for rule in rules.values())
    assert (rules["too_far"]["value"], rules["too_far"]["limit"]) == (1.0, 20)
    assert "20 miles" in rules["too_far"]["sentence"]
    assert (rules["too_few_days"]["value"], rules["too_few_days"]["limit"]) == (4, 2)
    (alternate,) = shown["alternates"]
    assert (alternate["offer"], alternate["giver"]) == ("far", "3")
    assert alternate["loss"] == (shown["points"] - alternate["points"]) * 4
    assert shown["must_confirm"] == []


def test_proposals_are_filtered_sorted_paged_and_exported(
    client: TestClient, exchange: Database
) -> None:
    """Pages in any order hold every proposal once; the CSV holds what was filtered."""
    with exchange.write() as session:
        for number in range(4, 9):
            who = rows.add_school(session, number, 3.0 * number)
            rows.add_need(session, f"N{number}", who)
            rows.add_limits(session, who, allowance_half_days=100)
        rows.add_offer(
            session, "plenty", rows.add_hub(session, "hub"), half_days=99, max_pairings=9
        )
    match(exchange)
    for sort in ("id", "points", "-points", "distance", "-distance"):
        url: str | None = f"{API}/proposals?sort={sort}&limit=2"
        seen: list[dict[str, Any]] = []
        while url:
            answer = client.get(url)
            seen += answer.json()["items"]
            link = answer.headers.get("link")
            url = link and link.partition(">")[0].removeprefix("<")
        assert len({each["id"] for each in seen}) == len(seen) == 6
        key = {"points": "points", "distance": "distance_miles", "id": "id"}[sort.strip("-")]
        values = [each[key] for each in seen]
        assert values == sorted(values, reverse=sort.startswith("-"))
    table = csv_rows(client.get(f"{API}/proposals?giver=hub", headers={"Accept": "text/csv"}))
    assert list(table[0])[:6] == ["id", "run", "state", "need", "offer", "taker"]
    assert len(table) == len(client.get(f"{API}/proposals?giver=hub").json()["items"])


def test_decisions_take_the_version_that_was_seen(client: TestClient, solved: int) -> None:
    """Without a version 428, from an old one 412; each decision is on record."""
    (proposal,) = client.get(f"{API}/proposals", params={"run": solved}).json()["items"]
    path = f"/proposals/{proposal['id']}"
    seen = client.get(f"{API}{path}").headers["etag"]
    prefer = {"action": "prefer"}
    assert post(client, f"{path}/decisions", prefer).status_code == 428
    answer = post(client, f"{path}/decisions", prefer, If_Match=seen)
    assert (answer.status_code, answer.json()["state_after"]) == (201, "preferred")
    assert client.get(f"{API}{path}").json()["held_until"] is not None
    assert post(client, f"{path}/decisions", prefer, If_Match=seen).status_code == 412
    early = post(client, f"{path}/decisions", {"action": "approve"}, If_Match="*")
    assert (early.status_code, early.json()["type"]) == (409, "urn:givetake:problem:not-now")
    assert "both sides must agree first" in early.json()["detail"]
    silent = post(client, f"{path}/decisions", {"action": "decline"}, If_Match="*")
    assert silent.status_code == 422
    declined = {"action": "decline", "reason": "capacity", "note": "new head"}
    newest = client.get(f"{API}{path}").headers["etag"]
    assert post(client, f"{path}/decisions", declined, If_Match=newest).status_code == 201
    history = client.get(f"{API}{path}/decisions").json()["items"]
    assert [each["action"] for each in history] == ["prefer", "decline"]
    assert history[1]["note"] == "new head"


def test_a_suggestion_cannot_be_preferred_and_says_who_must_confirm(
    client: TestClient, solved: int, exchange: Database
) -> None:
    """Nothing made from suggestions goes out; the proposal says so before it is tried."""
    (proposal,) = client.get(f"{API}/proposals", params={"run": solved}).json()["items"]
    path = f"/proposals/{proposal['id']}"
    before = client.get(f"{API}{path}").headers["etag"]
    with exchange.write() as session:
        for offer in session.query(Offer):
            offer.availability = "not_answered"
    shown = client.get(f"{API}{path}", headers={"If-None-Match": before})
    assert shown.status_code == 200, "what changed beside the proposal is seen"
    assert not shown.json()["sendable"]
    (who,) = shown.json()["must_confirm"]
    answer = post(client, f"{path}/decisions", {"action": "prefer"}, If_Match="*")
    assert answer.status_code == 409
    assert who in answer.json()["detail"]


def test_pins_and_exclusions_bind_the_next_run(client: TestClient, exchange: Database) -> None:
    """Declined, pinned, excluded: each run obeys what is in force when it begins."""
    pin = {"need": "N", "offer": "far", "reason": "both heads asked"}
    made = post(client, "/pins", pin)
    assert made.status_code == 201
    assert post(client, "/pins", pin).status_code == 409
    location = made.headers["location"]
    assert client.get(location).json() == made.json()

    # What stands is kept at a price, which is not what this is about.
    freely = runs.OPTIONS.model_copy(update={"change_price": 0})

    def giver_of_next_run() -> list[str]:
        found = client.get(f"{API}/proposals", params={"run": match(exchange, freely)}).json()[
            "items"
        ]
        return [each["offer"] for each in found]

    assert giver_of_next_run() == ["far"]
    assert client.delete(location).status_code == 428
    lifted = client.delete(location, headers={"If-Match": made.headers["etag"]})
    assert lifted.json()["lifted_at"] is not None
    assert giver_of_next_run() == ["near"]
    out = post(client, "/exclusions", {"need": "N", "offer": "near", "reason": "too close"})
    assert giver_of_next_run() == ["far"]
    past = "2020-01-01T00:00:00Z"
    refused = post(client, "/pins", {**pin, "offer": "near", "expires_at": past})
    assert refused.status_code == 422
    standing = client.get(f"{API}/exclusions", params={"standing": "true"}).json()["items"]
    assert [each["id"] for each in standing] == [out.json()["id"]]
    assert client.get(f"{API}/pins", params={"standing": "true"}).json()["items"] == []
    with exchange.read() as session:
        assert len(queries.list_runs(session, TERMINAL)) == 3
