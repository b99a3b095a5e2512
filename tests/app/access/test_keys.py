"""Keys over HTTP, and what ends with them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.access import browser_sessions
from app.access.keys import principal_of, revoke_key
from app.access.policy import TERMINAL
from app.database import Database, database_now
from app.maps import service
from app.maps.tokens import Expired
from models.access import ApiKey
from models.vocabulary import EmbedLayer
from tests.callers import keyed, said
from tests.factories import new_key
from tests.maps import ORIGIN, SECRET
from tests.rows import add_calendar

WANTED = {"label": "portal", "owner": "Testshire", "roles": ["broker"]}
WANTED |= {"scopes": [{"kind": "area", "named": "Testshire"}]}


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    with database.write() as session:
        add_calendar(session)
    with keyed(database) as client:
        yield client


def get(client: TestClient, path: str, key: str) -> Any:
    return client.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {key}"})


def test_a_key_is_made_rotated_and_revoked(client: TestClient) -> None:
    """Its text is shown once; what it may do is its role's, and a rotated one may the same."""
    made = client.post("/api/v1/keys", json=WANTED).json()
    assert [(each["role"], each["scope"]) for each in made["grants"]] == [("broker", "Testshire")]
    assert get(client, "needs", made["key"]).status_code == 200
    assert get(client, "keys", made["key"]).status_code == 403
    assert get(client, "audit-events", made["key"]).status_code == 403
    place = f"/api/v1/keys/{made['prefix']}"
    new = client.post(f"{place}/rotation", json={"keep_old_hours": 1}).json()
    assert get(client, "needs", new["key"]).status_code == 200
    assert client.post(f"{place}/rotation", json={}).status_code == 409
    listed = client.get("/api/v1/keys")
    assert new["key"] not in listed.text
    by_prefix = {each["prefix"]: each for each in listed.json()["items"]}
    assert by_prefix[made["prefix"]]["replaced_by"] == new["prefix"]
    assert by_prefix[new["prefix"]]["last_used_at"] is not None
    revoked = client.post(f"/api/v1/keys/{new['prefix']}/revocation").json()
    assert revoked["revoked_at"] is not None


@pytest.mark.parametrize(
    ("change", "type_"),
    [
        ({"roles": ["system"]}, "bad-grant"),
        ({"roles": ["contact"]}, "bad-grant"),
        ({"scopes": [{"kind": "area", "named": "Nowhere"}]}, "bad-grant"),
        ({"scopes": []}, "bad-grant"),
        ({"scopes": [{"kind": "all", "named": "Testshire"}]}, "bad-grant"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "bad-key"),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: TestClient, change: dict[str, Any], type_: str
) -> None:
    """With what to enter instead."""
    said(client.post("/api/v1/keys", json=WANTED | change), 422, type_)


def test_what_a_key_made_ends_with_it(database: Database) -> None:
    """Revoked or expired alike: who signed in is signed out, and its maps stop."""
    made = []
    for _ in range(2):
        with database.write() as session:
            key = new_key(session)
            who = principal_of(session, key)
            secret = browser_sessions.begin(session, who)
            granted, _token = service.create_embed(
                session, who, SECRET, [ORIGIN], EmbedLayer.PUBLIC
            )
            made.append((key[3:11], secret, granted))
    with database.write() as session:
        for _, secret, granted in made:
            assert browser_sessions.find(session, secret) is not None
            service.check_stands(session, granted)
        revoke_key(session, TERMINAL, made[0][0])
        expired = session.get_one(ApiKey, made[1][0])
        expired.expires_at = database_now(session) - timedelta(seconds=1)
        session.flush()
        for _, secret, granted in made:
            assert browser_sessions.find(session, secret) is None
            with pytest.raises(Expired, match="ended with the key"):
                service.check_stands(session, granted)
