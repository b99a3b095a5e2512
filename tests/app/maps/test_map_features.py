"""Collections for map programs: OGC API Features."""

import pytest
from fastapi.testclient import TestClient
from owslib.ogcapi.features import Features

from app.database import Database
from app.main import create_app
from app.settings import Settings
from tests.factories import new_key
from tests.maps import ITEMS, SECRET, client_of
from tests.serving import serving


def test_a_public_client_reads_the_collections(exchange: Database) -> None:
    """OWSLib finds its way from the landing page to every feature, page by page, and by box."""
    made = Settings(workers=0, secret=SECRET, publish_offers=True)
    with serving(create_app(made, exchange)) as address:
        service = Features(f"{address}/maps/features")
        assert any(each.endswith("/conf/geojson") for each in service.conformance()["conformsTo"])
        assert service.feature_collections() == [
            "institutions",
            "organisations",
            "offers",
            "pairings",
        ]
        assert service.api()["openapi"].startswith("3.")
        described = service.collection("institutions")
        assert described["extent"]["spatial"]["bbox"][0][0] == 2.0
        page = service.collection_items("institutions", limit=3)
        assert (page["numberMatched"], page["numberReturned"]) == (4, 3)
        (following,) = [each["href"] for each in page["links"] if each["rel"] == "next"]
        near = service.collection_items("institutions", bbox=[1.9, 54.9, 2.1, 55.05])
        assert [each["id"] for each in near["features"]] == [1]
        assert service.collection_item("institutions", "4")["geometry"] is None
        assert following.startswith(address)
    with client_of(exchange) as client:
        last = client.get(following).json()
    assert [each["id"] for each in last["features"]] == [4]
    assert not [each for each in last["links"] if each["rel"] == "next"]


def test_no_public_pairing_and_proposals_for_a_key(client: TestClient, exchange: Database) -> None:
    """Whoever has no key sees no proposal; with one it is a line from giver to taker."""
    pairings = ITEMS.format("pairings")
    assert client.get(pairings).json()["features"] == []
    assert client.get(pairings, params={"run": 1}).status_code == 401
    with exchange.write() as session:
        key = {"Authorization": f"Bearer {new_key(session)}"}
    (feature,) = client.get(pairings, params={"run": 1}, headers=key).json()["features"]
    assert feature["geometry"]["coordinates"] == [[2.0, pytest.approx(55.144571)], [2.0, 55.0]]
    assert feature["properties"]["days"] == 1.5
    for box, count in (("1,55.1,3,55.12", 1), ("1,50,3,54", 0)):
        asked = {"run": 1, "bbox": box}
        assert client.get(pairings, params=asked, headers=key).json()["numberMatched"] == count
    assert client.get(pairings, params={"run": 9}, headers=key).status_code == 404


def test_features_come_as_geojson_that_any_page_may_read(client: TestClient) -> None:
    """The form is named, `f` goes before Accept, and an unknown form is refused."""
    items = ITEMS.format("institutions")
    answer = client.get(items, headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert client.get(items, headers={"Accept": "text/html"}).status_code == 406
    assert client.get(items, params={"f": "json"}, headers={"Accept": "text/html"}).is_success
    assert client.get(items, params={"f": "html"}).status_code == 400
    packed = client.get("/maps/static/widget.js", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "query",
    [
        *("bbox=1,2,3", "bbox=a,b,c,d", "bbox=3,0,1,9", "bbox=nan,0,1,1", "bbox=1e999,0,1,1"),
        *("limit=0", "kind=primary", "giver=urn:1", "after=-1", "nonsense=1", "run=x", "run=1"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_as_the_standard_says(
    client: TestClient, query: str
) -> None:
    """With 400, never as an empty answer."""
    assert client.get(f"{ITEMS.format('institutions')}?{query}").status_code == 400


def test_there_are_no_other_collections_or_features(client: TestClient) -> None:
    """Neither needs nor an id that is none can be read."""
    for path in (
        "needs",
        "institutions/items/5",
        "institutions/items/x",
        "offers/items/own-answer",
    ):
        assert client.get(f"/maps/features/collections/{path}").status_code == 404
