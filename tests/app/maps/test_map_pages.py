"""The pages of the map: whom they may be framed by, and the list beside it."""

import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access.policy import TERMINAL
from app.database import Database
from app.register import boundaries
from models.vocabulary import EmbedLayer
from tests.maps import ORIGIN, client_of, page_of, token


def policy(answer: Any) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


def test_the_widget_may_be_framed_by_its_origins_alone(
    client: TestClient, exchange: Database
) -> None:
    """Its page runs our scripts only, without an origin, and asks nobody else for anything."""
    answer = client.get("/maps/widget", params={"embed": page_of(token(exchange))})
    assert answer.status_code == 200
    rules = policy(answer)
    assert rules["frame-ancestors"] == ORIGIN
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert rules["img-src"] == "'self' data:"
    assert "allow-same-origin" not in rules["sandbox"]
    assert "set-cookie" not in answer.headers
    assert not re.findall(r"""(?:src|href)="(?!static/|vendor/|list|data:)""", answer.text)


def test_tiles_are_asked_for_where_they_are_set(exchange: Database) -> None:
    """The policy then lets in pictures of that one server."""
    with client_of(exchange, map_tiles="https://tiles.example.org/{z}/{x}/{y}.png") as client:
        answer = client.get("/maps/widget", params={"embed": page_of(token(exchange))})
    assert policy(answer)["img-src"] == "'self' data: https://tiles.example.org"


def test_the_page_of_our_own_map_is_framed_by_us_alone(client: TestClient) -> None:
    """It has no name; its token, which the server never sees, lasts minutes."""
    answer = client.get("/maps/widget", params={"heading": "Run 1"})
    assert policy(answer)["frame-ancestors"] == "'self'"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "1", "1-0123456789abcdef", "9" * 30])
def test_a_name_that_was_not_made_here_is_framed_by_nobody(
    client: TestClient, exchange: Database, name: str
) -> None:
    """It is said in words; what came is not repeated as markup, nor whose another name is."""
    token(exchange)
    for page in ("widget", "list"):
        answer = client.get(f"/maps/{page}", params={"embed": name})
        assert answer.status_code == 401
        assert policy(answer)["frame-ancestors"] == "'none'"
        assert "cannot be shown" in answer.text
        assert "<script>alert" not in answer.text
        assert ORIGIN not in answer.text + str(answer.headers)


def test_code_of_earlier_versions_shows_the_public_map(
    client: TestClient, exchange: Database
) -> None:
    """With its token in the address: it is led to the one without."""
    mine = token(exchange)
    client.follow_redirects = False
    for page in ("widget", "list"):
        answer = client.get(f"/maps/{page}", params={"token": mine})
        assert answer.status_code == 303
        address, _, behind = answer.headers["location"].partition("#")
        assert behind == mine
        assert address.endswith(f"embed={page_of(mine)}")
        assert client.get(f"/maps/{address}").status_code == 200


def test_a_partner_s_token_in_an_address_is_refused_with_a_sentence(
    client: TestClient, exchange: Database
) -> None:
    """Those of earlier versions ended within half a day; what was seen by others opens nothing."""
    mine = token(exchange, EmbedLayer.PARTNER)
    for page in ("widget", "list"):
        answer = client.get(f"/maps/{page}", params={"token": mine})
        assert answer.status_code == 401
        assert "Make new code" in answer.text or "make new code" in answer.text
        assert mine not in answer.text


def test_the_list_needs_no_script(client: TestClient, exchange: Database) -> None:
    """It finds by the words of a name and shows pages of schools."""
    mine = {"embed": page_of(token(exchange))}
    whole = client.get("/maps/list", params=mine)
    assert all(f"School {n}" in whole.text for n in (1, 2, 3, 4))
    assert "<script" not in whole.text
    found = client.get("/maps/list", params=mine | {"q": "school 3"})
    assert "School 3" in found.text
    assert "School 1" not in found.text
    assert "0 institutions" in client.get("/maps/list", params=mine | {"q": "100%_"}).text


def test_the_ground_is_everybody_s(client: TestClient, exchange: Database) -> None:
    """Coast, boundaries and towns, sent once until something changes; who made them is named."""
    answer = client.get("/maps/basemap", headers={"Origin": ORIGIN})
    ground = answer.json()
    assert ground["borders"] == []
    assert ground["towns"] == []
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    known = {"If-None-Match": answer.headers["ETag"]}
    assert client.get("/maps/basemap", headers=known).status_code == 304
    square = [[1, 51], [1.5, 51], [1.5, 51.5], [1, 51]]
    feature = {
        "type": "Feature",
        "properties": {"code": "E10000099", "name": "Testshire"},
        "geometry": {"type": "Polygon", "coordinates": [square]},
    }
    content = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    with exchange.write() as session:
        boundaries.import_boundaries(session, TERMINAL, content, 2025)
    changed = client.get("/maps/basemap", headers=known)
    assert changed.status_code == 200
    assert changed.json()["borders"] == [square]
    assert changed.json()["coast"] == ground["coast"]
    assert "database right 2025" in changed.json()["credit"]
