"""Attempts are counted in the database, by every process at once, and then refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from limits import parse
from sqlalchemy import select, update

from app.database import Database, database_now
from app.http.attempts import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    OF_ACCOUNT,
    OF_ADDRESS,
    Attempts,
    CountsInDatabase,
    TooManyAttempts,
    network_of,
)
from models.people import AttemptCount
from tests.callers import keyed, said

OF_MINUTE = {"account": OF_ACCOUNT[0].amount, "address": OF_ADDRESS[0].amount}


def test_none_is_lost_among_writers(database: Database) -> None:
    """8 threads, each as a process would with a connection of its own, count to 80 together."""
    counts = CountsInDatabase(database)
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: counts.incr("key", 60), range(80)))
    assert sorted(seen) == list(range(1, 81))
    assert counts.get("key") == 80
    assert counts.check()
    assert counts.reset() == 1
    assert counts.get("key") == 0


def test_a_count_ends_with_its_while(database: Database) -> None:
    """What has expired counts for nothing, and is swept away by the next count."""
    counts = CountsInDatabase(database)
    counts.incr("old", 60)
    with database.write() as session:
        now = database_now(session)
        session.execute(update(AttemptCount).values(expires_at=now - timedelta(seconds=1)))
    assert counts.get("old") == 0
    assert counts.get_expiry("old") >= now.timestamp()
    assert counts.incr("new", 60) == 1
    with database.read() as session:
        assert session.scalars(select(AttemptCount.key)).all() == ["new"]


def test_an_account_is_shut_for_a_while_wherever_it_is_tried_from(database: Database) -> None:
    """And is open again once its owner came in; others come in all the while."""
    attempts = Attempts(database)
    for n in range(OF_MINUTE["account"]):
        attempts.take(f"198.51.100.{n}", "kim")
    with pytest.raises(TooManyAttempts, match="Wait 1 minute and try again"):
        Attempts(database).take("203.0.113.9", "kim")
    attempts.take("203.0.113.9", "jo")
    attempts.succeed("203.0.113.9", "kim")
    attempts.take("203.0.113.9", "kim")


def test_an_address_is_shut_for_a_while_whatever_it_tries(sqlite_database: Database) -> None:
    """Once it is, nothing more is written for it."""
    attempts = Attempts(sqlite_database)
    for n in range(OF_MINUTE["address"]):
        attempts.take("198.51.100.1", f"account {n}")
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            attempts.take("198.51.100.1", "another")
    attempts.take("198.51.100.2", "another")
    with sqlite_database.read() as session:
        most = max(session.scalars(select(AttemptCount.count)))
    assert most == OF_MINUTE["address"]


def test_whoever_comes_in_uses_up_nothing(database: Database) -> None:
    """However many sign in from one address; what failed there still counts."""
    attempts = Attempts(database)
    for _ in range(3):
        attempts.take("198.51.100.1")
    for n in range(3 * OF_MINUTE["address"]):
        attempts.take("198.51.100.1", f"person {n}")
        attempts.succeed("198.51.100.1", f"person {n}")
    attempts.succeed("203.0.113.9")
    for _ in range(OF_MINUTE["address"] - 3):
        attempts.take("198.51.100.1")
    with pytest.raises(TooManyAttempts):
        attempts.take("198.51.100.1")


def test_each_refusal_waits_longer_than_the_one_before(sqlite_database: Database) -> None:
    """A slip or two cost nothing more; a machine that guesses waits for seconds."""
    attempts = Attempts(sqlite_database)
    waits = [attempts.take("198.51.100.1") for _ in range(9)]
    assert waits[:3] == [FIRST_WAIT_S] * 3
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S


def test_those_who_come_at_once_are_counted_all(database: Database) -> None:
    """Twenty tries at the same moment are no way past the limit."""
    attempts = Attempts(database)

    def comes_in(n: int) -> bool:
        try:
            attempts.take(f"198.51.100.{n}", "kim")
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(comes_in, range(20))) == OF_MINUTE["account"]


def test_what_is_typed_is_not_kept(sqlite_database: Database) -> None:
    """People type passwords where names belong."""
    attempts = Attempts(sqlite_database)
    attempts.take("198.51.100.1", "my secret password" + "x" * 10_000)
    assert attempts.is_within(parse("1/minute"), "somebody")
    assert not attempts.is_within(parse("1/minute"), "somebody")
    with sqlite_database.read() as session:
        assert not [key for key in session.scalars(select(AttemptCount.key)) if "secret" in key]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_of_ipv6_the_network_counts(address: str, network: str) -> None:
    """Who has one address there has 2 to the power of 64."""
    assert network_of(address) == network


def test_keys_that_open_nothing_are_refused_kept_and_limited(
    database: Database, log_lines: list[Any]
) -> None:
    """Unknown and wrong are told alike; after many, 429, while those with a key come in."""
    with keyed(database) as client:
        good = client.headers["Authorization"]
        wrong = good[:-1] + ("A" if good[-1] != "A" else "B")
        answers = [
            said(
                client.get("/api/v1/runs", headers={"Authorization": each}), 401, "unauthenticated"
            )
            for each in (wrong, "Bearer gt_00000000_" + "x" * 43, "Bearer nothing")
        ]
        assert answers[0] == answers[1] == answers[2]
        for _ in range(OF_MINUTE["address"] - 3):
            client.get("/api/v1/runs", headers={"Authorization": wrong})
        said(client.get("/api/v1/runs", headers={"Authorization": wrong}), 429, "too-many-attempts")
        assert client.get("/api/v1/runs").status_code == 200
        events = client.get("/api/v1/audit-events", params={"action": "key.refuse"}).json()["items"]
    assert len(events) == OF_MINUTE["address"]
    assert {(each["actor"], each["subject"]) for each in events} == {("stranger", "key:unknown")}
    told = [line for line in log_lines if line["event"] == "http.credentials_refused"]
    assert {line["client"] for line in told} == {"testclient"}
    assert {line["log_level"] for line in told} == {"warning"}
