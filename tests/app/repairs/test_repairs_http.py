"""Repairs over HTTP and in the portal: worked out, looked at, carried out, and by whom."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.access.policy import Role, Scope
from app.database import Database
from models.exchange import Need, Offer
from models.vocabulary import ScopeKind
from tests.callers import PROBLEM, keyed
from tests.portal import BASE, broker
from tests.repairs import chain, change, of_need, pairs

API = "/api/v1/repairs"


@pytest.fixture
def exchange(sqlite_database: Database) -> Database:
    """The one supporter near enough to N1 dropped out."""
    chain(sqlite_database)
    change(sqlite_database, Offer, "O1", withdrawn=True)
    return sqlite_database


@pytest.fixture
def client(exchange: Database) -> Iterator[TestClient]:
    with keyed(exchange) as client:
        yield client


def test_a_repair_is_worked_out_and_taken(exchange: Database, client: TestClient) -> None:
    """Nothing changes before one is taken; the same with the same key, or without, changes none."""
    one = of_need(exchange, "N1")
    [broken] = client.get(API).json()["items"]
    read = client.get(f"{API}/{one}").json()
    assert (read["broken"], read["repairs"], read["touches"]["proposals"]) == (broken, [], [])
    worked = client.post(f"{API}/{one}")
    assert worked.status_code == 200, worked.text
    alone, moved = worked.json()["repairs"]
    assert (alone["size"], alone["disturbed"], moved["size"]) == ("smallest", 0, "middle")
    assert [each["giver_after_name"] for each in moved["changes"]] == ["Giver 2", "Spare giver"]
    assert moved["asks"][0]["why"] == "Ask whether it can support School 1."
    assert client.get(f"{API}/{one}").json() == worked.json()
    assert pairs(exchange)["N1"] == "O1"
    body, key = {"repair": moved["id"]}, {"Idempotency-Key": "made-up-key-of-a-repair"}
    taken = client.post(f"{API}/{one}/taking", json=body, headers=key)
    assert taken.status_code == 200, taken.text
    assert [bool(each["taken_at"]) for each in taken.json()["repairs"]] == [False, True]
    assert client.post(f"{API}/{one}/taking", json=body, headers=key).json() == taken.json()
    assert client.post(f"{API}/{one}/taking", json=body).status_code == 200
    assert pairs(exchange) == {"N1": "O2", "N2": "spare", "N3": "O3"}
    assert client.get(API).json()["items"] == []


def test_what_cannot_be_done_is_told(exchange: Database, client: TestClient) -> None:
    """A proposal that is not there, one that needs nothing, and a repair out of date or unknown."""
    one, other = of_need(exchange, "N1"), of_need(exchange, "N2")
    assert client.get(f"{API}/999").status_code == 404
    assert client.post(f"{API}/999").status_code == 404
    refused = client.post(f"{API}/{other}")
    assert (refused.status_code, refused.json()["type"]) == (409, f"{PROBLEM}nothing-broken")
    assert client.post(f"{API}/{one}/taking", json={"repair": 999}).status_code == 404
    assert client.post(f"{API}/{one}/taking", json={"repair": "1"}).status_code == 422
    alone = client.post(f"{API}/{one}").json()["repairs"][0]["id"]
    assert client.post(f"{API}/{other}/taking", json={"repair": alone}).status_code == 404
    change(exchange, Need, "N1", priority=1)
    late = client.post(f"{API}/{one}/taking", json={"repair": alone})
    assert (late.status_code, late.json()["type"]) == (409, f"{PROBLEM}out-of-date")
    assert "needs of those concerned have changed" in late.json()["detail"]


def test_the_portal_leads_from_the_list_to_the_repair(exchange: Database) -> None:
    """Home, the pairing, its repairs worked out, one checked with all that changes, carried out."""
    one = of_need(exchange, "N1")
    who = broker(exchange)
    assert f"{BASE}/repairs/{one}" in who.open("/").links
    page = who.open(f"/repairs/{one}")
    assert "does not offer this now" in page.text
    assert "Move neighbours too" not in page.text
    page = who.send(page, f"/repairs/{one}")
    assert page.faults == []
    assert "2. Move neighbours too" in page.text
    link = next(each for each in page.links if each.endswith(f"repairs/{one}/2"))
    check = who.open(link.removeprefix(BASE))
    assert "Ask whether it can support School 1." in check.text
    assert pairs(exchange)["N1"] == "O1"
    done = who.send(check, link.removeprefix(BASE))
    assert "Repair carried out" in done.text
    assert "Spare giver gives 2 days of Maths to School 2" in done.text
    assert pairs(exchange) == {"N1": "O2", "N2": "spare", "N3": "O3"}
    assert "needs no repair" in who.open(f"/repairs/{one}").text
    assert who.open(f"/repairs/{one}/999").status == 404


def test_whoever_may_not_repair_sees_why_alone(exchange: Database) -> None:
    """A contact reads that its support needs repair, and is offered no button."""
    one = of_need(exchange, "N1")
    who = broker(exchange)
    who.send(who.open(f"/repairs/{one}"), f"/repairs/{one}")
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "1"))
    page = who.open(f"/repairs/{one}")
    assert "does not offer this now" in page.text
    assert "Work out repairs" not in page.text
    assert "Giver 2" not in page.text
    who.limit_to(Role.CONTACT, Scope(ScopeKind.INSTITUTION, "3"))
    assert who.open(f"/repairs/{one}").status == 404
