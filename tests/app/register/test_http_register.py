"""The register, networks, circumstances and imports over HTTP, on both databases."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.database import Database
from models.exchange import Need
from models.register import Group, ImportBatch, Measure, Membership, Participant
from tests.callers import count, keyed
from tests.rows import NOW, YEAR, add, add_calendar, add_hub, add_network, add_school

API = "/api/v1"
NEEDS_FILE = f"reference,participant,expertise,period,days\nn1,100000,maths,{YEAR},3\n"


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with database.write() as session:
        add_calendar(session)
        first = add_school(session, 100000, name="Made-up St Mary's", register_changed=None)
        provision = {"resourced_provision": "SEN unit", "sen_unit_capacity": 8}
        secondary = {"specialist": True, "phases": ["secondary"], "postcode": "ZZ1 1ZZ"}
        add_school(session, 100001, **secondary, **provision)
        add_school(session, 100002, in_scope=False, local_authority_code="998")
        trust = Group(
            uid=77, name="Made-up Trust", kind="multi_academy_trust", type_code="06", open=True
        )
        add(session, trust)
        add(session, Membership(group_id=trust.id, participant_id=first.id))
        add(session, Measure(urn=100000, name="pupils", period="2026", value=210.0))
        add(session, Measure(urn=100000, name="fsm6_percent", period="2026", suppressed=True))
        batch = {"kind": "gias", "files": {}, "digest": "0" * 64, "counts": {}, "actor": "test"}
        add(session, ImportBatch(imported_at=NOW, **batch))
    with keyed(database) as client:
        yield client


def items(client: TestClient, path: str) -> list[dict[str, Any]]:
    answer = client.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_an_institution_says_where_it_is_from(client: TestClient, database: Database) -> None:
    """Its groups, its place by name, and which import last changed it and when."""
    with database.write() as session:
        school = select(Participant).where(Participant.reference == "urn:100000")
        add_network(session, "kin", [session.scalars(school).one()])
    found = client.get(f"{API}/institutions/100000").json()
    trust = {"uid": 77, "reference": None, "name": "Made-up Trust", "joined": None, "left": None}
    assert found["groups"] == [trust | {"kind": "multi_academy_trust"}]
    family = {"key": "kin", "name": "Network kin", "kind": "alliance", "starts": None, "ends": None}
    assert found["networks"] == [family]
    assert found["local_authority_name"] == "Testshire"
    assert found["source"]["import_id"] == 1
    assert found["source"]["imported_at"] == "2026-09-01T00:00:00Z"
    assert client.get(f"{API}/institutions/5").status_code == 404


@pytest.mark.parametrize(
    ("query", "urns"),
    [
        ("q=mary%20testshire", [100000]),
        ("q=100001", [100001]),
        ("q=zz1", [100001]),
        ("q=school%25100", []),
        ("area=local_authority:998", [100002]),
        ("area=region:Z&limit=1&after=100000", [100001]),
        ("group=77", [100000]),
        ("network=none", []),
        ("phase=secondary", [100001]),
        ("specialist=true", [100001]),
        ("resourced_provision=true", [100001]),
        ("resourced_provision=false&in_scope=true", [100000]),
        ("in_scope=false", [100002]),
        ("type_code=1&specialist=false&in_scope=true", [100000]),
        ("trust=true", []),
    ],
)
def test_institutions_are_searched_and_filtered(
    client: TestClient, query: str, urns: list[int]
) -> None:
    """Each filter narrows by itself and with others; `%` in a search is itself."""
    assert [one["urn"] for one in items(client, f"/institutions?{query}")] == urns


def test_measures_keep_what_was_suppressed_apart(client: TestClient) -> None:
    """Suppressed is neither a number nor absent."""
    found = {one["measure"]: one for one in items(client, "/institutions/100000/measures")}
    assert found["pupils"]["value"] == 210
    assert found["fsm6_percent"] == {
        "measure": "fsm6_percent",
        "label": "Fsm6 percent",
        "period": "2026",
        "measured_on": "2026-08-31",
        "value": None,
        "text": None,
        "suppressed": True,
        "kind": None,
        "unit": "",
        "source": None,
    }
    assert found["pupils"]["label"] == "Pupils"
    assert found["pupils"]["unit"] == "pupils"
    assert found["pupils"]["source"] == "Department for Education, school census"
    assert client.get(f"{API}/institutions/4/measures").status_code == 404


def test_groups_and_areas_are_found(client: TestClient) -> None:
    """A trust by words of its name with its members, an area by kind."""
    assert [one["uid"] for one in items(client, "/groups?q=trust%20made&open=true")] == [77]
    assert client.get(f"{API}/groups/77").json()["members"][0]["urn"] == 100000
    assert [one["code"] for one in items(client, "/areas?kind=local_authority")] == ["999"]


def test_trust_team_is_listed_with_its_trust(client: TestClient, database: Database) -> None:
    """An organisation that names a group as its own, with the days it was open."""
    with database.write() as session:
        add_hub(session, "team", group_uid=77, opened=date(2026, 9, 1))
        add_hub(session, "other")
    team = {"key": "team", "name": "Hub team", "joined": "2026-09-01", "left": None}
    assert client.get(f"{API}/groups/77").json()["organisations"] == [team]


def test_a_network_is_entered_and_its_members_replaced(client: TestClient) -> None:
    """Who is in it is read back as written, and found by member."""
    body = {"name": "Made-up Family", "kind": "family", "members": [{"participant": "100000"}]}
    made = client.post(f"{API}/networks", json=body | {"key": "family"})
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    members = [{"participant": "100001", "starts": "2026-09-01", "ends": "2027-08-31"}]
    match = {"If-Match": made.headers["etag"]}
    changed = client.put(place, json=body | {"members": members}, headers=match)
    assert changed.json()["version"] == 2
    assert [one["participant"] for one in changed.json()["members"]] == ["100001"]
    assert items(client, "/networks?member=100000") == []
    assert client.put(place, json=body, headers=match).status_code == 412
    nobody = body | {"members": [{"participant": "9"}]}
    refused = client.put(place, json=nobody, headers={"If-Match": "*"})
    assert refused.json()["errors"][0]["pointer"] == "#/members/0/participant"


def test_a_circumstance_begins_ends_and_is_taken_back(client: TestClient) -> None:
    """It holds on the days between, by the rule of its kind, and a mistake can be undone."""
    body = {"participant": "100000", "kind": "new_head", "starts": "2026-09-01", "source": "told"}
    made = client.post(f"{API}/circumstances", json=body)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    assert client.post(f"{API}/circumstances", json=body).status_code == 409
    unknown = client.post(f"{API}/circumstances", json=body | {"kind": "unheard_of"})
    assert unknown.json()["errors"][0]["pointer"] == "#/kind"
    end = {"ends": "2026-12-31", "source": "told"}
    assert client.put(place, json=end, headers={"If-Match": '"1"'}).json()["version"] == 2
    assert len(items(client, "/circumstances?on=2026-12-31&area=local_authority:999")) == 1
    assert items(client, "/circumstances?on=2027-01-01") == []
    place, why = f"{place}/withdrawal", {"reason": "Entered for another school"}
    assert client.post(place, json=why, headers={"If-Match": '"1"'}).status_code == 412
    assert client.post(place, json=why, headers={"If-Match": '"2"'}).status_code == 204
    assert client.get(place.removesuffix("/withdrawal")).status_code == 404


def test_the_rule_of_a_circumstance_is_open_and_editable(client: TestClient) -> None:
    """Reading it, changing a number and writing it back is all there is to it."""
    place = f"{API}/circumstance-rules/new_head"
    read = client.get(place)
    body = {k: v for k, v in read.json().items() if k not in ("kind", "version")}
    match = {"If-Match": read.headers["etag"]}
    changed = client.put(place, json=body | {"extra_allowance_days": 1.5}, headers=match)
    assert (changed.json()["extra_allowance_days"], changed.json()["version"]) == (1.5, 2)
    assert client.put(place, json=body, headers=match).status_code == 412


def test_a_rule_goes_only_while_no_circumstance_follows_it(client: TestClient) -> None:
    """What somebody is in keeps its rule; a kind that was made by mistake is taken away."""
    circumstance = {"participant": "100000", "kind": "new_head", "starts": "2026-09-01"}
    client.post(f"{API}/circumstances", json=circumstance | {"source": "told"})
    kept = client.delete(f"{API}/circumstance-rules/new_head", headers={"If-Match": "*"})
    assert (kept.status_code, "by 1 circumstance." in kept.json()["detail"]) == (409, True)
    rule = {"kind": "mistaken", "statement": "None.", "may_give": True, "days_percent": 100}
    place = client.post(f"{API}/circumstance-rules", json=rule).headers["location"]
    assert client.delete(place).status_code == 428
    assert client.delete(place, headers={"If-Match": '"2"'}).status_code == 412
    assert client.delete(place, headers={"If-Match": '"1"'}).status_code == 204
    assert client.get(place).status_code == 404


def upload(client: TestClient, path: str, text: str, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    files = {"file": ("../../needs.csv", text)}
    return client.post(f"{API}/imports/{path}", files=files, headers=sent)


def test_a_preview_says_all_and_changes_nothing(client: TestClient, database: Database) -> None:
    """It counts as the import then does, and leaves no row, batch or event."""
    preview = upload(client, "needs/preview", NEEDS_FILE)
    assert preview.status_code == 200, preview.text
    assert (count(database, Need), count(database, ImportBatch)) == (0, 1)
    applied = upload(client, "needs", NEEDS_FILE)
    assert applied.status_code == 201
    assert applied.json()["things"] == preview.json()["things"]
    assert applied.json()["files"] == {"needs": "needs.csv"}
    recorded = client.get(applied.headers["location"]).json()
    assert recorded["counts"] == applied.json()["things"]
    assert count(database, Need) == 1


def test_the_same_file_again_changes_nothing(client: TestClient, database: Database) -> None:
    """Nor does a retry under its key put back what was changed since."""
    first = upload(client, "needs", NEEDS_FILE, Idempotency_Key="k")
    again = upload(client, "needs", NEEDS_FILE)
    assert again.json()["import_id"] is None
    assert again.json()["things"]["needs"]["unchanged"] == 1
    body = {"participant": "100000", "expertise": "maths", "period": YEAR, "days": 9}
    client.put(f"{API}/needs/n1", json=body, headers={"If-Match": "*"})
    retried = upload(client, "needs", NEEDS_FILE, Idempotency_Key="k")
    assert retried.content == first.content
    assert client.get(f"{API}/needs/n1").json()["days"] == 9


def test_faulty_rows_are_listed_and_nothing_is_kept(client: TestClient, database: Database) -> None:
    """One bad row keeps the good ones out too, and is named by line, column, value and reason."""
    answer = upload(client, "needs", f"{NEEDS_FILE}n2,100000,unheard-of,{YEAR},1\n")
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:givetake:problem:faulty-file"
    [fault] = answer.json()["faults"]
    assert (fault["line"], fault["column"], fault["value"]) == (3, "expertise", "unheard-of")
    assert count(database, Need) == 0


def test_what_is_exported_can_be_taken_in_again(client: TestClient) -> None:
    """The CSV of a list is what the importer of the same name reads, unchanged."""
    upload(client, "needs", NEEDS_FILE)
    body = {"give_days": 3.5, "carried_days": -1}
    client.post(f"{API}/limits/100000/{YEAR}", json=body)
    for kind in ("needs", "limits", "expertise", "periods", "circumstance-rules"):
        text = client.get(f"{API}/{kind}", headers={"Accept": "text/csv"}).text
        report = upload(client, kind, text)
        assert report.status_code == 201, (kind, report.text)
        assert report.json()["import_id"] is None, (kind, report.json())
