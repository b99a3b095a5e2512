"""Code for pages of others: begins as wanted, comes back the same, and is renewed where it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access.policy import TERMINAL
from app.database import Database
from app.errors import NotFound
from app.maps import looks, service
from app.maps.looks import BadLook
from app.maps.tokens import BadEmbed
from models.access import EmbedToken
from models.vocabulary import EmbedLayer
from tests.factories import new_key
from tests.maps import ITEMS, ORIGIN, SECRET, exchanged, page_of

ALL = ["primary", "secondary", "specialist", "alternative", "other_school", "organisation"]


def made(database: Database, **options: str) -> tuple[Any, str]:
    with database.write() as session:
        return service.create_embed(
            session, TERMINAL, SECRET, [ORIGIN], EmbedLayer.PUBLIC, options=options
        )


def end(database: Database, at: timedelta) -> None:
    with database.write() as session:
        session.get_one(EmbedToken, 1).expires_at = datetime.now(UTC) + at


def test_code_comes_back_the_same(exchange: Database) -> None:
    """Token and attributes, as they were copied; not of what was revoked."""
    granted, token = made(exchange, heading='A "county"', area="Testshire")
    with exchange.read() as session:
        found, again, same = service.lines_of(session, TERMINAL, SECRET, 1)
        lines = service.snippet("https://a.example", again, same, found.options)
        framed = service.frame("https://a.example", again, same, found.options)
    assert (again, same) == (granted, token)
    assert 'heading="A &quot;county&quot;" area="Testshire">' in lines
    assert "heading=A+%22county%22&amp;area=Testshire#" in framed
    with exchange.write() as session:
        service.revoke_embed(session, TERMINAL, 1)
    with exchange.read() as session, pytest.raises(NotFound, match="revoked"):
        service.lines_of(session, TERMINAL, SECRET, 1)


def test_an_ended_token_works_again_once_renewed(client: TestClient, exchange: Database) -> None:
    """With the very lines that are in the page; not once it was revoked, and not for ever."""
    _, token = made(exchange)
    end(exchange, -timedelta(days=2))
    assert exchanged(client, token).status_code == 401
    with exchange.write() as session:
        key = {"Authorization": f"Bearer {new_key(session)}"}
    asked = "/api/v1/embed-tokens/1/renewal"
    answer = client.post(asked, json={"minutes": 60}, headers=key | {"Idempotency-Key": "one"})
    assert answer.status_code == 200, answer.text
    assert exchanged(client, token).status_code == 200
    end(exchange, -timedelta(days=2))
    with exchange.write() as session:
        with pytest.raises(BadEmbed):
            service.renew_embed(session, TERMINAL, 1, timedelta(days=400))
        service.renew_embed(session, TERMINAL, 1, timedelta(days=30))
    assert exchanged(client, token).status_code == 200
    with exchange.write() as session:
        service.revoke_embed(session, TERMINAL, 1)
    with exchange.write() as session, pytest.raises(BadEmbed, match="was revoked"):
        service.renew_embed(session, TERMINAL, 1)
    assert exchanged(client, token).status_code == 401


def test_an_end_that_comes_earlier_counts_as_well(client: TestClient, exchange: Database) -> None:
    """What is held tells, not what was signed."""
    _, token = made(exchange)
    assert exchanged(client, token).status_code == 200
    end(exchange, -timedelta(seconds=1))
    assert exchanged(client, token).status_code == 401


def test_a_reader_of_an_ended_map_is_led_to_the_list(
    client: TestClient, exchange: Database
) -> None:
    """In a sentence for readers; the list is still there for the same pages."""
    _, token = made(exchange)
    end(exchange, -timedelta(days=1))
    asked = {"embed": page_of(token)}
    page = client.get("/maps/widget", params=asked)
    assert page.status_code == 401
    assert "This map is no longer available" in page.text
    assert f'href="list?embed={page_of(token)}"' in page.text
    assert "ask for a new one" not in page.text.partition("<main")[2]
    listed = client.get("/maps/list", params=asked)
    assert listed.status_code == 200
    assert "School 1" in listed.text
    assert f"frame-ancestors {ORIGIN}" in listed.headers["Content-Security-Policy"]


def test_a_look_is_checked(exchange: Database) -> None:
    """Only what differs is kept; a colour must be seen on white; all errors are told at once."""
    with exchange.read() as session:
        assert looks.look(session, looks.HEADING, "", "#12436D", ALL) == {}
        some = looks.look(session, "Ours", "", "#AA0000", ["organisation", "primary"])
        assert some == {"heading": "Ours", "accent": "aa0000", "kinds": "primary,organisation"}
        with pytest.raises(BadLook) as bad:
            looks.look(session, "x" * 101, "Nowhere", "ffd54f", [])
    assert set(bad.value.errors) == {"heading", "area", "accent", "kinds"}
    assert "1.4 to 1" in bad.value.errors["accent"]
    assert round(looks.contrast_with_white("767676"), 2) == 4.54


def test_features_are_filtered_by_property(client: TestClient) -> None:
    """And a limit above the greatest is lowered, as the standard says."""
    institutions = ITEMS.format("institutions")
    found = client.get(institutions, params={"name": "School 2", "limit": 999_999}).json()
    assert [each["properties"]["urn"] for each in found["features"]] == [2]
    none = client.get(institutions, params={"name": "School 2", "region": "Nowhere"}).json()
    assert none["numberMatched"] == 0
    refused = client.get(ITEMS.format("pairings"), params={"region": "Nowhere"})
    assert refused.status_code == 400
    assert "giver, taker, expertise, ladder, state" in refused.json()["detail"]
    for state, status in (("approved", 200), ("declined", 200)):
        answer = client.get(ITEMS.format("pairings"), params={"state": state})
        assert answer.status_code == status
