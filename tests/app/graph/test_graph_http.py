"""The support graph over HTTP: its answers, its files, and who sees what of it."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import networkx as nx
import pytest
from fastapi.testclient import TestClient

from app.access.callers import caller as calling
from app.access.policy import EVERYWHERE, Role, Scope
from app.database import Database
from models.register import Participant
from models.vocabulary import ScopeKind
from tests import rows
from tests.callers import csv_rows, keyed, said
from tests.factories import acting

GRAPH = "/api/v1/graph"
ODD = 'Ash & <Oak> "School"'


def fill(database: Database) -> None:
    """Two schools swap; a third is supported by one of them, a fourth has nothing."""
    with database.write() as session:
        rows.add_calendar(session)
        one, two, three, _ = (
            rows.add_school(session, 100_000 + number, number * 2.0, name=name)
            for number, name in enumerate((ODD, "Beech School", "Cedar School", "Elm School"))
        )
        hub = rows.add_hub(session, "hub", group_uid=71)
        rows.add_group(session, 71, "multi_academy_trust", [one])
        rows.add_network(session, "family", [two])
        said_of_it = {"expertise_code": "maths", "result": "partly"}
        when = {"starts": rows.STARTS, "half_days": 4}
        rows.add_support(session, "one-two", two, one, **when)
        rows.add_support(session, "two-one", one, two, **when)
        rows.add_support(session, "two-three", three, two, state="ended", half_days=2, **said_of_it)
        rows.add_support(session, "agency", three, None, agency="Agency B", half_days=30)
        rows.add_interest(session, "bid", hub, three)


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    fill(database)
    with keyed(database, rows.NOW.replace(month=11)) as client:
        yield client


def limit_to(client: TestClient, role: Role, scope: Scope = EVERYWHERE) -> None:
    principal = acting(role, name="key:other", scope=scope)
    client.app.dependency_overrides[calling] = lambda: principal  # type: ignore[attr-defined]


def test_files_of_the_whole_country_are_for_whoever_reads_every_plan(client: TestClient) -> None:
    """They take a minute of everybody's time; a page as JSON, and files of an area, do not."""
    graphml = {"Accept": "application/graphml+xml"}
    assert client.get(f"{GRAPH}/area", headers=graphml).status_code == 200
    limit_to(client, Role.CONTACT, Scope(ScopeKind.INSTITUTION, "100000"))
    assert client.get(f"{GRAPH}/area", params={"most": 3}).status_code == 200
    of_area = client.get(f"{GRAPH}/area", params={"area": "Testshire"}, headers=graphml)
    assert of_area.status_code == 200
    said(client.get(f"{GRAPH}/area", headers=graphml), 403, "forbidden")


def test_a_path_is_told_step_by_step(client: TestClient) -> None:
    """Which nodes, which edges and in words; of one kind of edge alone, or not at all."""
    found = client.get(f"{GRAPH}/path/100000", params={"to": "100002"}).json()
    assert found["found"]
    assert [each["key"] for each in found["nodes"]] == ["urn:100000", "urn:100001", "urn:100002"]
    assert found["edges"][1]["sentence"] == (
        "Beech School supported Cedar School (1 day in 2026-27, Maths, it partly worked)."
    )
    by_group = client.get(
        f"{GRAPH}/path/100000", params={"to": "100002", "kinds": "member,interest"}
    ).json()
    assert [each["key"] for each in by_group["nodes"]] == [
        *("urn:100000", "group:71", "org:hub", "urn:100002")
    ]
    apart = client.get(f"{GRAPH}/path/100000", params={"to": "100003"}).json()
    assert apart == {"found": False, "nodes": [], "edges": []}
    said(client.get(f"{GRAPH}/path/100000", params={"to": "999999"}), 404, "not-found")
    wrong = said(
        client.get(f"{GRAPH}/path/100000", params={"to": "100003", "kinds": "friends"}),
        422,
        "invalid",
    )
    assert "friends" in wrong["errors"][0]["detail"]


def test_a_neighbourhood_comes_in_each_form(client: TestClient) -> None:
    """JSON, CSV, GraphML, GeoJSON and a picture have the same nodes and edges, escaped."""
    where = f"{GRAPH}/around/100000"
    params = {"steps": "2"}
    found = client.get(where, params=params).json()
    keys = {each["key"] for each in found["nodes"]}
    assert keys == {
        *("urn:100000", "urn:100001", "urn:100002", "group:71", "org:hub", "network:family")
    }
    edges = len(found["edges"])
    as_csv = csv_rows(client.get(where, params=params, headers={"Accept": "text/csv"}))
    assert [row["sentence"] for row in as_csv] == [each["sentence"] for each in found["edges"]]
    assert ODD in {row["from_name"] for row in as_csv}
    graphml = client.get(where, params=params, headers={"Accept": "application/graphml+xml"})
    parsed = nx.parse_graphml(graphml.text)
    assert set(parsed) == keys
    assert parsed.number_of_edges() == edges
    assert parsed.nodes["urn:100000"]["name"] == ODD
    geojson = client.get(where, params=params, headers={"Accept": "application/geo+json"})
    features = json.loads(geojson.text)["features"]
    points = {each["id"] for each in features if each["geometry"]["type"] == "Point"}
    assert points == {key for key in keys if key.startswith(("urn:", "org:"))}
    drawn = client.get(where, params=params, headers={"Accept": "image/svg+xml"})
    assert drawn.headers["content-type"] == "image/svg+xml"
    svg = ET.fromstring(drawn.text)
    texts = ["".join(each.itertext()) for each in svg.iter("{http://www.w3.org/2000/svg}title")]
    assert texts[0] == f"What {ODD} is joined to"
    assert {each["sentence"] for each in found["edges"]} <= set(texts)


