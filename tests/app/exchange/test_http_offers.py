"""Offers and what their givers say of them over HTTP, on both databases."""

from concurrent.futures import ThreadPoolExecutor

from fastapi.testclient import TestClient

from tests.rows import YEAR

API = "/api/v1"
OFFER = {"participant": "100000", "expertise": "maths", "period": YEAR, "days": 8}
ANY = {"If-Match": "*"}


def test_a_giver_answers_and_takes_its_answer_back(client: TestClient) -> None:
    """Nobody has answered at first; the giver's days and day are kept until it says otherwise."""
    made = client.post(f"{API}/offers", json=OFFER | {"reference": "o"})
    place = f"{made.headers['location']}/availability"
    first = client.get(place)
    assert (first.json()["availability"], first.headers["etag"]) == ("not_answered", '"1"')
    answer = {"availability": "can_offer", "days": 2.5, "on": "2026-09-10"}
    assert client.put(place, json=answer).status_code == 428
    said = client.put(place, json=answer, headers={"If-Match": '"1"'})
    assert said.headers["etag"] == '"2"'
    assert said.json() == client.get(place).json()
    assert (said.json()["days"], said.json()["availability_updated"]) == (2.5, "2026-09-10")
    assert client.put(place, json=answer, headers={"If-Match": '"1"'}).status_code == 412
    taken_back = client.put(place, json={"availability": "not_offering"}, headers=ANY)
    assert taken_back.json()["availability"] == "not_offering"
    none = client.put(place, json={"availability": "not_answered"}, headers=ANY)
    assert none.status_code == 409
    assert client.post(f"{made.headers['location']}/withdrawal", headers=ANY).status_code == 200
    assert client.get(place).json()["withdrawn"]
    assert client.put(place, json=answer, headers=ANY).status_code == 409


def test_of_two_answers_from_one_version_one_is_told(client: TestClient) -> None:
    """A giver's two contacts cannot speak over each other unnoticed."""
    made = client.post(f"{API}/offers", json=OFFER | {"reference": "o"})
    place = f"{made.headers['location']}/availability"

    def say(days: float) -> int:
        body = {"availability": "can_offer", "days": days}
        return client.put(place, json=body, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(say, (1, 2))) == [200, 412]
