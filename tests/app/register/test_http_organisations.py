"""Organisations and networks entered, changed and withdrawn one at a time, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.policy import Role
from app.database import Database
from app.errors import Forbidden
from app.register import service
from models.access import AuditEvent
from models.register import Organisation
from tests.callers import keyed
from tests.factories import acting
from tests.rows import add_calendar, add_hub, add_need, add_network, add_offer, add_school

API = "/api/v1"
ANY = {"If-Match": "*"}
MATHS = {"name": "maths_hub", "designated_by": "Made-up department", "starts": "2025-09-01"}
HUB = {
    "key": "made-up-hub",
    "name": "Made-up Hub",
    "kind": "subject_hub",
    "latitude": 51.5,
    "longitude": -0.5,
    "areas_served": ["local_authority:999"],
    "funded": True,
    "designations": [MATHS],
}
BODY = {name: value for name, value in HUB.items() if name != "key"}
FILE = (
    "key,name,kind,latitude,longitude,areas_served,funded,designation,designated_by,designated_from\n"
    "made-up-hub,Made-up Hub,subject_hub,51.5,-0.5,Testshire,yes,english_hub,Somebody,2026-09-01\n"
)


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with database.write() as session:
        add_calendar(session)
        first, second = add_school(session, 100000, postcode="ZZ1 1ZZ"), add_school(session, 100001)
        add_network(session, "family", [first, second])
        hub = add_hub(session, "busy")
        add_offer(session, "offer", hub)
        add_need(session, "need", hub)
    with keyed(database) as client:
        yield client


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_an_organisation_is_entered_and_replaced(client: TestClient, database: Database) -> None:
    """What is written is read back; a change names its version, one of nothing is none."""
    made = client.post(f"{API}/organisations", json=HUB)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    shown = client.get(place).json()
    assert shown == made.json()
    assert {name: shown[name] for name in HUB if name != "designations"} == {
        name: value for name, value in HUB.items() if name != "designations"
    }
    assert (shown["local_authority_code"], shown["region_code"]) == ("999", "Z")
    assert client.post(f"{API}/organisations", json=HUB).status_code == 409
    assert client.put(place, json=BODY).status_code == 428
    body = BODY | {"name": "Renamed", "designations": []}
    changed = client.put(place, json=body, headers={"If-Match": made.headers["etag"]})
    assert (changed.json()["name"], changed.json()["version"]) == ("Renamed", 2)
    assert [one["ends"] for one in changed.json()["designations"]] == [today()]
    assert client.put(place, json=body, headers={"If-Match": '"1"'}).status_code == 412
    assert client.put(place, json=body, headers=ANY).json()["version"] == 2
    with database.read() as session:
        events = select(AuditEvent.action).where(AuditEvent.subject == "organisation:made-up-hub")
        assert list(session.scalars(events)) == ["organisation.create", "organisation.change"]


def test_without_a_position_the_postcode_gives_one(client: TestClient) -> None:
    """As for an import: the middle of the schools of its district."""
    body = {"key": "near", "name": "Near", "kind": "subject_hub", "postcode": "ZZ1 2AB"}
    made = client.post(f"{API}/organisations", json=body)
    assert (made.json()["latitude"], made.json()["longitude"]) == (55.0, 2.0)


@pytest.mark.parametrize(
    ("change", "type_", "pointer"),
    [
        ({"areas_served": ["district:nowhere"]}, "unknown", "#/areas_served"),
        ({"group_uid": 5}, "unknown", "#/group_uid"),
        ({"longitude": None}, "invalid", "#"),
        ({"closed": "2025-01-01", "opened": "2026-01-01"}, "invalid", "#/closed"),
        ({"designations": [MATHS, MATHS]}, "invalid", "#/designations"),
        ({"key": "100000"}, "invalid", "#/key"),
    ],
)
def test_what_does_not_fit_is_named(
    client: TestClient, change: dict[str, Any], type_: str, pointer: str
) -> None:
    """A refusal says which field, and nothing of the organisation is kept."""
    refused = client.post(f"{API}/organisations", json=HUB | change)
    assert refused.status_code == 422, refused.text
    assert refused.json()["type"] == f"urn:givetake:problem:{type_}"
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert client.get(f"{API}/organisations/made-up-hub").status_code == 404


def test_one_that_is_counted_on_is_not_closed(client: TestClient) -> None:
    """Offers that stand and open needs keep an organisation open, however it is to be closed."""
    place = f"{API}/organisations/busy"
    refused = client.post(f"{place}/withdrawal", headers=ANY)
    assert refused.status_code == 409
    assert "1 open need and 1 current offer" in refused.json()["detail"]
    closing = {"name": "Hub busy", "kind": "subject_hub", "closed": "2026-01-01"}
    assert client.put(place, json=closing, headers=ANY).status_code == 409
    for item in ("offers/offer", "needs/need"):
        assert client.post(f"{API}/{item}/withdrawal", headers=ANY).status_code == 200
    closed = client.post(f"{place}/withdrawal", headers=ANY)
    assert (closed.json()["closed"], closed.json()["version"]) == (today(), 2)
    again = client.post(f"{place}/withdrawal", headers={"If-Match": closed.headers["etag"]})
    assert again.json()["version"] == 2
    assert [one["key"] for one in client.get(f"{API}/organisations").json()["items"]] == ["busy"]


def test_an_import_counts_as_a_change_too(client: TestClient) -> None:
    """A designation that came by file is not ended by who had not seen it."""
    made = client.post(f"{API}/organisations", json=HUB)
    sent = client.post(f"{API}/imports/organisations", files={"file": ("o.csv", FILE)})
    assert sent.status_code == 201, sent.text
    place, match = made.headers["location"], {"If-Match": made.headers["etag"]}
    assert client.put(place, json=BODY, headers=match).status_code == 412
    names = {one["name"]: one["ends"] for one in client.get(place).json()["designations"]}
    assert names == {"maths_hub": today(), "english_hub": None}


def test_of_two_changes_from_one_version_one_is_told(client: TestClient) -> None:
    """Whoever comes second in the same moment gets 412, of organisations and networks alike."""
    made = client.post(f"{API}/organisations", json=HUB)
    bodies = {made.headers["location"]: BODY}
    bodies[f"{API}/networks/family"] = {"name": "Family", "kind": "family", "members": []}
    for place, body in bodies.items():

        def rename(name: str, place: str = place, body: dict[str, Any] = body) -> int:
            match = {"If-Match": '"1"'}
            return client.put(place, json=body | {"name": name}, headers=match).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(rename, ("One", "Other"))) == [200, 412]
        assert client.get(place).json()["version"] == 2


def test_a_creation_sent_again_makes_one(client: TestClient, database: Database) -> None:
    """The same key is answered as the first time, however many send it at once."""

    def send(_: int) -> Any:
        key = {"Idempotency-Key": "k"}
        return client.post(f"{API}/organisations", json=HUB, headers=key)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(send, range(3)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    with database.read() as session:
        assert sorted(session.scalars(select(Organisation.key))) == ["busy", "made-up-hub"]


def test_a_network_that_is_withdrawn_keeps_its_history(client: TestClient) -> None:
    """Everybody leaves today, who was in it can still be read, and again changes nothing."""
    place = f"{API}/networks/family"
    assert client.post(f"{place}/withdrawal").status_code == 428
    gone = client.post(f"{place}/withdrawal", headers={"If-Match": '"1"'})
    assert gone.status_code == 200, gone.text
    assert [one["ends"] for one in gone.json()["members"]] == [today()] * 2
    assert client.post(f"{place}/withdrawal", headers={"If-Match": '"1"'}).status_code == 412
    again = client.post(f"{place}/withdrawal", headers={"If-Match": '"2"'})
    assert again.json() == gone.json()
    assert client.post(f"{API}/networks/none/withdrawal", headers=ANY).status_code == 404


def test_a_file_of_members_counts_as_a_change_of_the_network(client: TestClient) -> None:
    """Who read a network before the import cannot write over the members that it brought."""
    file = "key,name,kind,member,starts,ends\nfamily,Network family,alliance,100000,,\n"
    sent = client.post(f"{API}/imports/networks", files={"file": ("n.csv", file)})
    assert sent.json()["things"]["members"]["closed"] == 1, sent.text
    assert sent.json()["things"]["networks"]["unchanged"] == 1
    body = {"name": "Family", "kind": "family", "members": []}
    place = f"{API}/networks/family"
    assert client.put(place, json=body, headers={"If-Match": '"1"'}).status_code == 412
    assert client.put(place, json=body, headers={"If-Match": '"2"'}).status_code == 200


def test_only_those_who_may_change_the_register(sqlite_database: Database) -> None:
    """An analyst reads networks and dissolves none."""
    analyst = acting(Role.ANALYST, name="analyst")
    with sqlite_database.write() as session, pytest.raises(Forbidden, match="change the register"):
        service.withdraw_network(session, analyst, "family", None)