def test_who_supports_whom_goes_one_way(client: TestClient) -> None:
    """From a school to who supports it, and who supports those."""
    params = {"steps": "2", "direction": "receives", "kinds": "support,past_support"}
    found = client.get(f"{GRAPH}/around/100002", params=params).json()
    told = {each["key"]: (each["steps"], each["through"]) for each in found["nodes"]}
    assert told == {
        "urn:100002": (0, None),
        "urn:100001": (1, "urn:100002"),
        "support:agency": (1, "urn:100002"),
        "urn:100000": (2, "urn:100001"),
    }


def test_isolated_load_and_loops_are_listed(client: TestClient) -> None:
    """Page by page, and as CSV."""
    found = client.get(f"{GRAPH}/isolated").json()["items"]
    assert [(each["urn"], each["nearest_networks"][0]["key"]) for each in found] == [
        (100003, "family")
    ]
    areas = client.get(f"{GRAPH}/isolated-areas").json()["items"]
    assert areas == [
        {
            **{"area": "local_authority:999", "name": "Testshire", "in_scope": 4},
            **{"in_no_group": 3, "isolated": 1},
        }
    ]
    page = client.get(f"{GRAPH}/load", params={"period": rows.YEAR, "limit": "2"})
    assert [each["participant"] for each in page.json()["items"]] == ["urn:100000", "urn:100001"]
    assert page.json()["items"][1]["days_given"] == 3.0
    rest = client.get(page.links["next"]["url"]).json()["items"]
    assert [(each["participant"], each["days_received"]) for each in rest] == [("urn:100002", 1.0)]
    takes = client.get(f"{GRAPH}/load", params={"nets": "receives"}).json()["items"]
    assert [each["participant"] for each in takes] == ["urn:100002"]
    loops = client.get(f"{GRAPH}/loops").json()["items"]
    assert [[one["name"] for one in each["members"]] for each in loops] == [[ODD, "Beech School"]]
    assert not client.get(
        f"{GRAPH}/loops", params={"area": "network:family", "longest": "2"}
    ).json()["items"][1:]
    assert len(csv_rows(client.get(f"{GRAPH}/load", headers={"Accept": "text/csv"}))) == 3


def test_communities_and_areas_are_read(client: TestClient) -> None:
    """The three that support each other, and who joins the third to the first."""
    found = client.get(f"{GRAPH}/communities").json()
    assert (found["pairs"], found["pairs_across"]) == (2, 0)
    (bridge,) = found["bridges"]
    assert (bridge["participant"], bridge["cut_off"], bridge["parts"]) == ("urn:100001", 1, 2)
    area = client.get(f"{GRAPH}/area", params={"area": "Testshire", "most": "3"}).json()
    assert (len(area["nodes"]), area["left_out"]) == (3, 5)


def test_a_head_sees_the_public_part_and_their_own(client: TestClient) -> None:
    """Support and interests of others are in no answer, nor in what follows from them."""
    limit_to(client, Role.CONTACT, Scope(ScopeKind.INSTITUTION, "100000"))
    own = client.get(f"{GRAPH}/around/100000", params={"steps": "3"}).json()
    assert {each["reference"] for each in own["edges"] if each["kind"] == "support"} == {
        *("one-two", "two-one")
    }
    other = client.get(f"{GRAPH}/around/100002", params={"steps": "3"}).json()
    assert [each["key"] for each in other["nodes"]] == ["urn:100002"]
    assert not client.get(f"{GRAPH}/path/100000", params={"to": "100002"}).json()["found"]
    assert not client.get(f"{GRAPH}/isolated").json()["items"]
    loads = client.get(f"{GRAPH}/load").json()["items"]
    assert [each["participant"] for each in loads] == ["urn:100000"]
    assert client.get(f"{GRAPH}/communities").json()["pairs"] == 1
    refused = client.get(f"{GRAPH}/swaps", params={"area": "Testshire", "period": rows.YEAR})
    said(refused, 403, "forbidden")
    limit_to(client, Role.BROKER, Scope(ScopeKind.AREA, "998"))
    assert not client.get(f"{GRAPH}/loops").json()["items"]
    said(
        client.get(f"{GRAPH}/swaps", params={"area": "Testshire", "period": rows.YEAR}),
        403,
        "forbidden",
    )


def test_names_of_other_supporters_are_no_addresses(client: TestClient) -> None:
    """Who is known by name alone is found through their support only."""
    said(client.get(f"{GRAPH}/around/support:agency"), 404, "not-found")


def test_an_answer_follows_a_change(client: TestClient, database: Database) -> None:
    """What somebody records over HTTP is in the next answer."""
    with database.read() as session:
        assert session.get_one(Participant, 1)
    before = client.get(f"{GRAPH}/around/100003").json()
    assert len(before["nodes"]) == 1
    content = {"reference": "new", "taker": "100003", "giver_name": "Made-up", "agency": "Agency C"}
    made = client.post(
        "/api/v1/support",
        json=content | {"state": "active"},
        headers={"Idempotency-Key": "made-up-key-1"},
    )
    assert made.status_code == 201, made.text
    after = client.get(f"{GRAPH}/around/100003").json()
    assert [each["name"] for each in after["nodes"]] == ["Elm School", "Made-up"]
