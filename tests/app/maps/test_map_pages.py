"""The pages of the map: whom they may be framed by, and the list beside it."""

import re
from typing import Any

from fastapi.testclient import TestClient

from app.database import Database
from tests.maps import ORIGIN, client_of, token


def policy(answer: Any) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


def test_the_widget_may_be_framed_by_its_origins_alone(
    client: TestClient, exchange: Database
) -> None:
    """Its page runs our scripts only, without an origin, and asks nobody else for anything."""
    answer = client.get("/maps/widget", params={"token": token(exchange)})
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
        answer = client.get("/maps/widget", params={"token": token(exchange)})
    assert policy(answer)["img-src"] == "'self' data: https://tiles.example.org"


def test_a_bad_token_is_said_in_words_and_framed_by_nobody(client: TestClient) -> None:
    """What came with it is not repeated as markup."""
    answer = client.get("/maps/widget", params={"token": "<script>alert(1)</script>"})
    assert answer.status_code == 401
    assert policy(answer)["frame-ancestors"] == "'none'"
    assert "cannot be shown" in answer.text
    assert "<script>alert" not in answer.text


def test_the_list_needs_no_script(client: TestClient, exchange: Database) -> None:
    """It finds by the words of a name and shows pages of schools."""
    mine = {"token": token(exchange)}
    whole = client.get("/maps/list", params=mine)
    assert all(f"School {n}" in whole.text for n in (1, 2, 3, 4))
    assert "<script" not in whole.text
    found = client.get("/maps/list", params=mine | {"q": "school 3"})
    assert "School 3" in found.text
    assert "School 1" not in found.text
    assert "0 institutions" in client.get("/maps/list", params=mine | {"q": "100%_"}).text
